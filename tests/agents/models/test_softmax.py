"""Softmax regression on numbers that a person can check."""

import math

import pytest
import torch

from agents.buyer.score import score
from agents.models.softmax import logits, residuals, softmax_regression
from agents.tasks.base import stored_task

# Two records of one feature (2 and -1) and the constant; two classes.
TRAIN = (torch.tensor([[2.0], [-1.0]]), torch.tensor([0, 1]))
TASK = stored_task("tiny", 2, TRAIN, TRAIN, constant=1.0)
MODEL = softmax_regression(TASK)
# Class 0 scores x, class 1 scores the constant ln 3.
PARAMETERS = torch.tensor([1.0, 0.0, 0.0, math.log(3)], dtype=torch.float64)


def test_parameters_are_a_matrix_of_features_by_classes():
    assert logits(PARAMETERS, TASK.test[0]).tolist() == [
        pytest.approx([2.0, -1.0]),
        pytest.approx([math.log(3)] * 2),
    ]


def test_residuals_are_probabilities_less_the_label():
    odds = math.exp(2) / 3
    expected = [-1 / (1 + odds), 1 / (1 + odds)]
    assert residuals(PARAMETERS, *TASK.test)[0].tolist() == pytest.approx(expected)


def test_a_model_that_knows_nothing_scores_log_classes_and_names_the_first():
    found = score(MODEL, MODEL.initial, TASK)
    assert found.loss == pytest.approx(math.log(2))
    assert found.accuracy == 0.5


def test_score_is_mean_cross_entropy_and_share_named_correctly():
    found = score(MODEL, PARAMETERS, TASK)
    losses = [math.log(1 + 3 / math.exp(2)), math.log(1 + math.exp(-1) / 3)]
    assert found.loss == pytest.approx(sum(losses) / 2)
    assert found.accuracy == 1.0


def test_huge_parameters_stay_finite():
    assert math.isfinite(score(MODEL, PARAMETERS * 1e30, TASK).loss)
    assert bool(torch.isfinite(residuals(PARAMETERS * 1e30, *TASK.test)).all())
