"""Weights and error bounds: a case worked by hand, exact enumeration, a conic solver, and what must hold always."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction
from itertools import combinations_with_replacement

import cvxpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agents.broker.aggregation import (
    AGGREGATIONS,
    certain_share,
    conventional_weights,
    error_bound,
    optimal_error_bound,
    optimal_weights,
    unchecked_error_bound,
    variance_weights,
)

INF = math.inf


def row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


# Three owners and a tenth of the records unbought, L = 1/2. With a = 1/2 and b = 4/5 the first is lifted to a / c,
# the second keeps her share (a <= 3/5 <= b), the third is cut to b / c; b - a = 2 L S with S = (0.1 + 0.3 + 0.2) / 2.
VARIANCE = row(1.0, 2.0, 4.0)
SHARE = row(0.2, 0.3, 0.4)
WEIGHTS = row(0.5, 0.3, 0.2)


def test_three_owners_by_hand() -> None:
    torch.testing.assert_close(optimal_weights(VARIANCE, SHARE, 0.5), WEIGHTS, rtol=1e-15, atol=0)
    # 1 * 0.25 + 2 * 0.09 + 4 * 0.04 + 0.3^2
    assert error_bound(WEIGHTS, VARIANCE, SHARE, 0.5).item() == pytest.approx(0.68, rel=1e-15)


def test_three_owners_slopes_by_hand() -> None:
    variance, share = VARIANCE.clone().requires_grad_(), SHARE.clone().requires_grad_()
    bound = optimal_error_bound(variance, share, 0.5)
    by_variance, by_share = torch.autograd.grad(bound.sum(), (variance, share))
    assert bound.item() == pytest.approx(0.68, rel=1e-15)
    torch.testing.assert_close(by_variance, row(0.25, 0.09, 0.04), rtol=1e-14, atol=0)
    torch.testing.assert_close(by_share, row(-0.6, -0.4, 0.0), rtol=1e-14, atol=1e-15)


def test_losers_records_are_missing_records() -> None:
    """Whether a tenth of the records is one loser's or unbought makes no difference to anybody."""
    for variance, share in ((INF, 0.1), (INF, 0.0), (3.0, 0.0)):
        with_loser = torch.cat([VARIANCE, row(variance)], -1), torch.cat([SHARE, row(share)], -1)
        weights = optimal_weights(*with_loser, 0.5)
        torch.testing.assert_close(weights, torch.cat([WEIGHTS, row(0.0)], -1), rtol=1e-15, atol=0)
        assert error_bound(weights, *with_loser, 0.5).item() == pytest.approx(0.68, rel=1e-15)


def test_one_seller_has_all_the_weight() -> None:
    variance, share = row(INF, 8.0), row(0.75, 0.25)
    assert optimal_weights(variance, share).tolist() == [[0.0, 1.0]]
    assert optimal_error_bound(variance, share).item() == 8 + (0.75 + 0.75) ** 2


def test_nobody_sells() -> None:
    variance, share = row(INF, INF).requires_grad_(), row(0.5, 0.0).requires_grad_()
    bound = optimal_error_bound(variance, share)
    bound.square().sum().backward()
    assert bound.tolist() == [INF]
    assert variance.grad is not None
    assert share.grad is not None
    assert variance.grad.tolist() == share.grad.tolist() == [[0.0, 0.0]]
    assert optimal_weights(variance, share).tolist() == [[0.0, 0.0]]
    assert error_bound(row(0.0, 0.0), variance, share).tolist() == [INF]
    for rule in AGGREGATIONS.values():
        assert rule(variance, share).tolist() == [[0.0, 0.0]]


def test_no_owners_and_no_rows() -> None:
    for shape in ((1, 0), (0, 3)):
        empty = torch.zeros(shape, dtype=torch.float64)
        assert optimal_weights(empty, empty).shape == shape
        assert optimal_error_bound(empty, empty).tolist() == [INF] * shape[0]


