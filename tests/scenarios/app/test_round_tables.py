"""What the last round's picture and the price list say is what happened."""

from __future__ import annotations

import numpy as np
import pytest

from scenarios.app.choices import Choices
from scenarios.app.market import Market
from scenarios.app.round_tables import cost_curves, offer_table, price_list_table


def a_round(auction: str, budget_factor: tuple[float, float] = (0.1, 2.0)):
    deviators = {"scaled-valuation": 40}
    choices = Choices(auction=auction, owners=30, bidders=15, deviators=deviators, seed=1, budget_factor=budget_factor)
    market = Market.of(choices)
    market.play(1)
    record = market.model.last_round[0]
    return record, market.history.price_list(record, market.model)


@pytest.mark.parametrize("auction", ["sequential-menu", "residual-menu", "all-in"])
def test_sellers_are_shown_with_what_they_were_paid_and_what_it_cost_them(auction):
    record, menu = a_round(auction)
    table = offer_table(record, menu)
    sold = table[table["sells"]]
    assert len(sold) == record.sellers > 0
    payment = record.outcome.payment[0].numpy()[table["sells"]]
    np.testing.assert_allclose(sold["price"] * sold["records"], payment)
    cost = record.types.cost(record.outcome)[0].numpy()[table["sells"]]
    np.testing.assert_allclose(sold["cost"] * sold["records"], cost)
    assert (sold["privacy_loss"] <= sold["privacy_budget"]).all()
    assert (table.loc[~table["sells"], "privacy_loss"] == 0).all()


def test_a_truthful_owner_turned_down_only_prices_below_her_cost():
    record, menu = a_round("sequential-menu", budget_factor=(0.05, 0.05))
    table = offer_table(record, menu)
    declined = table[table["truthful"] & ~table["sells"] & table["price"].notna()]
    assert len(declined)
    assert (declined["price"] <= declined["cost"]).all()


def test_an_auction_without_price_lists_names_no_price_to_losers():
    record, menu = a_round("all-in")
    assert menu is None
    table = offer_table(record, menu)
    assert table.loc[~table["sells"], "price"].isna().all()


def test_the_list_marks_what_the_bid_picked_and_what_suits_her_best():
    record, menu = a_round("sequential-menu")
    for place in range(len(record.owners)):
        listed = price_list_table(record, menu, place)
        chosen, best = listed[listed["chosen"]], listed[listed["best"]]
        if record.outcome.sells[0, place]:
            assert chosen["privacy_loss"].item() == float(record.outcome.privacy_loss[0, place])
            assert chosen["profit"].item() == pytest.approx(float(record.utility[0, place]))
        else:
            assert chosen.empty
        maximum = best["profit"].item() if len(best) else 0.0
        assert maximum == pytest.approx(float(record.truthful_utility[0, place]))
        tolerated = listed["privacy_loss"] <= float(record.types.privacy_budget[0, place])
        assert listed.loc[~tolerated, "profit"].isna().all()


def test_who_overstates_her_valuation_claims_a_steeper_curve():
    record, _ = a_round("sequential-menu")
    deviator = record.strategies.index("scaled-valuation")
    honest = record.strategies.index("truthful")
    hers = cost_curves(record, deviator)
    assert hers["privacy_loss"].iloc[-1] == pytest.approx(float(record.types.privacy_budget[0, deviator]))
    assert (hers["ask"].iloc[1:] > hers["cost"].iloc[1:]).all()
    truth = cost_curves(record, honest)
    assert (truth["ask"] == truth["cost"]).all()
