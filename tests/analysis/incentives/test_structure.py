from __future__ import annotations

import torch

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from analysis.incentives.structure import lists_hold, structural_tests


class Spendthrift(Auction):
    """Buys everything for twice the budget."""

    name = "spendthrift"
    guarantees = Guarantees(budget_feasible=True)

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        share = bids.data_size / bids.data_size.sum(-1, keepdim=True).clamp(min=1)
        return Outcome(
            privacy_loss=torch.where(bids.present, bids.privacy_budget, 0.0),
            payment=2 * budget[:, None] * share,
            data_size=bids.data_size,
        )


def test_a_menu_that_keeps_its_word_holds_in_every_test(generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(6, 5, generator)
    for name in ("sequential-menu", "sequential-menu-verified"):
        table = structural_tests(load_auction(name), types, budget, generator)
        assert table["holds"].all(), name
        assert (table["worst"] == 0).all()
        assert lists_hold(load_auction(name), types, budget, generator)


def test_a_menu_that_looks_at_its_owner_is_caught_and_not_trusted(generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(6, 5, generator)
    table = structural_tests(load_auction("leaky-menu"), types, budget, generator).set_index("check")
    assert not table.loc["own list ignores own bid", "holds"]
    assert table.loc["own list ignores own bid", "worst"] > 0
    assert table.loc["outcome is choice from list", "holds"]
    assert not lists_hold(load_auction("leaky-menu"), types, budget, generator)


def test_overspending_is_told_in_money(generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(3, 4, generator)
    table = structural_tests(Spendthrift(), types, budget, generator)
    assert list(table["check"]) == ["truthful owners lose nothing", "sum of payments within budget"]
    overspent = table.iloc[1]
    assert not overspent["holds"]
    assert overspent["worst"] >= float(budget.max()) * (1 - 1e-9)
    assert not lists_hold(Spendthrift(), types, budget, generator)


class Expropriation(Auction):
    """Takes everything for nothing."""

    name = "expropriation"
    guarantees = Guarantees()

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        return Outcome(
            privacy_loss=torch.where(bids.present, bids.privacy_budget, 0.0),
            payment=torch.zeros_like(bids.privacy_budget),
            data_size=bids.data_size,
        )


def test_what_the_truth_loses_is_told_in_money_and_held_against_a_claim(generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(3, 4, generator)
    table = structural_tests(Expropriation(), types, budget, generator).set_index("check")
    row = table.loc["truthful owners lose nothing"]
    assert (row["claim"], row["holds"]) == ("claimed", False)
    assert row["worst"] == float(types.cost_at_own_budget().max())
    frank = Expropriation()
    frank.guarantees = Guarantees(individually_rational=False)  # type: ignore[misc]
    table = structural_tests(frank, types, budget, generator).set_index("check")
    assert table.loc["truthful owners lose nothing", "claim"] == "not claimed"
