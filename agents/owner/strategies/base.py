"""What a strategy is: a way of turning true types into bids, for a whole group of owners at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from agents.checks import whole
from agents.messages import BID_FIELDS, Announcement, Bids, Outcome
from agents.network import OwnerNetwork
from agents.prior import OwnerPrior
from agents.saved_state import Remembering
from agents.types import OwnerTypes

Rule = Callable[[Bids, Tensor], Outcome]
"""The public rule of the auction: bids ``[B, n]`` and budget ``float64[B]`` to an outcome ``[B, n]``."""


@dataclass(frozen=True, eq=False)
class PublicKnowledge:
    """What every owner knows of the market before its first round; a strategic one reasons about it.

    Parameters
    ----------
    rule : callable, optional
        The auction, as a function of bids and budget. Lotteries draw from a stream of its own, not the market's; their
        odds are its attribute ``lottery``.
    strategic : frozenset of str
        Fields of the bid that one may lie about; the others are verified.
    prior : OwnerPrior, optional
        The distribution that owners are drawn from.
    network : OwnerNetwork, optional
        Who knows whom.
    """

    rule: Rule | None = None
    strategic: frozenset[str] = BID_FIELDS
    prior: OwnerPrior | None = None
    network: OwnerNetwork | None = None


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What the acquaintances of each bidder have published; nothing private is among it.

    Parameters
    ----------
    payoff : float64[m, k]
        Mean utility, over her cost of all she has, since she began to tell her current lie; NaN if she has none yet.
    misreport : int64[m, k]
        Which of ``MISREPORTS`` that is; -1 for none of them, and where a bidder has fewer than k acquaintances.
    own : float64[m]
        The bidder's own published payoff; NaN if she has none yet.
    """

    payoff: Tensor
    misreport: Tensor
    own: Tensor


class AnnouncementWithoutModel(Announcement):
    """What the buyer made public, but for the global model, which the strategy does not declare to read."""

    @staticmethod
    def of(announcement: Announcement) -> AnnouncementWithoutModel:
        """The same announcement without its parameters."""
        return AnnouncementWithoutModel(announcement.budget, torch.zeros(0, dtype=torch.float64), announcement.round)

    def __getattribute__(self, name: str) -> Any:
        """Refuse the one field that is not shown."""
        if name == "parameters":
            raise AttributeError(
                "the global model is not shown to this strategy; declare reads_model = True in its class (privacy "
                "losses may then depend on the uploads, and only their plain sum holds)"
            )
        return super().__getattribute__(name)

    def __post_init__(self) -> None:
        """Its fields were checked when the buyer announced them."""


@dataclass(frozen=True, eq=False)
class MarketView:
    """What the bidders of one group know when they bid.

    Parameters
    ----------
    announcement : Announcement
        Budget, parameters and round, as made public by the buyer; parameters only for strategies with ``reads_model``.
    member : int64[m]
        Their indices into the group's state arrays.
    place : int64[m]
        Their places among the round's bidders.
    bidders : int
        How many owners, of any group, bid in this round.
    public : PublicKnowledge
        The rule, the prior, and what else everybody knows.
    price : float, optional
        Money per record and unit of privacy loss in the last round with a sale, as published.
    owner : int64[m], optional
        Their numbers in the market, and in ``public.network``.
    neighbours : Neighbours, optional
        What their acquaintances have published, for strategies with ``needs_network``.
    everybody : Bids [1, r], optional
        For strategies with ``moves_last``: the round's bids; for all who move last, themselves included, what each
        published in her last round, or the bid of an owner drawn from the prior. Nobody's type is among them.
    row : int64[m], optional
        Their own rows in ``everybody``.
    """

    announcement: Announcement
    member: Tensor
    place: Tensor
    bidders: int
    public: PublicKnowledge = PublicKnowledge()
    price: float | None = None
    owner: Tensor | None = None
    neighbours: Neighbours | None = None
    everybody: Bids | None = None
    row: Tensor | None = None

    def draw(self, generator: torch.Generator, count: int = 1) -> Tensor:
        """Uniform numbers float64[count, m], drawn for all bidders and then selected.

        A bidder's draw depends on her place alone, so that runs stay paired whoever else follows the strategy.
        """
        drawn = torch.rand(count, self.bidders, generator=generator, dtype=torch.float64)
        return drawn[:, self.place]


