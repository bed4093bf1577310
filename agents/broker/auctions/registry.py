"""Finding auctions: every concrete ``Auction`` in this package that has a name is discovered automatically."""

from __future__ import annotations

import functools
import inspect
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from agents.broker import auctions
from agents.broker.auctions.base import Auction
from agents.checks import one_of
from agents.discovery import named_classes
from agents.own_classes import is_spelled, made_of

if TYPE_CHECKING:
    from agents.prior import OwnerPrior

NOT_MEASURED = "what was measured of it does not hold here, and it may buy badly or nothing"
OF_OWNERS = ("privacy_budget", "factor")
"""Warned of as soon as an auction is loaded; a market says all the others too, in its own output."""


@functools.cache
def auction_classes() -> dict[str, type[Auction]]:
    """Every named auction class of this package, by name."""
    return named_classes(auctions, Auction)  # type: ignore[type-abstract]


def list_auctions() -> list[str]:
    """Names that ``load_auction`` knows."""
    return list(auction_classes())


def load_auction(name_or_path: str | Path, prior: OwnerPrior | None = None) -> Auction:
    """An auction by its name, or a trained one from its checkpoint.

    Parameters
    ----------
    name_or_path : str or Path
        A name out of ``list_auctions()``, the path of a ``.safetensors`` checkpoint with its card beside it, or
        ``module:Class`` of one's own, which is made without arguments.
    prior : OwnerPrior, optional
        Whose public units of records and money a learned auction is to use; by default those it was trained in.

    Raises
    ------
    ValueError
        If the name is not known (naming the nearest), or the checkpoint is missing, damaged or another auction's.
    """
    if prior is not None and not hasattr(prior, "units"):
        raise TypeError(f"prior = {prior!r}: pass an OwnerPrior, or leave it out")
    units = prior.units if prior is not None else None
    text = str(name_or_path)
    if is_spelled(text):
        return made_of(text, Auction)  # type: ignore[type-abstract]
    if text.endswith(".safetensors"):
        from agents.broker.auctions.checkpoint import ModelCard

        card = ModelCard.load(Path(text))
        made_for = auction_classes()[one_of("auction of the checkpoint", card.auction, auction_classes())]
        if "checkpoint" not in inspect.signature(made_for).parameters:
            raise ValueError(f"checkpoint {text}: its card names {card.auction!r}, and {card.auction!r} is not trained")
        return _warn_if_out_of_distribution(made_for(units, checkpoint=Path(text)), prior)  # type: ignore[call-arg]
    return _warn_if_out_of_distribution(auction_classes()[one_of("auction", text, auction_classes())](units), prior)


def outside_training(auction: Auction, prior: OwnerPrior, bidders: int) -> list[str]:
    """In what a market lies outside the range that its learned auction was trained in, a sentence each.

    Parameters
    ----------
    auction : Auction
    prior : OwnerPrior
        Of the market's owners and budgets.
    bidders : int
        Of a round.
    """
    return list(_outside_training(auction, prior, bidders).values())


def _outside_training(auction: Auction, prior: OwnerPrior, bidders: int | None = None) -> dict[str, str]:
    card = getattr(auction, "card", None)
    clauses = {} if card is None else card.outside_training(prior, bidders)
    return {name: f"Auction {auction.name!r} {clause}: {NOT_MEASURED}." for name, clause in clauses.items()}


def _warn_if_out_of_distribution(auction: Auction, prior: OwnerPrior | None) -> Auction:
    """Warn where a learned auction is to trade with owners unlike those it was trained on."""
    sentences = {} if prior is None else _outside_training(auction, prior)
    for name in OF_OWNERS:
        if name in sentences:
            warnings.warn(sentences[name], stacklevel=3)
    return auction
