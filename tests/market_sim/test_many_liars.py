"""Rounds with many liars: shared answers are those of reruns, and of too many a part stands for all."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import torch

import market_sim.counterfactual as counterfactual
from agents.broker.auctions.all_in import AllIn
from agents.messages import Bids, Outcome
from analysis.headline import headline
from analysis.summary import gains_by_strategy, tried_sentence
from market_sim import FLMarket
from market_sim.results import Results

FIELDS: dict[str, Any] = {
    "owners": 60,
    "bidders": 50,
    "rounds": 3,
    "strategies": {"truthful": 0.4, "scaled-valuation": 0.3, "random-misreport": 0.3},
    "seed": 3,
}


def played(**fields: Any) -> Results:
    market = FLMarket(**{**FIELDS, **fields})
    for _ in range(3):
        market.step()
    return Results.of(market.tables(), {})


@pytest.mark.parametrize(
    ("auction", "share"), [("sequential-menu", 0.9), ("all-in", 0.9), ("residual-menu", 0.9), ("ascending-menu", 0.4)]
)
def test_shared_answers_are_those_of_reruns_to_the_last_bit(
    auction: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the ascending menu whoever lied about her size, half of these liars, is rerun in any case."""
    rerun = played(auction=auction)
    monkeypatch.setattr(counterfactual, "RERUN_ALL_UP_TO", 0)
    monkeypatch.setattr(counterfactual, "CHECKED", 3)
    shared = played(auction=auction)
    lied = ~shared.trades["truthful"]
    assert set(rerun.trades.loc[lied, "counterfactual"]) == {"rerun"}
    assert (shared.trades.loc[lied, "counterfactual"] == "shared").mean() > share
    assert shared.trades.loc[~lied, "counterfactual"].isna().all()
    pd.testing.assert_frame_equal(
        shared.trades.drop(columns="counterfactual"), rerun.trades.drop(columns="counterfactual")
    )
    pd.testing.assert_frame_equal(shared.rounds, rerun.rounds)


def test_a_rule_of_ours_that_answers_wrongly_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    right = AllIn.alone

    def wrong(self: AllIn, bids: Bids, budget: torch.Tensor, instead: Bids, rows: torch.Tensor) -> Any:
        answer, known = right(self, bids, budget, instead, rows)
        if instead is bids:
            return answer, known
        return Outcome(answer.privacy_loss, answer.payment * 0.5, answer.data_size), known

    monkeypatch.setattr(AllIn, "alone", wrong)
    monkeypatch.setattr(counterfactual, "RERUN_ALL_UP_TO", 0)
    with pytest.raises(ArithmeticError, match="'all-in' answers otherwise for the truth of deviators than it decides"):
        played(auction="all-in")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterfactual, "TRIED_UP_TO", 20)
    monkeypatch.setattr(counterfactual, "DRAWN", 12)


@pytest.mark.usefixtures("few")
def test_of_too_many_liars_some_are_tried_and_stand_for_all() -> None:
    sampled, exact = (played(auction="pay-as-bid", counterfactuals=which) for which in ("sampled", "exact"))
    for _, trades in sampled.trades.groupby("round"):
        lies = trades[~trades["truthful"]]
        assert lies["counterfactual"].value_counts().to_dict() == {"rerun": 12, "none": len(lies) - 12}
        left_out = lies["counterfactual"] == "none"
        for column in ("misreport_gain", "misreport_paid", "truthful_utility", "truthful_payment", "stands_for"):
            assert lies.loc[left_out, column].isna().all()
        assert lies.loc[~left_out, "stands_for"].sum() == pytest.approx(len(lies))
    both = sampled.trades.merge(exact.trades, on=["round", "owner"], suffixes=("", "_exact")).dropna(
        subset="misreport_gain"
    )
    assert both["misreport_gain"].equals(both["misreport_gain_exact"])
    rounds = sampled.rounds
    assert (rounds["misreports_tried"] == 12).all()
    assert (rounds["misreports"] == exact.rounds["misreports_tried"]).all()
    inside = exact.rounds["misreport_gain_mean"].between(rounds["misreport_gain_low"], rounds["misreport_gain_high"])
    assert inside.sum() >= 2
    assert (rounds["misreport_gain_max"] <= exact.rounds["misreport_gain_max"]).all()
    assert (exact.rounds["misreport_gain_low"] == exact.rounds["misreport_gain_mean"]).all()


@pytest.mark.usefixtures("few")
def test_the_same_seed_tries_the_same_liars_and_other_rounds_others() -> None:
    one, same = (played(auction="pay-as-bid").trades for _ in range(2))
    pd.testing.assert_frame_equal(one, same)
    tried = one[one["counterfactual"] == "rerun"].groupby("round")["owner"].agg(frozenset)
    assert len(set(tried)) == 3


@pytest.mark.usefixtures("few")
def test_nobody_says_that_no_lie_paid_where_some_were_not_tried() -> None:
    market = played(auction="sequential-menu", strategies={"truthful": 0.4, "understated-data-size": 0.6})
    trades = market.trades.assign(seed=0)
    found = headline(trades, market.groups)
    told = int((~trades["truthful"]).sum())
    assert found.verdict == "None found"
    assert f"not one of 36 lies tried of {told}" in found.sentence
    assert tried_sentence(trades).startswith(f"36 of {told} lies were tried, drawn at random")
    (row,) = gains_by_strategy(trades).to_dict("records")
    assert (row["misreports"], row["told"]) == (36, told)


@pytest.mark.usefixtures("few")
def test_of_too_many_groups_some_are_tried() -> None:
    market = played(auction="posted-price", strategies={"truthful": 0.4, "identity-splitting": 0.6})
    groups = market.groups
    for _, here in groups.groupby("round"):
        assert here["counterfactual"].value_counts()["rerun"] == 12
    left_out = groups["counterfactual"] == "none"
    assert left_out.any()
    assert groups.loc[left_out, ["gain", "paid", "truthful_utility"]].isna().all(axis=None)
    assert groups.loc[~left_out, "gain"].notna().all()
