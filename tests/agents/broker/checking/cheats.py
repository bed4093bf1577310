"""Auctions that look honest: each cheats in one way that is easily missed. `check_auction` has to catch every one.

Two honest rules are spoiled. ``Posted`` pays a price per record that nobody's bid moves and is individually rational,
budget feasible and truthful in valuation; ``Listed`` is the shipped sequential menu with its lists. A cheat pays an
owner what she asks, and a little more, or breaks another promise, on its own occasion only.
"""

from __future__ import annotations

import random
from typing import Any, ClassVar

import torch
from torch import Tensor

from agents.broker.auctions.base import FIELDS, Auction, Guarantees, Menu, MenuAuction, money_quantum
from agents.broker.auctions.parts.lottery import Lottery
from agents.broker.auctions.proportional_share import ProportionalShare
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.messages import Bids, Outcome
from agents.surplus import surplus
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation

SEQUENTIAL = SequentialMenu()


def asked_for(bids: Bids, sold: Outcome) -> Tensor:
    """A fifth more than what the bids say that the sales cost, never more than was paid honestly."""
    return torch.minimum(sold.payment, 1.2 * bids.cost(sold.privacy_loss, sold.data_size))


def with_payment(sold: Outcome, payment: Tensor) -> Outcome:
    return Outcome(privacy_loss=sold.privacy_loss, payment=payment, data_size=sold.data_size)


