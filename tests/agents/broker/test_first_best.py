"""The first best: brute force where that is possible, a duality bound where it is not, and feasibility always."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from agents.broker.aggregation import optimal_error_bound
from agents.broker.first_best import FirstBest, everybody_at_her_own_budget, first_best, laplace_variance
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import FAMILIES, MixedValuation, ParametricValuation, TabulatedValuation, tabulated

INF = math.inf


def owners_of(family: list[str], factor: list[float], cap: list[float], size: list[int]) -> OwnerTypes:
    """One profile."""
    return OwnerTypes(
        valuation=ParametricValuation(
            family=torch.tensor([[FAMILIES.index(name) for name in family]]),
            factor=torch.tensor([factor], dtype=torch.float64),
        ),
        privacy_budget=torch.tensor([cap], dtype=torch.float64),
        data_size=torch.tensor([size]),
    )


def money(*budget: float) -> Tensor:
    return torch.tensor(budget, dtype=torch.float64)


def bound_of(types: OwnerTypes, part: Tensor, loss: Tensor) -> Tensor:
    size = types.data_size.double()
    return optimal_error_bound(torch.where(loss > 0, 8 / loss**2, INF), part * size / size.sum(-1, keepdim=True))


def assert_feasible(types: OwnerTypes, budget: Tensor, found: FirstBest) -> None:
    """To the last bit, and the error bound is that of what was bought."""
    sold = found.records > 0
    cost = torch.where(sold, found.records * types.valuation.at(found.privacy_loss), 0.0)
    assert bool((cost.sum(-1) <= budget).all())
    assert bool((found.privacy_loss <= types.privacy_budget).all())
    assert bool((found.records <= types.data_size).all())
    assert torch.equal(found.privacy_loss > 0, sold)
    part = found.records / types.data_size.clamp(min=1)
    torch.testing.assert_close(found.error_bound, bound_of(types, part, found.privacy_loss), rtol=1e-12, atol=0)


def test_one_owner_by_brute_force() -> None:
    """Four families, three budgets. Her weight is 1, so the bound is 8 / loss^2 + (2 times the unbought part)^2."""
    family = torch.arange(4).repeat(3)[:, None]
    types = OwnerTypes(
        valuation=ParametricValuation(family=family, factor=torch.full((12, 1), 1.2, dtype=torch.float64)),
        privacy_budget=torch.full((12, 1), 1.6, dtype=torch.float64),
        data_size=torch.full((12, 1), 50),
    )
    budget = money(0.02, 0.2, 0.7).repeat_interleave(4) * types.cost_at_own_budget().sum(-1)
    loss = torch.linspace(1e-3, 1.6, 20_001, dtype=torch.float64)
    part = (budget[:, None] / (50 * types.valuation.tabulate(loss)[:, 0])).clamp(max=1)
    best = (8 / loss**2 + (2 * (1 - part)) ** 2).amin(-1)

    found = first_best(types, budget)
    assert_feasible(types, budget, found)
    torch.testing.assert_close(found.error_bound, best, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("family", "factor", "cap", "size", "budget"),
    [
        (["linear", "quadratic"], [1.0, 1.0], [2.0, 1.0], [30, 70], 60.0),
        (["square_root", "exponential"], [0.6, 1.4], [0.7, 1.9], [90, 10], 20.0),
        (["exponential", "exponential"], [1.0, 1.0], [1.5, 1.5], [50, 50], 100.0),
        (["quadratic", "linear"], [1.5, 0.5], [2.0, 0.5], [500, 20], 25.0),
    ],
)
def test_two_owners_by_brute_force(
    family: list[str], factor: list[float], cap: list[float], size: list[int], budget: float
) -> None:
    types = owners_of(family, factor, cap, size)
    grid = torch.linspace(0.02, 1, 50, dtype=torch.float64)
    split = torch.linspace(0, 1, 51, dtype=torch.float64)
    first, second, spent = torch.meshgrid(grid * cap[0], grid * cap[1], split, indexing="ij")
    loss = torch.stack([first, second], -1).view(-1, 2)
    paid = torch.stack([spent, 1 - spent], -1).view(-1, 2) * budget
    cost = types.data_size * types.valuation.at(loss.T[None])[0].T
    part = (paid / cost).clamp(max=1)
    best = bound_of(types, part, loss).min()

    found = first_best(types, money(budget))
    assert_feasible(types, money(budget), found)
    assert found.error_bound <= best * (1 + 1e-12)
    # the grid misses the optimum by its own width only
    assert found.error_bound >= best * 0.98


def test_nothing_random_does_better(generator: torch.Generator) -> None:
    """Four hundred other ways of spending the budget, for each of twenty profiles."""
    types, budget = OwnerPrior().sample(20, 10, generator)
    found = first_best(types, budget)
    assert_feasible(types, budget, found)
    best = torch.full_like(budget, INF)
    for trial in range(400):
        spread = 3 * (trial % 4) / 4
        loss = types.privacy_budget * torch.rand(20, 10, generator=generator, dtype=torch.float64) ** (trial % 3 / 2)
        share = (spread * torch.randn(20, 10, generator=generator, dtype=torch.float64)).softmax(-1)
        part = (share * budget[:, None] / (types.data_size * types.valuation.at(loss))).clamp(max=1)
        best = torch.minimum(best, bound_of(types, part, loss))
    assert bool((found.error_bound <= best * (1 + 1e-12)).all())


def test_close_to_what_nobody_can_beat(generator: torch.Generator) -> None:
    """Weak duality: see ``lower_bound``."""
    types, budget = OwnerPrior().sample(40, 10, generator)
    found, minimum = first_best(types, budget).error_bound, lower_bound(types, budget)
    assert bool((found >= minimum).all())
    assert float((found / minimum).mean()) < 1.004
    assert float((found / minimum).max()) < 1.03


def lower_bound(types: OwnerTypes, budget: Tensor, levels: int = 1000) -> Tensor:
    """A bound ``[B]`` below the true first best.

    No optimal purchase exceeds the weight, so the bound is sum 8 (l / e)^2 + 4 (1 - sum w)^2 over w <= min(l, share)
    with sum l = 1. Prices for the budget, for sum l and for sum w split it into one problem per owner, whose minimum
    over a grid of losses is taken with the noise of a cell's upper and the cost of its lower end. Any prices will do;
    good ones are sought on a coarse grid.
    """
    size = types.data_size.double()
    total = size.sum(-1, keepdim=True)
    share = (size / total)[..., None]

    def dual(prices: Tensor, count: int) -> tuple[Tensor, Tensor]:
        grid = torch.linspace(-5, 0, count, dtype=torch.float64).exp()
        loss = types.privacy_budget[..., None] * grid
        noise = laplace_variance(loss)
        cost = (total / budget[:, None])[..., None] * types.valuation.at(loss)
        cost = torch.cat([torch.zeros_like(cost[..., :1]), cost[..., :-1]], -1)
        of_money, of_weight, of_share = prices.exp()[:, :, None, None].unbind(1)
        margin = of_share - of_money * cost
        nothing = of_weight / (2 * noise)
        kept = ((of_weight + margin) / (2 * noise)).clamp(min=0).minimum(share)
        weight = torch.stack([nothing, kept, nothing.maximum(share)], -1)
        bought = torch.stack([torch.zeros_like(kept), kept, share.expand_as(kept)], -1)
        value = noise[..., None] * weight**2 - of_weight[..., None] * weight - margin[..., None] * bought
        minimum, place = value.flatten(2).min(-1)
        weight, bought = (x.flatten(2).gather(-1, place[..., None])[..., 0] for x in (weight, bought))
        spent = bought * cost.repeat_interleave(3, -1).gather(-1, place[..., None])[..., 0]
        y, x, z = prices.exp().unbind(-1)
        slope = torch.stack([y * (spent.sum(-1) - 1), x * (1 - weight.sum(-1)), z * (1 - z / 8 - bought.sum(-1))], -1)
        return x + z - y - z**2 / 16 + minimum.sum(-1), slope

    prices = torch.zeros(len(budget), 3, dtype=torch.float64)
    best, best_prices = torch.full_like(budget, -INF), prices
    mean, square = torch.zeros_like(prices), torch.zeros_like(prices)
    for step in range(400):
        value, slope = dual(prices, 60)
        better = value > best
        best, best_prices = torch.where(better, value, best), torch.where(better[:, None], prices, best_prices)
        mean, square = 0.9 * mean + 0.1 * slope, 0.98 * square + 0.02 * slope**2
        prices = prices + 0.3 * (1 - step / 400) * mean / (square.sqrt() + 1e-9)
    return dual(best_prices, levels)[0]


def test_money_enough_buys_everything() -> None:
    types, _ = OwnerPrior().sample(30, 10, torch.Generator().manual_seed(1))
    everything = types.cost_at_own_budget().sum(-1)
    for budget in (everything, 2 * everything):
        found = first_best(types, budget, steps=2, rounds=0)
        assert_feasible(types, budget, found)
        torch.testing.assert_close(found.error_bound, everybody_at_her_own_budget(types), rtol=1e-12, atol=0)


def test_more_money_never_hurts(generator: torch.Generator) -> None:
    types, _ = OwnerPrior().sample(10, 6, generator)
    everything = types.cost_at_own_budget().sum(-1)
    bounds = [first_best(types, f * everything, steps=40).error_bound for f in (0.01, 0.1, 0.3, 0.6, 1.0)]
    assert all(bool((richer <= poorer * (1 + 1e-12)).all()) for poorer, richer in pairwise(bounds))


def test_everybody_at_her_own_budget_by_hand() -> None:
    """Two equal owners at loss 2: noise 2 * 2 (1/2)^2, nothing missing. An absent one changes nothing."""
    types = owners_of(["linear"] * 3, [1.0] * 3, [2.0, 2.0, 1.0], [40, 40, 0])
    assert everybody_at_her_own_budget(types).item() == pytest.approx(1.0, rel=1e-15)


def test_no_money_or_nothing_for_sale_buys_nothing() -> None:
    types = owners_of(["linear", "linear"], [1.0, 1.0], [1.0, 1.0], [10, 10])
    for found in (
        first_best(types, money(0.0), steps=5),
        first_best(owners_of(["linear"], [1.0], [0.0], [10]), money(5.0), steps=5),
        first_best(owners_of(["linear"], [1.0], [1.0], [0]), money(5.0), steps=5),
    ):
        assert found.error_bound.tolist() == [INF]
        assert not bool(found.records.any())
        assert not bool(found.privacy_loss.any())


def test_no_owners_no_rows() -> None:
    nobody = OwnerPrior().sample(2, 3, torch.Generator().manual_seed(0))[0].take(owners=slice(0, 0))
    assert first_best(nobody, money(1.0, 2.0)).error_bound.tolist() == [INF, INF]
    assert everybody_at_her_own_budget(nobody).tolist() == [INF, INF]
    nowhere = nobody.take(rows=slice(0, 0))
    assert first_best(nowhere, money()).error_bound.tolist() == []


def test_absent_owners_change_nothing() -> None:
    present = owners_of(["linear", "quadratic"], [1.0, 0.8], [1.5, 2.0], [60, 40])
    padded = owners_of(["linear", "linear", "quadratic"], [1.0, 1.0, 0.8], [1.5, 1.0, 2.0], [60, 0, 40])
    found = first_best(padded, money(50.0), steps=50)
    assert_feasible(padded, money(50.0), found)
    assert found.records[0, 1] == 0
    assert found.error_bound.item() == pytest.approx(
        first_best(present, money(50.0), steps=50).error_bound.item(), rel=1e-4
    )


def test_owners_who_ask_nothing_sell_everything() -> None:
    types = owners_of(["linear", "linear"], [0.0, 1.0], [2.0, 2.0], [50, 50])
    found = first_best(types, money(10.0))
    assert_feasible(types, money(10.0), found)
    assert found.records[0, 0] == 50
    assert found.privacy_loss[0, 0] == 2


def test_a_fine_table_is_as_good_as_its_formula() -> None:
    types, budget = OwnerPrior().sample(5, 4, torch.Generator().manual_seed(3))
    table = tabulated(types.valuation, torch.linspace(0.005, 2, 400, dtype=torch.float64))
    exact = first_best(types, budget, steps=60)
    for valuation in (table, MixedValuation(mask=types.data_size > 100, first=table, second=types.valuation)):
        other = OwnerTypes(valuation=valuation, privacy_budget=types.privacy_budget, data_size=types.data_size)
        found = first_best(other, budget, steps=60)
        assert_feasible(other, budget, found)
        torch.testing.assert_close(found.error_bound, exact.error_bound, rtol=2e-3, atol=0)


def test_where_the_table_ends_nothing_is_for_sale() -> None:
    types = OwnerTypes(
        valuation=TabulatedValuation(levels=money(0.25, 0.5), cost=torch.tensor([[[1.0, 3.0]]], dtype=torch.float64)),
        privacy_budget=torch.tensor([[2.0]], dtype=torch.float64),
        data_size=torch.tensor([[10]]),
    )
    found = first_best(types, money(1000.0))
    assert_feasible(types, money(1000.0), found)
    assert found.privacy_loss.item() == pytest.approx(0.5)
    assert found.error_bound.item() == pytest.approx(8 / 0.5**2)
    assert everybody_at_her_own_budget(types).item() == pytest.approx(8 / 0.5**2)


def test_another_noise_and_another_bias() -> None:
    """Noise a hundred times smaller at a tenth of the clipping norm is the same problem in other units."""
    types, budget = OwnerPrior().sample(6, 5, torch.Generator().manual_seed(4))
    small = first_best(types, budget, variance=lambda loss: laplace_variance(loss) / 100, bias_scale=0.1)
    torch.testing.assert_close(100 * small.error_bound, first_best(types, budget).error_bound, rtol=1e-5, atol=0)


def test_rows_and_runs_agree(generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(4, 5, generator)
    together = first_best(types, budget, steps=40)
    again = first_best(types, budget, steps=40)
    assert torch.equal(together.error_bound, again.error_bound)
    assert torch.equal(together.records, again.records)
    alone = [first_best(types.take(slice(i, i + 1)), budget[i : i + 1], steps=40).error_bound for i in range(4)]
    torch.testing.assert_close(torch.cat(alone), together.error_bound, rtol=1e-6, atol=0)


def test_bad_input_is_refused() -> None:
    types = owners_of(["linear"], [1.0], [1.0], [10])
    with pytest.raises(ValueError, match=r"budget\[0\] = -1.0: every value must be 0 or more"):
        first_best(types, money(-1.0))
    with pytest.raises(ValueError, match=r"budget has shape \[2\]; pass shape \[1\]"):
        first_best(types, money(1.0, 2.0))
    with pytest.raises(ValueError, match=r"steps = 0"):
        first_best(types, money(1.0), steps=0)
    with pytest.raises(ValueError, match=r"bias_scale = -1.0"):
        first_best(types, money(1.0), bias_scale=-1.0)
    with pytest.raises(ValueError, match=r"bias_scale = nan"):
        everybody_at_her_own_budget(types, bias_scale=math.nan)
