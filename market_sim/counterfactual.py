"""What would have come of a round had some told the truth: each deviator alone, each group together, and everybody.

Everything else stays as it was: the bids of all others, the order, the budget and the lottery.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.messages import Bids, Outcome
from agents.owner.identities import Identities
from agents.types import OwnerTypes

ENTRIES_AT_ONCE = 1 << 18
"""Bidders times reruns in one batch."""

RERUN_ALL_UP_TO = 1 << 14
"""Bidders times deviators up to which the auction is run again for every deviator, whatever it is."""

CHECKED = 64
"""Deviators of a larger round whose shared answers are compared with reruns."""

TRIED_UP_TO = 2000
"""Deviators, and groups, for each of which the auction is run again; of more a part is drawn."""

DRAWN = 1000
"""How many are drawn of more."""

PARTS = ("privacy_loss", "payment", "data_size")

TOLD, RERUN, SHARED, NOT_TRIED = None, "rerun", "shared", "none"
"""How it was found what the truth would have brought: she told it; the auction was run again; from work that many
reruns share, or from her price list; not at all."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A round of ``n`` bidders in ``r`` rows beside what the truth would have brought.

    Parameters
    ----------
    utility, payment : float64[1, n]
        Of every bidder had she alone told the truth under one name; NaN where it was not tried.
    group_utility, group_payment : float64[G]
        Sums over the members of each group, had these told the truth and nobody else; NaN where it was not tried.
    everybody : Outcome [1, r]
        Had all told the truth; rows of further identities are absent.
    found : list of str or None
        How each bidder's was found: ``TOLD``, ``RERUN``, ``SHARED`` or ``NOT_TRIED``.
    stands_for : float64[n]
        How many deviators of the round each deviator that was tried stands for: 1 if all were.
    """

    utility: Tensor
    payment: Tensor
    group_utility: Tensor
    group_payment: Tensor
    everybody: Outcome
    found: list[str | None]
    stands_for: Tensor


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
    generator_state : uint8[...], optional
        State from which the auction drew, if it drew anything: every rerun then draws the same, one by one.
    every_one : bool
        Whether the auction is run again for every deviator and group, however many they are.
    """

    types: OwnerTypes
    identities: Identities
    bids: Bids
    deviates: Tensor
    outcome: Outcome
    auction: Auction
    budget: Tensor
    generator_state: Tensor | None = None
    every_one: bool = False

    def truth(self, group: Tensor, generator: torch.Generator) -> Truth:
        """What the truth would have brought each deviator alone, each group, and everybody.

        The auction is run again, one rerun per row of a batch. In large rounds a rule that knows a faster way to the
        same answers (``Auction.alone``) is asked for them, and ``CHECKED`` of them, drawn anew in every round, are
        compared with reruns. Whoever stayed away or had several identities is rerun even so. Where more than
        ``TRIED_UP_TO`` reruns would be left, ``DRAWN`` are drawn, all with the same chance.

        Parameters
        ----------
        group : int64[n]
            Number of the group each bidder acts with, from 0; -1 for alone.
        generator : torch.Generator
            Draws who is checked and who is tried.

        Raises
        ------
        ArithmeticError
            If an answer of a rule that is no planted cheat is not what a rerun says.
        """
        identities, types = self.identities, self.identities.merged(self.types)  # [1, r]
        place, first = identities.place, identities.first
        utility, payment = types.utility(self.outcome), self.outcome.payment.clone()  # [1, r]
        groups = int(group.max()) + 1 if len(group) else 0
        acts = torch.where(group[place] >= 0, group[place], groups)  # [r], whoever is alone in one group more
        group_utility = _sums(self._actual_utility()[0], acts, groups)  # [G]
        group_payment = _sums(self.outcome.payment[0], acts, groups)  # [G]
        deviates = self.deviates[0]
        stands_for = torch.ones(len(first), dtype=torch.float64)
        found: list[str | None] = [TOLD] * len(first)
        if not bool(deviates.any()):
            mine = utility[:, first], payment[:, first]
            return Truth(*mine, group_utility, group_payment, self.outcome, found, stands_for)
        alone = first[deviates[first]]  # [D], as rows of the bids
        shared, theirs = self._shared(types, alone, generator)
        if theirs is not None:
            utility[0, shared] = types.take(owners=shared).utility(theirs)[0]
            payment[0, shared] = theirs.payment[0]
        rest = alone[~torch.isin(alone, shared)]
        tried, untried = self._drawn(rest, generator)
        acting = torch.zeros(groups + 1, dtype=torch.bool)
        acting[acts[deviates]] = True
        groups_tried, groups_untried = self._drawn(acting[:groups].nonzero()[:, 0], generator)
        everybody = self.outcome
        wanted = [
            (place, place[tried]),
            (acts, groups_tried),
            (torch.zeros_like(place), torch.zeros(1, dtype=torch.int64)),
        ]
        for kind, numbers, rerun in self._reruns(types.truthful_bids(), wanted):
            worth = types.take(torch.zeros(len(numbers), dtype=torch.int64)).utility(rerun)  # [some, r]
            if kind == 0:
                here, who = torch.arange(len(numbers)), first[numbers]
                utility[0, who], payment[0, who] = worth[here, who], rerun.payment[here, who]
            elif kind == 1:
                group_utility[numbers] = _members_of(numbers, acts[first], worth[:, first])
                group_payment[numbers] = _members_of(numbers, acts[first], rerun.payment[:, first])
            else:
                everybody = rerun
        utility[0, untried] = payment[0, untried] = torch.nan
        group_utility[groups_untried] = group_payment[groups_untried] = torch.nan
        for rows, how in ((shared, SHARED), (tried, RERUN), (untried, NOT_TRIED)):
            for bidder in place[rows].tolist():
                found[bidder] = how
        stands_for[place[tried]] = len(rest) / max(1, len(tried))
        return Truth(utility[:, first], payment[:, first], group_utility, group_payment, everybody, found, stands_for)

    def ask_ahead(self, group: Tensor) -> None:
        """Ask for the round and all its reruns in one batch: a rule that recalls its answers has them then."""
        place, deviates = self.identities.place, self.deviates[0]
        alone = self.identities.first[deviates[self.identities.first]]
        if not len(alone) or len(alone) * len(place) > RERUN_ALL_UP_TO:
            return
        acts = group[place]
        acting = sorted(set(acts[deviates & (acts >= 0)].tolist()))
        lying = torch.cat([place == place[alone][:, None], acts == torch.tensor(acting, dtype=torch.int64)[:, None]])
        ends = torch.tensor([[False], [True]]).expand(-1, len(place))  # As it is, and everybody truthful.
        self._run(self.identities.merged(self.types).truthful_bids(), torch.cat([ends, lying]))

    def _actual_utility(self) -> Tensor:
        """Utility of every row ``[1, r]`` as it was."""
        return self.identities.per_identity(self.types).utility(self.outcome)

    def _drawn(self, those: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Those who are tried and those who are not: all, or of too many some, all with the same chance."""
        if self.every_one or len(those) <= TRIED_UP_TO:
            return those, those[:0]
        order = torch.randperm(len(those), generator=generator)
        return those[order[:DRAWN].sort().values], those[order[DRAWN:].sort().values]

    def _reruns(self, truth: Bids, wanted: list[tuple[Tensor, Tensor]]) -> Iterator[tuple[int, Tensor, Outcome]]:
        """Outcomes had all rows with a number told the truth and all others bid as they did, some numbers at a time.

        Parameters
        ----------
        truth : Bids [1, r]
        wanted : list of (int64[r], int64[k])
            Numbers of the rows, and those of the reruns.

        Yields
        ------
        (int, int64[some], Outcome [some, r])
            Which of ``wanted``, and which of its numbers.
        """
        # A lottery draws one number after the other for a whole batch; alone, every rerun draws what the round drew.
        at_once = 1 if self.generator_state is not None else max(1, ENTRIES_AT_ONCE // max(1, self.bids.shape[1]))
        counts = [len(numbers) for _, numbers in wanted]
        if sum(counts) <= at_once:
            together = self._run(truth, torch.cat([labels == numbers[:, None] for labels, numbers in wanted]))
            parts = zip(*(torch.split(getattr(together, name), counts) for name in PARTS), strict=True)
            for kind, (part, (_, numbers)) in enumerate(zip(parts, wanted, strict=True)):
                yield kind, numbers, Outcome(*part)
            return
        for kind, (labels, numbers) in enumerate(wanted):
            for some in torch.split(numbers, at_once) if len(numbers) else ():
                yield kind, some, self._run(truth, labels == some[:, None])

    def _run(self, truth: Bids, truthful: Tensor) -> Outcome:
        """Outcomes ``[R, r]`` if those in ``truthful[R, r]`` tell the truth and all others bid as they did."""
        generator = None
        if self.generator_state is not None:
            generator = torch.Generator()
            generator.set_state(self.generator_state)
        repeated = torch.zeros(len(truthful), dtype=torch.int64)
        bids = truth.take(repeated).where(truthful, self.bids.take(repeated))
        return self.auction.run(bids, self.budget.expand(len(truthful)), generator)

    def _shared(self, types: OwnerTypes, alone: Tensor, generator: torch.Generator) -> tuple[Tensor, Outcome | None]:
        """Deviators whose truth the rule answers for at once, and what each of them would have got ``[1, m]``."""
        place, nobody = self.identities.place, (alone[:0], None)
        if self.generator_state is not None or len(alone) * len(place) <= RERUN_ALL_UP_TO:
            return nobody
        able = alone[~self.identities.has_multiple[place[alone]]]
        answered = self.auction.alone(self.bids, self.budget, types.truthful_bids(), able) if len(able) else None
        if answered is None:
            return nobody
        if not self._is_ours:
            # A rule whose outcome is not what it answers for the bids as they are says nothing about others.
            as_it_was = self.auction.alone(self.bids, self.budget, self.bids, able)
            if as_it_was is None or not _same(_of(as_it_was[0], as_it_was[1]), _of(self.outcome, able[as_it_was[1]])):
                return nobody
        known = answered[1]
        shared, theirs = able[known], _of(answered[0], known)
        if not len(shared):
            return nobody
        checked = torch.randperm(len(shared), generator=generator)[:CHECKED].sort().values
        wanted = [(place, place[shared[checked]])]
        for _, numbers, rerun in self._reruns(types.truthful_bids(), wanted):
            row, who = torch.arange(len(numbers)), self.identities.first[numbers]
            again = Outcome(*(getattr(rerun, name)[row, who][None] for name in PARTS))
            some, checked = checked[: len(numbers)], checked[len(numbers) :]
            if not _same(again, _of(theirs, some)):
                if self._is_ours:
                    raise ArithmeticError(
                        f"auction {self.auction.name!r} answers otherwise for the truth of deviators than it decides "
                        "in a rerun"
                    )
                return nobody
        return shared, theirs

    @property
    def _is_ours(self) -> bool:
        """Whether the rule is one of this project's that is no planted cheat: what it answers has to be right."""
        return not self.auction.planted and type(self.auction).__module__.startswith("agents.broker.auctions.")


def _of(outcome: Outcome, owners: Tensor) -> Outcome:
    return Outcome(*(getattr(outcome, name)[:, owners] for name in PARTS))


def _same(one: Outcome, other: Outcome) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in PARTS)


def _sums(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Sums ``[G]`` of values ``[r]`` over the rows of each group; rows of no group have the number G."""
    return torch.zeros(groups + 1, dtype=values.dtype).index_add(0, group, values)[:groups]


def _members_of(groups: Tensor, group: Tensor, values: Tensor) -> Tensor:
    """Sums over the members of each of ``groups[k]`` of the values ``[k, n]`` of its own rerun."""
    row, member = (group == groups[:, None]).nonzero(as_tuple=True)
    return torch.zeros(len(groups), dtype=values.dtype).index_add(0, row, values[row, member])
