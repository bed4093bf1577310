"""Refusing modules that a market cannot learn: tried out on made-up records before any money moves."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.parameter import UninitializedParameter

from agents.models.module import ModuleModel, trained_parameters

RECORDS = 3
"""Made-up records that a module is tried on."""


def module_model(name: str, module: nn.Module, shape: tuple[int, ...], classes: int) -> ModuleModel:
    """Wrap a module that keeps to the rules of a market; its parameters begin as they are.

    Parameters
    ----------
    name : str
        How the model is called, for messages and in the record.
    module : torch.nn.Module
    shape : tuple of int
        Of one record.
    classes : int

    Raises
    ------
    TypeError, ValueError
        If it has nothing to train, gathers statistics of records in buffers, draws random numbers, mixes records with
        one another, cannot be called or returns no scores of the classes: with the reason and the remedy.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"model {name!r} made a {type(module).__name__}; return a torch.nn.Module")
    module = copy.deepcopy(module).train()
    # Any numbers will do that are not all alike.
    records = torch.linspace(-1, 1, RECORDS * _size(shape)).sin().view(RECORDS, *shape)
    scores = _called(name, module, records, classes)
    _refuse_untrainable(name, module)
    _refuse_batch_norm(name, module)
    _refuse_moving_buffers(name, module, records)
    _refuse_random(name, module, records)
    _refuse_mixing(name, module, records, scores)
    parameters = trained_parameters(module)
    initial = torch.cat([value.flatten() for value in parameters.values()]).double()
    return ModuleModel(name, classes, initial, module, shape)


def _size(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def _called(name: str, module: nn.Module, records: Tensor, classes: int) -> Tensor:
    """Scores of the made-up records, if they are some; a copy is called, which may change, but for lazy layers."""
    try:
        with torch.no_grad():
            # Lazy layers get their shape, and their first parameters, from the first records they see.
            lazy = any(isinstance(value, UninitializedParameter) for value in module.parameters())
            scores = (module if lazy else copy.deepcopy(module))(records)
    except Exception as error:  # A module of one's own may raise anything.
        raise ValueError(
            f"model {name!r} cannot be called with records of shape {list(records.shape)} "
            f"({type(error).__name__}: {error}); take float32 [records, ...] and return scores [records, {classes}]"
        ) from error
    if not isinstance(scores, Tensor) or scores.shape != (len(records), classes):
        found = f"shape {list(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise ValueError(
            f"model {name!r} returns {found} for {len(records)} records of a task with {classes} classes; "
            f"return scores [records, {classes}], e.g. by a last layer of {classes} outputs"
        )
    if not bool(torch.isfinite(scores).all()):
        raise ValueError(f"model {name!r} returns scores that are not finite; begin with smaller parameters")
    return scores


def _refuse_untrainable(name: str, module: nn.Module) -> None:
    trained = trained_parameters(module)
    if not trained:
        raise ValueError(
            f"model {name!r} has no parameters that require a gradient, so that there is nothing to learn; "
            "give it a layer such as torch.nn.Linear"
        )
    for parameter, value in trained.items():
        if value.dtype != torch.float32:
            raise TypeError(f"model {name!r}: parameter {parameter!r} has dtype {value.dtype}; use float32")


def _refuse_batch_norm(name: str, module: nn.Module) -> None:
    for part, layer in module.named_modules():
        if "BatchNorm" in type(layer).__name__:
            raise ValueError(
                f"model {name!r}: layer {part or 'itself'!r} is a {type(layer).__name__}, which normalises over the "
                "records beside each other: no record has a gradient of its own to clip, and running means would take "
                "what they gather of owners' records past the noise. Use torch.nn.GroupNorm or LayerNorm, or none"
            )


def _refuse_moving_buffers(name: str, module: nn.Module, records: Tensor) -> None:
    tried = copy.deepcopy(module)
    before = {buffer: value.clone() for buffer, value in tried.named_buffers()}
    with torch.no_grad():
        tried(records)
    for buffer, value in tried.named_buffers():
        if buffer not in before or not torch.equal(before[buffer], value):
            raise ValueError(
                f"model {name!r}: buffer {buffer!r} changes while it is trained, as running means of batch norm do; "
                "what it gathers of owners' records would leave them without noise. Use torch.nn.GroupNorm or "
                "LayerNorm, or none"
            )


def _refuse_random(name: str, module: nn.Module, records: Tensor) -> None:
    """Dropout and its like: draws that are no part of the market's streams would make a run unrepeatable."""
    named = trained_parameters(module)

    def total(parameters: dict[str, Tensor], record: Tensor) -> Tensor:
        scores: Tensor = functional_call(module, parameters, (record[None],))
        return scores.sum()

    try:
        vmap(grad(total), in_dims=(None, 0), randomness="error")(named, records)
        with torch.no_grad():
            same = torch.equal(functional_call(module, named, (records,)), functional_call(module, named, (records,)))
    except Exception as error:  # Whatever torch.func or a module of one's own raises.
        if "random" in str(error):
            raise _draws(name) from None
        raise ValueError(
            f"model {name!r}: torch.func cannot differentiate it record by record ({type(error).__name__}: {error}); "
            "write its forward without data-dependent branches and changes in place"
        ) from error
    if not same:
        raise _draws(name)


def _draws(name: str) -> ValueError:
    return ValueError(
        f"model {name!r} draws random numbers while it is trained, as dropout does: they are no part of the market's "
        "random streams, so that a run could not be repeated. Leave dropout out; the noise of the uploads does its work"
    )


def _refuse_mixing(name: str, module: nn.Module, records: Tensor, scores: Tensor) -> None:
    with torch.no_grad():
        alone = torch.cat([copy.deepcopy(module)(record[None]) for record in records])
    if not torch.allclose(alone, scores, rtol=1e-3, atol=1e-4):
        raise ValueError(
            f"model {name!r}: a record's scores depend on the records beside it, so that no record has a gradient of "
            "its own to clip; leave out whatever normalises or compares over the batch"
        )
