"""From the results of single chunks to tables over all of them: curves, owners, profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from agents.messages import Bids
from agents.types import OwnerTypes
from agents.valuation import FAMILIES, ParametricValuation
from analysis.incentives.case import Case
from analysis.incentives.chunk_result import ChunkResult, Curve, Failure
from analysis.incentives.coalitions import coalition_total
from analysis.incentives.expectation import ExpectedOutcome

_JOINED = ("gain", "paid", "queries", "attacked", "contradicted", "overspent")


@dataclass(frozen=True, eq=False)
class CampaignResult:
    """What one threat model brought: the fields of ``ChunkResult`` over all chunks.

    Parameters
    ----------
    names : tuple of str
    gain, paid, found_by, queries, attacked, contradicted, overspent : [B, n]
    ratios : mapping of float64[B, n]
        What the best lies say over the truth; see ``report_ratios``.
    failures : tuple of Failure
    curves : DataFrame
        See ``curves``.
    """

    names: tuple[str, ...]
    gain: Tensor
    paid: Tensor
    found_by: Tensor
    queries: Tensor
    attacked: Tensor
    contradicted: Tensor
    overspent: Tensor
    ratios: Mapping[str, Tensor]
    failures: tuple[Failure, ...]
    curves: pd.DataFrame


def joined(results: Sequence[ChunkResult], types: Sequence[OwnerTypes], owners: int) -> CampaignResult:
    """The results of consecutive chunks as one ``[B, owners]``; finders are numbered anew over all of them.

    ``types`` are those of each chunk, whose markets may have fewer owners.
    """
    names = tuple(dict.fromkeys(name for result in results for name in result.names))
    found, ratios = [], []
    for result, of in zip(results, types, strict=True):
        number = torch.tensor([names.index(name) for name in result.names] or [0])
        by = torch.where(result.found_by < 0, -1, number[result.found_by.clamp(min=0)])
        found.append(widened(by, owners, fill=-1))
        ratios.append(report_ratios(of.truthful_bids(), result.misreports))
    return CampaignResult(
        names=names,
        found_by=torch.cat(found),
        **{key: torch.cat([widened(getattr(result, key), owners) for result in results]) for key in _JOINED},
        ratios={key: torch.cat([widened(ratio[key], owners) for ratio in ratios]) for key in ratios[0]},
        failures=tuple(failure for result in results for failure in result.failures),
        curves=curves([result.curves for result in results], names),
    )


def widened(values: Tensor, owners: int, fill: int = 0) -> Tensor:
    """``values[b, n]`` with as many columns as there are owners in the largest market."""
    return torch.nn.functional.pad(values, (0, owners - values.shape[1]), value=fill)


def report_ratios(truth: Bids, misreports: Bids) -> dict[str, Tensor]:
    """What ``misreports`` say over the truth ``[B, n]``, by column of ``owners_table``; no number over a truth of 0.

    The valuation is compared per record, at the true privacy budget.
    """
    true_cost, reported_cost = (bids.valuation.at(truth.privacy_budget) for bids in (truth, misreports))
    return {
        "valuation_ratio": reported_cost / true_cost,
        "privacy_budget_ratio": misreports.privacy_budget / truth.privacy_budget,
        "data_size_ratio": misreports.data_size / truth.data_size,
    }


def curves(chunks: Sequence[Mapping[str, Curve]], names: Sequence[str]) -> pd.DataFrame:
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
        mine = [chunk[name] for chunk in chunks if name in chunk]
        length = max((len(curve.own) for curve in mine), default=0)
        owners = sum(curve.owners for curve in mine)
        infinite = sum(curve.infinite for curve in mine)
        sums = {key: np.zeros(length) for key in ("own", "together")}
        for curve in mine:
            for key, total in sums.items():
                # Nothing asked is nothing found.
                values = np.array(getattr(curve, key) or [0.0])
                total += np.concatenate([values, np.full(max(0, length - len(values)), values[-1])])[:length]
        for query in range(length):
            means = {key: float(total[query] / max(1, owners)) for key, total in sums.items()}
            rows.append({"attacker": name, "queries": query + 1, **means, "owners": owners, "infinite": infinite})
    return pd.DataFrame(rows, columns=["attacker", "queries", "own", "together", "owners", "infinite"])


def owners_table(case: Case, truth: ExpectedOutcome, found: CampaignResult) -> pd.DataFrame:
    """One row per owner (or coalition) attacked: who she is, what the truth gave her, what her best lie gained.

    Returns
    -------
    DataFrame
        ``profile, owner, gain, found_by, paid, queries, contradicted, overspent, valuation_ratio, privacy_budget_ratio,
        data_size_ratio, utility, payment, sells, own_cost, allocation_cost, family, factor, privacy_budget, data_size,
        budget, budget_factor``. The three ratios are what the best lie says over the truth; of a coalition only the
        first bid is told. ``budget_factor``: budget over the cost of everything.
    """
    types, budget, threat = case.types, case.budget, case.threat
    # Nobody is number -1: the last of the names, which is none.
    names = np.array([*found.names, ""])
    whole = types.cost_at_own_budget()
    everything = torch.where(types.data_size > 0, whole, 0.0).sum(-1)
    columns: dict[str, Tensor] = {
        "gain": found.gain,
        "paid": found.paid,
        "queries": found.queries,
        "contradicted": found.contradicted,
        "overspent": found.overspent,
        **found.ratios,
        "utility": coalition_total(types, truth.utility, threat),
        "payment": coalition_total(types, truth.payment, threat),
        "sells": coalition_total(types, truth.sells.long(), threat) > 0,
        "own_cost": coalition_total(types, whole, threat),
        "allocation_cost": coalition_total(types, truth.cost, threat),
        "privacy_budget": types.privacy_budget,
        "data_size": types.data_size,
        "budget": budget[:, None].expand(types.shape),
        "budget_factor": (budget / everything)[:, None].expand(types.shape),
    }
    row, owner = found.attacked.nonzero(as_tuple=True)
    table = pd.DataFrame({name: column[row, owner].numpy() for name, column in columns.items()})
    table.insert(0, "profile", row.numpy())
    table.insert(1, "owner", owner.numpy())
    table.insert(3, "found_by", names[found.found_by[row, owner].numpy()])
    if isinstance(types.valuation, ParametricValuation):
        table["family"] = np.array(FAMILIES)[types.valuation.family[row, owner].numpy()]
        table["factor"] = types.valuation.factor[row, owner].numpy()
    return table


def profiles_table(budget: Tensor, truth: ExpectedOutcome) -> pd.DataFrame:
    """One row per profile, all truthful: ``budget, spent, sellers``; of a lottery the most it can spend."""
    return pd.DataFrame(
        {"budget": budget.numpy(), "spent": truth.max_spent.numpy(), "sellers": truth.sells.sum(-1).numpy()}
    )
