"""The distinguishing game: it finds what is spent, never more, and catches whoever adds half the noise."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from agents.perturbation.gaussian import Gaussian
from agents.perturbation.laplace import Laplace
from agents.perturbation.registry import list_perturbations, perturbation_of
from analysis.market_privacy import MARKETS, market_game
from analysis.privacy_audit import AuditSettings, games, privacy_audit, verdicts, worst_pairs
from analysis.privacy_game import Event, Game, lower_bound, play
from scenarios.commands.privacy_audit import audit_privacy

SMALL = AuditSettings(losses=(2.0,), dimensions={2: 100_000}, controls=False)


class Rounder(Laplace):
    """Leaks: with probability a thousandth the gradient is sent as it is."""

    name: ClassVar[str] = "rounder"

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        noisy = super().perturb(gradient, privacy_loss, generator, radius)
        leaks = torch.rand(len(gradient), generator=generator, dtype=torch.float64) < 0.01
        return torch.where(leaks[:, None], 1e3 * gradient, noisy)


@pytest.mark.parametrize("name", [name for name in list_perturbations() if perturbation_of(name).private])
def test_no_more_than_the_claim_is_found_and_of_pure_ones_hardly_less(name):
    (row,) = verdicts(privacy_audit(games([perturbation_of(name)], SMALL))).to_dict("records")
    assert row["verdict"] == "kept"
    assert 0 < row["found"] <= row["loss"]
    if row["delta"] == 0:
        assert row["share"] >= 0.9


@pytest.mark.parametrize("name", [name for name in list_perturbations() if perturbation_of(name).private])
def test_half_the_noise_is_caught(name):
    planted = [
        game
        for game in games(
            [perturbation_of(name)], AuditSettings(dimensions={2: 400_000 if name == "gaussian" else 100_000})
        )
        if game.planted
    ]
    assert len(planted) == 2
    table = verdicts(privacy_audit(planted))
    assert table["verdict"].tolist() == ["caught"]


class SilentAtNothing(Laplace):
    """Noise in proportion to the gradient's length: a zero gradient is sent as it is."""

    name: ClassVar[str] = "silent-at-nothing"

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        noise = super().perturb(gradient, privacy_loss, generator, radius) - gradient
        return gradient + noise * gradient.norm(p=1, dim=1, keepdim=True) / radius


class TwiceTheNoise(Laplace):
    """More private than it claims."""

    name: ClassVar[str] = "twice-the-noise"

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        return super().perturb(gradient, privacy_loss / 2, generator, radius)


def test_noise_that_depends_on_the_length_of_what_it_hides_is_refuted():
    (row,) = verdicts(privacy_audit(games([SilentAtNothing()], SMALL))).to_dict("records")
    assert row["verdict"] == "REFUTED"
    assert row["pair"] in ("nothing and a whole", "half and a whole")


def test_whoever_is_more_private_than_claimed_is_not_accused_by_a_control():
    settings = AuditSettings(losses=(2.0,), dimensions={2: 30_000})
    answer, kept = audit_privacy([f"{__name__}:TwiceTheNoise"], settings, delta=1e-6, market_draws=0)
    assert kept
    assert [row["verdict"] for row in answer.figures["verdicts"]] == ["kept", "not caught"]
    said = " ".join(part for part in answer.summary if isinstance(part, str))
    assert "adds more noise than it claims" in said
    assert "every planted mechanism was caught" not in said


def test_a_rare_leak_of_ones_own_is_refuted():
    (row,) = verdicts(privacy_audit(games([Rounder()], SMALL))).to_dict("records")
    assert row["verdict"] == "REFUTED"
    assert row["found"] > 2.0


def test_the_bound_is_that_of_clopper_and_pearson():
    share = 1e-6
    low = stats.binomtest(600, 1000).proportion_ci(1 - share, "exact").low
    high = stats.binomtest(200, 1000).proportion_ci(1 - share, "exact").high
    assert lower_bound(600, 200, 1000, share) == pytest.approx(math.log(low / high))
    assert lower_bound(600, 200, 1000, share, delta=0.1) == pytest.approx(math.log((low - 0.1) / high))
    assert lower_bound(0, 200, 1000, share) == lower_bound(600, 200, 1000, share, delta=0.9) == 0.0
    assert lower_bound(1000, 0, 1000, share) < math.inf


def test_a_mirror_image_is_counted_under_the_other_input():
    """Under the first input two of four projections are at least 1; under the second, three are at most -1."""
    first, second = np.array([2.0, 1.0, 0.0, -1.0]), np.array([-2.0, -1.0, -1.0, 1.0])
    scores = [{"projection": first}, {"projection": second}]
    assert Event("projection", 1.0, True, 0, mirrored=False).counts(scores) == (2, 1, 4)
    assert Event("projection", 1.0, True, 0, mirrored=True).counts(scores) == (2 + 3, 1 + 1, 8)
    assert str(Event("projection", 1.0, True, 0, mirrored=True)) == "projection at least 1, or its mirror image"


