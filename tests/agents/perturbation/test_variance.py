"""Declared variances: closed forms, the design's table, and PrivUnit's cap against independent numerics."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, optimize
from scipy.special import gammaln

from agents.perturbation.caps import LARGEST_USEFUL_LOSS, spherical_cap
from agents.perturbation.checked import declared_variance
from agents.perturbation.registry import list_perturbations, perturbation_of

LOSSES = [0.01, 0.5, 1.0, 2.0, 4.0, 10.0]
DIMENSIONS = [2, 3, 10, 650]


def integrate_heights(function, low, high, dimension):
    """Integrate over a uniform sphere, by the angle to the first axis: density in proportion to sin^(p - 2)."""
    constant = math.exp(gammaln(dimension / 2) - gammaln((dimension - 1) / 2)) / math.sqrt(math.pi)

    def by_angle(angle):
        return function(math.cos(angle)) * constant * math.sin(angle) ** (dimension - 2)

    near, far = math.acos(high), math.acos(low)
    middle = min(max(math.pi / 2, near), far)
    return sum(integrate.quad(by_angle, *part, epsabs=1e-13, limit=500)[0] for part in ((near, middle), (middle, far)))


def shrinkage_of(height, loss, dimension):
    """Mean inner product of a PrivUnit draw with its direction, by numerical integration."""
    area = integrate_heights(lambda t: 1.0, height, 1.0, dimension)
    inside = integrate_heights(lambda t: t, height, 1.0, dimension)
    outside = integrate_heights(lambda t: t, -1.0, height, dimension)
    probability = math.exp(loss) * area / (1 - area + math.exp(loss) * area)
    return probability * inside / area + (1 - probability) * outside / (1 - area)


def cap_of(loss, dimension):
    cap = spherical_cap(np.array([loss]), dimension)
    return cap.height[0], cap.area[0], cap.probability[0], cap.shrinkage[0]


def test_laplace_declares_eight_squared_radii_over_squared_loss():
    declared = declared_variance("laplace", [0.5, 1.0, 2.0, 4.0], 650)
    assert declared.tolist() == [32.0, 8.0, 2.0, 0.5]
    assert declared_variance("laplace", [2.0], 650, radius=3.0).tolist() == [18.0]


def test_privunit_declares_the_figures_of_the_design():
    declared = declared_variance("privunit", [0.5, 1.0, 2.0, 4.0], 650)
    assert [round(value, 2) for value in declared.tolist()] == [25.16, 6.33, 1.62, 0.44]
    assert torch.allclose(declared_variance("privunit", [0.5, 1.0, 2.0, 4.0], 650, radius=0.1), declared * 0.01)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("loss", [0.5, 1.0, 4.0])
def test_the_sphere_declares_the_squared_radius_of_duchi_jordan_and_wainwright(loss, dimension):
    ratio = math.exp(gammaln((dimension + 1) / 2) - gammaln(dimension / 2))
    radius = math.sqrt(math.pi) * ratio / math.tanh(loss / 2)
    declared = float(declared_variance("l2-sphere", [loss], dimension))
    assert declared == pytest.approx(radius**2 / dimension, rel=1e-12)
    # PrivUnit chooses its cap freely, and the half-sphere is one of them.
    assert float(declared_variance("privunit", [loss], dimension)) <= declared * (1 + 1e-12)


def test_none_declares_a_floor_that_optimal_weights_can_divide_by():
    assert declared_variance("none", [0.5, 2.0], 650, radius=2.0).tolist() == [4e-6, 4e-6]


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_cap_makes_the_density_ratio_exactly_the_privacy_loss(loss, dimension):
    _, area, probability, _ = cap_of(loss, dimension)
    ratio = (probability / area) / ((1 - probability) / (1 - area))
    assert math.log(ratio) == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_cap_area_and_shrinkage_are_those_of_the_sphere(loss, dimension):
    height, area, _, shrinkage = cap_of(loss, dimension)
    assert area == pytest.approx(integrate_heights(lambda t: 1.0, height, 1.0, dimension), rel=1e-8)
    assert shrinkage == pytest.approx(shrinkage_of(height, loss, dimension), rel=1e-8)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("loss", [0.5, 2.0, 10.0])
def test_cap_is_the_one_of_least_variance(loss, dimension):
    height, _, _, shrinkage = cap_of(loss, dimension)
    best = optimize.minimize_scalar(
        lambda gamma: -shrinkage_of(gamma, loss, dimension), bounds=(0.0, 0.9999), method="bounded"
    )
    assert shrinkage >= -best.fun * (1 - 1e-9)
    assert height == pytest.approx(shrinkage, rel=1e-6)


def test_a_variance_does_not_depend_on_what_it_is_computed_along_with():
    losses = torch.linspace(0.01, 20, 101, dtype=torch.float64)
    together = declared_variance("privunit", losses, 650)
    alone = torch.cat([declared_variance("privunit", loss[None], 650) for loss in losses])
    assert torch.allclose(together, alone, rtol=1e-14, atol=0)


def test_privacy_losses_beyond_the_useful_are_treated_as_the_largest_useful():
    assert cap_of(1000.0, 650) == cap_of(LARGEST_USEFUL_LOSS, 650)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("laplas", [1.0], 10), "did you mean 'laplace'"),
        (("laplace", [-1.0], 10), r"privacy_loss\[0\] = -1.0"),
        (("laplace", [math.nan], 10), "finite"),
        (("privunit", [1.0], 1), "dimension = 1: pass a whole number between 2"),
        (("laplace", [1.0], 10, 0.0), "radius = 0.0"),
    ],
)
def test_bad_input_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        declared_variance(*arguments)


def test_noise_sources():
    assert perturbation_of("privunit").check_source("generator") == "generator"
    with pytest.raises(ValueError, match=r"not offered by perturbation 'privunit'; .* laplace, gaussian"):
        perturbation_of("privunit").check_source("opendp")
    with pytest.raises(ValueError, match="did you mean 'opendp'"):
        perturbation_of("laplace").check_source("opendb")
    exact = [name for name in list_perturbations() if "opendp" in perturbation_of(name).sources]
    assert exact == ["gaussian", "laplace"], "the message names them"


def test_missing_opendp_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="install the extra exact-noise"):
        perturbation_of("laplace").check_source("opendp")


def test_norms():
    assert [perturbation_of(name).norm for name in ("laplace", "none", "privunit")] == [1, 2, 2]
    assert [perturbation_of(name).private for name in ("laplace", "none", "privunit")] == [True, False, True]
