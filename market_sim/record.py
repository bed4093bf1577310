"""From one buyer's round to the rows that are recorded of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.messages import Bids, Outcome
from agents.types import OwnerTypes
from agents.valuation import FAMILIES, MixedValuation, ParametricValuation, TabulatedValuation, Valuation


@dataclass(frozen=True)
class RoundRecord:
    """Everything that happened to one buyer in one round; ``n`` bidders, a batch of one.

    Parameters
    ----------
    round, buyer : int
    auction, aggregation : str
        Names of the rules.
    budget : float
        As announced.
    owners : int64[n]
        The bidders.
    strategies : list of str
        What each of them follows.
    types : OwnerTypes [1, n]
        Who they really are, privacy budgets within their allowances.
    bids : Bids [1, n]
        As they reached the broker: verified fields are true. Of those with several identities, their first one's curve
        and privacy budget and the records of all.
    untruthful : bool[1, n]
        Whose bid differs from her type, and who appears under several names.
    outcome : Outcome [1, n]
    utility, truthful_utility : float64[1, n]
        Payment less true cost, side payments apart, and what it would have been had she alone told the truth under one
        name.
    privacy_spent : float64[n]
        Of all rounds, this one included; less than was sold where more noise was added than sold.
    sellers : int
        Uploads received.
    error_bound : float
        With true data sizes; infinite in an invalid round.
    error_bound_first_best : float or None
        None unless asked for.
    worst_bound : float
        Error bound of the poorest purchase, from which the buyer counts the drop.
    value_of_accuracy : float
        Money that a drop of the error bound by 1 is worth to her.
    test_accuracy, test_loss : float
        Of the global model after the round.
    transfer : float64[1, n], optional
        Side payments received less those made.
    cost, reported_cost : float64[1, n], optional
        Of what each bidder sold under all her identities; by default they follow from the outcome.
    """

    round: int
    buyer: int
    auction: str
    aggregation: str
    budget: float
    owners: Tensor
    strategies: list[str]
    types: OwnerTypes
    bids: Bids
    untruthful: Tensor
    outcome: Outcome
    utility: Tensor
    truthful_utility: Tensor
    privacy_spent: Tensor
    sellers: int
    error_bound: float
    error_bound_first_best: float | None
    worst_bound: float
    value_of_accuracy: float
    test_accuracy: float
    test_loss: float
    transfer: Tensor | None = None
    cost: Tensor | None = None
    reported_cost: Tensor | None = None

    @property
    def misreport_gain(self) -> Tensor:
        """Utility less what the truth would have brought ``[1, n]``; exactly 0 where both are equal, be it infinite."""
        same = self.utility == self.truthful_utility
        return torch.where(same, 0.0, self.utility - self.truthful_utility)


def trades_of(record: RoundRecord) -> dict[str, list[Any]]:
    """Columns of the trades, one row per bidder; ``None`` where there is no value."""
    types, bids, outcome = record.types, record.bids, record.outcome
    count = len(record.owners)
    family, factor = _family_and_factor(types.valuation)
    reported_family, reported_factor = _family_and_factor(bids.valuation)
    everything = types.cost_at_own_budget()
    cost = types.cost(outcome) if record.cost is None else record.cost
    reported_cost = record.reported_cost
    if reported_cost is None:
        reported_cost = bids.cost(outcome.privacy_loss, outcome.data_size)
    ratio = bids.cost(types.privacy_budget, bids.data_size) / everything
    return {
        "round": [record.round] * count,
        "buyer": [record.buyer] * count,
        "owner": record.owners.tolist(),
        "strategy": list(record.strategies),
        "truthful": (~record.untruthful)[0].tolist(),
        "family": family,
        "factor": factor,
        "reported_family": reported_family,
        "reported_factor": reported_factor,
        "report_ratio": _or_none(ratio, everything > 0),
        "privacy_budget": types.privacy_budget[0].tolist(),
        "reported_privacy_budget": bids.privacy_budget[0].tolist(),
        "data_size": types.data_size[0].tolist(),
        "reported_data_size": bids.data_size[0].tolist(),
        "own_cost": everything[0].tolist(),
        "cost": cost[0].tolist(),
        "reported_cost": reported_cost[0].tolist(),
        "privacy_loss": outcome.privacy_loss[0].tolist(),
        "records": outcome.data_size[0].tolist(),
        "payment": outcome.payment[0].tolist(),
        "transfer": [0.0] * count if record.transfer is None else record.transfer[0].tolist(),
        "utility": record.utility[0].tolist(),
        "truthful_utility": record.truthful_utility[0].tolist(),
        "misreport_gain": _or_none(record.misreport_gain, record.untruthful),
        "privacy_spent": record.privacy_spent.tolist(),
    }


def round_of(record: RoundRecord) -> dict[str, Any]:
    """The row of the round; ``None`` where there is no value."""
    outcome, utility = record.outcome, record.utility
    count = len(record.owners)
    spent = float(outcome.payment.sum())
    surplus = float(utility.sum())
    drop = record.worst_bound - record.error_bound if record.sellers else 0.0
    buyer_utility = record.value_of_accuracy * drop - spent
    gain = record.misreport_gain[record.untruthful]
    truthful = ~record.untruthful
    return {
        "round": record.round,
        "buyer": record.buyer,
        "auction": record.auction,
        "aggregation": record.aggregation,
        "budget": record.budget,
        "spent": spent,
        "bidders": count,
        "sellers": record.sellers,
        "invalid": record.sellers == 0,
        "error_bound": record.error_bound,
        "error_bound_first_best": record.error_bound_first_best,
        "test_accuracy": record.test_accuracy,
        "test_loss": record.test_loss,
        "owner_surplus": surplus,
        "buyer_utility": buyer_utility,
        "welfare": surplus + buyer_utility,
        "misreport_gain_mean": float(gain.mean()) if len(gain) else None,
        "misreport_gain_max": float(gain.max()) if len(gain) else None,
        "ir_violations": int((truthful & (utility < 0)).sum()),
        "truthful_share": int(truthful.sum()) / count if count else None,
        "privacy_loss_mean": float(outcome.privacy_loss.mean()) if count else None,
        "payment_gini": gini(outcome.payment[0]),
    }


def untruthful(types: OwnerTypes, bids: Bids) -> Tensor:
    """Whose bid differs from her type, ``bool[1, n]``.

    Valuations are compared by family and factor, others as curves up to her own privacy budget: at ``COMPARED_AT``
    equal steps, at the levels of every table among them, and half-way between any two of all these.
    """
    misreports = (bids.privacy_budget != types.privacy_budget) | (bids.data_size != types.data_size)
    reported, true = bids.valuation, types.valuation
    if reported is true:
        return misreports
    if isinstance(reported, ParametricValuation) and isinstance(true, ParametricValuation):
        return misreports | (reported.family != true.family) | (reported.factor != true.factor)
    share = torch.arange(1, COMPARED_AT + 1, dtype=torch.float64) / COMPARED_AT
    own = types.privacy_budget[..., None]  # [1, n, 1]
    tables = torch.minimum(torch.cat([_levels(reported), _levels(true)]).expand(*types.shape, -1), own)
    points = torch.cat([torch.zeros_like(own), own * share, tables], dim=-1).sort(-1).values  # [1, n, level]
    grid = torch.cat([points, (points[..., 1:] + points[..., :-1]) / 2], dim=-1)
    return misreports | (reported.at(grid) != true.at(grid)).any(-1)


COMPARED_AT = 16
"""Equal steps up to the own privacy budget at which two curves are compared."""


def _levels(valuation: Valuation) -> Tensor:
    """Levels ``[K]`` of all tables that a valuation is made of."""
    if isinstance(valuation, MixedValuation):
        return torch.cat([_levels(valuation.first), _levels(valuation.second)])
    return valuation.levels if isinstance(valuation, TabulatedValuation) else torch.zeros(0, dtype=torch.float64)


def gini(payment: Tensor) -> float | None:
    """Gini coefficient of payments ``float64[n]``: 0 if all get the same, near 1 if one gets all, None if nobody."""
    total = float(payment.sum())
    if not total > 0:
        return None
    count = len(payment)
    rank = torch.arange(1, count + 1, dtype=torch.float64)
    return float(2 * (rank * payment.sort().values).sum() / (count * total) - (count + 1) / count)


def _family_and_factor(valuation: Valuation) -> tuple[list[str | None], list[float | None]]:
    """Names and factors of the paper's families, ``None`` for tabulated curves."""
    if isinstance(valuation, ParametricValuation):
        return [FAMILIES[index] for index in valuation.family[0].tolist()], valuation.factor[0].tolist()
    if isinstance(valuation, MixedValuation):
        pairs = zip(_family_and_factor(valuation.first), _family_and_factor(valuation.second), strict=True)
        mask = valuation.mask[0].tolist()
        family, factor = (
            [a if first else b for first, a, b in zip(mask, *pair, strict=True)]  # type: ignore[call-overload]
            for pair in pairs
        )
        return family, factor
    count = valuation.shape[1]
    return [None] * count, [None] * count


def _or_none(values: Tensor, known: Tensor) -> list[float | None]:
    """The numbers of a row ``[1, n]`` where they are known."""
    return [value if is_known else None for value, is_known in zip(values[0].tolist(), known[0].tolist(), strict=True)]
