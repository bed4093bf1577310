"""What a run remembers, kept in one safetensors file: tensors as they are, everything else as JSON in its header."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from agents.files import write_file

State = Mapping[str, Any]
"""A state: tensors, numbers, texts, truth values and None, in lists and mappings by text or number, however deep."""

Held = TypeVar("Held")
_TENSOR, _FLOAT, _NUMBERED = "$tensor", "$float", "$numbered"


class Remembering:
    """Something of which a run can be resumed: it hands out all that it remembers between rounds, and takes it back.

    ``memory`` names the attributes that change from round to round (none by default): tensors, numbers, texts, or lists
    and mappings of them. Whoever remembers anything else writes ``state`` and ``load_state``. A class of one's own
    must say one or the other, ``memory = ()`` if it remembers nothing, or its runs start again from the first round.
    """

    memory: ClassVar[tuple[str, ...]] = ()

    def state(self) -> State:
        """Return all that it remembers, to be loaded into an object made anew with the same arguments."""
        return {name: getattr(self, name) for name in self.memory}

    def load_state(self, state: State) -> None:
        """Remember what ``state`` returned in another process.

        Raises
        ------
        ValueError
            If that is the state of something else.
        """
        if sorted(state) != sorted(self.memory):
            raise ValueError(f"a state of {sorted(state)} is not one of {type(self).__name__}, {sorted(self.memory)}")
        for name, value in state.items():
            there = getattr(self, name)
            if isinstance(there, Tensor) and not (isinstance(value, Tensor) and value.shape == there.shape):
                raise ValueError(f"{name} is no tensor of shape {list(there.shape)}: the state of other owners")
            setattr(self, name, value.clone() if isinstance(value, Tensor) else value)


def tells_its_state(kind: type, ours: str) -> bool:
    """Whether a class says what it remembers: one of the package ``ours``, or one that declares it in its own body.

    A subclass may remember more than the class it is derived from, so it has to declare it again.
    """
    own = vars(kind)
    return kind.__module__.startswith(f"{ours}.") or "memory" in own or {"state", "load_state"} <= own.keys()


def held_by(value: Any) -> State:
    """The fields of a dataclass of tensors and numbers."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def with_held(value: Held, state: State) -> Held:
    """A dataclass with the fields that ``held_by`` returned.

    Raises
    ------
    ValueError
        If it has other fields.
    """
    names = sorted(field.name for field in fields(value))  # type: ignore[arg-type]
    if sorted(state) != names:
        raise ValueError(f"a state of {sorted(state)} is not one of {type(value).__name__}, {names}")
    return replace(value, **state)  # type: ignore[type-var]


def save_state(path: Path, state: State) -> None:
    """Write a state; the file is complete or as it was before.

    Raises
    ------
    TypeError
        If it holds anything but tensors and JSON's values, naming it.
    OSError
        If it cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    document = json.dumps(_packed(state, "state", tensors))
    write_file(path, save(tensors, {"state": document}))


def load_state(path: Path) -> dict[str, Any]:
    """Read a state.

    Raises
    ------
    ValueError
        If the file is damaged, naming it.
    """
    try:
        with safe_open(path, framework="pt") as file:
            document = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        state = _unpacked(document, tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    if not isinstance(state, dict):
        raise ValueError(f"{path} is damaged: it holds no state")
    return state


def _packed(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """The value as JSON holds it; its tensors go into ``tensors``."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {_TENSOR: name}
    if isinstance(value, Mapping):
        if value and all(type(key) is int for key in value):
            return {_NUMBERED: [[key, _packed(item, f"{name}.{key}", tensors)] for key, item in value.items()]}
        for key in value:
            if not isinstance(key, str) or key in (_TENSOR, _FLOAT, _NUMBERED):
                raise TypeError(f"{name}[{key!r}] cannot be saved: name the entries of a state by text")
        return {key: _packed(item, f"{name}.{key}", tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(item, f"{name}.{index}", tensors) for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: repr(value)}
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}: a state holds tensors, numbers, texts, lists and mappings")


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, tensors) for item in value]
    if isinstance(value, dict):
        if value.keys() == {_TENSOR}:
            return tensors[value[_TENSOR]]
        if value.keys() == {_FLOAT}:
            return float(value[_FLOAT])
        if value.keys() == {_NUMBERED}:
            return {key: _unpacked(item, tensors) for key, item in value[_NUMBERED]}
        return {key: _unpacked(item, tensors) for key, item in value.items()}
    return value
