"""An error bound that no truthful auction can beat on average, by duality: what private cost factors cost at least.

Take any auction that is truthful in dominant strategies and individually rational, and grant it the owners' families,
privacy budgets and data sizes. What it pays owner i, given everything but her factor, is then on average at least her
virtual cost of what she sells (``analysis.second_best``): factor times quantity plus F / f of her factor given all
that the auction knows. Its payments keep the budget in every profile, hence on average over the factors. So it solves

    minimise E[error bound]   subject to   E[sum of virtual costs] <= budget,

for every budget and composition of owners, and any price of money gives a lower bound to that (weak duality): the mean,
over factors, of the least (error bound + price * (virtual costs / budget - 1)), which splits into owners.

Where budgets are tied to types, the budget tells something about factors: given it and the others' factors, an owner's
factor has density proportional to 1 / (cost of everything) where the budget factor stays in its range, instead of a
uniform one. Sampling the factors is the only error: the price of money is chosen on other draws than it is used on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents.broker.first_best import first_best, laplace_variance
from agents.checks import seed_number, whole
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.intervals import ratio_ends, resamples

_CANDIDATES = 4000
"""Factors drawn per situation, of which those given its budget are sampled by importance."""
_MIN_LOG_LOSS = -5.0
_COARSE, _FINE = 50, 400
"""Privacy losses per owner, while prices are sought and for the bound itself."""


def truthful_bound(
    prior: OwnerPrior, *, owners: int = 10, situations: int = 100, draws: int = 12, seed: int = 0, steps: int = 300
) -> dict[str, float]:
    """Bound from below the mean error bound of every truthful auction on a prior.

    Parameters
    ----------
    prior : OwnerPrior
        If its budgets are tied to types, their factor must have a range: a fixed one gives the last owner's cost away.
    owners, situations : int
        Bidders, and how many compositions of them with a budget are drawn.
    draws : int
        Draws of all factors in every situation.
    seed : int
    steps : int
        Steps of the search for prices; any number gives a bound, more a higher one.

    Returns
    -------
    dict
        ``bound``, ``second_best`` (each profile within the budget, an estimate) and ``first_best``: means over the same
        situations; ``bound_over_first_best`` with ``_low`` and ``_high``, and ``second_best_over_first_best``.
    """
    whole("situations", situations, minimum=2)
    whole("draws", draws, minimum=1)
    whole("steps", steps, minimum=1)
    tied = prior.budgets == "tied"
    if tied and not prior.budget_factor[0] < prior.budget_factor[1]:
        raise ValueError(
            f"budget_factor = {prior.budget_factor}: a budget tied to types by a known factor gives costs away; "
            "pass a range, or budgets='independent'"
        )
    generator = torch.Generator().manual_seed(seed_number("seed", seed))
    types, budget = prior.sample(situations, owners, generator)
    rows = torch.arange(situations).repeat_interleave(draws)
    money = _price_of_money(_drawn(types, budget, prior, rows, generator), steps)
    fresh = _drawn(types, budget, prior, rows, generator)
    bound = _averaged(_prices_within(fresh, money, steps), situations)
    alone = torch.arange(situations) * draws
    minimum = first_best(fresh.types.take(rows=alone), budget).error_bound
    second = first_best(_with_factor(fresh.types, fresh.virtual).take(rows=alone), budget).error_bound
    weights = resamples(situations, seed)
    return {
        "bound": float(bound.mean()),
        "second_best": float(second.mean()),
        "first_best": float(minimum.mean()),
        "bound_over_first_best": float(bound.mean() / minimum.mean()),
        **ratio_ends("bound_over_first_best_", bound, minimum, weights, bounds=(0.0, math.inf)),
        "second_best_over_first_best": float(second.mean() / minimum.mean()),
    }


@dataclass(frozen=True)
class _Draws:
    """Rows of profiles, ``situation[R]`` naming which of them differ in factors only.

    Parameters
    ----------
    types : OwnerTypes [R, n]
    budget : float64[R]
    virtual : float64[R, n]
        Virtual costs per unit of the family's curve.
    situation : int64[R]
    """

    types: OwnerTypes
    budget: Tensor
    virtual: Tensor
    situation: Tensor

    def dual(self, logs: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Bound ``[R]`` at prices of money, weight and share whose logarithms are ``logs[R, 3]``, and its slopes.

        No optimal purchase exceeds its weight, so that the error bound is sum 8 (l / e)^2 + 4 (1 - sum w)^2 over w <=
        min(l, share) with sum l = 1. An owner's part is minimised over a grid of privacy losses, with the noise of a
        cell's upper and the cost of its lower end.
        """
        size = self.types.data_size.double()  # [R, n]
        total = size.sum(-1, keepdim=True)  # [R, 1]
        share = (size / total)[..., None]  # [R, n, 1]
        # Privacy losses from exp(-5) to all of the owner's privacy budget, evenly in the logarithm: [R, n, count].
        loss = self.types.privacy_budget[..., None] * torch.linspace(_MIN_LOG_LOSS, 0, count).double().exp()
        noise = laplace_variance(loss)
        unit = _with_factor(self.types, torch.ones_like(size)).valuation.at(loss)
        cost = (total / self.budget[:, None] * self.virtual)[..., None] * unit
        # A cell's lower end, 0 for the first: whatever is bought in the cell costs at least that.
        cost = torch.cat([torch.zeros_like(cost[..., :1]), cost[..., :-1]], -1)
        of_money, of_weight, of_share = logs.exp()[:, :, None, None].unbind(1)  # [R, 1, 1] each
        # In a cell the part is piecewise quadratic in the weight: its minimum is at one of three candidates, where
        # nothing is bought, as much as is weighed, or everything.
        margin = of_share - of_money * cost
        nothing = of_weight / (2 * noise)
        kept = ((of_weight + margin) / (2 * noise)).clamp(min=0).minimum(share)
        weight = torch.stack([nothing, kept, nothing.maximum(share)], -1)  # [R, n, count, 3]
        bought = torch.stack([torch.zeros_like(kept), kept, share.expand_as(kept)], -1)
        value = noise[..., None] * weight**2 - of_weight[..., None] * weight - margin[..., None] * bought
        minimum, place = value.flatten(2).min(-1)  # [R, n]
        weight, bought = (part.flatten(2).gather(-1, place[..., None])[..., 0] for part in (weight, bought))
        spent = bought * cost.repeat_interleave(3, -1).gather(-1, place[..., None])[..., 0]
        y, x, z = logs.exp().unbind(-1)  # prices of money, weight and share, [R] each
        # By the envelope theorem: how far each constraint is from holding, times the price, for the slope in its log.
        slopes = [y * (spent.sum(-1) - 1), x * (1 - weight.sum(-1)), z * (1 - z / 8 - bought.sum(-1))]
        return x + z - y - z**2 / 16 + minimum.sum(-1), torch.stack(slopes, -1)


