"""Price lists: `run` follows them under lies too, and a list looks at nothing of its owner's that it may not."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Guarantees, Menu
from agents.broker.checking.contracts import own_list, run_is_choice
from agents.broker.checking.guarded import GuardedMenu
from agents.broker.checking.results import CLAIMED, CONTRACT, NOT_CLAIMED, CheckResult
from agents.messages import BID_FIELDS, Bids


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
        differ = run_is_choice(self._guard, bids, budget)
        self.chosen.add(float(differ), differ == 0, label, bids.data_size.numel())

    def own(self, label: str, truth: Bids, misreports: Bids, budget: Tensor) -> None:
        """Everybody's list under her own lie, told in fields that her list may not depend on."""
        differ = own_list(self._guard, truth, misreports, budget)
        self.blind.add(float(differ), differ == 0, label, int(truth.present.sum()))

    def markets(self, label: str, truth: Bids, bids: Bids, deviator: Tensor, budget: Tensor, size: Tensor) -> None:
        """The deviators' lists in markets with one liar each; where one may depend on the size, it lies within."""
        rows = torch.arange(len(deviator))
        honest, lied = self._guard.price_list(truth, budget), self._guard.price_list(bids, budget)
        same = bids.data_size[rows, deviator] == size if self._may else torch.ones(len(rows), dtype=torch.bool)
        there = bids.present[rows, deviator] & truth.present[rows, deviator]
        differ = sum(
            (getattr(honest, part)[rows, deviator] != getattr(lied, part)[rows, deviator])[same & there].sum()
            for part in Menu.__dataclass_fields__
        )
        self.blind.add(float(differ), int(differ) == 0, label, int((same & there).sum()))
        smaller = there & (bids.data_size[rows, deviator] < size)
        if self._may and bool(smaller.any()):
            outside = not_within(_of(lied, rows, deviator), _of(honest, rows, deviator), bids, deviator, size)[smaller]
            self.within.add(float(outside.sum()), not bool(outside.any()), label, int(smaller.sum()))


def not_within(lied: Menu, honest: Menu, bids: Bids, deviator: Tensor, size: Tensor) -> Tensor:
    """How many entries ``[m]`` of the lying lists offer what no entry of the truthful ones does, or more."""
    said = bids.data_size[torch.arange(len(deviator)), deviator]
    offered = torch.minimum(lied.records, said[:, None, None])[:, 0]
    true = torch.minimum(honest.records, size[:, None, None])[:, 0]
    outside = torch.zeros_like(deviator)
    # One list after another: of many long ones, all pairs of entries at once would not fit the memory.
    for row in range(len(deviator)):
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
