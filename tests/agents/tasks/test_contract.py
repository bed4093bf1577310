"""What every task promises, whether or not anybody listed it here."""

import types

import pytest
import torch

from agents.tasks import digits, registry
from agents.tasks.base import stored_task
from agents.tasks.registry import list_tasks, load_task, task_modules

NEED_FILES = {"nsl-kdd", "table"}


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
    constant = float(task.test[0][0, -1])
    assert constant > 0
    assert task.records(torch.arange(5))[0][:, -1].tolist() == [constant] * 5
    assert bool((task.test[0][:, -1] == constant).all())


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
    task = load_task("digits")
    assert (task.features, task.classes, task.train_size, len(task.test[1])) == (44, 10, 1437, 360)
    counts = torch.stack([task.records(torch.arange(1437))[1].bincount(), task.test[1].bincount()])
    assert bool(((counts[0] - 4 * counts[1]).abs() <= 4).all())
    assert torch.allclose(task.records(torch.arange(1437))[0][:, :-1].norm(dim=1), torch.tensor(1.0))


def test_a_task_says_what_it_knows(task):
    assert task.public
    assert len(task.knowledge) > 10


def test_a_task_that_fits_private_data_is_warned_about(monkeypatch):
    records = (torch.eye(3), torch.arange(3))
    fitted = types.SimpleNamespace(load=lambda: stored_task("fitted", 3, records, records, public=False))
    monkeypatch.setattr(registry, "task_modules", lambda: {"fitted": fitted})
    with pytest.warns(UserWarning, match="task 'fitted' .* fitted to the owners' records"):
        assert not load_task("fitted").public


def test_digits_are_the_low_frequencies_of_each_image_less_what_digits_have_in_common():
    """The cosines written out: wave u down and v across, u + v at most 8."""
    images = torch.rand(5, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 16
    place, wave = torch.arange(8).double() + 0.5, torch.arange(8).double()
    cosine = torch.cos(torch.pi * wave[:, None] * place / 8) / 2  # [wave, place]
    cosine[0] /= 2**0.5
    less_mean = images / images.flatten(1).norm(dim=1)[:, None, None] - torch.tensor(digits.MEAN_OF_MNIST)
    kept = torch.stack(
        [(less_mean * torch.outer(cosine[u], cosine[v])).sum((1, 2)) for u in range(8) for v in range(8) if u + v <= 8],
        dim=1,
    )
    expected = kept / kept.norm(dim=1, keepdim=True)
    found = torch.from_numpy(digits.features_of(images.reshape(5, 64).numpy()))
    assert torch.allclose(found, expected)


def test_no_image_changes_what_becomes_of_another():
    images = torch.rand(6, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy() * 16
    before = digits.features_of(images)
    images[2] = 0.0
    images[4, 10] = 16e6
    after = digits.features_of(images)
    assert after.shape == before.shape
    assert (after[[0, 1, 3, 5]] == before[[0, 1, 3, 5]]).all()
    assert (after[4] != before[4]).any()
