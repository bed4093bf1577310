"""Owners who sell everything they have at their own privacy budget, or nothing: exact prices for such rules.

A rule for single-minded owners compares what an owner asks for her whole data set with a uniform rate, money per
unit of weight (data size times privacy budget). To the last bit this works only if three things are exact: sums of
weights (so that nobody's own bid reaches her rate through the order of summation), sums of money (so that payments
never exceed the budget) and the comparison "would this rate pay what she asks", made with the very product that is
then paid. Weights and money are therefore rounded down to binary grids on which addition is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import MAX_WEIGHT, MIN_WEIGHT, spendable
from agents.messages import Bids, Outcome
from agents.surplus import surplus


@dataclass(frozen=True)
class SingleMindedOffers:
    """What single-minded owners offer.

    Parameters
    ----------
    bids : Bids [B, n]
    budget, quantum : float64[B]
        What can be paid out, and the money unit that every payment is a multiple of.
    weight : float64[B, n]
        Data size times privacy budget, on a binary grid on which all sums are exact; 0 if not for sale.
    ask : float64[B, n]
        Reported cost of the whole data set, rounded up to the money unit; infinite if not for sale.
    reserve : float64[B, n]
        Lowest rate at which ``payment`` reaches ``ask``; infinite if not for sale.
    grid : float64[B]
        The power of two that all weights are multiples of.
    """

    bids: Bids
    budget: Tensor
    quantum: Tensor
    weight: Tensor
    ask: Tensor
    reserve: Tensor
    grid: Tensor

    def rate(self, total: Tensor) -> Tensor:
        """Money per unit of weight ``[B, ...]`` if the whole budget goes to owners of this ``total`` weight."""
        budget = self.budget.reshape(-1, *[1] * (total.ndim - 1))
        return torch.where(total > 0, budget / total, 0.0)

    def payment(self, rate: Tensor) -> Tensor:
        """Money ``[B, n]`` that each owner gets at ``rate[B, n]``, a multiple of the quantum."""
        return _paid(self.weight, rate, self.quantum[:, None])

    def sold(self, wins: Tensor, payment: Tensor, privacy_loss: Tensor | None = None) -> Outcome:
        """The outcome in which those who win sell all their records for ``payment``.

        They do so at their own privacy budget, or at a ``privacy_loss`` up to that.
        """
        loss = self.bids.privacy_budget if privacy_loss is None else privacy_loss
        return Outcome(
            privacy_loss=torch.where(wins, loss, 0.0),
            payment=torch.where(wins, payment, 0.0),
            data_size=torch.where(wins, self.bids.data_size, 0),
        )


def offers(bids: Bids, budget: Tensor, *, grid: Tensor | None = None) -> SingleMindedOffers:
    """Read every bid as an offer of the whole data set at the bidder's own privacy budget.

    Not for sale: no records, no privacy budget, an infinite valuation there, or a weight or budget beyond float64's
    safe range.

    Parameters
    ----------
    bids : Bids [B, n]
    budget : float64[B]
    grid : float64[B], optional
        Of a larger market's weights; by default as fine as sums of these allow.
    """
    budget, quantum = spendable(budget)  # [batch]
    # All below is [batch, owner].
    weight = usable_weights(bids)
    if grid is None:
        exponent = grid_exponent(weight.amax(dim=-1), bids.present.sum(-1)) if weight.numel() else torch.tensor(0)
        grid = torch.ldexp(torch.ones(len(weight), dtype=torch.float64), exponent)
    weight = (weight / grid[:, None]).floor() * grid[:, None]
    ask = asked(bids.data_size, bids.valuation.at(bids.privacy_budget), quantum[:, None])
    for_sale = (weight > 0) & (ask < torch.inf) & (budget > 0)[:, None]
    weight, ask = torch.where(for_sale, weight, 0.0), torch.where(for_sale, ask, torch.inf)
    return SingleMindedOffers(bids, budget, quantum, weight, ask, _reserve(weight, ask, quantum[:, None]), grid)


def asked(records: Tensor, value: Tensor, quantum: Tensor) -> Tensor:
    """Least money in whole quanta that covers ``records`` at ``value`` each, exactly; infinite where that is."""
    cost = records.double() * value
    ask = torch.where(cost > 0, (cost / quantum).ceil().clamp(min=1), 0.0) * quantum
    # The product is rounded, so that the money may be one quantum short of what it stands for, or one too much.
    ask = torch.where(surplus(ask, records, value) < 0, ask + quantum, ask)
    less = ask - quantum
    return torch.where((less >= 0) & (surplus(less, records, value) >= 0), less, ask)


def equal_share(budget: Tensor, quantum: Tensor, count: Tensor | int) -> Tensor:
    """Most money in whole quanta that ``budget`` pays ``count`` times."""
    return (budget / quantum / count).floor() * quantum


def _paid(weight: Tensor, rate: Tensor, quantum: Tensor) -> Tensor:
    return (weight * rate / quantum).floor() * quantum


def usable_weights(bids: Bids) -> Tensor:
    """Data size times privacy budget ``[B, n]``, 0 of the absent and beyond float64's safe range."""
    weight = bids.data_size.double() * bids.privacy_budget
    return torch.where(bids.present & (weight >= MIN_WEIGHT) & (weight <= MAX_WEIGHT), weight, 0.0)


def grid_exponent(largest: Tensor, count: Tensor) -> Tensor:
    """Exponent of the power of two so coarse that all sums of ``count`` multiples up to ``largest`` are exact."""
    return torch.frexp(largest).exponent + torch.frexp(count.double()).exponent - 52


def _reserve(weight: Tensor, ask: Tensor, quantum: Tensor) -> Tensor:
    """Smallest float64 rate that pays ``ask``: the quotient, corrected by the few units it may be off in the last."""
    rate = torch.where(ask < torch.inf, ask / weight, torch.inf)  # [batch, owner]
    up, down = torch.full_like(rate, torch.inf), torch.zeros_like(rate)
    # Down to where it surely is not above the smallest one that pays, then up until it pays.
    for _ in range(4):
        rate = torch.where(rate < torch.inf, torch.nextafter(rate, down), rate)
    for _ in range(8):
        rate = torch.where(_paid(weight, rate, quantum) < ask, torch.nextafter(rate, up), rate)
    return rate
