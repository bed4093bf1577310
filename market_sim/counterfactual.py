"""What would have come of a round had some told the truth: each deviator alone, each group together, and everybody.

Everything else stays as it was: the bids of all others, the order, the budget and the lottery.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, MenuAuction
from agents.messages import Bids, Outcome
from agents.owner.identities import Identities
from agents.types import OwnerTypes

ENTRIES_AT_ONCE = 1 << 20
"""Bidders times reruns in one batch."""

RERUN_ALL_UP_TO = 1 << 14
"""Bidders times deviators up to which the auction is run again for every deviator, whatever it is."""

CHECKED = 8
"""Deviators of a larger round whose price lists are made again, to see that their bids did not move them."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A round of ``n`` bidders in ``r`` rows beside what the truth would have brought.

    Parameters
    ----------
    utility, payment : float64[1, n]
        Of every bidder had she alone told the truth under one name.
    group_utility, group_payment : float64[G]
        Sums over the members of each group, had these told the truth and nobody else.
    everybody : Outcome [1, r]
        Had all told the truth; rows of further identities are absent.
    """

    utility: Tensor
    payment: Tensor
    group_utility: Tensor
    group_payment: Tensor
    everybody: Outcome


@dataclass(frozen=True, eq=False)
class PlayedRound:
    """A round as it was played, and all that a rerun of it needs.

    Parameters
    ----------
    types : OwnerTypes [1, n]
        Who the bidders really are.
    identities : Identities
        Whose each row of the bids is. An owner of several tells the truth under her first one, all others absent.
    bids : Bids [1, r]
        As they reached the broker.
    deviates : bool[1, r]
        Rows of bidders who did not tell the truth.
    outcome : Outcome [1, r]
    auction : Auction
        The rule that was run.
    budget : float64[1]
    round : int
        It decides which deviators are checked.
    generator_state : uint8[...], optional
        State from which the auction drew, if it drew anything: every rerun then draws the same, one by one.
    """

    types: OwnerTypes
    identities: Identities
    bids: Bids
    deviates: Tensor
    outcome: Outcome
    auction: Auction
    budget: Tensor
    round: int = 0
    generator_state: Tensor | None = None

    def truth(self, group: Tensor) -> Truth:
        """What the truth would have brought each deviator alone, each group, and everybody.

        The auction is run again, one rerun per row of a batch. Only in large rounds of an auction with price lists is
        a single deviator's other choice from the round's lists taken for the answer, and only after ``CHECKED``
        deviators, others in every round, have been found to get the same list, to the last bit, for the truth. Two
        kinds are rerun even so: whoever stayed away, because her presence moves the lists of others, and whoever had
        several identities.

        Parameters
        ----------
        group : int64[n]
            Number of the group each bidder acts with, from 0; -1 for alone.
        """
        identities, types = self.identities, self.identities.merged(self.types)  # [1, r]
        place, first = identities.place, identities.first
        utility, payment = types.utility(self.outcome), self.outcome.payment.clone()  # [1, r]
        groups = int(group.max()) + 1 if len(group) else 0
        inside = group[place] == torch.arange(groups)[:, None]  # [G, r]
        group_utility = torch.where(inside, self._actual_utility(), 0.0).sum(-1)  # [G]
        group_payment = torch.where(inside, self.outcome.payment, 0.0).sum(-1)  # [G]
        everybody = self.outcome
        deviates = self.deviates[0]
        if not bool(deviates.any()):
            return Truth(utility[:, first], payment[:, first], group_utility, group_payment, everybody)
        alone = first[deviates[first]]  # [D], as rows of the bids
        listed, chosen = self._from_lists(types, alone)
        if chosen is not None:
            utility[0, listed] = types.utility(chosen)[0, listed]
            payment[0, listed] = chosen.payment[0, listed]
            alone = alone[~torch.isin(alone, listed)]
        acting = (inside & deviates).any(-1).nonzero()[:, 0]  # groups in which somebody deviates
        truthful = torch.cat(
            [place[alone][:, None] == place, inside[acting], torch.ones(1, len(place), dtype=torch.bool)]
        )  # [D + G + 1, r]
        rerun = self._rerun(types.truthful_bids(), truthful)
        worth = types.take(torch.zeros(len(truthful), dtype=torch.int64)).utility(rerun)  # [D + G + 1, r]
        row = torch.arange(len(alone))
        utility[0, alone], payment[0, alone] = worth[row, alone], rerun.payment[row, alone]
        for index, of in enumerate(acting.tolist(), start=len(alone)):
            members = first[inside[of, first]]
            group_utility[of], group_payment[of] = worth[index, members].sum(), rerun.payment[index, members].sum()
        everybody = Outcome(rerun.privacy_loss[-1:], rerun.payment[-1:], rerun.data_size[-1:])
        return Truth(utility[:, first], payment[:, first], group_utility, group_payment, everybody)

    def _actual_utility(self) -> Tensor:
        """Utility of every row ``[1, r]`` as it was."""
        return self.identities.per_identity(self.types).utility(self.outcome)

    def _rerun(self, truth: Bids, truthful: Tensor) -> Outcome:
        """Outcomes ``[R, r]`` if those in ``truthful[R, r]`` tell the truth and all others bid as they did."""
        # A lottery draws one number after the other for a whole batch; alone, every rerun draws what the round drew.
        alone = self.generator_state is not None
        rows_at_once = 1 if alone else max(1, ENTRIES_AT_ONCE // max(1, truthful.shape[1]))
        parts = []
        for some in torch.split(truthful, rows_at_once):
            generator = None
            if self.generator_state is not None:
                generator = torch.Generator()
                generator.set_state(self.generator_state)
            bids = _with_truth(truth, self.bids, some)
            parts.append(self.auction.run(bids, self.budget.expand(len(some)), generator))
        return Outcome(
            *(torch.cat([getattr(part, name) for part in parts]) for name in ("privacy_loss", "payment", "data_size"))
        )

    def _from_lists(self, types: OwnerTypes, alone: Tensor) -> tuple[Tensor, Outcome | None]:
        """Deviators whose truthful choice can be read off the round's price lists, and everybody's truthful choice."""
        auction, place = self.auction, self.identities.place
        nobody = alone[:0], None
        if not isinstance(auction, MenuAuction) or self.generator_state is not None:
            return nobody
        if len(alone) * len(place) <= RERUN_ALL_UP_TO:
            return nobody
        listed = alone[self.bids.present[0, alone] & ~self.identities.has_multiple[place[alone]]]
        chosen = self._own_choice(auction, types.truthful_bids(), listed)
        return nobody if chosen is None else (listed, chosen)

    def _own_choice(self, auction: MenuAuction, truth: Bids, deviators: Tensor) -> Outcome | None:
        """What everybody's true self picks from the round's price lists; None if those do not answer for her."""
        if not len(deviators):
            return None
        bids = self.bids
        checked = deviators[(self.round * CHECKED + torch.arange(min(CHECKED, len(deviators)))) % len(deviators)]
        row = torch.arange(len(checked))
        menu = auction.price_list(bids, self.budget)  # [1, r, level]
        alone = checked[:, None] == torch.arange(bids.shape[1])  # [checked, r]
        again = auction.price_list(_with_truth(truth, bids, alone), self.budget.expand(len(checked)))
        moved = any(
            not torch.equal(getattr(menu, part)[0, checked], getattr(again, part)[row, checked])
            for part in ("privacy_loss", "price", "records")
        )
        # A rule whose outcome is not its own owners' choice says nothing by its lists.
        picked = menu.choose(bids)
        other = any(
            not torch.equal(getattr(picked, part), getattr(self.outcome, part))
            for part in ("privacy_loss", "payment", "data_size")
        )
        return None if moved or other else menu.choose(truth)


def _with_truth(truth: Bids, bids: Bids, truthful: Tensor) -> Bids:
    """The round's bids ``[R, r]``, the truth where ``truthful[R, r]`` holds."""
    repeated = torch.zeros(len(truthful), dtype=torch.int64)
    return truth.take(repeated).where(truthful, bids.take(repeated))
