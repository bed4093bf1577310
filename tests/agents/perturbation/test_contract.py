"""What every perturbation promises, whether or not anybody listed it here."""

import inspect
import math

import pytest
import torch
from scipy import stats

from agents.perturbation.checked import declared_variance, perturb
from agents.perturbation.registry import perturbation_classes, perturbation_of

NAMES = sorted(perturbation_classes())
PRIVATE = [name for name in NAMES if perturbation_of(name).private]
PURE = [name for name in PRIVATE if perturbation_of(name).delta == 0]
DRAWS = 20_000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def within_ball(name, radius, share, dimension=5):
    """A gradient of norm ``share * radius`` in the norm of the perturbation."""
    direction = torch.linspace(-1, 2, dimension, dtype=torch.float64)
    return share * radius * direction / direction.norm(p=perturbation_of(name).norm)


def many(name, gradient, loss, radius=1.0, draws=DRAWS, seed=0):
    losses = torch.full((draws,), loss, dtype=torch.float64)
    return perturb(name, gradient.expand(draws, -1), losses, generator(seed), radius=radius)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_in_a_line(name):
    assert (inspect.getdoc(perturbation_classes()[name]) or "").partition("\n")[0].endswith(".")
    epsilon, delta = perturbation_of(name).claim(torch.ones(2, dtype=torch.float64))
    assert epsilon.tolist() == [1.0, 1.0]
    assert delta.tolist() == [perturbation_of(name).delta] * 2


@pytest.mark.parametrize("name", NAMES)
def test_who_sells_nothing_has_infinite_variance_and_more_privacy_loss_means_no_more_noise(name):
    declared = declared_variance(name, [0.0, *torch.linspace(0.05, 30, 200).tolist()], 10)
    assert declared[0] == math.inf
    assert bool((declared[1:].diff() <= 0).all())
    assert torch.allclose(declared_variance(name, [1.0], 10, 0.1), declared_variance(name, [1.0], 10) * 0.01)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("loss", [0.5, 4.0])
@pytest.mark.parametrize("name", NAMES)
def test_unbiased(name, loss, share):
    gradient = within_ball(name, 0.7, share)
    noisy = many(name, gradient, loss, radius=0.7)
    error = (noisy.mean(dim=0) - gradient).abs()
    standard_error = noisy.std(dim=0) / math.sqrt(DRAWS)
    assert bool((error <= 5 * standard_error + 1e-12).all())


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("loss", [0.5, 4.0])
@pytest.mark.parametrize("name", NAMES)
def test_declared_variance_is_met_up_to_the_private_norm(name, loss, share):
    radius = 0.7
    gradient = within_ball(name, radius, share)
    squared_error = (many(name, gradient, loss, radius) - gradient).square().mean(dim=1)
    declared = float(declared_variance(name, [loss], len(gradient), radius))
    slack = 5 * float(squared_error.std()) / math.sqrt(DRAWS) + 1e-12 * declared  # draws of one length differ by digits
    assert float(squared_error.mean()) <= declared + slack
    assert declared <= float(squared_error.mean()) + radius**2 / len(gradient) + slack


def audited_loss(name, claimed, spent, draws=200_000):
    """Lower confidence bound (99.9 %) on the privacy loss, from two opposite gradients and one event.

    Beyond the radius along their axis, the two likelihoods differ by the full factor in every private mechanism here.
    """
    extreme = torch.zeros(3, dtype=torch.float64)
    extreme[0] = 1.0
    hits = [
        int((many(name, sign * extreme, spent, draws=draws, seed=seed)[:, 0] >= 1.0).sum())
        for seed, sign in ((1, 1.0), (2, -1.0))
    ]
    confidence = 0.9995
    likely = stats.beta.ppf(1 - confidence, hits[0], draws - hits[0] + 1)
    unlikely = stats.beta.ppf(confidence, hits[1] + 1, draws - hits[1])
    return math.log(likely / unlikely)


@pytest.mark.parametrize("loss", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("name", PURE)
def test_audit_finds_no_more_privacy_loss_than_was_sold_and_not_much_less(name, loss):
    found = audited_loss(name, loss, spent=loss)
    assert 0.9 * loss <= found <= loss


@pytest.mark.parametrize("name", PURE)
def test_audit_would_catch_a_perturbation_that_spends_a_quarter_more(name):
    assert audited_loss(name, 1.0, spent=1.25) > 1.0


@pytest.mark.parametrize("name", NAMES)
def test_draws_do_not_depend_on_gradients_or_losses(name):
    streams = [generator(), generator()]
    zeros, some = torch.zeros(3, 4), torch.full((3, 4), 0.1)
    perturb(name, zeros, torch.tensor([0.0, 1.0, 0.0]).double(), streams[0])
    perturb(name, some, torch.tensor([2.0, 0.5, 9.0]).double(), streams[1])
    assert torch.equal(streams[0].get_state(), streams[1].get_state())


@pytest.mark.parametrize("name", NAMES)
def test_an_upload_does_not_change_when_somebody_else_sells_nothing(name):
    gradient = torch.stack([within_ball(name, 1.0, share) for share in (0.2, 0.6, 1.0)])
    everybody = perturb(name, gradient, torch.tensor([1.0, 2.0, 3.0]).double(), generator())
    without = perturb(name, gradient, torch.tensor([1.0, 0.0, 3.0]).double(), generator())
    assert torch.equal(everybody[[0, 2]], without[[0, 2]])
    assert without[1].tolist() == [0.0] * 5


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_upload_and_another_seed_another(name):
    gradient = within_ball(name, 1.0, 0.5)
    first, again, other = (many(name, gradient, 1.0, draws=3, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert torch.equal(first, other) is not perturbation_of(name).private


@pytest.mark.parametrize("name", NAMES)
def test_float32_gradients_at_the_radius_pass_and_longer_ones_are_refused(name):
    gradient = within_ball(name, 1.0, 1.0, dimension=400).float()[None] * (1 + 1e-5)
    loss = torch.ones(1, dtype=torch.float64)
    assert perturb(name, gradient, loss, generator()).dtype == torch.float64
    with pytest.raises(ValueError, match="clip gradients to the radius"):
        perturb(name, 2 * gradient, loss, generator())
    with pytest.raises(ValueError, match="not finite"):
        perturb(name, gradient * math.nan, loss, generator())


@pytest.mark.parametrize("name", NAMES)
def test_nobody_uploads(name):
    assert perturb(name, torch.zeros(0, 4), torch.zeros(0).double(), generator()).shape == (0, 4)


def test_bad_input_is_refused():
    gradient, loss = torch.zeros(2, 4), torch.ones(2, dtype=torch.float64)
    with pytest.raises(ValueError, match="did you mean 'privunit'"):
        perturb("privunits", gradient, loss, generator())
    with pytest.raises(ValueError, match=r"pass shape \[2\]"):
        perturb("none", gradient, loss[:1], generator())
    with pytest.raises(TypeError, match=r"torch\.Generator"):
        perturb("none", gradient, loss, 0)
    with pytest.raises(TypeError, match="owners, coordinates"):
        perturb("none", gradient[0], loss, generator())
    with pytest.raises(ValueError, match="radius = -1"):
        perturb("none", gradient, loss, generator(), radius=-1)
