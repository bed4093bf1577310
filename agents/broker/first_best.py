"""First best: the least error bound that a budget could buy from owners whose costs were known.

Any part of a data set may be bought at any privacy loss its owner tolerates, at cost:

    minimise the OptAggr error bound over parts r in [0, 1] and privacy losses e in (0, cap],
    subject to  sum over owners of  data size * r * v(e) <= budget.

The problem is not convex; what is found by descent from several starts is feasible, hence an upper bound on the true
optimum. Records are divisible here. With little money the optimum buys less than one record of many owners, whose
uploads then cost next to nothing; with whole records the least bound is a few per cent higher at a tenth of all costs.
No auction can know the costs: this is the benchmark in every comparison (FL-Market has none).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from agents.broker.aggregation import unchecked_error_bound
from agents.broker.auctions.parts.batch_invariant import batch_invariant
from agents.checks import number, real_array, whole
from agents.types import OwnerTypes
from agents.valuation import Valuation

Variance = Callable[[Tensor], Tensor]

_exp, _log = partial(batch_invariant, torch.exp), partial(batch_invariant, torch.log)

_MIN_LOG_PART, _MIN_LOG_LOSS = -30.0, -10.0
"""Lowest parts, relative to the largest, and lowest privacy losses, relative to the cap, that are searched."""
_NEARBY = 1e-6
"""Slopes of costs and noise are taken over so small a part of the privacy loss below."""
_STARTS = (
    (0.0, 0.0, 0.0),
    (-1.0, 0.0, 0.0),
    (-2.0, 0.0, 0.0),
    (-0.3, -0.5, 0.0),
    (0.0, 0.0, -2.0),
    (0.0, 0.0, -6.0),
    (-1.0, 0.0, -3.0),
    (0.0, -1.0, -3.0),
    (-0.5, 1.0, -3.0),
    (0.0, 1.0, 0.0),
    (-1.0, 1.0, 0.0),
)
"""Log of everybody's privacy loss over cap; powers of data size and unit cost to which the parts are proportional."""
_NUDGED, _NUDGE, _MIN_NUDGED_LOG_PART = 10, (3.0, -0.7), -4.0
"""So many owners, the largest, are nudged both ways in every round, by so much in log part and log privacy loss."""
_ROWS_TIMES_OWNERS = 30_000
"""Profiles are searched in slices whose arrays fit a cache."""


def laplace_variance(privacy_loss: Tensor) -> Tensor:
    """The paper's noise variance of one coordinate, 8 / privacy loss squared (L1 clipping norm 1)."""
    return 8 / (privacy_loss * privacy_loss)


@dataclass(frozen=True)
class FirstBest:
    """What the search found.

    Parameters
    ----------
    error_bound : float64[B]
        OptAggr error bound; infinite where the budget is 0 or nobody has anything to sell.
    privacy_loss : float64[B, n]
        Bought from each owner, at most her cap; 0 where nothing is bought.
    records : float64[B, n]
        Records bought, any part of one included, at most her data size.
    """

    error_bound: Tensor
    privacy_loss: Tensor
    records: Tensor


