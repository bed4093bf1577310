"""Finding perturbations: every named class of this package is discovered automatically, one's own is taken as it is."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import torch

from agents import perturbation
from agents.checks import one_of
from agents.discovery import named_classes
from agents.own_classes import class_of
from agents.perturbation.base import Perturbation
from agents.perturbation.gaussian import DEFAULT_DELTA

TRIED_LOSSES = (0.01, 0.1, 1.0, 10.0)
"""Privacy losses at which a claim is looked at."""

PerturbationChoice = str | type[Perturbation] | Perturbation
"""A registered name, ``module:Class``, a class of one's own, or an object of one."""


@functools.cache
def perturbation_classes() -> dict[str, type[Perturbation]]:
    """Every named perturbation class of this package, by name."""
    return named_classes(perturbation, Perturbation)  # type: ignore[type-abstract]


def list_perturbations() -> list[str]:
    """Names of the perturbations of this package."""
    return list(perturbation_classes())


def perturbation_of(chosen: Any, *, delta: float = DEFAULT_DELTA) -> Perturbation:
    """Return the perturbation that is meant.

    Parameters
    ----------
    chosen : str, type or Perturbation
        A registered name, ``module:Class``, a class of one's own, or an object, which is returned as it is.
    delta : float
        Handed to those classes whose constructor takes it, such as ``gaussian``.

    Raises
    ------
    TypeError, ValueError
        If there is none, or the object is unfinished.
    """
    if isinstance(chosen, Perturbation):
        return _checked(chosen)
    if inspect.isclass(chosen) and issubclass(chosen, Perturbation):
        kind: type[Perturbation] = chosen
        if inspect.isabstract(kind):
            raise TypeError(f"perturbation: {kind.__name__} is unfinished; give it a name, a variance and a perturb")
    elif inspect.isclass(chosen):
        raise TypeError(f"perturbation: {chosen.__name__} is no Perturbation; derive it from agents.perturbation.base")
    elif isinstance(chosen, str) and ":" in chosen:
        kind = class_of(chosen, Perturbation)  # type: ignore[type-abstract]
    else:
        kind = perturbation_classes()[one_of("perturbation", chosen, perturbation_classes())]
    takes_delta = "delta" in inspect.signature(kind).parameters
    try:
        made = kind(delta=delta) if takes_delta else kind()  # type: ignore[call-arg]
    except TypeError as error:
        raise TypeError(
            f"perturbation: {kind.__name__} cannot be made without arguments ({error}); pass an object"
        ) from error
    return _checked(made)


def _checked(made: Perturbation) -> Perturbation:
    """Refuse an object whose declared properties make no sense."""
    kind = type(made).__name__
    if not isinstance(getattr(made, "name", None), str):
        raise TypeError(f"perturbation: {kind} has no name; give it one")
    if made.norm not in (1, 2):
        raise ValueError(f"perturbation {made.name!r}: norm = {made.norm!r}; gradients are clipped in the norm 1 or 2")
    if not isinstance(made.delta, int | float) or not 0 <= made.delta < 1:
        raise ValueError(f"perturbation {made.name!r}: delta = {made.delta!r}; pass a probability, 0 for pure privacy")
    ours = perturbation_classes().get(made.name)
    if made.private and ours is None:
        _check_claim(made)
    if ours is not None and ours is not type(made):
        raise ValueError(
            f"perturbation: {kind} is called {made.name!r}, as a perturbation of this project is; give it another name"
        )
    return made


def _check_claim(made: Perturbation) -> None:
    """Refuse a claim of more than was sold: it would be booked nowhere."""
    losses = torch.tensor(TRIED_LOSSES, dtype=torch.float64)
    epsilon, delta = made.claim(losses)
    if epsilon.shape != losses.shape or not bool(((epsilon > 0) & (epsilon <= losses)).all()):
        raise ValueError(
            f"perturbation {made.name!r}: claim gives epsilon {epsilon.tolist()} for the privacy losses "
            f"{list(TRIED_LOSSES)}; owners are charged the loss they sold, so claim more than 0 and no more than that"
        )
    if delta.shape != losses.shape or not bool(((delta >= 0) & (delta < 1)).all()):
        raise ValueError(f"perturbation {made.name!r}: claim gives delta {delta.tolist()}; a delta is a probability")
