"""The account of several uploads against closed forms: equal losses, basic and advanced composition, Gaussian noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.signal import lfilter

from agents.composition import Composition, composed, discounted, total_privacy_loss
from agents.perturbation.gaussian_profile import gaussian_epsilon

DELTAS = [1e-12, 1e-6, 1e-3]


def equal_losses(epsilon: float, count: int, delta: float) -> float:
    """Kairouz, Oh and Viswanath: the smallest total of equal pure losses, by bisection of their closed form."""
    place = np.arange(count + 1)
    mass = stats.binom.pmf(place, count, 1 / (1 + math.exp(-epsilon)))
    loss = (2 * place - count) * epsilon
    low, high = 0.0, count * epsilon
    for _ in range(200):
        middle = (low + high) / 2
        exceeded = float((mass * np.where(loss > middle, -np.expm1(np.minimum(middle - loss, 0)), 0)).sum())
        low, high = (low, middle) if exceeded <= delta else (middle, high)
    return high


def every_outcome(losses: list[float], delta: float) -> float:
    """The same for few losses of any size: all outcomes of randomised responses, one by one."""
    mass, total = np.ones(1), np.zeros(1)
    for loss in losses:
        likely = 1 / (1 + math.exp(-loss))
        mass = np.concatenate([mass * likely, mass * (1 - likely)])
        total = np.concatenate([total + loss, total - loss])
    low, high = 0.0, sum(losses)
    for _ in range(200):
        middle = (low + high) / 2
        exceeded = float((mass * np.where(total > middle, -np.expm1(np.minimum(middle - total, 0)), 0)).sum())
        low, high = (low, middle) if exceeded <= delta else (middle, high)
    return high


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize(("epsilon", "count"), [(1.0, 1), (0.1, 10), (0.01, 1000), (1.0, 150), (2.0, 300), (20.0, 5)])
def test_equal_losses_are_those_of_kairouz_oh_and_viswanath(epsilon, count, delta):
    exact = equal_losses(epsilon, count, delta)
    found = total_privacy_loss([epsilon] * count, delta)
    assert exact * (1 - 1e-9) <= found <= exact * (1 + 1e-6)


@given(st.lists(st.floats(0.01, 3.0), min_size=1, max_size=12), st.sampled_from(DELTAS))
@settings(max_examples=60, deadline=None)
def test_few_losses_of_any_size_are_never_counted_less_than_they_are(losses, delta):
    exact = every_outcome(losses, delta)
    found = total_privacy_loss(losses, delta)
    assert exact * (1 - 1e-9) <= found <= min(exact * 1.01 + 1e-3, sum(losses) * (1 + 1e-12))


def test_many_losses_lie_between_those_of_the_least_and_the_largest_and_below_both_bounds():
    losses = np.random.default_rng(0).uniform(0.5, 2.0, 200)
    found, delta = total_privacy_loss(losses, 1e-6), 1e-6
    assert equal_losses(0.5, 200, delta) < found < equal_losses(2.0, 200, delta)
    mean = float((losses * np.expm1(losses) / (np.exp(losses) + 1)).sum())
    advanced = mean + math.sqrt(2 * math.log(1 / delta) * float((losses**2).sum()))
    assert found < min(float(losses.sum()), advanced)


def test_a_rare_small_loss_after_large_ones_and_the_other_way_round():
    for losses in ([1e-6] * 3 + [50.0], [50.0] + [1e-6] * 3, [1e-6, 100.0, 0.3]):
        assert every_outcome(losses, 1e-6) * (1 - 1e-9) <= total_privacy_loss(losses, 1e-6) <= sum(losses)


@pytest.mark.parametrize(
    "losses", [[4.0] + [0.01] * 1000, [2.0] + [0.05] * 300, [3.0] * 5 + [0.3] * 100 + [0.02] * 500]
)
def test_the_order_of_uploads_hardly_matters(losses):
    """A large loss first leaves a wide grid, which small ones that follow make finer."""
    found = [total_privacy_loss(order, 1e-6) for order in (losses, losses[::-1])]
    assert max(found) < 1.01 * min(found)


def test_more_uploads_and_a_smaller_delta_never_mean_less():
    losses = [0.7, 0.2, 1.9, 0.4] * 10
    totals = [composed(losses[:count]).total(1e-6) for count in range(len(losses) + 1)]
    assert totals == sorted(totals)
    assert totals[0] == 0.0
    assert composed(losses).total(1e-9) > composed(losses).total(1e-6) > composed(losses).total(1e-2)


def test_gaussian_uploads_compose_as_one_gaussian_and_with_pure_ones():
    shifts = [0.2, 0.3, 0.6]
    together = composed([1.0] * 3, delta=1e-6, shift=shifts)
    assert together.total(1e-6) == pytest.approx(float(gaussian_epsilon(0.7, 1e-6)), rel=1e-6)
    assert (together.epsilon, together.delta) == (3.0, pytest.approx(3e-6))
    mixed = together.with_upload(0.5)
    assert together.total(1e-6) < mixed.total(1e-6) < together.total(1e-6) + 0.5 * (1 + 1e-9)
    # By numerical integration: the loss of the Gaussian part is normal, that of the other plus or minus 0.5.
    likely, shift = 1 / (1 + math.exp(-0.5)), 0.7
    loss = np.linspace(-8, 8, 400_001)
    density = stats.norm.pdf(loss, shift**2 / 2, shift)
    exceeded = sum(
        weight * np.trapezoid(density * np.maximum(-np.expm1(mixed.total(1e-6) - loss - part), 0), loss)
        for weight, part in ((likely, 0.5), (1 - likely, -0.5))
    )
    assert exceeded == pytest.approx(1e-6, rel=1e-3)


def test_what_is_only_known_to_be_epsilon_delta_private_keeps_both():
    """One upload of (1, 1e-4) is what it says; two are those of Kairouz, Oh and Viswanath with delta."""
    one = composed([1.0], delta=1e-4)
    assert one.total(1e-4) == 1.0
    assert one.total(1e-5) == math.inf
    two = composed([1.0, 1.0], delta=1e-4)
    target = 3e-4
    rest = 1 - (1 - target) / (1 - 1e-4) ** 2
    assert two.total(target) == pytest.approx(equal_losses(1.0, 2, rest), rel=1e-6)


def test_nothing_is_spent_without_an_upload():
    assert composed([]).total(1e-6) == composed([0.0, 0.0]).total(1e-6) == Composition().total(1e-6) == 0.0


@pytest.mark.parametrize("delta", [0.0, 1.0, math.nan, -1.0])
def test_a_delta_out_of_range_is_refused(delta):
    with pytest.raises(ValueError, match="delta = "):
        total_privacy_loss([1.0], delta)


@pytest.mark.parametrize("cell", [1e-4, 0.01, 0.3, 5.0, 40.0])
def test_discounted_sums_are_those_of_a_linear_filter(cell):
    stream = np.random.default_rng(0)
    mass = stream.random(6144) * np.exp(-40 * stream.random(6144))
    np.testing.assert_allclose(discounted(mass, cell), lfilter([1.0], [1.0, -math.exp(-cell)], mass), rtol=1e-13)