def test_invalid_rows_leave_the_others_alone() -> None:
    variance, share = torch.cat([VARIANCE, row(INF, INF, INF)]), torch.cat([SHARE, SHARE]).requires_grad_()
    bound = optimal_error_bound(variance, share, 0.5)
    assert bound.tolist() == [pytest.approx(0.68), INF]
    bound.log().sum().backward()
    assert share.grad is not None
    torch.testing.assert_close(share.grad, torch.cat([row(-0.6, -0.4, 0.0) / 0.68, row(0.0, 0.0, 0.0)]))


def test_everything_bought_at_equal_noise_weighs_by_size() -> None:
    share = row(0.5, 0.25, 0.25)
    assert optimal_weights(row(3.0, 3.0, 3.0), share, 1e3).tolist() == pytest.approx(share)
    # and at the kink, where variance * share is the same for all, whatever the bias scale
    assert torch.equal(optimal_weights(row(1.0, 2.0, 2.0), share), share)


def test_without_bias_only_noise_counts() -> None:
    torch.testing.assert_close(optimal_weights(VARIANCE, SHARE, 0.0), row(4.0, 2.0, 1.0) / 7)
    assert optimal_error_bound(VARIANCE, SHARE, 0.0).item() == pytest.approx(1 / (1 + 1 / 2 + 1 / 4))


# Oracles


