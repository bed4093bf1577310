"""Parts of one's own, written ``module:name`` so that they can be had again: auctions, strategies, tasks, models, ...

The one resolver of such names. A module is looked for where Python looks, and in the working directory.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

Base = TypeVar("Base")


def spelled(part: Any) -> str | None:
    """``module:name`` if importing that gives this class or function; None for one of a script or a notebook."""
    module, name = getattr(part, "__module__", None), getattr(part, "__qualname__", None)
    # A script is called __main__ in its own process only, and importing it elsewhere would run it again.
    if not module or not name or module == "__main__" or "<" in name:
        return None
    text = f"{module}:{name}"
    try:
        return text if _found(text) is part else None
    except (ImportError, AttributeError):
        return None


def is_own(kind: type) -> bool:
    """Whether a class is the user's own, and none of this project."""
    return kind.__module__.partition(".")[0] not in ("agents", "market_sim", "analysis", "scenarios")


def is_spelled(name: Any) -> bool:
    """Whether a name is that of a part of one's own: ``module:name``, and no path of a file."""
    return isinstance(name, str) and ":" in name and not name.endswith(".safetensors")


def part_of(text: str, what: str = "class") -> Any:
    """Import whatever ``module:name`` names.

    Parameters
    ----------
    text : str
    what : str
        What it should be, for messages.

    Raises
    ------
    ValueError
        If there is none, or its module fails when it is imported: naming what was not found and the remedy.
    """
    module, _, name = text.partition(":")
    if not module or not name:
        raise ValueError(f"{text!r} names no {what}: write module:{what.title()}, e.g. my_rules:MyAuction")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)  # Last, so that nothing in it hides an installed package.
    try:
        return _found(text)
    except ImportError as error:
        raise ValueError(
            f"{text!r}: module {module!r} cannot be imported ({error}); put its directory on PYTHONPATH"
        ) from None
    except AttributeError:
        raise ValueError(f"{text!r}: module {module!r} has no {name!r}; name one of its {PLURALS[what]}") from None
    except Exception as error:  # A file of one's own may fail anyhow.
        raise ValueError(f"{text!r}: module {module!r} fails ({type(error).__name__}: {error}); mend it") from error


PLURALS = {"class": "classes", "function": "functions"}


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
    found = part_of(text)
    if not inspect.isclass(found) or not issubclass(found, base) or inspect.isabstract(found):
        raise ValueError(f"{text!r} is no finished {base.__name__}; derive it from {base.__module__}.{base.__name__}")
    return found


def sources(kinds: Iterable[Any]) -> dict[str, str | None]:
    """Hashes of the files that classes and functions of one's own are written in, None without a file; by name."""
    found: dict[str, str | None] = {}
    for kind in kinds:
        module, own = getattr(kind, "__module__", ""), getattr(kind, "__qualname__", type(kind).__qualname__)
        if str(module).partition(".")[0] == "agents":
            continue
        try:
            content: bytes | None = Path(inspect.getfile(kind)).read_bytes()
        except (OSError, TypeError):
            content = None
        name = f"{module}:{own}"
        found[name] = None if content is None else hashlib.sha256(content).hexdigest()
    return found


def made_of(text: str, base: type[Base]) -> Base:
    """Make an object of the class that ``module:Class`` names, without arguments.

    Raises
    ------
    ValueError
        If there is no such class, or it needs arguments.
    """
    made_by = class_of(text, base)
    try:
        return made_by()
    except TypeError as error:
        raise ValueError(f"{text!r} cannot be made without arguments ({error}): give them defaults") from error


def function_of(field: str, part: Any) -> Callable[..., Any]:
    """Return the function that is meant by ``module:function`` or by itself; a class is one too.

    Raises
    ------
    TypeError, ValueError
        If there is none, or it cannot be called; ``field`` is how the argument is called.
    """
    found = part_of(part, "function") if isinstance(part, str) else part
    if not callable(found):
        raise TypeError(f"{field} = {part!r} cannot be called; pass a function, or its name as module:function")
    called: Callable[..., Any] = found
    return called


def function_name(part: Any) -> str:
    """How a function of one's own is recorded: ``module:function`` if that can be imported, else a name of nothing."""
    return spelled(part) or f"{getattr(part, '__name__', type(part).__name__)} (handed over)"


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
