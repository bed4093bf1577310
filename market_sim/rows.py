"""From the record of a round to the rows of its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from agents.owner.identities import Identities
from agents.surplus import pays
from agents.valuation import FAMILIES, MixedValuation, ParametricValuation, TabulatedValuation, Valuation
from market_sim.counterfactual import NOT_TRIED, RERUN
from market_sim.record import EverybodyTruthful, RoundRecord
from market_sim.tables import CURVES, GROUPS, IDENTITIES


def trades_of(record: RoundRecord) -> dict[str, list[Any]]:
    """Columns of the trades, one row per bidder; ``None`` where there is no value."""
    types, bids, outcome = record.types, record.bids, record.outcome
    count = len(record.owners)
    family, factor = _family_and_factor(types.valuation)
    reported_family, reported_factor = _family_and_factor(bids.valuation)
    everything = types.cost_at_own_budget()
    cost = record.own_sale_cost
    reported_cost = record.reported_cost
    if reported_cost is None:
        reported_cost = bids.cost(outcome.privacy_loss, outcome.data_size)
    ratio = bids.cost(types.privacy_budget, bids.data_size) / everything
    known = record.tried | ~record.untruthful
    return {
        "round": [record.round] * count,
        "buyer": [record.buyer] * count,
        "owner": record.owners.tolist(),
        "strategy": list(record.strategies),
        "truthful": (~record.untruthful)[0].tolist(),
        "group": [None] * count if record.groups is None else _numbers(record.groups.group),
        "identities": [1] * count if record.rows is None else record.rows.identities.counts.tolist(),
        "position": list(range(count)) if record.rows is None else record.rows.identities.first.tolist(),
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
        "truthful_utility": _or_none(record.truthful_utility, known),
        "truthful_payment": _or_none(record.payment_for_truth, known),
        "counterfactual": _how_found(record),
        "stands_for": _or_none(stands_for(record)[None], record.tried),
        "misreport_gain": _or_none(record.misreport_gain, record.tried),
        "misreport_paid": _or_none(record.misreport_paid, record.tried),
        "privacy_spent": record.privacy_spent.tolist(),
        "delta_spent": record.delta_spent.tolist(),
        "privacy_total": record.privacy_total.tolist(),
        "unusable_records": record.unusable_records.tolist(),
    }


def round_of(record: RoundRecord) -> dict[str, Any]:
    """The row of the round; ``None`` where there is no value."""
    outcome, utility = record.outcome, record.utility
    count = len(record.owners)
    spent = float(outcome.payment.sum())
    surplus = float(utility.sum())
    honest = float(utility[~record.untruthful].sum())
    drop = record.worst_bound - record.error_bound if record.sellers else 0.0
    buyer_utility = record.value_of_accuracy * drop - spent
    gain = gain_per_lie(record)
    truthful = ~record.untruthful
    group_gain = [gain for gain in groups_of(record)["gain"] if gain is not None]
    everybody = record.everybody or EverybodyTruthful(record.error_bound, spent, record.sellers, surplus, honest)
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
        "macro_f1": record.macro_f1,
        "balanced_accuracy": record.balanced_accuracy,
        "owner_surplus": surplus,
        "honest_surplus": honest,
        "buyer_utility": buyer_utility,
        "welfare": surplus + buyer_utility,
        "misreports": int(record.untruthful.sum()),
        "misreports_tried": int(record.tried.sum()),
        "misreport_gain_mean": None if gain is None else gain[0],
        "misreport_gain_low": None if gain is None else gain[1],
        "misreport_gain_high": None if gain is None else gain[2],
        "misreport_gain_max": None if gain is None else float(record.misreport_gain[record.tried].max()),
        "ir_violations": int((truthful & (utility < 0)).sum()),
        "truthful_share": int(truthful.sum()) / count if count else None,
        "privacy_loss_mean": float(outcome.privacy_loss.mean()) if count else None,
        "payment_gini": gini(outcome.payment[0]),
        "group_gain_sum": sum(group_gain) if group_gain else None,
        "group_gain_max": max(group_gain) if group_gain else None,
        "truthful_error_bound": everybody.error_bound,
        "truthful_spent": everybody.spent,
        "truthful_sellers": everybody.sellers,
        "truthful_owner_surplus": everybody.owner_surplus,
        "truthful_honest_surplus": everybody.honest_surplus,
    }


def stands_for(record: RoundRecord) -> Tensor:
    """How many of the round's lies each one that was tried stands for ``float64[n]``."""
    weight = record.stands_for
    return torch.ones(len(record.owners), dtype=torch.float64) if weight is None else weight


