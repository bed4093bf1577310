from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from agents.messages import Bids
from agents.misreports.generators import draw_misreports
from agents.prior import OwnerPrior
from agents.valuation import ParametricValuation
from analysis.incentives.chunk_result import ChunkResult, Curve, Failure
from analysis.incentives.storage import packed, read_result, storable, unpacked, write_result


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


def test_lies_come_back_to_the_last_bit(tmp_path: Path, truth: Bids, generator: torch.Generator) -> None:
    for misreports in draw_misreports(truth, 7, generator):
        write_result(tmp_path / "chunk.pt", found(misreports))
        result = read_result(tmp_path / "chunk.pt", truth)
        assert result is not None
        back = result.misreports
        for loss in (truth.privacy_budget, truth.privacy_budget / 3):
            assert torch.equal(back.valuation.at(loss), misreports.valuation.at(loss))
        assert torch.equal(back.privacy_budget, misreports.privacy_budget)
        assert torch.equal(back.data_size, misreports.data_size)


def test_everything_else_comes_back_too(tmp_path: Path, truth: Bids) -> None:
    write_result(tmp_path / "chunk.pt", found(truth, gain=2.0))
    back, there = read_result(tmp_path / "chunk.pt", truth), found(truth, gain=2.0)
    assert back is not None
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


def test_what_is_not_there_or_cut_off_is_nothing(tmp_path: Path, truth: Bids) -> None:
    assert read_result(tmp_path / "nothing.pt", truth) is None
    write_result(tmp_path / "chunk.pt", found(truth))
    whole = (tmp_path / "chunk.pt").read_bytes()
    for length in (0, 10, len(whole) // 2):
        (tmp_path / "chunk.pt").write_bytes(whole[:length])
        assert read_result(tmp_path / "chunk.pt", truth) is None
    (tmp_path / "chunk.pt").write_bytes(b"something else altogether")
    assert read_result(tmp_path / "chunk.pt", truth) is None
    torch.save({"gain": torch.zeros(3)}, tmp_path / "chunk.pt")
    assert read_result(tmp_path / "chunk.pt", truth) is None


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, truth: Bids, monkeypatch: pytest.MonkeyPatch) -> None:
    write_result(tmp_path / "chunk.pt", found(truth, gain=1.0))

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_result(tmp_path / "chunk.pt", found(truth))
    result = read_result(tmp_path / "chunk.pt", truth)
    assert result is not None
    assert (result.gain == 1).all()
    assert [path.name for path in tmp_path.iterdir()] == ["chunk.pt"]
