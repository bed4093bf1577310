"""Pieces of an audit on disk: written whole or not at all, read back without running anything that is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from agents.files import write_file
from agents.messages import Bids
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation, Valuation

Piece = dict[str, Any]
"""Tensors, numbers, strings, and lists and dicts of them."""


def write_piece(path: Path, piece: Piece) -> None:
    """Write ``piece`` to ``path``, which afterwards is complete or as it was."""
    write_file(path, lambda file: torch.save(piece, file))


def read_piece(path: Path) -> Piece | None:
    """What ``write_piece`` left there; None if there is nothing, or nothing that can be read."""
    try:
        piece: Piece = torch.load(path, weights_only=True)
    except Exception:  # However a file was cut off or overwritten, it is made again.
        return None
    return piece


def packed(bids: Bids) -> Piece:
    """Bids as a piece; a valuation of a kind of the user's own becomes None."""
    return {
        "valuation": _packed(bids.valuation),
        "privacy_budget": bids.privacy_budget,
        "data_size": bids.data_size,
    }


def unpacked(piece: Piece, truth: Bids) -> Bids:
    """The bids again; where the valuation could not be packed, the true one."""
    valuation = _unpacked(piece["valuation"])
    return Bids(
        valuation=truth.valuation if valuation is None else valuation,
        privacy_budget=piece["privacy_budget"],
        data_size=piece["data_size"],
    )


def _packed(valuation: Valuation) -> Piece | None:
    if type(valuation) is ParametricValuation:
        return {"family": valuation.family, "factor": valuation.factor}
    if type(valuation) is TabulatedValuation:
        return {"levels": valuation.levels, "cost": valuation.cost}
    if type(valuation) is MixedValuation:
        first, second = _packed(valuation.first), _packed(valuation.second)
        if first is not None and second is not None:
            return {"mask": valuation.mask, "first": first, "second": second}
    return None


def _unpacked(piece: Piece | None) -> Valuation | None:
    if piece is None:
        return None
    if "family" in piece:
        return ParametricValuation(**piece)
    if "levels" in piece:
        return TabulatedValuation(**piece)
    first, second = _unpacked(piece["first"]), _unpacked(piece["second"])
    assert first is not None
    assert second is not None
    return MixedValuation(mask=piece["mask"], first=first, second=second)