def draw(kind: int, owners: int, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """One random profile: paper-like, equal sizes, equal noise, the kink, extremes; losers and unbought parts."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(owners, generator=generator, dtype=torch.float64)

    variance, size = 8 / uniform(0.5, 2.0) ** 2, (2 * torch.randn(owners, generator=generator).double()).exp()
    if kind == 1:
        size = torch.ones(owners, dtype=torch.float64)
    if kind == 2:
        variance = torch.full((owners,), 3.0, dtype=torch.float64)
    if kind == 3:
        size = 1 / variance
    if kind == 4:
        variance, size = 10 ** uniform(-6, 6), 10 ** uniform(-9, 0)
    # Whole records out of a power of two: the shares are exact in binary, whether or not they sum to 1.
    share = (size / size.sum() * 2**40).floor()
    share[0] += 2**40 - share.sum()
    share = share / 2**40
    if kind in (0, 4) and owners > 1:
        part = torch.rand(owners, generator=generator, dtype=torch.float64).mul(4).floor().clamp(max=2) / 2
        share = share * part
        variance = torch.where(torch.rand(owners, generator=generator) < 0.2, INF, variance)
    scale = (1.0, 1.0, 0.0, 1e-3, 30.0)[int(torch.randint(5, (1,), generator=generator))]
    return variance, share, scale


def enumerated_bound(variance: Tensor, share: Tensor, scale: float) -> Fraction:
    """Least bound over all choices of who is lifted, kept and cut, in exact arithmetic."""
    sellers = [
        (Fraction(c), Fraction(w)) for c, w in zip(variance.tolist(), share.tolist(), strict=True) if w > 0 and c < INF
    ]
    sellers.sort(key=lambda seller: seller[0] * seller[1])
    length, off = Fraction(scale), 1 - sum(w for _, w in sellers)
    kappa, candidates = 4 * length**2, []
    for first, last in combinations_with_replacement(range(len(sellers) + 1), 2):
        low, kept, high = sellers[:first], sellers[first:last], sellers[last:]
        q_low, q_high = sum(1 / c for c, _ in low), sum(1 / c for c, _ in high)
        w_low, w_high = sum(w for _, w in low), sum(w for _, w in high)
        total, scaling = off + w_low + w_high, q_low + q_high + kappa * q_low * q_high
        if scaling == 0:
            weights = [w for _, w in kept]
        else:
            a = (total + kappa * q_high * w_low) / scaling
            b = (total + kappa * q_low * (off + w_high)) / scaling
            weights = [a / c for c, _ in low] + [w for _, w in kept] + [b / c for c, _ in high]
        if sum(weights) == 1 and min(weights) >= 0:
            noise = sum(c * x * x for (c, _), x in zip(sellers, weights, strict=True))
            bias = length * (off + sum(abs(x - w) for (_, w), x in zip(sellers, weights, strict=True)))
            candidates.append(noise + bias**2)
    return min(candidates)


@pytest.mark.parametrize("owners", [1, 2, 3, 4, 5, 6])
def test_as_good_as_exact_enumeration(owners: int, generator: torch.Generator) -> None:
    for kind in (0, 1, 2, 3, 4) * 3:
        variance, share, scale = draw(kind, owners, generator)
        if not bool(((share > 0) & (variance < INF)).any()):
            continue
        best = enumerated_bound(variance, share, scale)
        weights = optimal_weights(variance[None], share[None], scale)
        for bound in (
            error_bound(weights, variance[None], share[None], scale),
            optimal_error_bound(variance[None], share[None], scale),
        ):
            assert abs(Fraction(bound.item()) / best - 1) <= Fraction(1e-12)


def clarabel_bound(variance: Tensor, share: Tensor, scale: float) -> float | None:
    """Bound at the solver's point, made feasible; None where nobody sells or the solver gives up."""
    sells = (share > 0) & (variance < INF)
    if not bool(sells.any()):
        return None
    c, w = variance[sells].numpy(), share[sells].numpy()
    weights = cvxpy.Variable(len(c))
    bias = scale * (max(0.0, 1 - w.sum()) + cvxpy.norm1(weights - w))
    problem = cvxpy.Problem(
        cvxpy.Minimize(c @ cvxpy.square(weights) + cvxpy.square(bias)), [weights >= 0, cvxpy.sum(weights) == 1]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            problem.solve(solver=cvxpy.CLARABEL)
        except cvxpy.SolverError:
            return None
    if weights.value is None:
        return None
    point = torch.zeros_like(variance)
    point[sells] = torch.as_tensor(weights.value).clamp(min=0)
    return float(error_bound((point / point.sum())[None], variance[None], share[None], scale))


def test_no_worse_than_clarabel(generator: torch.Generator) -> None:
    compared = 0
    for trial in range(60):
        variance, share, scale = draw(trial % 5, (1, 2, 5, 10, 10, 200)[trial % 6], generator)
        theirs = clarabel_bound(variance, share, scale)
        if theirs is not None:
            compared += 1
            assert float(optimal_error_bound(variance[None], share[None], scale)) <= theirs * (1 + 1e-8)
    assert compared > 40


def test_slopes_against_finite_differences(generator: torch.Generator) -> None:
    step, kinds = 1e-6, set()
    for owners in (1, 2, 3, 5, 8, 11) * 5:
        variance = 1 + 20 * torch.rand(1, owners, generator=generator, dtype=torch.float64)
        size = (1.5 * torch.randn(1, owners, generator=generator, dtype=torch.float64)).exp()
        share = 0.9 * size / size.sum()
        share[:, 1:] = torch.where(torch.rand(1, owners - 1, generator=generator) < 0.2, 0.0, share[:, 1:])
        variance[:, 1:] = torch.where(torch.rand(1, owners - 1, generator=generator) < 0.2, INF, variance[:, 1:])
        scale = float(torch.rand(1, generator=generator)) + 0.2
        sells = (share > 0) & (variance < INF)
        weights = optimal_weights(variance, share, scale)
        kinds |= set((weights - share)[sells].sign().tolist())

        c, w = variance.clone().requires_grad_(), share.clone().requires_grad_()
        by_variance, by_share = torch.autograd.grad(optimal_error_bound(c, w, scale).sum(), (c, w))
        for owner in range(owners):
            bump = torch.zeros_like(share)
            bump[0, owner] = step
            if not sells[0, owner]:
                assert by_variance[0, owner] == 0
                assert by_share[0, owner] == 0
                continue
            for slope, up, down in (
                (by_variance, (variance + bump, share), (variance - bump, share)),
                (by_share, (variance, share + bump), (variance, share - bump)),
            ):
                difference = optimal_error_bound(*up, scale) - optimal_error_bound(*down, scale)
                assert slope[0, owner].item() == pytest.approx(difference.item() / (2 * step), rel=1e-5, abs=1e-7)
    assert kinds == {-1.0, 0.0, 1.0}, "cut, kept and lifted owners must all have been tried"


def test_second_derivatives_are_refused_rather_than_wrong() -> None:
    variance = VARIANCE.clone().requires_grad_()
    (slope,) = torch.autograd.grad(unchecked_error_bound(variance, SHARE).sum(), variance, create_graph=True)
    with pytest.raises(RuntimeError):
        slope.sum().backward()


# What must hold always


@st.composite
def profiles(draw_: st.DrawFn) -> tuple[Tensor, Tensor, float]:
    """One to three rows of one to eight owners, losers and unbought parts included."""
    rows, owners = draw_(st.integers(1, 3)), draw_(st.integers(1, 8))
    noise = st.one_of(st.floats(1e-4, 1e4), st.sampled_from([1.0, 2.0, INF]))
    records = st.integers(0, 1000)
    cells = [[(draw_(noise), draw_(records), draw_(records)) for _ in range(owners)] for _ in range(rows)]
    table = torch.tensor(cells, dtype=torch.float64)
    variance, bought, unbought = table.unbind(-1)
    share = bought / (bought + unbought).sum(-1, keepdim=True).clamp(min=1)
    return variance, share, draw_(st.sampled_from([0.0, 1e-2, 1.0, 7.0]))


@given(profiles())
def test_weights_are_a_distribution_over_the_sellers(profile: tuple[Tensor, Tensor, float]) -> None:
    variance, share, scale = profile
    sells = (variance < INF) & (share > 0)
    for weights in [optimal_weights(*profile)] + [rule(*profile) for rule in AGGREGATIONS.values()]:
        assert bool((weights >= 0).all())
        assert bool((weights[~sells] == 0).all())
        torch.testing.assert_close(weights.sum(-1), sells.any(-1).double(), rtol=0, atol=1e-14)
        assert torch.equal(error_bound(weights, variance, share, scale) == INF, ~sells.any(-1))


@given(profiles())
def test_no_other_weights_do_better(profile: tuple[Tensor, Tensor, float]) -> None:
    bound = optimal_error_bound(*profile)
    for rule in AGGREGATIONS.values():
        other = error_bound(rule(profile[0], profile[1], profile[2]), *profile)
        assert bool(((bound == INF) | (bound <= other * (1 + 1e-13))).all())


@given(profiles(), st.randoms(use_true_random=False))
def test_names_do_not_matter(profile: tuple[Tensor, Tensor, float], random) -> None:
    variance, share, scale = profile
    order = list(range(variance.shape[1]))
    random.shuffle(order)
    shuffled = optimal_weights(variance[:, order], share[:, order], scale)
    torch.testing.assert_close(shuffled, optimal_weights(*profile)[:, order], rtol=1e-12, atol=1e-14)


@given(profiles())
def test_a_batch_is_its_rows(profile: tuple[Tensor, Tensor, float]) -> None:
    variance, share, scale = profile
    rows = [optimal_weights(variance[i : i + 1], share[i : i + 1], scale) for i in range(len(variance))]
    torch.testing.assert_close(torch.cat(rows), optimal_weights(*profile), rtol=1e-14, atol=0)


@given(profiles(), st.sampled_from([1e-6, 0.5, 1e4]))
def test_only_the_ratio_of_noise_to_bias_matters(profile: tuple[Tensor, Tensor, float], unit: float) -> None:
    variance, share, scale = profile
    scaled = optimal_weights(variance * unit**2, share, scale * unit)
    torch.testing.assert_close(scaled, optimal_weights(*profile), rtol=1e-12, atol=1e-14)


@given(profiles())
def test_more_data_and_less_noise_never_hurt(profile: tuple[Tensor, Tensor, float]) -> None:
    variance, share, scale = profile
    c, w = variance.clone().requires_grad_(), share.clone().requires_grad_()
    by_variance, by_share = torch.autograd.grad(optimal_error_bound(c, w, scale).sum(), (c, w))
    assert bool((by_variance >= 0).all())
    assert bool((by_share <= 1e-9 * (1 + by_share.abs().max())).all())


@pytest.mark.parametrize("extreme", [1e-60, 1e60])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e30])
def test_extreme_units_neither_overflow_nor_vanish(extreme: float, scale: float) -> None:
    variance = row(extreme, 1.0, 1 / extreme, 1.0)
    for share in (row(0.25, 0.25, 0.25, 0.25), row(1e-300, 0.5, 0.1, 1e-12)):
        weights = optimal_weights(variance, share, scale)
        assert weights.sum().item() == pytest.approx(1, abs=1e-14)
        assert math.isfinite(optimal_error_bound(variance, share, scale).item())


