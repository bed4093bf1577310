"""A market of three owners, small enough to be worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from market_sim import FLMarket

SIZES = (237, 400, 800)
"""Of the 1 437 records of the digits task."""

Cast = Callable[..., FLMarket]


@pytest.fixture
def three_owners(monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Owners 0, 1, 2 with 237, 400, 800 records, privacy budget 1, at 1, 2, 3 money a record; budget half of all costs.

    Their costs are 237, 800 and 2 400; the budget is 1 718.5. Everybody bids; the order is random.
    """
    types = OwnerTypes(
        valuation=ParametricValuation(
            family=torch.zeros(1, 3, dtype=torch.int64), factor=torch.tensor([[0.5, 1.0, 1.5]]).double()
        ),
        privacy_budget=torch.ones(1, 3).double(),
        data_size=torch.tensor([SIZES]),
    )

    def make(strategies: Sequence[str] = ("truthful",) * 3, **fields: Any) -> FLMarket:
        monkeypatch.setattr(OwnerPrior, "population", lambda self, generator: types)
        names = list(dict.fromkeys(strategies))
        share = {name: strategies.count(name) / 3 for name in names}
        given = {"auction": "all-in", "perturbation": "laplace", "budget_factor": 0.5, **fields}
        market = FLMarket(owners=3, bidders=3, strategies=share, **given, seed=0)
        groups = market.population.groups
        groups.group = torch.tensor([names.index(name) for name in strategies])
        for index in range(len(names)):
            members = (groups.group == index).nonzero()[:, 0]
            groups.member[members] = torch.arange(len(members))
        return market

    return make