def gain_per_lie(record: RoundRecord) -> tuple[float, float, float] | None:
    """Mean gain of all lies of a round and its 95 % interval, a point if all were tried; None without any.

    Those that were not tried were left out at random, so that those tried in their place have their mean, with the
    error of a sample without replacement (Cochran, "Sampling Techniques", 1977, theorem 2.2).
    """
    gain, weight = record.misreport_gain[record.tried], stands_for(record)[record.tried[0]]
    if not len(gain):
        return None
    # A sum over its number where none was left out: weights of 1 leave its last bit alone.
    mean = float((gain * weight).sum() / weight.sum()) if bool((weight != 1).any()) else float(gain.mean())
    drawn = gain[weight > 1]
    if len(drawn) < 2 or not bool(drawn.isfinite().all()):
        return mean, mean, mean
    stratum = float(weight[weight > 1].sum())
    error = float(drawn.std()) * ((1 - len(drawn) / stratum) / len(drawn)) ** 0.5 * stratum / float(weight.sum())
    return mean, mean - 1.96 * error, mean + 1.96 * error


def groups_of(record: RoundRecord) -> dict[str, list[Any]]:
    """Columns of the groups: what each brought its members together, and what the truth of all of them would have."""
    groups = record.groups
    if groups is None or not groups.strategies:
        return {name: [] for name in GROUPS.names}
    count = len(groups.strategies)
    transfers = torch.zeros(count, dtype=torch.float64) if record.transfer is None else groups.total(record.transfer)
    utility = groups.total(record.utility) + transfers  # [G]
    gain = torch.where(utility == groups.truthful_utility, 0.0, utility - groups.truthful_utility)
    tried = ~groups.truthful_utility.isnan()[None]
    paid = pays(gain, groups.truthful_payment, groups.total(record.outcome.payment), groups.total(record.own_sale_cost))
    return {
        "round": [record.round] * count,
        "buyer": [record.buyer] * count,
        "group": list(range(count)),
        "strategy": list(groups.strategies),
        "members": groups.total(torch.ones_like(record.owners)[None]).tolist(),
        "utility": utility.tolist(),
        "truthful_utility": _or_none(groups.truthful_utility[None], tried),
        "counterfactual": [RERUN if was else NOT_TRIED for was in tried[0].tolist()],
        "gain": _or_none(gain[None], tried),
        "paid": _or_none(paid[None], tried),
        "transfers": transfers.tolist(),
    }


def identities_of(record: RoundRecord) -> dict[str, list[Any]]:
    """Columns of the identities of all who bid under several, in the order of the bids."""
    rows = record.rows
    if rows is None or not rows.identities.any_split:
        return {name: [] for name in IDENTITIES.names}
    identities = rows.identities
    several = identities.has_multiple[identities.place].nonzero()[:, 0]  # [k]
    family, factor = _family_and_factor(rows.bids.valuation.take(slice(None), several))
    count = len(several)
    return {
        "round": [record.round] * count,
        "buyer": [record.buyer] * count,
        "owner": record.owners[identities.place[several]].tolist(),
        "identity": _identity_numbers(identities, several),
        "position": several.tolist(),
        "held": identities.records[several].tolist(),
        "reported_family": family,
        "reported_factor": factor,
        "reported_privacy_budget": rows.bids.privacy_budget[0, several].tolist(),
        "reported_data_size": rows.bids.data_size[0, several].tolist(),
        "privacy_loss": rows.outcome.privacy_loss[0, several].tolist(),
        "records": rows.outcome.data_size[0, several].tolist(),
        "payment": rows.outcome.payment[0, several].tolist(),
    }


