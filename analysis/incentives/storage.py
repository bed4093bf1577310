"""Results of single chunks on disk: written whole or not at all, read back without running anything that is in them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch

from agents.files import write_file
from agents.messages import Bids
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation, Valuation
from analysis.incentives.chunk_result import ChunkResult, Curve, Failure

_TENSORS = ("gain", "paid", "found_by", "queries", "attacked", "contradicted", "overspent")


def write_result(path: Path, result: ChunkResult) -> None:
    """Write ``result`` to ``path``, which afterwards is complete or as it was."""
    content = {
        **{name: getattr(result, name) for name in _TENSORS},
        "names": list(result.names),
        "misreports": packed(result.misreports),
        "curves": {name: vars(curve) for name, curve in result.curves.items()},
        "failures": [vars(failure) for failure in result.failures],
    }
    write_file(path, functools.partial(torch.save, content))


def read_result(path: Path, truth: Bids) -> ChunkResult | None:
    """What ``write_result`` left there; None if there is nothing, or nothing that can be read."""
    try:
        content: dict[str, Any] = torch.load(path, weights_only=True)
        return ChunkResult(
            **{name: content[name] for name in _TENSORS},
            names=tuple(content["names"]),
            misreports=unpacked(content["misreports"], truth),
            curves={name: Curve(**curve) for name, curve in content["curves"].items()},
            failures=tuple(Failure(**failure) for failure in content["failures"]),
        )
    except Exception:  # However a file was cut off or overwritten, it is made again.
        return None


def storable(misreports: Bids, truth: Bids) -> Bids:
    """``misreports`` as they are once read back, so that figures are the same whether an audit was interrupted or not.

    A valuation of a kind of the user's own cannot be stored: it becomes the true one.
    """
    return misreports if _packed(misreports.valuation) else misreports.replace(valuation=truth.valuation)


def packed(bids: Bids) -> dict[str, Any]:
    """Bids as a dict of tensors; a valuation of a kind of the user's own becomes None."""
    return {
        "valuation": _packed(bids.valuation),
        "privacy_budget": bids.privacy_budget,
        "data_size": bids.data_size,
    }


def unpacked(content: dict[str, Any], truth: Bids) -> Bids:
    """The bids again; where the valuation could not be packed, the true one."""
    valuation = content["valuation"]
    return Bids(**{**content, "valuation": truth.valuation if valuation is None else _unpacked(valuation)})


def _packed(valuation: Valuation) -> dict[str, Any] | None:
    if type(valuation) is ParametricValuation:
        return {"family": valuation.family, "factor": valuation.factor}
    if type(valuation) is TabulatedValuation:
        return {"levels": valuation.levels, "cost": valuation.cost}
    if type(valuation) is MixedValuation:
        first, second = _packed(valuation.first), _packed(valuation.second)
        if first is not None and second is not None:
            return {"mask": valuation.mask, "first": first, "second": second}
    return None


def _unpacked(content: dict[str, Any]) -> Valuation:
    if "family" in content:
        return ParametricValuation(**content)
    if "levels" in content:
        return TabulatedValuation(**content)
    return MixedValuation(mask=content["mask"], first=_unpacked(content["first"]), second=_unpacked(content["second"]))