@dataclass(frozen=True, eq=False)
class RoundResult:
    """What the bidders of one group learn about themselves when a round is settled.

    Parameters
    ----------
    member : int64[m]
        Their indices into the group's state arrays.
    bids : Bids [1, m]
        What they bid.
    outcome : Outcome [1, m]
        What they sold and were paid.
    utility : float64[m]
        Payment less true cost, side payments apart.
    types : OwnerTypes [1, m]
        Who they really were in this round.
    budget : float
        What the buyer could spend.
    public : PublicKnowledge
    everybody : Bids [1, r]
        All bids of the round, which are not private.
    row : int64[m]
        Their own (first) rows in ``everybody``.
    price : float, optional
        Money per record and unit of privacy loss, this round included, as published.
    transfer : float64[m], optional
        Side payments received, less those made; None while they are being decided.
    """

    member: Tensor
    bids: Bids
    outcome: Outcome
    utility: Tensor
    types: OwnerTypes
    budget: float
    public: PublicKnowledge
    everybody: Bids
    row: Tensor
    price: float | None = None
    transfer: Tensor | None = None


class Strategy(Remembering, ABC):
    """One way of bidding, followed by a group of owners; whatever it remembers it keeps in arrays over the group.

    ``memory`` names these arrays, ``()`` for none: a run goes on from where it was stopped only if its strategies say.

    A subclass sets ``name`` and implements ``bid``; one file with one class is all it takes. An owner may understate
    her privacy budget and data size but not overstate them: she could not deliver. Beyond the bid she may appear under
    several names (``identities``), add more noise than she sold (``upload``) and pay others (``settle``). Who act
    together say so (``groups``).

    ``moves_last`` strategies see the bids of all who move first, and of one another what each published last, or an
    owner drawn from the prior;
    ``needs_network`` ones are refused in a market without a network; ``reads_model`` ones are shown the global model,
    which the uploads made, so that privacy losses may depend on them and only their plain sum holds. Keyword arguments
    of the constructor, with
    defaults, are the strategy's options.

    Parameters
    ----------
    owners : int
        How many owners belong to the group.
    """

    name: ClassVar[str]
    moves_last: ClassVar[bool] = False
    needs_network: ClassVar[bool] = False
    reads_model: ClassVar[bool] = False

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
            Who they really are, the privacy budget being what they have left for this round. Whoever appears under
            several names has a column for each, with the records that it holds and an equal part of the budget.
        generator : torch.Generator
            The strategy's own random stream for this round.

        Returns
        -------
        Bids [1, m]
        """

    def identities(self, view: MarketView, types: OwnerTypes) -> Tensor:
        """Return the records of each identity ``int64[k, m]``, at most what the owner has in all; by default one."""
        return types.data_size

    def groups(self, view: MarketView) -> Tensor:
        """Return who acts together in this round: a number for each bidder ``int64[m]``, -1 for alone; by default all.

        It is asked after the bids. Bidders of one number count as one in the results: what they earn together, side
        payments included, is compared with what the truth of all of them would have brought.
        """
        return torch.full((len(view.member),), -1)

    def upload(self, view: MarketView, privacy_loss: Tensor) -> Tensor:
        """Return the privacy loss that each upload really has ``float64[m]``, at most the one sold; by default that."""
        return privacy_loss

    def settle(self, result: RoundResult) -> Tensor:
        """Return the side payments that each receives ``float64[m]``, summing to 0; by default none."""
        return torch.zeros_like(result.utility)

    def observe(self, result: RoundResult) -> None:
        """Take note of the group's own result of a round; by default nothing is remembered."""