def test_a_hundred_thousand_owners(generator: torch.Generator) -> None:
    size = (2 * torch.randn(1, 100_000, generator=generator, dtype=torch.float64)).exp()
    variance = 8 / (0.5 + 1.5 * torch.rand(1, 100_000, generator=generator, dtype=torch.float64)) ** 2
    share = size / size.sum()
    variance = torch.where(share > share.mean(), variance * 1e4, variance)
    c, w = variance.clone().requires_grad_(), share.clone().requires_grad_()
    (by_share,) = torch.autograd.grad(optimal_error_bound(c, w).sum(), w)
    weights = optimal_weights(variance, share)
    assert weights.sum().item() == pytest.approx(1, abs=1e-12)
    # a / c where lifted, b / c where cut: the extremes of c * weight, which bound everybody else's
    pull, moved = (variance * weights)[0], (weights - share)[0]
    assert pull[moved > 0].max() <= pull.min() * (1 + 1e-12)
    assert pull[moved < 0].min() >= pull.max() * (1 - 1e-12)
    assert bool((by_share <= 1e-12).all())


# The simpler rules


def test_conventional_weights_follow_the_records_bought() -> None:
    assert AGGREGATIONS["conventional"] is conventional_weights
    assert conventional_weights(row(1.0, 1.0, INF), row(0.375, 0.125, 0.1)).tolist() == [[0.75, 0.25, 0.0]]
    assert conventional_weights(row(INF, INF), row(0.0, 0.0)).tolist() == [[0.0, 0.0]]