def first_best(
    types: OwnerTypes,
    budget: Any,
    *,
    variance: Variance = laplace_variance,
    bias_scale: float = 1.0,
    steps: int = 100,
    rounds: int = 2,
) -> FirstBest:
    """Search for the least error bound within the budget, all costs known.

    Deterministic; the rows of a batch do not influence one another.

    Parameters
    ----------
    types : OwnerTypes [B, n]
    budget : float64[B]
        Money per round; true costs add up to at most this, to the last bit.
    variance : callable, optional
        Noise variance by privacy loss, elementwise on float64 arrays, falling.
    bias_scale : float
        Norm L to which gradients are clipped.
    steps : int
        Steps of Adam per descent.
    rounds : int
        How often, after the first descents, the search starts again from its best point with one of the (ten
        largest) owners selling many more records at a lower privacy loss, or far fewer at a higher one.

    Returns
    -------
    FirstBest

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value and the remedy.
    """
    batch, owners = types.shape
    money = real_array("budget", budget, shape=(batch,))
    scale = number("bias_scale", bias_scale)
    whole("steps", steps, minimum=1)
    whole("rounds", rounds)
    problem = _Problem.of(types, money, variance, scale)
    part, loss = torch.ones_like(problem.cap), problem.cap.clone()
    scarce = (problem.cost(loss).sum(-1) > money).nonzero()[:, 0]
    height = max(1, _ROWS_TIMES_OWNERS // (2 * _NUDGED * max(1, owners)))
    for first in range(0, len(scarce), height):
        rows = scarce[first : first + height]
        part[rows], loss[rows] = _search(problem.at(rows), steps, rounds)
    records = _within_budget(problem, part * problem.size, loss)
    return FirstBest(
        error_bound=problem.bound(records / problem.size.clamp(min=1), loss),
        privacy_loss=torch.where(records > 0, loss, 0.0),
        records=records,
    )


def everybody_at_her_own_budget(
    types: OwnerTypes, *, variance: Variance = laplace_variance, bias_scale: float = 1.0
) -> Tensor:
    """Error bound ``[B]`` where everybody sells all her records at her own privacy budget: no money buys better."""
    rich = torch.full((types.shape[0],), torch.inf, dtype=torch.float64)
    problem = _Problem.of(types, rich, variance, number("bias_scale", bias_scale))
    return problem.bound(torch.ones_like(problem.cap), problem.cap)


@dataclass(frozen=True)
class _Problem:
    """One search per row; whoever can sell nothing has size 0 (and a harmless cap of 1)."""

    valuation: Valuation
    size: Tensor
    share: Tensor
    cap: Tensor
    budget: Tensor
    variance: Variance
    bias_scale: float

    @classmethod
    def of(cls, types: OwnerTypes, budget: Tensor, variance: Variance, bias_scale: float) -> _Problem:
        cap = _largest_for_sale(types)
        sells = (types.data_size > 0) & (cap > 0) & (budget > 0)[:, None]
        size = torch.where(sells, types.data_size.double(), 0.0)
        return cls(
            valuation=types.valuation,
            size=size,
            share=size / types.data_size.sum(-1, keepdim=True).clamp(min=1),
            cap=torch.where(sells, cap, 1.0),
            budget=budget,
            variance=variance,
            bias_scale=bias_scale,
        )

    def at(self, rows: Tensor) -> _Problem:
        return replace(
            self,
            valuation=self.valuation.take(rows, slice(None)),
            size=self.size[rows],
            share=self.share[rows],
            cap=self.cap[rows],
            budget=self.budget[rows],
        )

    def cost(self, loss: Tensor) -> Tensor:
        """Cost ``[B, n]`` of all records."""
        return torch.where(self.size > 0, self.size * self.valuation.at(loss), 0.0)

    def noise(self, loss: Tensor) -> Tensor:
        return torch.where(self.size > 0, self.variance(loss), torch.inf)

    def bound(self, part: Tensor, loss: Tensor) -> Tensor:
        return unchecked_error_bound(self.noise(loss), part * self.share, self.bias_scale)

    def slopes(self, log_part: Tensor, log_loss: Tensor) -> tuple[Tensor, Tensor]:
        """Bound ``[B]`` and its slopes in both logarithms ``[2, B, n]``, along the budget.

        Along the budget every owner is charged for the money that she takes, at what the bound would gain by a little
        more money if it bought more of everybody's records in proportion.
        """
        part, loss = _exp(log_part), self.cap * _exp(log_loss)
        noise, cost = self.noise(loss), self.cost(loss)
        # Slopes in log loss, from below: a tabulated valuation may end, or a step begin, just above.
        nearby = loss * (1 - _NEARBY)
        noise_slope = torch.where(self.size > 0, (noise - self.noise(nearby)) / _NEARBY, 0.0)
        cost_slope = (cost - self.cost(nearby)) / _NEARBY

        with torch.enable_grad():
            noise, share = noise.requires_grad_(), (part * self.share).requires_grad_()
            bound = unchecked_error_bound(noise, share, self.bias_scale)
            by_noise, by_share = torch.autograd.grad(bound.sum(), (noise, share))
        # In log part: d bound / d log r = r d bound / d r. All of [batch, owner].
        by_part, spent = by_share * share.detach(), cost * part
        # Whoever already sells everything cannot sell more of it.
        open_ = log_part < 0
        gain, money = (torch.where(open_, term, 0.0).sum(-1, keepdim=True) for term in (-by_part, spent))
        price = torch.where(money > 0, gain / money, 0.0)
        along = torch.stack([by_part + price * spent, by_noise * noise_slope + price * cost_slope * part])
        return bound.detach(), along


def _search(problem: _Problem, steps: int, rounds: int) -> tuple[Tensor, Tensor]:
    """Parts and privacy losses ``[B, n]`` of the best point found; a point is both logarithms ``[2, B, starts, n]``."""
    log_size = _log(problem.size.clamp(min=1))  # [batch, owner]
    unit_cost = problem.cost(problem.cap) / problem.size.clamp(min=1)
    log_cost = _log(torch.where(unit_cost > 0, unit_cost, 1.0))
    starts = [
        torch.stack([by_size * log_size + by_cost * log_cost, torch.full_like(log_size, level)])
        for level, by_size, by_cost in _STARTS
    ]
    point = _descend(problem, torch.stack(starts, dim=2), steps, rate=0.3)  # [2, batch, start, owner]
    largest = problem.share.topk(min(_NUDGED, log_size.shape[-1])).indices
    for _ in range(rounds):
        point = _descend(problem, _nudged(point, largest), steps, rate=0.1)
    log_part, log_loss = _descend(problem, point, 2 * steps, rate=0.02)[:, :, 0]
    return _exp(log_part), problem.cap * _exp(log_loss)


def _nudged(point: Tensor, owners: Tensor) -> Tensor:
    """The point itself and, for each of ``owners[B, k]``, the points with more bought of her for less, and reverse."""
    # One point for each owner nudged: [batch, k, owner], then [2, batch, 2 k, owner].
    her = torch.zeros_like(point[0]).repeat(1, owners.shape[-1], 1).scatter_(-1, owners[..., None], 1.0)
    nudge = torch.stack([step * torch.cat([her, -her], dim=1) for step in _NUDGE])
    # From far below no nudge would bring an owner back into play.
    base = torch.stack([point[0].clamp(min=_MIN_NUDGED_LOG_PART), point[1]])
    return torch.cat([point, base + nudge], dim=2)


def _descend(problem: _Problem, starts: Tensor, steps: int, *, rate: float) -> Tensor:
    """The best point met on descents by Adam from each start, as ``[2, B, 1, n]``."""
    # Every start is a row of its own: [2, batch * start, owner].
    repeated = problem.at(torch.arange(starts.shape[1]).repeat_interleave(starts.shape[2]))
    point = starts.flatten(1, 2)
    best, best_point = torch.full_like(repeated.budget, torch.inf), point
    # Moments of Adam, decays 0.9 and 0.99.
    mean, square = torch.zeros_like(point), torch.zeros_like(point)
    for step in range(steps + 1):
        log_loss = point[1].clamp(min=_MIN_LOG_LOSS, max=0)
        point = torch.stack([_scaled_to_budget(repeated, point[0], log_loss), log_loss])
        bound, slopes = repeated.slopes(*point)
        better = bound < best
        best, best_point = torch.where(better, bound, best), torch.where(better[:, None], point, best_point)
        mean.lerp_(slopes, 0.1)
        square.lerp_(slopes * slopes, 0.01)
        stride = mean / (1 - 0.9 ** (step + 1)) / ((square / (1 - 0.99 ** (step + 1))).sqrt() + 1e-9)
        point = point - rate * (1 - step / (steps + 1)) * stride
    winner = best.view(starts.shape[1:3]).argmin(-1)[None, :, None, None].expand(2, -1, 1, starts.shape[-1])
    return best_point.view(starts.shape).gather(2, winner)


def _scaled_to_budget(problem: _Problem, log_part: Tensor, log_loss: Tensor) -> Tensor:
    """Parts times the factor at which they cost exactly the budget, none growing beyond the whole."""
    cost = problem.cost(problem.cap * _exp(log_loss))  # [row, owner]
    log_part = torch.where(cost > 0, log_part, -torch.inf)
    log_part = (log_part - log_part.amax(-1, keepdim=True)).clamp(min=_MIN_LOG_PART)
    log_part = torch.where(cost > 0, log_part, 0.0)
    # With the k largest parts whole, what is left of the budget pays for the rest times one factor: the first k for
    # which nobody of the rest outgrows the whole is right.
    ordered, order = log_part.sort(dim=-1, descending=True)
    cost_ordered = cost.gather(-1, order)
    whole_before = cost_ordered.cumsum(-1) - cost_ordered
    rest = (cost_ordered * _exp(ordered)).flip(-1).cumsum(-1).flip(-1)
    factor = (problem.budget[:, None] - whole_before) / rest
    fits = factor * _exp(ordered) <= 1
    first = fits.to(torch.int8).argmax(-1, keepdim=True)
    grown = (log_part + _log(factor.gather(-1, first))).clamp(max=0)
    return torch.where(fits.any(-1, keepdim=True) & (cost > 0), grown, 0.0)


def _within_budget(problem: _Problem, records: Tensor, loss: Tensor) -> Tensor:
    """Records, so little fewer where the budget is used up that no rounding of their cost exceeds it."""
    rounding = 4 * (records.shape[-1] + 2) * torch.finfo(torch.float64).eps
    cost = torch.where(records > 0, records * problem.valuation.at(loss), 0.0)
    tight = cost.sum(-1, keepdim=True) > problem.budget[:, None] * (1 - rounding)
    return torch.where(tight & (cost > 0), records * (1 - 2 * rounding), records)


def _largest_for_sale(types: OwnerTypes) -> Tensor:
    """Privacy budgets ``[B, n]``, lowered to where the valuation ends if it ends before them."""
    cap = types.privacy_budget
    for_sale = torch.isfinite(types.valuation.at(cap))
    if bool(for_sale.all()):
        return cap
    # By bisection, to the last bits of where the table ends.
    low, high = torch.zeros_like(cap), cap
    for _ in range(80):
        middle = (low + high) / 2
        ends = ~torch.isfinite(types.valuation.at(middle))
        low, high = torch.where(ends, low, middle), torch.where(ends, middle, high)
    return torch.where(for_sale, cap, low)
