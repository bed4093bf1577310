"""One privacy loss and one payment for all winners: the search for how many of them the budget carries.

With k winners out of n bidders everybody sells at 1 / (n - k), or at her own privacy budget where that is less. An
owner's unit cost is the cost of all her records per unit of the privacy loss that she would then sell; for a cost
linear in privacy loss it is one number, otherwise it moves with k, and so may the order of the owners.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from agents.broker.auctions.base import spendable
from agents.broker.auctions.parts.single_minded import asked, equal_share
from agents.messages import Bids, Outcome

Price = Callable[[Tensor, Tensor], Tensor]
"""Payment ``[B]`` to each of k winners, out of what the next one asks and B / k."""


def sell_at_one_price(bids: Bids, budget: Tensor, price: Price) -> Outcome:
    """Let as many owners k win, at most n - 1, as the price allows: it must cover the k-th and stay within B / k.

    What an owner asks, unit cost / (n - k), covers what she sells, so that nobody loses. Ties go by index.

    Parameters
    ----------
    bids : Bids [B, n]
    budget : float64[B]
    price : Price
    """
    owners = bids.shape[1]
    budget, quantum = spendable(budget)  # [batch]
    bidders = bids.present.sum(dim=-1)
    sellers, payment = torch.zeros_like(bidders), torch.zeros_like(budget)
    for count in range(1, owners):
        ask = _asks(bids, _common_loss(bidders - count), quantum).sort(dim=-1).values  # [batch, place]
        share = equal_share(budget, quantum, count)  # [batch]
        paid = price(ask[:, count], share)
        carried = (ask[:, count - 1] <= paid) & (paid <= share) & (budget > 0) & (count < bidders)
        sellers, payment = torch.where(carried, count, sellers), torch.where(carried, paid, payment)
    loss = _common_loss(bidders - sellers)
    first = torch.arange(owners) < sellers[:, None]
    order = _asks(bids, loss, quantum).argsort(dim=-1, stable=True)
    wins = torch.zeros_like(bids.present).scatter(-1, order, first)
    return Outcome(
        privacy_loss=torch.where(wins, torch.minimum(loss[:, None], bids.privacy_budget), 0.0),
        payment=torch.where(wins, payment[:, None], 0.0),
        data_size=torch.where(wins, bids.data_size, 0),
    )


def _common_loss(losers: Tensor) -> Tensor:
    return 1 / losers.clamp(min=1).double()


def _asks(bids: Bids, loss: Tensor, quantum: Tensor) -> Tensor:
    """Unit cost times the common ``loss[B]``, in whole quanta ``[B, n]``; infinite if not for sale."""
    sold = torch.minimum(loss[:, None], bids.privacy_budget)
    stretch = loss[:, None] / sold  # at least 1: rounding never brings the ask below the cost of what is sold
    ask = asked(bids.data_size, bids.valuation.at(sold) * stretch, quantum[:, None])
    return torch.where(bids.present & (stretch < torch.inf), ask, torch.inf)