def test_variance_weights_follow_the_precision() -> None:
    assert AGGREGATIONS["variance"] is variance_weights
    assert variance_weights(row(1.0, INF, 3.0), row(0.3, 0.2, 0.1)).tolist() == [[0.75, 0.0, 0.25]]
    assert variance_weights(row(1.0, 1.0, 3.0), row(0.3, 0.0, 0.1)).tolist() == [[0.75, 0.0, 0.25]]


def test_part_of_a_data_set_is_no_certain_share() -> None:
    """Sold: everything, a part, nothing. The part's owner sells, but all her records count as missing."""
    share = certain_share(torch.tensor([[50, 29, 0]]), torch.tensor([[50, 30, 20]]), torch.tensor([100]))
    assert share[0, 0] == 0.5
    assert 0 < share[0, 1] < 1e-300
    assert share[0, 2] == 0
    weights = optimal_weights(row(2.0, 2.0, INF), share)
    assert weights[0, 1] > 0
    # the bias of a partly bought owner is her weight plus her whole share
    kept, partial = weights[0, :2].tolist()
    bias = abs(kept - 0.5) + (partial + 0.3) + 0.2
    bound = error_bound(weights, row(2.0, 2.0, INF), share).item()
    assert bound == pytest.approx(2 * kept**2 + 2 * partial**2 + bias**2)


# Bad input


