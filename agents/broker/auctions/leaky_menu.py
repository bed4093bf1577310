"""A planted cheat: a sequential menu whose prices look at everybody's data size, the owner's own included."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from agents.broker.auctions.base import (
    FIELDS,
    MIN_WEIGHT,
    Guarantees,
    Menu,
    MenuAuction,
    check_budget,
    favourite,
    money_quantum,
)
from agents.checks import MAX_RECORDS
from agents.messages import Bids

LEVELS: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Absolute privacy losses on offer; the first is nothing."""


class LeakyMenu(MenuAuction):
    """Owners one after the other choose from a price list made from B over the data sizes of *all* bidders.

    A record at privacy loss e is priced e B / (sum of all data sizes), and an owner may be paid at most an equal part
    of what is left per owner left. Individually rational and budget feasible; but whoever understates her data size
    raises her own price per record, and that usually pays. It *claims* to be truthful in everything: a positive
    control that every check of truthfulness must catch, and the mistake most easily made in a learned menu.
    """

    name = "leaky-menu"
    guarantees = Guarantees(truthful_in=FIELDS)
    planted = True

    def price_list(self, bids: Bids, budget: Any) -> Menu:
        """Everybody's price list ``[B, n, 5]``, given what was sold before her."""
        left = check_budget(bids, budget)
        left = torch.where(left >= MIN_WEIGHT, left, 0.0)
        batch, owners = bids.shape
        levels = torch.tensor(LEVELS, dtype=torch.float64)
        quantum = money_quantum(left)[:, None]
        per_record = left / bids.data_size.sum(dim=-1).double().clamp(min=1.0)
        price = (per_record[:, None] * levels / quantum).floor() * quantum
        waiting = bids.present.long().flip(-1).cumsum(-1).flip(-1).clamp(min=1)
        cost = bids.valuation.tabulate(levels)
        maximum = torch.zeros(batch, owners, len(LEVELS), dtype=torch.int64)
        for owner in range(owners):
            maximum[:, owner] = _affordable(price, (left / waiting[:, owner])[:, None])
            cap, size = bids.privacy_budget[:, owner], bids.data_size[:, owner]
            left = left - favourite(levels, price, maximum[:, owner], cost[:, owner], cap, size)[2]
        prices = price[:, None].expand(-1, owners, -1)
        return Menu(privacy_loss=levels.expand(batch, owners, -1), price=prices, records=maximum)


def _affordable(price: Tensor, cap: Tensor) -> Tensor:
    """Records ``[B, K]`` that ``cap`` pays for, rounded down; none where nothing is paid."""
    count = torch.where(price > 0, cap / price, 0.0).floor().clamp(max=MAX_RECORDS)
    count = torch.where(count * price > cap, count - 1, count)
    return count.clamp(min=0.0).long()
