"""The app's history agrees with the market's own tables, after every round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.promises import promises
from analysis.summary import cost_at_own_budget
from market_sim.results import Results
from market_sim.run import declared_guarantees
from scenarios.app import history as module
from scenarios.app.choices import Choices
from scenarios.app.market import Market

DEVIATORS = {"random-misreport": 40, "understated-data-size": 20}
CHOICES = Choices(owners=20, bidders=10, deviators=DEVIATORS)


@pytest.fixture(scope="module")
def played() -> Market:
    market = Market.of(CHOICES)
    market.play(6)
    return market


@pytest.fixture(scope="module")
def trades(played) -> pd.DataFrame:
    return pd.DataFrame(played.model.tables()["trades"])


def test_rounds_are_those_of_the_table(played):
    table = pd.DataFrame(played.model.tables()["rounds"])
    pd.testing.assert_frame_equal(played.history.view().rounds, table)


@pytest.mark.parametrize("rounds", [1, 4, 6])
def test_gains_are_those_of_the_trades_up_to_any_round(played, trades, rounds):
    view = played.history.view(rounds)
    so_far = trades[trades["round"] < rounds]
    misreports = so_far[so_far["misreport_gain"].notna()]
    share = misreports["misreport_gain"] / cost_at_own_budget(misreports)
    np.testing.assert_allclose(view.gains["total"], share.groupby(misreports["round"]).sum())
    np.testing.assert_allclose(view.gains["max"], share.groupby(misreports["round"]).max())
    assert view.gains["misreports"].tolist() == misreports.groupby("round").size().tolist()
    assert view.mean_gain == pytest.approx(share.mean())
    assert view.misreports == len(misreports)
    assert view.lies["strategy"].tolist() == misreports["strategy"].tolist()
    np.testing.assert_allclose(view.lies["gain"], share, atol=1e-12)
    by_owner = so_far.assign(cost=cost_at_own_budget(so_far)).groupby("owner")[["misreport_gain", "cost"]].sum()
    expected = np.zeros(20)
    expected[by_owner.index] = by_owner["misreport_gain"] / by_owner["cost"]
    np.testing.assert_allclose(view.gain_by_owner, expected, atol=1e-12)


def test_a_look_back_shows_what_a_market_stopped_there_shows(played):
    stopped = Market.of(CHOICES)
    stopped.play(3)
    now, then = stopped.history.view(), played.history.view(3)
    assert now.headline == then.headline
    pd.testing.assert_frame_equal(now.rounds, then.rounds)
    pd.testing.assert_frame_equal(now.privacy, then.privacy)
    pd.testing.assert_frame_equal(now.promises, then.promises)
    np.testing.assert_array_equal(now.sold_by_owner, then.sold_by_owner)
    assert set(now.last_bid) == set(then.last_bid)
    assert [record.owners.tolist() for record in now.latest] == [record.owners.tolist() for record in then.latest]


def test_privacy_is_counted_over_everybody(played):
    spent, last = played.model.population.accounts.spent, played.history.view().privacy.iloc[-1]
    assert last["largest"] == spent.max()
    assert last["median"] == np.median(spent)
    np.testing.assert_allclose(played.history.view().sold_by_owner, spent.numpy())


def test_looking_twice_changes_nothing(played):
    before = len(played.history.played)
    played.history.update(played.model)
    assert len(played.history.played) == before == played.rounds


@pytest.mark.parametrize("auction", ["sequential-menu", "pay-as-bid"])
def test_what_became_of_the_claims_is_that_of_the_tables(auction):
    market = Market.of(replace(CHOICES, auction=auction))
    for _ in range(5):
        market.play(1)
        _ = market.history.view().promises
    found = Results.of(market.model.tables(), {})
    whole = promises(
        declared_guarantees(market.model.broker.auction), found.rounds, found.trades, found.identities, found.groups
    )
    pd.testing.assert_frame_equal(market.history.view().promises, whole, check_dtype=False)


def test_records_of_long_ago_are_let_go_and_the_sums_stay(monkeypatch):
    monkeypatch.setattr(module, "MAX_KEPT_BIDS", 25)
    market = Market.of(CHOICES)
    market.play(6)
    assert sorted(market.history.records) == [4, 5]
    early = market.history.view(2)
    assert early.latest == ()
    assert len(early.rounds) == 2
    assert early.last_bid == {}


def test_from_too_few_lies_nothing_is_known():
    market = Market.of(replace(CHOICES, deviators={"scaled-valuation": 10}))
    market.play(4)
    found = market.history.view().headline
    assert 0 < found.misreports < module.ENOUGH_LIES
    assert found.verdict == "Not known yet"
    assert str(found.misreports) in found.sentence or "the only lie" in found.sentence
    assert str(market.history.view(0).headline) == "Not known yet: nobody lied."


def test_price_lists_are_made_once_a_round_and_only_where_there_are_any(played):
    record = played.history.view().latest[0]
    menu = played.history.price_list(record, played.model)
    assert menu is not None
    assert played.history.price_list(record, played.model) is menu
    other = Market.of(replace(CHOICES, auction="all-in"))
    other.play(1)
    assert other.history.price_list(other.model.last_round[0], other.model) is None