@pytest.mark.parametrize(
    ("variance", "share", "scale", "message"),
    [
        (
            row(0.0, 1.0),
            row(0.5, 0.5),
            1.0,
            r"variance\[0, 0\] = 0.0: pass a variance between 1e-60 and 1e\+60",
        ),
        (row(1.0, -2.0), row(0.5, 0.5), 1.0, r"variance\[0, 1\] = -2.0"),
        (row(1.0, math.nan), row(0.5, 0.5), 1.0, r"variance\[0, 1\] = nan"),
        (row(1.0, -INF), row(0.5, 0.5), 1.0, r"variance\[0, 1\] = -inf"),
        (row(1.0, 1e80), row(0.5, 0.5), 1.0, r"variance\[0, 1\] = 1e\+80"),
        (row(1.0, 1.0), row(-0.1, 0.5), 1.0, r"share\[0, 0\] = -0.1"),
        (row(1.0, 1.0), row(0.5, math.nan), 1.0, r"share\[0, 1\] = nan"),
        (row(1.0, 1.0), row(0.6, 0.5), 1.0, r"share\[0\] sums to 1.1.*: divide the records bought by those of all"),
        (row(1.0, 1.0), row(0.5), 1.0, r"share has shape \[1, 1\]; pass shape \[1, 2\]"),
        (row(1.0, 1.0)[0], row(0.5, 0.5), 1.0, r"variance has shape \[2\]; pass shape \[any, any\]"),
        (row(1.0, 1.0), row(0.5, 0.5), -1.0, r"bias_scale = -1.0"),
        (row(1.0, 1.0), row(0.5, 0.5), math.nan, r"bias_scale = nan"),
    ],
)
def test_bad_values_are_refused(variance: Tensor, share: Tensor, scale: float, message: str) -> None:
    for function in (optimal_weights, optimal_error_bound, *AGGREGATIONS.values()):
        with pytest.raises(ValueError, match=message):
            function(variance, share, scale)


def test_bad_types_are_refused() -> None:
    with pytest.raises(TypeError, match=r"variance has dtype torch.float32; pass float64"):
        optimal_weights(row(1.0).float(), row(0.5))
    with pytest.raises(TypeError, match=r"variance cannot be read as an array"):
        optimal_weights([[1.0], [1.0, 2.0]], row(0.5))
    with pytest.raises(TypeError, match=r"share has dtype torch.int64; pass float64"):
        optimal_weights(row(1.0), torch.tensor([[1]]))


def test_lists_will_do() -> None:
    assert optimal_weights([[1.0, 2.0, 4.0]], [[0.2, 0.3, 0.4]], 0.5).tolist() == [pytest.approx([0.5, 0.3, 0.2])]
    assert optimal_error_bound([[1.0, 2.0, 4.0]], [[0.2, 0.3, 0.4]], 0.5).tolist() == [pytest.approx(0.68)]


def test_rounding_of_shares_is_no_error() -> None:
    weights = optimal_weights(row(1.0, 1.0), row(0.5, 0.5 + 5e-10))
    assert weights.sum().item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (row(0.5, 0.5), r"weights\[0, 1\] = 0.5, but this owner sells nothing: pass 0 there"),
        (row(0.9, 0.0), r"weights\[0\] sums to 0.9: divide the weights of a row by their sum"),
        (row(-1.0, 0.0), r"weights\[0, 0\] = -1.0"),
        (row(1.0), r"weights has shape \[1, 1\]; pass shape \[1, 2\]"),
    ],
)
def test_bad_weights_are_refused(weights: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        error_bound(weights, row(1.0, INF), row(0.5, 0.5))


def test_impossible_records_are_refused() -> None:
    one, two = torch.tensor([[1]]), torch.tensor([[2]])
    with pytest.raises(ValueError, match=r"records\[0, 0\] = 2 exceeds data_size 1: nobody sells more than she has"):
        certain_share(two, one, torch.tensor([5]))
    with pytest.raises(ValueError, match=r"bidders_records\[0\] = 1 is less than the sum of data_size, 2"):
        certain_share(one, two, torch.tensor([1]))
