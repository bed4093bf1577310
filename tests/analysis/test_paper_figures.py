"""What the paper's figures measure, on cases with known answers."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.all_in import AllIn
from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.messages import Outcome
from agents.prior import OwnerPrior
from analysis import published_values
from analysis.paper_figures import FACTORS, PRIORS, bounds, bounds_by_budget, guarantees


class Whims(Auction):
    """Buys everything in the first half of the batch, paying half of the cost, and nothing in the second."""

    name = "whims"
    guarantees = Guarantees()

    def allocate(self, bids, budget, generator):
        sells = (torch.arange(bids.shape[0]) < bids.shape[0] / 2)[:, None] & bids.present
        cost = bids.cost(bids.privacy_budget, bids.data_size)
        return Outcome(
            privacy_loss=torch.where(sells, bids.privacy_budget, 0.0),
            payment=torch.where(sells, cost / 2, 0.0),
            data_size=torch.where(sells, bids.data_size, 0),
        )


def test_two_equal_owners_by_hand():
    """Everything sold at privacy loss 2 has variance 8 / 4; both weights are 1/2: ERR = 2 * 2 / 4, no bias."""
    prior = OwnerPrior(records=200, owners=2, sizes="equal", privacy_budget=(2.0, 2.0))
    types, _ = prior.sample(1, 2, torch.Generator().manual_seed(0))
    everything = Outcome(
        privacy_loss=types.privacy_budget, payment=torch.zeros(1, 2).double(), data_size=types.data_size
    )
    assert bounds(types, everything, "optimal").tolist() == pytest.approx([1.0])
    assert bounds(types, everything, "conventional").tolist() == pytest.approx([1.0])
    assert bounds(types, Outcome.nothing(1, 2), "conventional").tolist() == [float("inf")]


def test_optimal_weights_are_never_worse_and_invalid_rounds_are_counted():
    table = bounds_by_budget({"all-in": AllIn(), "whims": Whims()}, factors=(0.1, 2.0), profiles=40)
    assert len(table) == 2 * 2 * 2 * 2
    assert set(table["setting"]) == set(PRIORS)
    wide = table.pivot(index=["setting", "budget_factor", "auction"], columns="aggregation", values="error_bound")
    assert (wide["optimal"] <= wide["conventional"] * (1 + 1e-12)).all()
    whims = table[table["auction"] == "whims"]
    assert (whims["invalid_rate"] == 0.5).all()
    assert ((whims["invalid_low"] < 0.5) & (whims["invalid_high"] > 0.5)).all()
    assert ((table["low"] <= table["error_bound"]) & (table["error_bound"] <= table["high"])).all()


def test_regret_and_rationality_over_cost():
    prior = PRIORS["IID"]
    exact = guarantees(AllIn(), prior, profiles=10, queries=5)
    assert exact["ir"] == 0
    assert guarantees(Whims(), prior, profiles=10, queries=5)["ir"] == pytest.approx(0.5)
    cheat = guarantees(PayAsBid(), prior, profiles=10, queries=20)
    assert cheat["regret"] > 0.1
    assert cheat["regret_low"] <= cheat["regret"] <= cheat["regret_high"]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (published_values.error_bounds(), 24),
        (published_values.invalid_rates(), 12),
        (published_values.accuracies(), 12),
        (published_values.guarantees_by_levels(), 10),
        (published_values.table_1(), 8),
    ],
)
def test_every_printed_value_is_there(table, rows):
    assert len(table) == rows
    assert set(table["setting"]) == set(published_values.SETTINGS)
    assert table.notna().all().all()


def test_some_printed_values():
    """Table I of the paper, to its last digit, and the ends of Fig. 7."""
    misreports = published_values.table_1().set_index(["setting", "auction", "aggregation"])
    assert misreports.loc[("IID", "dm-regretnet", "optimal")].tolist() == [0.0556, 0.0265]
    assert misreports.loc[("non-IID", "regretnet", "")].tolist() == [0.8164, 0.3864]
    ends = published_values.error_bounds().set_index(["setting", "auction", "aggregation", "budget_factor"])
    assert ends.loc[("IID", "dm-regretnet", "optimal", 2.0), "error_bound"] == 3.9
    assert FACTORS[0] == 0.1
    assert FACTORS[-1] == 2.0
