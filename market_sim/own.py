"""Classes of one's own, named as ``module:Class`` wherever a name of the house is taken."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction

if TYPE_CHECKING:
    from agents.prior import OwnerPrior


def own_class(name: str, kind: type) -> type[Any]:
    """The class that ``module:Class`` names; modules are also looked for in the working directory.

    Parameters
    ----------
    name : str
        A module's importable name, a colon, and a class in it.
    kind : type
        What it must be a subclass of.

    Raises
    ------
    ValueError
        If there is no such module or class, or it is of another kind.
    """
    module_name, _, class_name = name.partition(":")
    if not module_name or not class_name:
        raise ValueError(f"name = {name!r}: pass module:Class, e.g. my_auctions:MyAuction")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(
            f"module {module_name!r} of {name!r} cannot be imported ({error}): run from its directory, or install it"
        ) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ValueError(f"{name!r} names no class derived from {kind.__name__}: write `class {class_name}(...)` there")
    return found


def auction_of(name: str, prior: OwnerPrior | None = None) -> Auction:
    """An auction by its name, its checkpoint's path, or as ``module:Class``, which is made without arguments.

    Raises
    ------
    ValueError
        If it is not known, or cannot be made.
    """
    if ":" not in name or name.endswith(".safetensors"):
        return load_auction(name, prior)
    made_by = own_class(name, Auction)
    try:
        auction = made_by()
    except TypeError as error:
        raise ValueError(f"{name!r} cannot be made without arguments ({error}): give them defaults") from error
    assert isinstance(auction, Auction)
    return auction
