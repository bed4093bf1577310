"""Price lists: `run` follows them under lies too, and a list looks at nothing of its owner's that it may not."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Guarantees, Menu
from agents.broker.checking.contracts import other_than_chosen, own_list
from agents.broker.checking.guarded import GuardedMenu
from agents.broker.checking.results import CLAIMED, CONTRACT, NOT_CLAIMED, CheckResult
from agents.messages import BID_FIELDS, Bids, Outcome


class KeptByLists:
    """The contracts of a ``MenuAuction``, booked for whatever bids come along."""

    def __init__(self, guard: GuardedMenu, claims: Guarantees) -> None:
        claim = CLAIMED if claims.truthful_in else NOT_CLAIMED
        self._guard, self._may = guard, guard.auction.list_depends_on
        self.chosen = CheckResult("run is choice from list", CONTRACT)
        self.blind = CheckResult("own list ignores own bid", claim)
        self.within = CheckResult("list of a smaller size within her own", claim)
        fields = claims.truthful_in or claims.strategic
        self.fields: frozenset[str] = (fields or BID_FIELDS) - self._may

    def results(self) -> list[CheckResult]:
        """The rows; the last only where a list may depend on the own size."""
        return [self.chosen, self.blind, *([self.within] if self._may else [])]

    @property
    def trusted(self) -> bool:
        """Whether an owner's lies may be read off her list: it was tried, and nothing contradicts it."""
        return bool(self.chosen.holds and self.blind.holds)

    def follows(self, label: str, bids: Bids, budget: Tensor) -> None:
        """``run`` against the choices from the price lists."""
        self.chose(label, bids, self._guard.run(bids, budget), self._guard.price_list(bids, budget))

    def chose(self, label: str, bids: Bids, outcome: Outcome, menu: Menu) -> None:
        """The same of an outcome and of lists that are there already."""
        differ = other_than_chosen(outcome, menu, bids)
        self.chosen.add(float(differ), differ == 0, label, bids.data_size.numel())

    def own(self, label: str, truth: Bids, misreports: Bids, budget: Tensor) -> None:
        """Everybody's list under her own lie, told in fields that her list may not depend on."""
        differ = own_list(self._guard, truth, misreports, budget)
        self.blind.add(float(differ), differ == 0, label, int(truth.present.sum()))

    def of_deviators(self, label: str, truth: Bids, honest: Menu, bids: Bids, lied: Menu, deviator: Tensor) -> None:
        """The deviators' lists in markets ``[m, n]`` with one each; where one may depend on the size, it lies within.

        Bids and lists of the truth may have one row for all.
        """
        rows = torch.arange(len(deviator))
        first = rows if truth.shape[0] == len(rows) else torch.zeros_like(rows)
        size, told = truth.data_size[first, deviator], bids.data_size[rows, deviator]
        there = (told > 0) & (size > 0)
        same = there & ((told == size) if self._may else there)
        mine, lying = _of(honest, first, deviator), _of(lied, rows, deviator)
        differ = sum(
            int((getattr(mine, part) != getattr(lying, part))[same].sum())
            if getattr(mine, part).shape == getattr(lying, part).shape
            else int(same.sum())
            for part in Menu.__dataclass_fields__
        )
        self.blind.add(float(differ), differ == 0, label, int(same.sum()))
        smaller = there & (told < size)
        if self._may and bool(smaller.any()):
            outside = not_within(lying, mine, told, size)[smaller]
            self.within.add(float(outside.sum()), not bool(outside.any()), label, int(smaller.sum()))


def not_within(lied: Menu, honest: Menu, told: Tensor, size: Tensor) -> Tensor:
    """How many entries ``[m]`` of lists ``[m, 1, K]`` for a smaller size offer more than every one of the true lists.

    An entry lies within another that asks for no more privacy loss, pays no less for a record and buys no fewer.
    """
    offered = torch.minimum(lied.records, told[:, None, None])[:, 0]  # [m, K]
    true = torch.minimum(honest.records, size[:, None, None])[:, 0]  # [m, K]
    outside = torch.zeros(len(told), dtype=torch.int64)
    # One list after another: of many long ones, all pairs of entries at once would not fit the memory.
    for row in range(len(told)):
        ask, hers = offered[row] > 0, true[row] > 0
        covers = honest.privacy_loss[row, 0, hers] <= lied.privacy_loss[row, 0, ask, None]
        covers &= honest.price[row, 0, hers] >= lied.price[row, 0, ask, None]
        covers &= true[row, hers] >= offered[row, ask, None]
        outside[row] = (~covers.any(-1)).sum()
    return outside


def _of(menu: Menu, rows: Tensor, owners: Tensor) -> Menu:
    """The lists ``[m, 1, K]`` of single owners."""
    return Menu(
        privacy_loss=menu.privacy_loss[rows, owners][:, None],
        price=menu.price[rows, owners][:, None],
        records=menu.records[rows, owners][:, None],
    )
