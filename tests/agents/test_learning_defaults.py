"""The rule by which clip, norm, learning rate and weights follow from perturbation and rounds."""

import pytest

from agents.learning_defaults import LearningSettings, learning_settings


@pytest.mark.parametrize(
    ("perturbation", "rounds", "chosen", "expected"),
    [
        ("privunit", 300, {}, LearningSettings("direction", 1.0, 0.2, "variance")),
        ("none", 300, {}, LearningSettings("direction", 1.0, 0.2, "optimal")),
        ("laplace", 100, {"clip_norm": 0.5}, LearningSettings("direction", 0.5, 1.2, "variance")),
        ("privunit", 10, {}, LearningSettings("direction", 1.0, 1.0, "variance")),
        ("privunit", 10, {"clip_norm": 0.1}, LearningSettings("direction", 0.1, 10.0, "variance")),
        ("privunit", 60, {"clip": "record"}, LearningSettings("record", 1.0, 1.0, "optimal")),
        ("privunit", 60, {"learning_rate": 0.3}, LearningSettings("direction", 1.0, 0.3, "variance")),
        ("none", 60, {"linear": False}, LearningSettings("direction", 1.0, 1.0, "optimal")),
        ("privunit", 50, {"linear": False}, LearningSettings("direction", 1.0, 0.2, "variance")),
        ("privunit", 60, {"update": "adam", "clip_norm": 7.0}, LearningSettings("direction", 7.0, 0.01, "variance")),
        ("privunit", 60, {"aggregation": "conventional"}, LearningSettings("direction", 1.0, 1.0, "conventional")),
    ],
)
def test_what_was_chosen_stays_and_the_rest_follows(perturbation, rounds, chosen, expected):
    assert learning_settings(perturbation, rounds, **chosen) == expected


def test_steps_of_all_rounds_add_up_to_the_path_whatever_the_norm():
    for rounds in (60, 150, 1000):
        for clip_norm in (0.1, 1.0, 7.0):
            settings = learning_settings("privunit", rounds, clip_norm=clip_norm)
            assert rounds * settings.learning_rate * settings.clip_norm == pytest.approx(60.0)


def test_momentum_takes_a_tenth_of_the_rate_because_it_goes_ten_times_as_far():
    plain, momentum = (learning_settings("privunit", 300, update=rule).learning_rate for rule in ("plain", "momentum"))
    assert momentum == pytest.approx(plain / 10)
