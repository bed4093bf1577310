"""The regret on a model card: counted by hand, and the same whether a sale is certain or drawn."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.lottery import Lottery
from agents.broker.training.found_regret import regret_figures
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior

ALIKE = OwnerPrior(
    records=10, owners=10, sizes="equal", families=("linear",), factor=(1.0, 1.0), privacy_budget=(1.0, 1.0)
)
"""Everybody has one record and sells it at a cost of 2."""


class AskAndGet(Auction):
    """Everybody sells all she has and is paid what she names, 10 at most."""

    name = "ask-and-get"
    guarantees = Guarantees(budget_feasible=False)

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        asked = bids.cost(bids.privacy_budget, bids.data_size)
        sells = (asked <= 10) & bids.present
        return Outcome(
            privacy_loss=torch.where(sells, bids.privacy_budget, 0.0),
            payment=torch.where(sells, asked, 0.0),
            data_size=torch.where(sells, bids.data_size, 0),
        )


class OneTimeInFour(AskAndGet):
    """The same, where everybody is let in by a draw."""

    name = "one-time-in-four"

    def lottery(self, bids: Bids, budget: torch.Tensor) -> Lottery:
        sure = self.allocate(bids, budget, None)
        chance = torch.where(sure.sells, 0.25, 0.0).double()
        loss, payment, records = (
            torch.nn.functional.pad(part[..., None], (1, 0))
            for part in (sure.privacy_loss, sure.payment, sure.data_size)
        )
        return Lottery(loss, payment, records, probability=torch.stack([1 - chance, chance], dim=-1))


@pytest.mark.parametrize("rule", [AskAndGet, OneTimeInFour])
def test_gains_and_costs_are_of_one_kind(rule):
    figures = regret_figures(rule(), ALIKE, profiles=2, queries=400)
    # Whoever names 10 for what costs 2 gains 8, and nearly 10 if she admits to hardly any privacy budget.
    assert 3.9 < figures["found_regret"] < 5
    assert figures["gain_over_payments"] == pytest.approx(figures["found_regret"])
    assert figures["ir_violation_rate"] == 0
