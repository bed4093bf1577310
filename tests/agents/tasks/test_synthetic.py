"""Records computed from their numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.tasks.registry import load_task


def test_any_population_size_costs_nothing_until_records_are_asked_for():
    huge = load_task("synthetic", records=10**12)
    features, labels = huge.records(torch.tensor([10**12 - 1, 0]))
    assert features.shape == (2, 21)
    assert labels.shape == (2,)


@given(rows=st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=40))
def test_order_and_company_do_not_matter(rows):
    task = load_task("synthetic", records=10**9, features=3)
    features, labels = task.records(torch.tensor(rows))
    backwards = task.records(torch.tensor(rows[::-1]))
    assert torch.equal(features, backwards[0].flip(0))
    assert torch.equal(labels, backwards[1].flip(0))


def test_a_larger_population_holds_the_smaller_one():
    small, large = load_task("synthetic", records=100), load_task("synthetic", records=10_000)
    rows = torch.arange(100)
    assert torch.equal(small.records(rows)[0], large.records(rows)[0])
    assert torch.equal(small.test[0], large.test[0])


def test_records_are_independent_gaussians_around_their_class():
    task = load_task("synthetic", features=4, classes=3, separation=2.0)
    features, labels = task.records(torch.arange(20_000))
    assert stats.chisquare(labels.bincount().numpy()).pvalue > 1e-3
    noise = features[:, :-1].double() - task.centres[labels]
    for column in noise.T:
        assert stats.kstest(column.numpy(), stats.norm.cdf).pvalue > 1e-3
    off_diagonal = torch.corrcoef(noise.T) - torch.eye(4)
    assert off_diagonal.abs().max() < 5 / 20_000**0.5
    assert abs(float((noise[:-1] * noise[1:]).mean())) < 5 / 80_000**0.5
    assert task.centres.norm(dim=1).tolist() == pytest.approx([2.0] * 3)


def test_test_records_are_not_training_records():
    task = load_task("synthetic", records=2000)
    train = task.records(torch.arange(2000))[0]
    assert not (train[:, None, 0] == task.test[0][None, :, 0]).any()


def test_seeds_name_populations():
    rows = torch.arange(50)
    first, again, other = (load_task("synthetic", seed=seed).records(rows)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not (first[:, :-1] == other[:, :-1]).any()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"classes": 1}, "classes = 1: pass a whole number between 2"),
        ({"features": 0}, "features = 0"),
        ({"records": 0}, "records = 0"),
        ({"separation": float("nan")}, "separation = nan"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_sizes_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        load_task("synthetic", **options)


def test_another_seed_is_another_population_in_features_labels_and_centres():
    rows = torch.arange(200)
    seeds = (0, 1, 10**12, 2**63 - 1)
    tasks = [load_task("synthetic", features=3, seed=seed) for seed in seeds]
    drawn = [task.records(rows) for task in tasks]
    for i in range(len(seeds)):
        for j in range(i):
            assert not torch.equal(drawn[i][0], drawn[j][0])
            assert not torch.equal(drawn[i][1], drawn[j][1])
            assert not torch.equal(tasks[i].centres, tasks[j].centres)
            assert not torch.equal(tasks[i].test[1], tasks[j].test[1])
