"""All-in's walk with one owner moved, for all owners at once, beside the rule run again for each of them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.broker.auctions.all_in import AllIn
from agents.broker.auctions.parts.single_minded import offers
from agents.messages import Bids
from agents.valuation import ParametricValuation


def market(owners: int, generator: torch.Generator, *, coarse: bool) -> Bids:
    def numbers(low: float, high: float) -> torch.Tensor:
        drawn = low + (high - low) * torch.rand(1, owners, generator=generator, dtype=torch.float64)
        return (drawn * 4).round() / 4 if coarse else drawn

    size = torch.randint(0, 6, (1, owners), generator=generator)
    curves = ParametricValuation(family=torch.zeros(1, owners, dtype=torch.int64), factor=numbers(0.0, 2.0))
    return Bids(valuation=curves, privacy_budget=numbers(0.25, 2.0), data_size=size)


def place_by_place(bids: Bids, budget: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The walk as the paper writes it, one offer after the other."""
    offered = offers(bids, budget)
    order = offered.reserve[0].argsort(stable=True).tolist()
    total, wins = 0.0, torch.zeros(bids.shape, dtype=torch.bool)
    for owner in order:
        grown = total + float(offered.weight[0, owner])
        ask = float(offered.reserve[0, owner])
        if ask < float("inf") and ask <= float(offered.rate(torch.tensor([grown], dtype=torch.float64))[0]):
            total, wins[0, owner] = grown, True
    return wins, torch.tensor([total], dtype=torch.float64)


@settings(max_examples=150, deadline=None)
@given(
    owners=st.integers(1, 12), seed=st.integers(0, 2**32), coarse=st.booleans(), money=st.sampled_from([0, 1, 5, 20])
)
def test_who_is_admitted_and_what_each_alone_would_have_got(owners: int, seed: int, coarse: bool, money: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    bids, instead = (market(owners, generator, coarse=coarse) for _ in range(2))
    budget, rule, everybody = torch.tensor([float(money)]).double(), AllIn(), torch.arange(owners)
    wins, total = place_by_place(bids, budget)
    offered = offers(bids, budget)
    outcome = rule.run(bids, budget)
    assert torch.equal(outcome.sells, wins & (outcome.privacy_loss > 0))
    assert torch.equal(outcome.payment, torch.where(wins, offered.payment(offered.rate(total)[:, None]), 0.0))
    alone, known = rule.alone(bids, budget, instead, everybody)
    each = torch.eye(owners, dtype=torch.bool)
    again = torch.zeros(owners, dtype=torch.int64)
    rerun = rule.run(instead.take(again).where(each, bids.take(again)), budget.expand(owners))
    for part in ("privacy_loss", "payment", "data_size"):
        assert torch.equal(getattr(alone, part)[0][known], getattr(rerun, part)[everybody, everybody][known])


def test_nearly_all_are_known() -> None:
    generator = torch.Generator().manual_seed(0)
    bids, instead = (market(500, generator, coarse=False) for _ in range(2))
    _, known = AllIn().alone(bids, torch.tensor([300.0]).double(), instead, torch.arange(500))
    assert int(known.sum()) >= 498


@pytest.mark.parametrize("money", [1e-3, 1.0, 1e3, 1e6])
def test_a_batch_is_its_markets_one_by_one(money: float) -> None:
    generator = torch.Generator().manual_seed(1)
    markets = [market(40, generator, coarse=bool(index % 2)) for index in range(8)]
    budget = torch.tensor([money]).double()
    curves = [each.valuation for each in markets]
    batch = Bids(
        valuation=ParametricValuation(
            family=torch.cat([curve.family for curve in curves if isinstance(curve, ParametricValuation)]),
            factor=torch.cat([curve.factor for curve in curves if isinstance(curve, ParametricValuation)]),
        ),
        privacy_budget=torch.cat([each.privacy_budget for each in markets]),
        data_size=torch.cat([each.data_size for each in markets]),
    )
    together = AllIn().run(batch, budget.expand(8))
    for index, each in enumerate(markets):
        assert torch.equal(together.payment[index], AllIn().run(each, budget).payment[0])
