from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from analysis.incentives.interim import interim_gain
from analysis.incentives.threat_model import ThreatModel

PRIOR = OwnerPrior(records=400, owners=20)


class AsksAndGets(Auction):
    """Everybody sells all she has at her privacy budget and is paid what she says that costs her, up to a cap."""

    name = "asks-and-gets"
    guarantees = Guarantees()

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        cost = bids.cost(bids.privacy_budget, bids.data_size).clamp(max=1e9)
        present = bids.data_size > 0
        return Outcome(
            privacy_loss=torch.where(present, bids.privacy_budget, 0.0), payment=cost, data_size=bids.data_size
        )


def interim(auction: Auction, threat: ThreatModel, generator: torch.Generator, **more: int) -> dict[str, float]:
    return interim_gain(auction, PRIOR, threat, 4, generator, deviators=6, draws=4, misreports=12, **more)


def test_a_lie_that_always_pays_pays_in_the_interim(generator: torch.Generator) -> None:
    found = interim(AsksAndGets(), ThreatModel(frozenset({"valuation"})), generator)
    assert found["mean"] > 0.9
    assert found["over_0.01"] == 1.0
    assert found["low"] <= found["mean"] <= found["high"]


def test_in_an_exact_mechanism_no_lie_pays_in_the_interim_either(generator: torch.Generator) -> None:
    found = interim(load_auction("sequential-menu"), ThreatModel(), generator)
    assert (found["mean"], found["over_0.01"], found["low"], found["high"]) == (0, 0, 0, 0)


def test_staying_away_is_no_lie_to_be_averaged(generator: torch.Generator) -> None:
    found = interim(AsksAndGets(), ThreatModel(frozenset()), generator)
    assert found["mean"] == 0
    assert found.keys() == interim(AsksAndGets(), ThreatModel(), generator).keys()


def test_what_is_infinite_is_counted_and_leaves_no_mean_where_it_is_all(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OwnerTypes, "cost_at_own_budget", lambda types: torch.zeros(types.shape).double())
    found = interim(AsksAndGets(), ThreatModel(frozenset({"valuation"})), generator)
    assert found["not_finite"] == found["deviators"]
    assert all(math.isnan(found[key]) for key in ("mean", "low", "high"))


def test_the_same_stream_gives_the_same() -> None:
    one, other = (interim(AsksAndGets(), ThreatModel(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert one == other


def test_too_few_draws_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="draws = 1: pass a whole number between 2"):
        interim_gain(AsksAndGets(), PRIOR, ThreatModel(), 4, generator, draws=1)
