"""Measures of a model against scikit-learn's."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from agents.buyer.score import score
from agents.models.softmax import SoftmaxRegression
from agents.tasks.base import stored_task


def named_by(labels: list[int], named: list[int], classes: int) -> object:
    """The score of a model that names every record as asked: features are one-hot, parameters the identity."""
    features = torch.eye(classes)[torch.tensor(named)]
    records = (features, torch.tensor(labels))
    model = SoftmaxRegression("softmax", classes, torch.zeros((classes + 1) * classes, dtype=torch.float64))
    identity = torch.cat([torch.eye(classes), torch.zeros(1, classes)]).flatten().double()
    return score(model, identity, stored_task("named", classes, records, records))


@given(data=st.data(), classes=st.integers(2, 6), records=st.integers(1, 40))
def test_measures_are_those_of_scikit_learn(data: st.DataObject, classes: int, records: int) -> None:
    draws = st.lists(st.integers(0, classes - 1), min_size=records, max_size=records)
    labels, named = data.draw(draws), data.draw(draws)
    found = named_by(labels, named, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of classes that no test record has.
        balanced = metrics.balanced_accuracy_score(labels, named)
        recall = metrics.recall_score(labels, named, labels=range(classes), average=None, zero_division=float("nan"))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, named))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(labels, named, average="macro"))
    assert found.balanced_accuracy == pytest.approx(balanced)
    assert found.confusion == tuple(map(tuple, metrics.confusion_matrix(labels, named, labels=range(classes)).tolist()))
    assert [share is None for share in found.recall] == [bool(share != share) for share in recall]


def test_who_names_the_commonest_class_alone_by_hand() -> None:
    found = named_by([0, 0, 0, 1], [0, 0, 0, 0], 2)
    assert (found.accuracy, found.balanced_accuracy, found.recall) == (0.75, 0.5, (1.0, 0.0))
    # 2 * 3 / (2 * 3 + 1) of class 0, nothing of class 1.
    assert found.macro_f1 == pytest.approx((6 / 7 + 0) / 2)