def _drawn(types: OwnerTypes, budget: Tensor, prior: OwnerPrior, rows: Tensor, generator: torch.Generator) -> _Draws:
    """Draw all factors anew, given everything else, with their virtual costs: factor + F / f given the others'."""
    low, high = prior.factor
    many, money = types.take(rows=rows), budget[rows]
    if prior.budgets != "tied":
        factor = low + (high - low) * torch.rand(many.shape, generator=generator, dtype=torch.float64)
        return _Draws(_with_factor(many, factor), money, 2 * factor - low, rows)
    unit = _with_factor(types, torch.ones(types.shape, dtype=torch.float64)).cost_at_own_budget()
    each = len(rows) // len(budget)
    factor = torch.cat([_given(unit[i], budget[i], prior, each, generator) for i in range(len(budget))])
    cost = unit[rows]
    everything = (factor * cost).sum(-1, keepdim=True)
    # The budget was at most so much of the cost of everything, so that her factor cannot have been lower than this.
    lowest = (money[:, None] / prior.budget_factor[1] - (everything - factor * cost)) / cost
    lowest = torch.minimum(lowest.clamp(min=low), factor)
    ratio = everything / (everything - (factor - lowest) * cost)
    return _Draws(_with_factor(many, factor), money, factor + everything / cost * ratio.log(), rows)


def _given(unit: Tensor, budget: Tensor, prior: OwnerPrior, count: int, generator: torch.Generator) -> Tensor:
    """``count`` draws ``[count, n]`` of all factors given the budget: by importance, out of many from the prior."""
    low, high = prior.factor
    factor = low + (high - low) * torch.rand(_CANDIDATES, len(unit), generator=generator, dtype=torch.float64)
    everything = factor @ unit
    minimum, maximum = prior.budget_factor
    possible = (budget >= minimum * everything) & (budget <= maximum * everything)
    chosen = torch.multinomial(possible / everything, count, replacement=True, generator=generator)
    return factor[chosen]


def _with_factor(types: OwnerTypes, factor: Tensor) -> OwnerTypes:
    valuation = types.valuation
    assert isinstance(valuation, ParametricValuation)
    return replace(types, valuation=replace(valuation, factor=factor))


def _averaged(rows: Tensor, situations: int) -> Tensor:
    """Means ``[situations, ...]`` over the draws of each."""
    return rows.view(situations, -1, *rows.shape[1:]).mean(1)


def _price_of_money(draws: _Draws, steps: int) -> Tensor:
    """Logarithm of the best price of money found in every situation ``[situations]``."""
    return _ascend(draws, steps, None)[1]


def _prices_within(draws: _Draws, money: Tensor, steps: int) -> Tensor:
    """The bound ``[R]`` at a given price of money, the other prices being sought row by row."""
    return _ascend(draws, steps, money)[0]


def _ascend(draws: _Draws, steps: int, money: Tensor | None) -> tuple[Tensor, Tensor]:
    """Climb by Adam; the best prices met, a situation's draws sharing that of money: bound ``[R]`` and log price."""
    situations = int(draws.situation[-1]) + 1
    logs = torch.zeros(len(draws.budget), 3, dtype=torch.float64)
    if money is not None:
        logs[:, 0] = money[draws.situation]
    best, best_logs = torch.full((situations,), -torch.inf, dtype=torch.float64), logs
    mean, square = torch.zeros_like(logs), torch.zeros_like(logs)
    for step in range(steps):
        value, slope = draws.dual(logs, _COARSE)
        average = _averaged(value, situations)
        better = average > best
        best = torch.where(better, average, best)
        best_logs = torch.where(better[draws.situation, None], logs, best_logs)
        slope[:, 0] = _averaged(slope[:, 0], situations)[draws.situation] if money is None else 0.0
        mean, square = 0.9 * mean + 0.1 * slope, 0.98 * square + 0.02 * slope**2
        logs = logs + 0.3 * (1 - step / steps) * mean / (square.sqrt() + 1e-9)
    return draws.dual(best_logs, _FINE)[0], _averaged(best_logs[:, 0], situations)
