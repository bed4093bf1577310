"""An auction by its name, its checkpoint's path or, one of one's own, as ``module:Class``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction
from agents.own_classes import class_of

if TYPE_CHECKING:
    from agents.prior import OwnerPrior


def auction_of(name: str, prior: OwnerPrior | None = None) -> Auction:
    """Make or load an auction.

    Parameters
    ----------
    name : str
        A name of the house, the path of a checkpoint, or ``module:Class``: the class is made without arguments, its
        module is also looked for in the working directory.
    prior : OwnerPrior, optional
        As for ``load_auction``.

    Raises
    ------
    ValueError
        If it is not known, or cannot be made.
    """
    if ":" not in name or name.endswith(".safetensors"):
        return load_auction(name, prior)
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)
    made_by = class_of(name, Auction)  # type: ignore[type-abstract]
    try:
        return made_by()
    except TypeError as error:
        raise ValueError(f"{name!r} cannot be made without arguments ({error}): give them defaults") from error
