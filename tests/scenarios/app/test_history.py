"""The app's history agrees with the market's own tables."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pandas as pd
import pytest

from analysis.summary import cost_at_own_budget
from scenarios.app.choices import Choices, build
from scenarios.app.history import history_of

DEVIATORS = {"random-misreport": 40, "understated-data-size": 20}


@pytest.fixture(scope="module")
def played():
    model = build(Choices(owners=20, bidders=10, deviators=DEVIATORS)).model
    for _ in range(6):
        model.step()
        history_of(model)
    return model


def test_rounds_are_those_of_the_table(played):
    table = pd.DataFrame(played.tables()["rounds"])
    pd.testing.assert_frame_equal(history_of(played).rounds, table)


def test_gains_are_those_of_the_trades(played):
    trades = pd.DataFrame(played.tables()["trades"])
    misreports = trades[trades["misreport_gain"].notna()]
    share = misreports["misreport_gain"] / cost_at_own_budget(misreports)
    history = history_of(played)
    np.testing.assert_allclose(history.gains["total"], share.groupby(misreports["round"]).sum())
    np.testing.assert_allclose(history.gains["max"], share.groupby(misreports["round"]).max())
    assert history.gains["misreports"].tolist() == misreports.groupby("round").size().tolist()
    assert history.mean_gain == pytest.approx(share.mean())
    assert history.misreports == len(misreports)
    assert history.misreports_paid == (share > 0).sum() == 0


def test_an_owner_is_measured_by_all_her_lies(played):
    trades = pd.DataFrame(played.tables()["trades"])
    by_owner = trades.assign(cost=cost_at_own_budget(trades)).groupby("owner")[["misreport_gain", "cost"]].sum()
    expected = np.zeros(20)
    expected[by_owner.index] = by_owner["misreport_gain"] / by_owner["cost"]
    np.testing.assert_allclose(history_of(played).gain_by_owner, expected, atol=1e-12)


def test_the_bids_are_those_of_the_trades(played):
    trades = pd.DataFrame(played.tables()["trades"])
    bids = history_of(played).bids
    assert bids["strategy"].tolist() == trades["strategy"].tolist()
    np.testing.assert_allclose(bids["utility"], trades["utility"] / cost_at_own_budget(trades))
    honest = bids[bids["truthful"]]
    assert (honest["utility"] == honest["truth"]).all()


def test_privacy_is_counted_over_everybody(played):
    spent = played.population.accounts.spent
    last = history_of(played).privacy.iloc[-1]
    assert last["largest"] == spent.max()
    assert last["median"] == np.median(spent)


def test_looking_twice_changes_nothing(played):
    rounds = len(history_of(played).rounds)
    assert len(history_of(played).rounds) == rounds == played.steps


def test_a_market_that_nobody_plays_any_more_is_forgotten():
    model = build(Choices(owners=8, bidders=4)).model
    model.step()
    history_of(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_price_lists_are_made_once_a_round_and_only_where_there_are_any(played):
    history = history_of(played)
    record = history.latest[0]
    menu = history.price_list(record, played)
    assert menu is not None
    assert history.price_list(record, played) is menu
    model = build(Choices(auction="all-in", owners=8, bidders=4)).model
    model.step()
    assert history_of(model).price_list(model.last_round[0], model) is None
