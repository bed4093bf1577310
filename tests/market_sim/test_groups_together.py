"""Who acts together is compared with her own group's truth; who pays is seen beside everybody's truth. By hand.

Owners 0, 1, 2 have costs 237, 800 and 2 400; the budget is 1 718.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from agents.messages import Bids
from agents.owner.strategies.base import MarketView, RoundResult, Strategy
from agents.owner.strategies.truthful import Truthful
from agents.types import OwnerTypes
from market_sim import FLMarket, run_market
from market_sim.results import Results
from tests.market_sim.playing import PerHead, played

Cast = Callable[..., FLMarket]


class Dearer(Strategy):
    """All who follow it act as one, ask half as much again, and the first pays the second 7."""

    name: ClassVar[str] = "dearer"

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        return types.truthful_bids().replace(valuation=types.valuation.scaled(torch.full(types.shape, 1.5).double()))

    def groups(self, view: MarketView) -> torch.Tensor:
        return torch.full((len(view.member),), 4)

    def settle(self, result: RoundResult) -> torch.Tensor:
        paid = torch.zeros_like(result.utility)
        if len(paid) > 1:
            paid[0], paid[1] = -7.0, 7.0
        return paid


class Lonely(Dearer):
    """The same, but everybody says that she acts with whoever has the same number, which nobody has."""

    name: ClassVar[str] = "lonely"

    def groups(self, view: MarketView) -> torch.Tensor:
        return view.member


def test_two_who_ask_more_together_gain_what_both_are_paid_over_cost(three_owners: Cast) -> None:
    # Pay-as-bid buys from the cheapest: 355.5 and 1 200 are within 1 718.5, the third asks 2 400 and stays out.
    record = played(three_owners((Dearer, Dearer, "truthful"), auction="pay-as-bid"))
    (group,) = record.groups.to_dict("records")
    assert (group["strategy"], group["members"], group["paid"]) == ("dearer", 2, True)
    assert group["utility"] == pytest.approx(118.5 + 400)
    assert group["truthful_utility"] == pytest.approx(0, abs=1e-6)
    assert group["gain"] == pytest.approx(518.5)
    assert group["transfers"] == pytest.approx(0)
    trades = record.trades.set_index("owner").sort_index()
    assert trades["group"].tolist()[:2] == [0, 0]
    assert np.isnan(trades["group"][2])
    # Alone each gains what she herself asks more, the other one still asking too much.
    assert trades["misreport_gain"].tolist()[:2] == pytest.approx([118.5, 400])
    assert trades["transfer"].abs().tolist() == [7, 7, 0]
    assert trades["misreport_paid"].tolist() == [True, True, None]
    (row,) = record.rounds.to_dict("records")
    assert row["group_gain_sum"] == row["group_gain_max"] == pytest.approx(518.5)
    assert row["truthful_spent"] == pytest.approx(237 + 800)
    assert row["spent"] == pytest.approx(1555.5)
    assert row["truthful_owner_surplus"] == pytest.approx(0, abs=1e-6)
    # The third told the truth and sells nothing either way.
    assert (row["honest_surplus"], row["truthful_honest_surplus"]) == (0, 0)
    # The same two sell the same: the lie cost the buyer money and nothing else.
    assert (row["truthful_sellers"], row["sellers"]) == (2, 2)
    assert row["truthful_error_bound"] == row["error_bound"]


def test_an_owner_under_two_names_is_a_group_of_one(three_owners: Cast) -> None:
    # Four heads: 429.625 each. She is paid twice; under one name she would be paid 572.83. The second cannot afford it.
    # Her names share her privacy budget of 1, so that what she sells costs her half of what it would under one name.
    record = played(three_owners(("identity-splitting", "truthful", "truthful"), auction=PerHead()))
    (group,) = record.groups.to_dict("records")
    assert (group["strategy"], group["members"]) == ("identity-splitting", 1)
    assert group["utility"] == pytest.approx(2 * 429.625 - 237 / 2)
    assert group["truthful_utility"] == pytest.approx(1718.5 / 3 - 237)
    assert group["gain"] == pytest.approx(record.trades["misreport_gain"].max())
    names = record.identities
    assert names["identity"].tolist().count(0) == 1
    assert (names["held"].sum(), names["records"].sum()) == (237, 237)
    assert names["payment"].tolist() == pytest.approx([429.625] * 2)
    hers = record.trades[record.trades["owner"] == 0].iloc[0]
    assert hers["identities"] == 2
    assert hers["position"] == names.loc[names["identity"] == 0, "position"].item()


@pytest.mark.parametrize(
    "strategies", [("truthful",) * 3, (Lonely, Lonely, "truthful"), (Dearer, "truthful", "truthful")]
)
def test_who_is_alone_in_a_group_is_none(three_owners: Cast, strategies: tuple[Any, ...]) -> None:
    record = played(three_owners(strategies, auction="pay-as-bid"))
    assert len(record.groups) == 0
    assert record.trades["group"].isna().all()
    assert record.rounds["group_gain_sum"].isna().all()


def test_where_nobody_lies_the_truth_is_what_happened(three_owners: Cast) -> None:
    (row,) = played(three_owners(("truthful",) * 3)).rounds.to_dict("records")
    for name in ("error_bound", "spent", "sellers", "owner_surplus", "honest_surplus"):
        assert row[f"truthful_{name}"] == row[name]


def test_more_noise_than_sold_is_no_misreport_but_shows_in_the_bound(three_owners: Cast) -> None:
    (row,) = played(three_owners(("extra-noise",) * 3)).rounds.to_dict("records")
    assert row["truthful_error_bound"] < row["error_bound"]
    assert row["truthful_spent"] == row["spent"]


class ActsAsOne(Truthful):
    """Says that all who follow it act together, and tells the truth."""

    name: ClassVar[str] = "acts-as-one"

    def groups(self, view: MarketView) -> torch.Tensor:
        return torch.zeros(len(view.member), dtype=torch.int64)


def test_a_truthful_group_gains_nothing_to_the_last_bit() -> None:
    fields: dict[str, Any] = {"owners": 12, "bidders": 8, "rounds": 5, "task": "synthetic", "auction": "all-in"}
    groups = run_market(strategies={"scaled-valuation": 0.5, ActsAsOne: 0.5}, **fields).groups
    assert len(groups) == 5
    assert groups["gain"].tolist() == [0.0] * 5
    assert not groups["paid"].any()


def test_a_group_is_set_to_truth_alone_while_all_others_bid_as_they_did() -> None:
    """A rerun by other means: the market's own tables, bid by bid, through the auction itself."""
    fields: dict[str, Any] = {"owners": 24, "bidders": 12, "rounds": 6, "network": "small-world", "seed": 2}
    strategies = {"collusion-ring": 0.5, "random-misreport": 0.25, "truthful": 0.25}
    market = FLMarket(auction="all-in", task="synthetic", strategies=strategies, **fields)
    tried = 0
    for _ in range(6):
        market.step()
        (record,) = market.last_round
        groups = Results.of(market.tables(), {}).groups
        for row in groups[groups["round"] == record.round].itertuples():
            inside = (record.groups.group == row.group)[None]
            bids = record.types.truthful_bids().where(inside, record.bids)
            rerun = market.broker.auction.run(bids, [record.budget])
            assert row.truthful_utility == float(record.types.utility(rerun)[inside].sum())
            tried += 1
    assert tried > 5


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (torch.zeros(2), "return int64"),
        (torch.tensor([-2, 0, 0]), "at least -1"),
        ([0], "list"),
    ],
)
def test_numbers_of_groups_that_are_none_are_refused_by_name(three_owners: Cast, returned: Any, message: str) -> None:
    class Vague(Truthful):
        name: ClassVar[str] = "vague"

        def groups(self, view: MarketView) -> torch.Tensor:
            found: torch.Tensor = returned
            return found

    with pytest.raises((TypeError, ValueError), match=f"strategy 'vague'.*round 0: groups.*{message}"):
        three_owners((Vague,) * 3).step()


def test_curves_that_are_no_family_are_kept(tmp_path: Any) -> None:
    file = tmp_path / "owners.csv"
    file.write_text("data_size,privacy_budget,cost@0.5,cost@1,cost@2\n" + "20,1.5,0.2,0.5,2\n" * 8)
    results = run_market(
        population=file,
        bidders=4,
        rounds=2,
        task="synthetic",
        strategies={"scaled-valuation": 1.0},
        out=tmp_path / "run",
    )
    true = results.curves[results.curves["position"].isna()]
    reported = results.curves[results.curves["position"].notna()]
    assert len(true) == len(reported) == 2 * 4 * 3
    assert true["cost"].tolist() == [0.2, 0.5, 2.0] * 8
    assert reported["cost"].tolist() == pytest.approx([0.3, 0.75, 3.0] * 8)
