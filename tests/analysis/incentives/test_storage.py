from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from agents.messages import Bids
from agents.misreports.generators import draw_misreports
from agents.prior import OwnerPrior
from agents.valuation import ParametricValuation
from analysis.incentives.storage import packed, read_piece, unpacked, write_piece


def test_lies_come_back_to_the_last_bit(tmp_path: Path, generator: torch.Generator) -> None:
    truth = OwnerPrior().sample(3, 4, generator)[0].truthful_bids()
    for misreports in draw_misreports(truth, 7, generator):
        write_piece(tmp_path / "lies.pt", packed(misreports))
        piece = read_piece(tmp_path / "lies.pt")
        assert piece is not None
        back = unpacked(piece, truth)
        for loss in (truth.privacy_budget, truth.privacy_budget / 3):
            assert torch.equal(back.valuation.at(loss), misreports.valuation.at(loss))
        assert torch.equal(back.privacy_budget, misreports.privacy_budget)
        assert torch.equal(back.data_size, misreports.data_size)


class Steeper(ParametricValuation):
    """A user's own kind of curve."""

    def at(self, privacy_loss: torch.Tensor) -> torch.Tensor:
        return 2 * super().at(privacy_loss)


def test_a_valuation_of_ones_own_kind_comes_back_as_the_truth(generator: torch.Generator) -> None:
    truth: Bids = OwnerPrior().sample(1, 2, generator)[0].truthful_bids()
    assert isinstance(truth.valuation, ParametricValuation)
    misreports = truth.replace(valuation=Steeper(family=truth.valuation.family, factor=truth.valuation.factor))
    assert packed(misreports)["valuation"] is None
    assert unpacked(packed(misreports), truth).valuation is truth.valuation


def test_what_is_not_there_or_cut_off_is_nothing(tmp_path: Path) -> None:
    assert read_piece(tmp_path / "nothing.pt") is None
    write_piece(tmp_path / "piece.pt", {"gain": torch.zeros(100)})
    whole = (tmp_path / "piece.pt").read_bytes()
    for length in (0, 10, len(whole) // 2):
        (tmp_path / "piece.pt").write_bytes(whole[:length])
        assert read_piece(tmp_path / "piece.pt") is None
    (tmp_path / "piece.pt").write_bytes(b"something else altogether")
    assert read_piece(tmp_path / "piece.pt") is None


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_piece(tmp_path / "piece.pt", {"gain": torch.ones(1)})

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_piece(tmp_path / "piece.pt", {"gain": torch.zeros(1)})
    piece = read_piece(tmp_path / "piece.pt")
    assert piece is not None
    assert piece["gain"].item() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["piece.pt"]
