from __future__ import annotations

import pytest
import torch

from agents.messages import Bids
from agents.misreports.generators import draw_misreports
from agents.prior import OwnerPrior
from agents.valuation import ParametricValuation
from analysis.incentives.chunk_result import ChunkResult, Curve, Failure
from analysis.incentives.storage import bytes_of, packed, result_from, storable, unpacked


@pytest.fixture
def truth(generator: torch.Generator) -> Bids:
    return OwnerPrior().sample(3, 4, generator)[0].truthful_bids()


def found(misreports: Bids, gain: float = 0.0) -> ChunkResult:
    nothing = torch.zeros(misreports.shape, dtype=torch.float64)
    return ChunkResult(
        names=("lattice", "climbing"),
        gain=nothing + gain,
        paid=nothing + gain > 0,
        found_by=nothing.long(),
        queries=nothing.long(),
        misreports=misreports,
        curves={"lattice": Curve([0.0, 0.5], [0.0, 0.5], 1, 12)},
        failures=(Failure("climbing", 3, "RuntimeError: out of ideas", 7),),
        attacked=nothing == 0,
        contradicted=nothing > 0,
        overspent=nothing,
    )


def test_lies_come_back_to_the_last_bit(truth: Bids, generator: torch.Generator) -> None:
    for misreports in draw_misreports(truth, 7, generator):
        back = result_from(bytes_of(found(misreports)), truth).misreports
        for loss in (truth.privacy_budget, truth.privacy_budget / 3):
            assert torch.equal(back.valuation.at(loss), misreports.valuation.at(loss))
        assert torch.equal(back.privacy_budget, misreports.privacy_budget)
        assert torch.equal(back.data_size, misreports.data_size)


def test_everything_else_comes_back_too(truth: Bids) -> None:
    there = found(truth, gain=2.0)
    back = result_from(bytes_of(there), truth)
    assert (back.names, back.curves, back.failures) == (there.names, there.curves, there.failures)
    for name in ("gain", "found_by", "queries", "attacked", "contradicted", "overspent"):
        assert torch.equal(getattr(back, name), getattr(there, name))


class Steeper(ParametricValuation):
    """A user's own kind of curve."""

    def at(self, privacy_loss: torch.Tensor) -> torch.Tensor:
        return 2 * super().at(privacy_loss)


def test_a_valuation_of_ones_own_kind_comes_back_as_the_truth(truth: Bids) -> None:
    assert isinstance(truth.valuation, ParametricValuation)
    misreports = truth.replace(valuation=Steeper(family=truth.valuation.family, factor=truth.valuation.factor))
    assert packed(misreports)["valuation"] is None
    assert unpacked(packed(misreports), truth).valuation is truth.valuation
    assert storable(misreports, truth).valuation is truth.valuation
