"""What a strategy is: a way of turning true types into bids, for a whole group of owners at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from agents.checks import whole
from agents.messages import Announcement, Bids, Outcome
from agents.types import OwnerTypes


@dataclass(frozen=True)
class MarketView:
    """What the bidders of one group know when they bid.

    Parameters
    ----------
    announcement : Announcement
        Budget, parameters and round, as made public by the buyer.
    member : int64[m]
        Their indices into the group's state arrays.
    place : int64[m]
        Their places among the round's bidders.
    bidders : int
        How many owners, of any group, bid in this round.
    """

    announcement: Announcement
    member: Tensor
    place: Tensor
    bidders: int

    def draw(self, generator: torch.Generator, count: int = 1) -> Tensor:
        """Uniform numbers float64[count, m], drawn for all bidders and then selected.

        A bidder's draw depends on her place alone, so that runs stay paired whoever else follows the strategy.
        """
        drawn = torch.rand(count, self.bidders, generator=generator, dtype=torch.float64)
        return drawn[:, self.place]


@dataclass(frozen=True)
class RoundResult:
    """What the bidders of one group learn about themselves when a round is settled.

    Parameters
    ----------
    member : int64[m]
        Their indices into the group's state arrays.
    bids : Bids [1, m]
        What they said.
    outcome : Outcome [1, m]
        What they sold and were paid.
    utility : float64[m]
        Payment less true cost.
    """

    member: Tensor
    bids: Bids
    outcome: Outcome
    utility: Tensor


class Strategy(ABC):
    """One way of bidding, followed by a group of owners; whatever it remembers it keeps in arrays over the group.

    A subclass sets ``name`` and implements ``bid``; one file with one class is all it takes. An owner may understate
    her privacy budget and data size but not overstate them: she could not deliver.

    Parameters
    ----------
    owners : int
        How many owners belong to the group.
    """

    name: ClassVar[str]

    def __init__(self, owners: int) -> None:
        self.owners = whole("owners", owners)

    @abstractmethod
    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return what the group's bidders say.

        Parameters
        ----------
        view : MarketView
            What they know of the market; ``view.draw(generator)`` for anything random.
        types : OwnerTypes [1, m]
            Who they really are, the privacy budget being what they have left for this round.
        generator : torch.Generator
            The strategy's own random stream for this round.

        Returns
        -------
        Bids [1, m]
        """

    def observe(self, result: RoundResult) -> None:  # noqa: B027 (remembering nothing is a choice)
        """Take note of the group's own result of a round; by default nothing is remembered."""
