"""What a round came to, before money moves."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.messages import Bids, Outcome
from agents.owner.bidders import Bidders
from agents.owner.strategies.base import PublicKnowledge, RoundResult


@dataclass(frozen=True, eq=False)
class Settlement:
    """What a round came to for its ``n`` bidders, who appeared in ``r`` rows.

    Parameters
    ----------
    bidders : Bidders
    bids : Bids [1, r]
    outcome : Outcome [1, r]
    utility : float64[1, n]
        Payment less true cost.
    transfer : float64[1, n], optional
        Side payments received less those made; None while they are being decided.
    """

    bidders: Bidders
    bids: Bids
    outcome: Outcome
    utility: Tensor
    transfer: Tensor | None = None

    def result(self, rows: Tensor, member: Tensor, public: PublicKnowledge, price: float | None) -> RoundResult:
        """What one group of the bidders learns about itself.

        Parameters
        ----------
        rows : int64[m]
            Their places among the bidders.
        member : int64[m]
            Their indices into the group's state arrays.
        public : PublicKnowledge
        price : float, optional
            As published.
        """
        bidders, identities = self.bidders, self.bidders.identities
        outcome = identities.outcome(self.outcome)
        return RoundResult(
            member=member,
            bids=identities.bids(self.bids).take(owners=rows),
            outcome=Outcome(
                privacy_loss=outcome.privacy_loss[:, rows],
                payment=outcome.payment[:, rows],
                data_size=outcome.data_size[:, rows],
            ),
            utility=self.utility[0, rows],
            types=bidders.types.take(owners=rows),
            budget=bidders.announcement.budget,
            public=public,
            everybody=self.bids,
            row=identities.first[rows],
            price=price,
            transfer=None if self.transfer is None else self.transfer[0, rows],
        )
