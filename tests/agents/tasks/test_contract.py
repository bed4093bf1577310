"""What every task promises, whether or not anybody listed it here."""

import pytest
import torch

from agents.tasks.registry import list_tasks, load_task, task_modules

NEED_FILES = {"nsl-kdd"}


@pytest.fixture(scope="module", params=[name for name in list_tasks() if name not in NEED_FILES])
def task(request):
    return load_task(request.param)


def test_the_names_are_those_of_the_modules():
    assert list_tasks() == sorted(module.NAME for module in task_modules().values())


def test_shapes_and_types(task):
    features, labels = task.records(torch.tensor([0, task.train_size - 1, 0]))
    for x, y in ((features, labels), task.test):
        assert x.shape == (len(y), task.features)
        assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
        assert bool(torch.isfinite(x).all())
        assert bool(((y >= 0) & (y < task.classes)).all())
    assert task.dimension == task.features * task.classes
    assert 1 / task.classes <= task.chance < 0.6


def test_a_record_is_the_same_whatever_is_asked_along_with_it(task):
    rows = torch.arange(0, task.train_size, max(task.train_size // 97, 1))
    together_x, together_y = task.records(rows)
    for place in (0, 1, 50, len(rows) - 1):
        x, y = task.records(rows[place : place + 1])
        assert torch.equal(x[0], together_x[place])
        assert y[0] == together_y[place]


def test_the_last_feature_is_the_constant(task):
    assert task.records(torch.arange(5))[0][:, -1].tolist() == [1.0] * 5
    assert bool((task.test[0][:, -1] == 1).all())


def test_loading_twice_gives_the_same(task):
    again = load_task(task.name)
    rows = torch.arange(20)
    for one, other in zip((*task.test, *task.records(rows)), (*again.test, *again.records(rows)), strict=True):
        assert torch.equal(one, other)


def test_rows_beyond_the_task_are_refused(task):
    with pytest.raises(ValueError, match=f"has records 0 to {task.train_size - 1}"):
        task.records(torch.tensor([task.train_size]))
    with pytest.raises(ValueError, match=r"rows\[0\] = -1"):
        task.records(torch.tensor([-1]))
    with pytest.raises(TypeError, match="int64"):
        task.records(torch.tensor([0], dtype=torch.int32))


def test_unknown_names_and_options_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        load_task("digit")
    with pytest.raises(ValueError, match="did you mean 'features'"):
        load_task("synthetic", feature=3)
    with pytest.raises(ValueError, match="option of task 'digits' = 'records'"):
        load_task("digits", records=10)


def test_digits_is_the_bundled_set_split_evenly():
    digits = load_task("digits")
    assert (digits.features, digits.classes, digits.train_size, len(digits.test[1])) == (65, 10, 1437, 360)
    counts = torch.stack([digits.records(torch.arange(1437))[1].bincount(), digits.test[1].bincount()])
    assert bool(((counts[0] - 4 * counts[1]).abs() <= 4).all())
    assert digits.records(torch.arange(1437))[0][:, :-1].mean(dim=0).abs().max() < 1e-6
