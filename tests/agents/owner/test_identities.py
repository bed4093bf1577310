"""Who stands behind which row."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from agents.messages import Outcome
from agents.owner.identities import Identities
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from market_sim import FLMarket

THREE = OwnerTypes(
    valuation=ParametricValuation(family=torch.tensor([[0, 1, 2]]), factor=torch.tensor([[1.0, 0.5, 2.0]]).double()),
    privacy_budget=torch.tensor([[0.5, 1.0, 2.0]]).double(),
    data_size=torch.tensor([[9, 5, 100]]),
)


def split(parts: list[list[int]], seed: int = 0) -> Identities:
    return Identities.split(THREE, torch.tensor(parts), torch.Generator().manual_seed(seed))


def test_alone_everybody_is_herself() -> None:
    single = Identities.single(THREE)
    assert not single.any_split
    assert single.per_identity(THREE) is THREE
    assert single.merged(THREE) is THREE
    assert single.has_multiple.tolist() == [False] * 3


def test_rows_hold_the_parts_and_the_first_one_what_is_left() -> None:
    rows = split([[3, 5, 50], [3, 0, 20], [2, 0, 0]])
    assert rows.any_split
    assert rows.has_multiple.tolist() == [True, False, True]
    assert rows.place[rows.first].tolist() == [0, 1, 2]
    assert rows.first.tolist() == sorted(rows.first.tolist())
    assert rows.records[rows.first].tolist() == [4, 5, 80]
    assert sorted(rows.records[rows.place == 0].tolist()) == [2, 3, 4]
    assert rows.total(rows.records[None]).tolist() == THREE.data_size.tolist()
    per_identity, merged = rows.per_identity(THREE), rows.merged(THREE)
    assert torch.equal(per_identity.data_size[0], rows.records)
    assert torch.equal(per_identity.valuation.factor[0], THREE.valuation.factor[0, rows.place])
    assert merged.data_size[0, rows.first].tolist() == [9, 5, 100]
    assert merged.data_size.sum() == 114


def test_further_names_stand_anywhere_in_the_queue() -> None:
    places = {tuple(split([[5, 5, 100], [4, 0, 0]], seed).place.tolist()) for seed in range(40)}
    assert places == {(0, 0, 1, 2), (0, 1, 0, 2), (0, 1, 2, 0)}


def test_sales_and_privacy_losses_of_all_names_add_up() -> None:
    rows = split([[5, 5, 100], [4, 0, 0]])
    loss = torch.where(rows.place == 0, torch.where(rows.records == 4, 0.5, 0.25), 1.0)[None].double()
    outcome = rows.outcome(
        Outcome(privacy_loss=loss, payment=rows.records[None].double(), data_size=rows.records[None])
    )
    assert outcome.privacy_loss.tolist() == [[0.75, 1.0, 1.0]]
    assert outcome.payment.tolist() == [[9.0, 5.0, 100.0]]
    assert outcome.data_size.tolist() == [[9, 5, 100]]
    bids = rows.bids(rows.per_identity(THREE).truthful_bids())
    assert bids.data_size.tolist() == [[9, 5, 100]]
    assert torch.equal(bids.valuation.factor, THREE.valuation.factor)


def test_names_share_the_privacy_budget_and_never_more() -> None:
    rows = split([[5, 5, 100], [4, 0, 0]])
    types = rows.per_identity(THREE)
    own, budgets = THREE.privacy_budget[0].tolist(), types.privacy_budget[0]
    assert budgets[rows.place == 0].tolist() == pytest.approx([own[0] / 2] * 2)
    assert float(budgets[rows.place == 0].sum()) <= own[0]
    assert [budgets[rows.place == one].tolist() for one in (1, 2)] == [[own[1]], [own[2]]]
    assert rows.bids(types.truthful_bids()).privacy_budget[0].tolist() == pytest.approx(own)


def test_nobody_sells_more_than_her_privacy_budget_under_all_her_names_together() -> None:
    market = FLMarket(owners=12, bidders=8, rounds=4, strategies={"identity-splitting": 1.0}, seed=2)
    while market.running:
        market.step()
    trades = pd.DataFrame(market.tables()["trades"])
    assert (trades["identities"] > 1).all()
    assert (trades["privacy_loss"] <= trades["privacy_budget"]).all()
    assert (trades["privacy_loss"] > 0.9 * trades["privacy_budget"]).any()
