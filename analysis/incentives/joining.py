"""From the pieces of single chunks to tables over all of them: curves, owners, profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from agents.types import OwnerTypes
from agents.valuation import FAMILIES, ParametricValuation
from analysis.incentives.coalitions import together
from analysis.incentives.expectation import Expected
from analysis.incentives.storage import Piece
from analysis.incentives.threat_model import ThreatModel


def joined(pieces: Sequence[Piece]) -> Piece:
    """The pieces of consecutive chunks as one; what found something is numbered anew over all of them."""
    names = list(dict.fromkeys(name for piece in pieces for name in piece["names"]))
    found = []
    for piece in pieces:
        number = torch.tensor([names.index(name) for name in piece["names"]] or [0])
        found.append(torch.where(piece["found_by"] < 0, -1, number[piece["found_by"].clamp(min=0)]))
    shape = pieces[0]["gain"].shape[1:]
    whole: Piece = {"names": names, "found_by": torch.cat(found)}
    for key, nothing in (("contradicted", torch.bool), ("overspent", torch.float64), ("possible", torch.bool)):
        if key in pieces[0]:
            whole[key] = torch.cat([piece[key] for piece in pieces])
        elif key != "possible":
            whole[key] = torch.zeros(sum(len(piece["gain"]) for piece in pieces), *shape, dtype=nothing)
    whole |= {key: torch.cat([piece[key] for piece in pieces]) for key in ("gain", "queries")}
    whole["said"] = {key: torch.cat([piece["said"][key] for piece in pieces]) for key in pieces[0]["said"]}
    whole["failures"] = [failure for piece in pieces for failure in piece["failures"]]
    whole["curves"] = curves([piece["curves"] for piece in pieces], names)
    return whole


def curves(pieces: Sequence[dict[str, Any]], names: Sequence[str]) -> pd.DataFrame:
    """What was found against queries, per attacker, over all chunks.

    Returns
    -------
    DataFrame
        ``attacker, queries, own, together, owners, infinite``: mean gain over own cost after so many queries of this
        attacker, by it alone and by all until then, over the ``owners`` it asked. An attacker that failed in a chunk
        keeps there what it had found.
    """
    rows = []
    for name in names:
        mine = [piece[name] for piece in pieces if name in piece]
        length = max((len(curve["own"]) for curve in mine), default=0)
        owners = sum(curve["owners"] for curve in mine)
        infinite = sum(curve["infinite"] for curve in mine)
        sums = {key: np.zeros(length) for key in ("own", "together")}
        for curve in mine:
            for key, total in sums.items():
                # Nothing asked is nothing found.
                values = np.array(curve[key] or [0.0])
                total += np.concatenate([values, np.full(max(0, length - len(values)), values[-1])])[:length]
        for query in range(length):
            means = {key: float(total[query] / max(1, owners)) for key, total in sums.items()}
            rows.append({"attacker": name, "queries": query + 1, **means, "owners": owners, "infinite": infinite})
    return pd.DataFrame(rows, columns=["attacker", "queries", "own", "together", "owners", "infinite"])


def owners_table(types: OwnerTypes, budget: Tensor, threat: ThreatModel, truth: Expected, found: Piece) -> pd.DataFrame:
    """One row per owner (or coalition) attacked: who she is, what the truth gave her, what her best lie gained.

    Returns
    -------
    DataFrame
        ``profile, owner, gain, found_by, queries, contradicted, overspent, valuation_ratio, privacy_budget_ratio,
        data_size_ratio, utility, payment, sells, own_cost, allocation_cost, family, factor, privacy_budget, data_size,
        budget, budget_factor``. The three ratios are what the best lie says over the truth; of a coalition only the
        first bid is told. ``budget_factor``: budget over the cost of everything.
    """
    present = found.get("possible", types.data_size > 0)
    names = np.array([*found["names"], ""])
    whole = types.cost_at_own_budget()
    everything = torch.where(types.data_size > 0, whole, 0.0).sum(-1)
    columns: dict[str, Tensor] = {
        "gain": found["gain"],
        "queries": found["queries"],
        "contradicted": found["contradicted"],
        "overspent": found["overspent"],
        **found["said"],
        "utility": together(types, truth.utility, threat),
        "payment": together(types, truth.payment, threat),
        "sells": together(types, truth.sells.long(), threat) > 0,
        "own_cost": together(types, whole, threat),
        "allocation_cost": together(types, truth.cost, threat),
        "privacy_budget": types.privacy_budget,
        "data_size": types.data_size,
        "budget": budget[:, None].expand(types.shape),
        "budget_factor": (budget / everything)[:, None].expand(types.shape),
    }
    row, owner = present.nonzero(as_tuple=True)
    table = pd.DataFrame({name: column[row, owner].numpy() for name, column in columns.items()})
    table.insert(0, "profile", row.numpy())
    table.insert(1, "owner", owner.numpy())
    table.insert(3, "found_by", names[found["found_by"][row, owner].numpy()])
    if isinstance(types.valuation, ParametricValuation):
        table["family"] = np.array(FAMILIES)[types.valuation.family[row, owner].numpy()]
        table["factor"] = types.valuation.factor[row, owner].numpy()
    return table


def profiles_table(budget: Tensor, truth: Expected) -> pd.DataFrame:
    """One row per profile, all truthful: ``budget, spent, sellers``; of a lottery the most it can spend."""
    return pd.DataFrame(
        {"budget": budget.numpy(), "spent": truth.max_spent.numpy(), "sellers": truth.sells.sum(-1).numpy()}
    )