def test_a_mechanism_that_leaks_on_one_side_only_is_not_accused_by_mirror_images():
    """Randomised response that is private at epsilon 1, and biased: the sides have different probabilities."""
    odds = math.e

    def draw(gradient: Tensor, count: int, generator: torch.Generator) -> Tensor:
        answers = 0.2 if gradient[0] > 0 else 0.2 / odds
        return torch.where(torch.rand(count, 1, generator=generator, dtype=torch.float64) < answers, 1.0, -1.0)

    one = torch.ones(1, dtype=torch.float64)
    game = Game("biased", "one bit", 1.0, 0.0, 1, 20_000, (one, -one), draw)
    found = [play(game, torch.Generator().manual_seed(seed), 0.1)["found"] for seed in range(40)]
    assert np.mean([loss > 1.0 for loss in found]) <= 0.1
    assert min(found) > 0.8


def test_bounds_are_right_as_often_as_they_say():
    """Equal inputs, bounds of 80 % each: what is found is above 0 in a fifth of the games at most."""
    nothing = torch.zeros(2, dtype=torch.float64)
    off = torch.tensor([1e-9, 0.0], dtype=torch.float64)

    def draw(gradient: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 2, generator=generator, dtype=torch.float64)

    game = Game("noise alone", "nothing", 0.0, 0.0, 2, 2_000, (nothing, off), draw)
    found = [play(game, torch.Generator().manual_seed(seed), 0.2)["found"] > 0 for seed in range(60)]
    assert np.mean(found) <= 0.2


@pytest.mark.parametrize("norm", [1, 2])
def test_the_inputs_are_as_far_apart_as_two_can_be(norm):
    for first, second in worst_pairs(norm, 7).values():
        assert [float(one.norm(p=norm)) for one in (first, second)] == pytest.approx([1.0, 1.0])
        assert float((first - second).norm(p=norm)) == pytest.approx(2.0)


def test_neither_threads_nor_other_games_change_a_figure():
    two = games([perturbation_of("laplace")], AuditSettings(losses=(1.0,), dimensions={2: 2_000}, controls=False))
    one, other = privacy_audit(two, seed=3), privacy_audit(two, seed=3, jobs=2)
    assert one.equals(other)
    assert not one.equals(privacy_audit(two, seed=4))


@pytest.mark.parametrize("names", MARKETS)
def test_of_a_whole_market_her_uploads_are_all_that_tells_her_data_sets_apart(names):
    made = market_game(perturbation_of("privunit"), names, draws=20_000)
    assert made.rest_is_equal
    assert made.game.uploads == (2 if names == "two names" else 1)
    row = play(made.game, torch.Generator().manual_seed(1), 1e-8)
    # A mean of clipped records may be shorter than the radius, and is then harder to tell apart.
    least = 0.0 if "clipped" in names else 0.8
    assert least * row["loss"] < row["found"] <= row["loss"]
    if names == "two names":
        assert row["event"].startswith(("least projection", "largest projection")), "both names are heard together"


def test_a_market_that_sends_too_little_noise_is_caught():
    class Careless(Gaussian):
        name: ClassVar[str] = "careless"

        def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
            return gradient + (super().perturb(gradient, privacy_loss, generator, radius) - gradient) / 4

    row = play(market_game(Careless(), "one name", draws=40_000).game, torch.Generator(), 1e-8)
    assert not row["kept"]


def test_the_command_says_what_was_found_and_what_was_not_tried(tmp_path):
    settings = AuditSettings(losses=(1.0,), dimensions={2: 20_000})
    answer, kept = audit_privacy(
        ["laplace", "none"], settings, delta=1e-6, market_draws=10_000, out=tmp_path / "audit", progress=False
    )
    assert kept
    assert answer.figures["not_private"] == ["none"]
    assert {row["name"] for row in answer.figures["verdicts"]} == {
        "laplace", "laplace, half its noise", "market, laplace",
    }  # fmt: skip
    assert "No claim was refuted" in answer.summary[0]
    assert "exact sampler" in " ".join(part for part in answer.summary if isinstance(part, str))
    assert (tmp_path / "audit" / "privacy_audit.csv").is_file()
    answer, kept = audit_privacy([f"{__name__}:Rounder"], SMALL, delta=1e-6, market_draws=0)
    assert not kept
    assert "rounder REFUTED" in answer.summary[0]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: AuditSettings(losses=(0.0,)), "losses = 0.0"),
        (lambda: AuditSettings(losses=()), "pass at least one"),
        (lambda: AuditSettings(dimensions={2: 10}), "draws = 10"),
        (lambda: audit_privacy(["none"], SMALL, delta=1e-6), "nothing is claimed"),
        (lambda: audit_privacy(["laplac"], SMALL, delta=1e-6), "did you mean 'laplace'"),
        (lambda: audit_privacy(["gaussian"], SMALL, delta=2.0), "delta = 2.0"),
    ],
)
def test_bad_input_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
