"""Auctions and strategies of one's own, written down as ``module:Class`` so that they can be had again."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

Base = TypeVar("Base")


def spelled(kind: type) -> str | None:
    """``module:Class`` if importing that gives this class; None for one of a script, a notebook or a function."""
    # A script is called __main__ in its own process only, and importing it elsewhere would run it again.
    if kind.__module__ == "__main__" or "<" in kind.__qualname__:
        return None
    text = f"{kind.__module__}:{kind.__qualname__}"
    try:
        return text if _found(text) is kind else None
    except (ImportError, AttributeError):
        return None


def class_of(text: str, base: type[Base]) -> type[Base]:
    """Import the class that ``module:Class`` names.

    Parameters
    ----------
    text : str
    base : type
        What it has to be derived from.

    Raises
    ------
    ValueError
        If there is none, naming what was not found and the remedy.
    """
    module, _, name = text.partition(":")
    if not module or not name:
        raise ValueError(f"{text!r} names no class: write module:Class, e.g. my_rules:MyAuction")
    try:
        found = _found(text)
    except ImportError as error:
        raise ValueError(
            f"{text!r}: module {module!r} cannot be imported ({error}); put its directory on PYTHONPATH"
        ) from None
    except AttributeError:
        raise ValueError(f"{text!r}: module {module!r} has no {name!r}; name one of its classes") from None
    if not inspect.isclass(found) or not issubclass(found, base) or inspect.isabstract(found):
        raise ValueError(f"{text!r} is no finished {base.__name__}; derive it from {base.__module__}.{base.__name__}")
    return found


def sources(kinds: Iterable[type]) -> dict[str, str | None]:
    """Hashes of the files that classes of one's own are written in, None where there is no file; by class."""
    found: dict[str, str | None] = {}
    for kind in kinds:
        if kind.__module__.partition(".")[0] == "agents":
            continue
        try:
            content: bytes | None = Path(inspect.getfile(kind)).read_bytes()
        except (OSError, TypeError):
            content = None
        name = f"{kind.__module__}:{kind.__qualname__}"
        found[name] = None if content is None else hashlib.sha256(content).hexdigest()
    return found


def same_state(one: Any, other: Any) -> bool:
    """Whether two objects of the same class hold the same, so that either can stand for the other."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, torch.nn.Module):
        return same_state(dict(one.state_dict()), dict(other.state_dict()))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same_state(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same_state, one, other))
    if hasattr(one, "__dict__") and not callable(one):
        return same_state(vars(one), vars(other))
    return bool(one == other)


def _found(text: str) -> Any:
    """Whatever ``module:Name.Inner`` stands for."""
    module, _, name = text.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