def confusion_of(
    round: int, confusions: Sequence[Sequence[Sequence[int]]], names: Sequence[str]
) -> dict[str, list[Any]]:
    """Columns of the confusion matrices of all buyers' models after a round, class by class."""
    counts = [
        (buyer, label, named, records)
        for buyer, confusion in enumerate(confusions)
        for label, row in zip(names, confusion, strict=True)
        for named, records in zip(names, row, strict=True)
    ]
    return {
        "round": [round] * len(counts),
        "buyer": [buyer for buyer, *_ in counts],
        "label": [label for _, label, _, _ in counts],
        "named": [named for _, _, named, _ in counts],
        "records": [records for *_, records in counts],
    }


def _identity_numbers(identities: Identities, rows: Tensor) -> list[int]:
    """Which identity of its owner each row is: 0 for the first, the others counted in the order of the bids."""
    counted: dict[int, int] = {}
    numbers = []
    for row, bidder in zip(rows.tolist(), identities.place[rows].tolist(), strict=True):
        if row == int(identities.first[bidder]):
            numbers.append(0)
        else:
            counted[bidder] = counted.get(bidder, 0) + 1
            numbers.append(counted[bidder])
    return numbers


def curves_of(record: RoundRecord) -> dict[str, list[Any]]:
    """Columns of all valuations that belong to no family: true ones, and what was reported in each row of the bids."""
    found: dict[str, list[Any]] = {name: [] for name in CURVES.names}
    bids = record.bids if record.rows is None else record.rows.bids
    place = range(len(record.owners)) if record.rows is None else record.rows.identities.place.tolist()
    owners = record.owners.tolist()
    true = [(owners[bidder], None, curve) for bidder, curve in _curves(record.types.valuation)]
    reported = [(owners[place[row]], row, curve) for row, curve in _curves(bids.valuation)]
    for owner, position, (levels, cost) in [*true, *reported]:
        count = len(levels)
        for name, value in (("round", record.round), ("buyer", record.buyer), ("owner", owner), ("position", position)):
            found[name] += [value] * count
        found["level"] += levels.tolist()
        found["cost"] += cost.tolist()
    return found


def _curves(valuation: Valuation) -> Iterator[tuple[int, tuple[Tensor, Tensor]]]:
    """Levels and costs ``[K]`` of every owner's table in a batch of one; owners of a family have none."""
    if isinstance(valuation, MixedValuation):
        mask = valuation.mask[0].tolist()
        first, second = dict(_curves(valuation.first)), dict(_curves(valuation.second))
        for owner, is_first in enumerate(mask):
            curve = (first if is_first else second).get(owner)
            if curve is not None:
                yield owner, curve
    elif isinstance(valuation, TabulatedValuation):
        for owner in range(valuation.shape[1]):
            yield owner, (valuation.levels, valuation.cost[0, owner])


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


def _numbers(group: Tensor) -> list[int | None]:
    """Group numbers ``int64[n]``, None for whoever acts alone."""
    return [number if number >= 0 else None for number in group.tolist()]


def _how_found(record: RoundRecord) -> list[str | None]:
    if record.counterfactual is not None:
        return list(record.counterfactual)
    return [RERUN if lied else None for lied in record.untruthful[0].tolist()]


def _or_none(values: Tensor, known: Tensor) -> list[Any]:
    """The numbers of a row ``[1, n]`` where they are known."""
    return [value if is_known else None for value, is_known in zip(values[0].tolist(), known[0].tolist(), strict=True)]
