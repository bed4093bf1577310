"""Whether the way of asking matters: everything changed at once, and where bits differ, what it was.

Every occasion is asked about plainly, then a few times with a random half of all changes put upon one another. So
every pair of changes comes up many times: a rule may depend on one of them only together with another. Where an
answer differs, changes are taken away as long as it still does; those left over are what it depends on.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.checking.calls import Answer, Call, answer, differing
from agents.broker.checking.guarded import FailedCallError, GuardedAuction
from agents.broker.checking.memory import untouched_copy
from agents.broker.checking.results import CONTRACT, CheckResult
from agents.broker.checking.ways import DETERMINISTIC, EARLIER, Way, ways
from agents.messages import Bids


class SameAnswers:
    """All checks that an answer depends on the bids and the budget of its own market alone.

    Parameters
    ----------
    guard : GuardedAuction
    pristine : Auction or None
        A copy made before the first call.
    generator : torch.Generator
        Of the choice of changes and of what they draw.
    """

    def __init__(self, guard: GuardedAuction, pristine: Auction | None, generator: torch.Generator) -> None:
        self._guard, self._generator = guard, generator
        self._ways = ways(guard, pristine)
        self.results = {DETERMINISTIC: CheckResult(DETERMINISTIC, CONTRACT)}
        for way in self._ways:
            self.results.setdefault(way.check, CheckResult(way.check, CONTRACT))
        self._kept: list[tuple[str, Call, Answer, bool]] = []

    @classmethod
    def of(cls, guard: GuardedAuction, generator: torch.Generator) -> SameAnswers:
        """For an auction that was not asked anything yet."""
        return cls(guard, untouched_copy(guard.auction), generator)

    def examine(
        self, label: str, bids: Bids, budget: Tensor, *, rounds: int = 2, each: bool = False, lists: bool = False
    ) -> None:
        """Ask about some markets plainly, once more, and ``rounds`` times in other ways; ``each`` way also alone."""
        call = Call.of(self._guard, bids, budget)
        try:
            plain = answer(self._guard, call, lists=lists)
            again = differing(plain, answer(self._guard, call, lists=lists))
        except FailedCallError:
            return
        self.results[DETERMINISTIC].add(float(again), again == 0, f"{label}, asked twice", 1)
        if again:
            return
        if len(self._kept) < 40:
            self._kept.append((label, call, plain, lists))
        for way in self._ways if each else ():
            self._compare(label, call, plain, [way], lists)
        for _ in range(rounds):
            half = torch.rand(len(self._ways), generator=self._generator) < 0.5
            self._compare(label, call, plain, [w for w, on in zip(self._ways, half, strict=True) if on], lists)

    def examine_again(self) -> None:
        """Ask once more about the first markets, now that very many others were asked about."""
        for label, call, plain, lists in self._kept:
            try:
                differ = differing(plain, answer(self._guard, call, lists=lists))
            except FailedCallError:
                continue
            self.results[EARLIER].add(float(differ), differ == 0, f"{label}, asked again at the end", 1)

    def _compare(self, label: str, call: Call, plain: Answer, changes: Sequence[Way], lists: bool) -> None:
        seed = int(torch.randint(2**31, (1,), generator=self._generator))
        try:
            differ = self._differing(call, plain, changes, seed, lists)
        except FailedCallError:
            return
        if not differ:
            for way in changes:
                self.results[way.check].add(0.0, True, "", 1)
            return
        if differing(plain, answer(self._guard, call, lists=lists)):
            self.results[EARLIER].add(float(differ), False, f"{label}, asked again after other calls", 1)
            return
        guilty = list(changes)
        for way in changes:
            fewer = [other for other in guilty if other is not way]
            try:
                left = self._differing(call, plain, fewer, seed, lists)
            except FailedCallError:
                continue
            if fewer and left:
                guilty, differ = fewer, left
        told = "; ".join(way.told for way in guilty)
        for way in guilty:
            self.results[way.check].add(float(differ), False, f"{label}: {told}", 1)

    def _differing(self, call: Call, plain: Answer, changes: Sequence[Way], seed: int, lists: bool) -> int:
        """How many numbers differ; every change draws the same whatever other changes there are."""
        for way in changes:
            place = self._ways.index(way)
            call = way.change(call, torch.Generator().manual_seed(seed + place))
        return differing(plain, answer(self._guard, call, lists=lists))
