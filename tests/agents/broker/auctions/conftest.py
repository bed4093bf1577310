"""Small markets written by hand: whole numbers in, numbers that a person can check out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from agents.types import OwnerTypes
from agents.valuation import ParametricValuation

Market = Callable[..., OwnerTypes]


@pytest.fixture
def market() -> Market:
    """``market(size=, cap=, cost=)``: one market of linear owners, ``cost`` being that of everything at ``cap``."""

    def one_market(*, size: Sequence[int], cost: Sequence[float], cap: Sequence[float] | None = None) -> OwnerTypes:
        records = torch.tensor([size])
        caps = torch.tensor([cap or [1.0] * len(size)], dtype=torch.float64)
        factor = torch.tensor([cost], dtype=torch.float64) / (2 * records * caps)
        return OwnerTypes(
            valuation=ParametricValuation(family=torch.zeros_like(records), factor=factor),
            privacy_budget=caps,
            data_size=records,
        )

    return one_market
