"""Finding models: every module of this package with a ``NAME`` and a ``build``, and factories of one's own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from agents import models
from agents.checks import generator_of, one_of
from agents.discovery import named_modules
from agents.models.base import Model
from agents.models.checked_module import module_model
from agents.models.softmax import NAME as SOFTMAX
from agents.models.softmax import softmax_regression
from agents.own_classes import function_name, function_of, is_spelled
from agents.tasks.base import Task

Factory = Callable[..., nn.Module]
"""Makes a module. It is called with those of ``features``, ``shape``, ``classes`` and ``task`` that it names, and with
the options chosen."""

GIVEN = ("features", "shape", "classes", "task")


@functools.cache
def model_modules() -> dict[str, Any]:
    """Every model's module, by the model's name."""
    return named_modules(models)


def list_models() -> list[str]:
    """Names that ``load_model`` knows."""
    return list(model_modules())


def load_model(
    model: str | Factory, task: Task, generator: torch.Generator, options: Mapping[str, Any] | None = None
) -> Model:
    """Return a model for a task.

    Parameters
    ----------
    model : str or callable
        A name out of ``list_models()``, a factory of one's own as ``module:factory``, or the factory itself.
    task : Task
    generator : torch.Generator
        Stream of the first parameters.
    options : mapping, optional
        What the model lets one choose, e.g. ``{"hidden": 64}`` of ``mlp``.

    Raises
    ------
    TypeError, ValueError
        For an unknown model or option, and modules that a market cannot learn (``agents.models.checked_module``).
    """
    options = dict(options or {})
    check_model(model, options)
    generator_of("generator", generator)
    if model == SOFTMAX:
        return softmax_regression(task)
    name, factory = model_name(model), _factory(model)
    known = {"features": task.features - 1, "shape": task.shape, "classes": task.classes, "task": task}
    taken = {key: value for key, value in known.items() if key in inspect.signature(factory).parameters}
    # torch draws a module's first parameters from its global generator: borrowed here, and given back as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        try:
            module = factory(**taken, **options)
        except TypeError as error:
            raise ValueError(
                f"model {name!r} cannot be made ({error}); it is called with those of {', '.join(GIVEN)} that it "
                "names, and with model_options"
            ) from error
        return module_model(name, module, task.shape, task.classes)


def check_model(model: Any, options: Mapping[str, Any]) -> None:
    """Refuse what names no model, and options that it does not have, naming the nearest that it has."""
    if isinstance(model, nn.Module):
        raise TypeError(f"model = {type(model).__name__}(...) is a module already made; pass what makes it, a function")
    parameters = {} if model == SOFTMAX else inspect.signature(_factory(model)).parameters
    if any(given.kind is given.VAR_KEYWORD for given in parameters.values()):
        return
    for option in options:
        one_of(f"option of model {model_name(model)!r}", option, set(parameters) - set(GIVEN) or {"none"})


def model_name(model: str | Factory) -> str:
    """Return the name under which a model is recorded: ``module:factory`` where it can be imported."""
    return model if isinstance(model, str) else function_name(model)


def _factory(model: Any) -> Factory:
    if isinstance(model, str) and not is_spelled(model):
        factory: Factory = model_modules()[one_of("model", model, model_modules())].build
        return factory
    return function_of("model", model)
