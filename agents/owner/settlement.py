"""What a round came to, before money moves."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.messages import Announcement, Bids, Outcome
from agents.owner.identities import Identities
from agents.owner.strategies.base import PublicKnowledge, RoundResult
from agents.types import OwnerTypes


@dataclass(frozen=True, eq=False)
class Settlement:
    """What a round came to for its ``n`` bidders, who appeared in ``r`` rows.

    Parameters
    ----------
    announcement : Announcement
    owners : int64[n]
    types : OwnerTypes [1, n]
    bids : Bids [1, r]
    outcome : Outcome [1, r]
    utility : float64[1, n]
        Payment less true cost.
    identities : Identities
        Whose the rows are.
    """

    announcement: Announcement
    owners: Tensor
    types: OwnerTypes
    bids: Bids
    outcome: Outcome
    utility: Tensor
    identities: Identities

    def result(
        self, rows: Tensor, member: Tensor, public: PublicKnowledge, price: float | None, transfer: Tensor | None
    ) -> RoundResult:
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
        transfer : float64[1, n], optional
            Side payments of all bidders; None while they are being decided.
        """
        outcome = self.identities.outcome(self.outcome)
        return RoundResult(
            member=member,
            bids=self.identities.bids(self.bids).take(owners=rows),
            outcome=Outcome(
                privacy_loss=outcome.privacy_loss[:, rows],
                payment=outcome.payment[:, rows],
                data_size=outcome.data_size[:, rows],
            ),
            utility=self.utility[0, rows],
            types=self.types.take(owners=rows),
            budget=self.announcement.budget,
            public=public,
            everybody=self.bids,
            row=self.identities.first[rows],
            price=price,
            transfer=None if transfer is None else transfer[0, rows],
        )
