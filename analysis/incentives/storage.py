"""Results of single chunks as bytes, read back without running anything that is in them."""

from __future__ import annotations

import io
from typing import Any

import torch

from agents.messages import Bids
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation, Valuation
from analysis.incentives.chunk_result import ChunkResult, Curve, Failure

_TENSORS = ("gain", "paid", "found_by", "queries", "attacked", "contradicted", "overspent")


def bytes_of(result: ChunkResult) -> bytes:
    """``result`` as bytes that hold no code."""
    content = {
        **{name: getattr(result, name) for name in _TENSORS},
        "names": list(result.names),
        "misreports": packed(result.misreports),
        "curves": {name: vars(curve) for name, curve in result.curves.items()},
        "failures": [vars(failure) for failure in result.failures],
    }
    made = io.BytesIO()
    torch.save(content, made)
    return made.getvalue()


def result_from(kept: bytes, truth: Bids) -> ChunkResult:
    """What ``bytes_of`` made bytes of."""
    content: dict[str, Any] = torch.load(io.BytesIO(kept), weights_only=True)
    return ChunkResult(
        **{name: content[name] for name in _TENSORS},
        names=tuple(content["names"]),
        misreports=unpacked(content["misreports"], truth),
        curves={name: Curve(**curve) for name, curve in content["curves"].items()},
        failures=tuple(Failure(**failure) for failure in content["failures"]),
    )


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
