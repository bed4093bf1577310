"""Records that are no records are refused where they are handed over: argument, value, record, remedy."""

import numpy as np
import pytest
import torch

from agents.tasks.base import StoredTask, Task, stored_task
from market_sim import run_market

X = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(20) % 2


def changed(tensor, place, value):
    tensor = tensor.clone()
    tensor[place] = value
    return tensor


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        ((X, changed(Y, 3, -1)), (X, Y), r"train\[1\]\[3\] = -1 in record 3: labels count from 0 to 1"),
        ((X, changed(Y, 3, 2)), (X, Y), r"train\[1\]\[3\] = 2 in record 3"),
        ((X, Y), (X, changed(Y, 19, 2)), r"test\[1\]\[19\] = 2 in record 19"),
        ((X, Y + 0.5), (X, Y), r"train\[1\]\[0\] = 0.5 in record 0: labels are whole numbers"),
        ((X, torch.full((20,), torch.nan)), (X, Y), r"train\[1\]\[0\] = nan in record 0"),
        ((X, torch.eye(2)[Y]), (X, Y), r"train\[1\] has shape \[20, 2\]: pass one label a record, of one-hot rows"),
        ((X, Y[:10]), (X, Y), r"train\[1\] has 10 labels for 20 records"),
        ((changed(X, (3, 1), torch.nan), Y), (X, Y), r"train\[0\]\[3, 1\] = nan in record 3: give the record"),
        ((X, Y), (changed(X, (3, 1), -torch.inf), Y), r"test\[0\]\[3, 1\] = -inf in record 3"),
        ((changed(X, (3, 1), 1e300), Y), (X, Y), r"train\[0\]\[3, 1\] = 1e\+300 in record 3: scale the feature"),
        ((X[:0], Y[:0]), (X, Y), r"train\[0\] has no record"),
        ((X, Y), (X[:0], Y[:0]), r"test\[0\] has no record"),
        ((X, Y), (X[:, :2], Y), r"test\[0\] has 2 features, the training records have 3"),
        ((X[:, 0], Y), (X, Y), r"train\[0\] has shape \[20\]: pass features \[records, features\]"),
    ],
)
def test_what_is_no_record_is_refused(train, test, says):
    with pytest.raises(ValueError, match=says):
        stored_task("mine", 2, train, test)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"train": X}, "train is a Tensor: pass a pair"),
        ({"train": (X.numpy().astype(str), Y)}, r"train\[0\] cannot be read as an array of numbers"),
        ({"train": (X > 0, Y)}, r"train\[0\] has dtype torch.bool"),
        ({"classes": 2.0}, "classes = 2.0 is not a whole number"),
        ({"public": "no"}, "public = 'no': pass True or False"),
        ({"knowledge": None}, "knowledge = None: say in a sentence"),
    ],
)
def test_what_is_of_another_kind_is_refused(fields, says):
    with pytest.raises(TypeError, match=says):
        stored_task(**{"name": "mine", "classes": 2, "train": (X, Y), "test": (X, Y), **fields})


def test_arrays_of_numpy_and_labels_as_whole_floats_are_taken():
    ours = stored_task("mine", 2, (X, Y), (X, Y))
    theirs = stored_task("mine", 2, (X.numpy().astype(">f8"), Y.numpy().astype(np.uint8)), (X.numpy(), Y.double()))
    for one, two in zip((*ours.train, *ours.test), (*theirs.train, *theirs.test), strict=True):
        assert torch.equal(one, two)
        assert one.dtype in (torch.float32, torch.int64)


class MadeUp(Task):
    """Makes its records when they are asked for; every tenth has a label that no class has."""

    def _records(self, rows):
        return torch.ones(len(rows), 3), torch.where(rows % 10 == 0, 7, rows % 2)


def small(**fields):
    records = (torch.ones(20, 3), Y)
    return StoredTask(**{"name": "by hand", "features": 3, "classes": 2, "train_size": 20, "test": records} | fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"train": (X, changed(Y, 3, 2))}, r"train\[1\]\[3\] = 2 in record 3"),
        ({"train": (X, Y), "test": (X, changed(Y, 3, 7))}, r"test\[1\]\[3\] = 7 in record 3"),
        ({"train": (X, Y), "test": (changed(X, (3, 1), torch.nan), Y)}, r"test\[0\]\[3, 1\] = nan in record 3"),
        ({"train": (X, Y), "train_size": 30}, "train_size = 30, train has 20 records"),
        ({"train": (X[:, :2], Y)}, "train.0. has 2 features"),
    ],
)
def test_a_task_made_by_hand_is_checked_alike(fields, says):
    with pytest.raises(ValueError, match=says):
        small(**fields)


def test_records_without_a_feature_are_refused():
    with pytest.raises(ValueError, match="has no feature"):
        stored_task("empty", 2, (X[:, :0], Y), (X[:, :0], Y))


def test_a_label_that_appears_in_the_middle_of_a_run_ends_no_run_and_is_counted():
    task = MadeUp("made up", 3, 2, 1_000, (torch.ones(20, 3), Y))
    trades = run_market(task=task, owners=10, bidders=4, rounds=2, sizes="equal", perturbation="none", seed=1).trades
    assert trades["unusable_records"].sum() > 0
    features, labels = task.records(torch.tensor([3, 10, 11]))
    assert bool(features[1].isnan().all())
    assert labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_whoever_does_not_scale_is_told(scale):
    with pytest.warns(UserWarning, match="count on records about 1 long; scale the features by a public constant"):
        stored_task("far", 2, (scale * X, Y), (scale * X, Y))