class Cheat(Auction):
    """The proportional share, its payments replaced by what is asked for where ``when`` says so."""

    name: ClassVar[str] = "cheat"
    guarantees: ClassVar[Guarantees] = ProportionalShare.guarantees

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        sold = ProportionalShare().allocate(bids, budget, generator)
        where = self.when(bids, budget, generator)
        return with_payment(sold, torch.where(where, asked_for(bids, sold), sold.payment))

    def when(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Tensor:
        raise NotImplementedError


def everywhere(bids: Bids, holds: bool) -> Tensor:
    return torch.full(bids.shape, holds)


def hashed(bids: Bids, one_in: int) -> Tensor:
    """Markets ``[B, 1]`` whose privacy budgets happen to leave no remainder: one of so many."""
    millionths = (bids.privacy_budget.sum(-1, keepdim=True) * 1e6).long()
    return millionths * 1_000_003 % one_in == 0


class OnlyWithAGenerator(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, generator is not None)


class OnlyWithoutAGenerator(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, generator is None)


class UndeclaredLottery(Cheat):
    def when(self, bids, budget, generator):
        if generator is None:
            return everywhere(bids, False)
        return torch.rand(bids.shape, generator=generator) < 0.3


class DrawsForNothing(Cheat):
    def when(self, bids, budget, generator):
        if generator is not None:
            torch.rand(1, generator=generator)
        return everywhere(bids, False)


class From50Owners(Cheat):
    def when(self, bids, budget, generator):
        return (bids.present.sum(-1, keepdim=True) >= 50).expand(bids.shape)


class Exactly64Owners(Cheat):
    def when(self, bids, budget, generator):
        return (bids.present.sum(-1, keepdim=True) == 64).expand(bids.shape)


class FromManyRows(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, bids.shape[0] >= 1500)


class OnlyAlone(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, bids.shape[0] == 1)


class FirstRowOfABatch(Cheat):
    def when(self, bids, budget, generator):
        return (torch.arange(bids.shape[0]) == 0)[:, None].expand(bids.shape)


class OnlyTables(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, isinstance(bids.valuation, TabulatedValuation))


class OnlyMixtures(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, isinstance(bids.valuation, MixedValuation))


class OnlyParametric(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, isinstance(bids.valuation, ParametricValuation))


class NarrowFactor(Cheat):
    """In a window of what a record is said to cost."""

    def when(self, bids, budget, generator):
        cost = bids.valuation.at(bids.privacy_budget)
        return (cost > 2.0) & (cost < 2.02)


class RemembersTheLastBudget(Cheat):
    last = 0.0

    def when(self, bids, budget, generator):
        repeated = everywhere(bids, self.last == float(budget.sum()))
        self.last = float(budget.sum())
        return repeated


class RemembersTheHighestBudget(Cheat):
    highest = 0.0

    def when(self, bids, budget, generator):
        self.highest = max(self.highest, float(budget.max()) if len(budget) else 0.0)
        return budget[:, None].expand(bids.shape) < self.highest * 1e-3


class AfterManyCalls(Cheat):
    calls = 0

    def when(self, bids, budget, generator):
        self.calls += 1
        return everywhere(bids, self.calls > 200)


class AnotherPersonOnACopy(Cheat):
    def __init__(self) -> None:
        super().__init__()
        self.itself = id(self)

    def when(self, bids, budget, generator):
        return everywhere(bids, self.itself != id(self))


class LooksAtGlobalState(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, int(torch.initial_seed()) % 2 == 1)


class MovesGlobalState(Cheat):
    def when(self, bids, budget, generator):
        random.random()
        return everywhere(bids, False)


class CountsThreads(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, torch.get_num_threads() > 1)


class LooksAtMemory(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, not bids.privacy_budget.is_contiguous())


class CountsPlaces(Cheat):
    """Absent owners count."""

    def when(self, bids, budget, generator):
        return (~bids.present).any(-1, keepdim=True).expand(bids.shape)


class WatchesGradients(Cheat):
    def when(self, bids, budget, generator):
        return everywhere(bids, not torch.is_grad_enabled())


class HugeBudgets(Cheat):
    def when(self, bids, budget, generator):
        return ((budget > 1e9) & (bids.shape[0] > 1))[:, None].expand(bids.shape)


class OverspendsRarely(Auction):
    """Of 10 007 markets one is paid a hundredth more than there is."""

    name = "overspends-rarely"
    guarantees = ProportionalShare.guarantees

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        sold = ProportionalShare().allocate(bids, budget, generator)
        factor = 1.01 * budget / sold.payment.sum(-1).clamp(min=1e-300)
        rarely = hashed(bids, 10_007) & (sold.payment.sum(-1, keepdim=True) > 0)
        return with_payment(sold, torch.where(rarely, sold.payment * factor[:, None], sold.payment))


class LosesRarely(Auction):
    """Of 3 000 markets one pays sellers half of what they asked."""

    name = "loses-rarely"
    guarantees = ProportionalShare.guarantees

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        sold = ProportionalShare().allocate(bids, budget, generator)
        half = 0.5 * bids.cost(sold.privacy_loss, sold.data_size)
        return with_payment(sold, torch.where(hashed(bids, 3_000), half, sold.payment))


class ScribblesOnBids(Cheat):
    def when(self, bids, budget, generator):
        bids.privacy_budget.mul_(1.0 - 2.0**-52)
        return everywhere(bids, False)


class Listed(MenuAuction):
    """The sequential menu."""

    name: ClassVar[str] = "listed"
    guarantees: ClassVar[Guarantees] = SequentialMenu.guarantees

    def price_list(self, bids: Bids, budget: Any) -> Menu:
        return SEQUENTIAL.price_list(bids, budget)


class ListNotFollowed(Listed):
    """Its list is honest; `run` pays what is asked where the bids are mixtures."""

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        sold = SEQUENTIAL.allocate(bids, budget, generator)
        mixed = isinstance(bids.valuation, MixedValuation)
        return with_payment(sold, asked_for(bids, sold)) if mixed else sold


class NarrowWindow(Listed):
    """Whoever reports a privacy budget in a window 0.0005 wide sees better prices."""

    window: ClassVar[tuple[float, float]] = (1.2345, 1.2350)

    def price_list(self, bids: Bids, budget: Any) -> Menu:
        menu = SEQUENTIAL.price_list(bids, budget)
        low, high = self.window
        inside = (bids.privacy_budget > low) & (bids.privacy_budget < high)
        return Menu(menu.privacy_loss, torch.where(inside[..., None], menu.price * 1.01, menu.price), menu.records)


class NarrowHighWindow(NarrowWindow):
    window = (1.8801, 1.8806)


class TablesTooCheap(Listed):
    """Takes the costs of tables half a percent too low."""

    def price_list(self, bids: Bids, budget: Any) -> Menu:
        return SEQUENTIAL.price_list(self._heard(bids), budget)

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        return self.price_list(bids, budget).choose(self._heard(bids))

    @staticmethod
    def _heard(bids: Bids) -> Bids:
        if not isinstance(bids.valuation, TabulatedValuation):
            return bids
        return bids.replace(valuation=bids.valuation.scaled(torch.full(bids.shape, 0.995, dtype=torch.float64)))


class Flat(MenuAuction):
    """One privacy loss at a price made of the budget and the number of owners alone; everybody has an equal part.

    The number of present owners is public.
    """

    name: ClassVar[str] = "flat"
    guarantees: ClassVar[Guarantees] = Guarantees(truthful_in=FIELDS)

    def price_list(self, bids: Bids, budget: Any) -> Menu:
        money = torch.as_tensor(budget)
        quantum = money_quantum(money)
        count = bids.present.sum(-1).clamp(min=1)
        part = torch.where((money > 1e-200) & (money < 1e200), (money / quantum / count).floor(), 0.0)[:, None]
        # Ten units of the part for a record: prices of whole quanta, nothing where the part has not so many.
        price = (part / 10).floor() * quantum[:, None]
        records = torch.full(bids.shape, 10) * (price > 0)
        price, records = self.changed(bids, price.expand(bids.shape), records)
        loss = torch.full(bids.shape, 0.5, dtype=torch.float64)
        return Menu(*(torch.stack([torch.zeros_like(part), part], dim=-1) for part in (loss, price, records)))

    def changed(self, bids: Bids, price: Tensor, records: Tensor) -> tuple[Tensor, Tensor]:
        return price, records


class MoreForMore(Flat):
    """Twice the price for whoever says that she has a hundred records or more, half as many of them bought."""

    def changed(self, bids: Bids, price: Tensor, records: Tensor) -> tuple[Tensor, Tensor]:
        large = bids.data_size >= 100
        return torch.where(large, 2 * price, price), torch.where(large, records // 2, records)


class ShorterForLess(Flat):
    """Fewer records for whoever has fewer than a hundred: that is within her own list, but not declared."""

    def changed(self, bids: Bids, price: Tensor, records: Tensor) -> tuple[Tensor, Tensor]:
        return price, torch.where(bids.data_size < 100, records // 2, records)


class DeclaredShorterForLess(ShorterForLess):
    """No cheat: under the assumption that sizes cannot be overstated it is truthful, and says so."""

    guarantees = Guarantees(truthful_in=FIELDS, cannot_overstate=frozenset({"data_size"}))
    list_depends_on = frozenset({"data_size"})


class DeclaredDearerForLess(Flat):
    """Declares that, and pays small owners a better price."""

    guarantees = DeclaredShorterForLess.guarantees
    list_depends_on = frozenset({"data_size"})

    def changed(self, bids: Bids, price: Tensor, records: Tensor) -> tuple[Tensor, Tensor]:
        small = bids.data_size < 100
        return torch.where(small, 2 * price, price), torch.where(small, records // 2, records)


class OddsNotDrawn(Auction):
    """Declares honest odds of a half, and draws one time in three."""

    name = "odds-not-drawn"
    guarantees = Guarantees()
    drawn = 1 / 3

    def lottery(self, bids: Bids, budget: Any) -> Lottery:
        sold = ProportionalShare().run(bids, budget)
        parts = [torch.stack([torch.zeros_like(part), part], dim=-1) for part in vars(sold).values()]
        half = torch.full((*bids.shape, 2), 0.5, dtype=torch.float64)
        return Lottery(privacy_loss=parts[0], payment=parts[1], records=parts[2], probability=half)

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        sold = ProportionalShare().run(bids, budget)
        if generator is None:
            return Outcome.nothing(*bids.shape)
        sells = torch.rand(bids.shape, generator=generator) < self.drawn
        return Outcome(**{name: torch.where(sells, part, 0) for name, part in vars(sold).items()})


class BreaksDown(Cheat):
    """Never gives an outcome."""

    def when(self, bids, budget, generator):
        raise ZeroDivisionError("nothing works")


class HonestLottery(OddsNotDrawn):
    """No cheat: draws as it declares."""

    drawn = 0.5


class RoundingGains(Cheat):
    """No cheat: pays a rounding more to whoever asks for more."""

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        sold = ProportionalShare().allocate(bids, budget, generator)
        ask = bids.valuation.at(bids.privacy_budget).clamp(max=4.0)
        paid = sold.payment * (1 - 1e-12) * (1 + 1e-14 * ask)
        keep = surplus(paid, sold.data_size, bids.valuation.at(sold.privacy_loss)) >= 0
        return with_payment(sold, torch.where(keep, paid, sold.payment))
