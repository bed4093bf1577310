"""Timings of a round's learning side; NSL-KDD shapes (22 544 x 119 test features, 5 classes) without its files."""

import pytest
import torch

from agents.buyer.score import score
from agents.models.registry import load_model
from agents.models.softmax import softmax_regression
from agents.owner.gradients import local_gradients
from agents.owner.records import draw_records
from agents.perturbation.checked import declared_variance, perturb
from agents.tasks.base import stored_task
from agents.tasks.partition import partition
from agents.tasks.registry import load_task

FEATURES, CLASSES, TRAIN, TEST = 118, 5, 25_192, 22_544


def generator():
    return torch.Generator().manual_seed(0)


def records(count):
    draw = generator()
    return torch.rand(count, FEATURES, generator=draw), torch.randint(CLASSES, (count,), generator=draw)


@pytest.fixture(scope="module")
def task():
    return stored_task("nsl-kdd-like", CLASSES, records(TRAIN), records(TEST))


def losses(owners):
    return 0.6 + 1.4 * torch.rand(owners, generator=generator(), dtype=torch.float64)


@pytest.mark.parametrize("owners", [10, 1000])
def test_declared_variance_of_privunit(benchmark, owners):
    """Target: 1 ms for 10 owners, 30 ms for 1 000."""
    benchmark(declared_variance, "privunit", losses(owners), 650)


@pytest.mark.parametrize("owners", [10, 1000])
@pytest.mark.parametrize("name", ["gaussian", "laplace", "privunit"])
def test_perturbation(benchmark, name, owners):
    gradient = torch.full((owners, 650), 1 / 650)
    benchmark(perturb, name, gradient, losses(owners), generator())


@pytest.mark.parametrize(("winners", "count"), [(10, 2500), (10, 25_000), (1000, 65_000)])
def test_local_gradients(benchmark, task, winners, count):
    """Target: 2 ms for 10 winners with 2 500 records, 1 s for 1 000 with 65 000."""
    rows = torch.randint(TRAIN, (count,), generator=generator())
    bidder = torch.randint(winners, (count,), generator=generator()).sort().values
    parameters = torch.randn(task.dimension, generator=generator(), dtype=torch.float64)
    benchmark(local_gradients, task, parameters, rows, bidder, winners)


@pytest.mark.parametrize("owners", [10, 1000])
def test_drawing_records_of_partly_bought_sets(benchmark, owners):
    deal = partition(torch.full((1000,), 25), 25_000, generator())
    benchmark(draw_records, deal, torch.arange(owners), torch.full((owners,), 12), generator())


def test_accuracy_on_the_test_set(benchmark, task):
    """Target: 3 ms."""
    benchmark(
        score, softmax_regression(task), torch.randn(task.dimension, generator=generator(), dtype=torch.float64), task
    )


def test_synthetic_records_of_a_round(benchmark):
    task = load_task("synthetic", records=10**9)
    rows = torch.randint(10**9, (2500,), generator=generator())
    benchmark(task.records, rows)


def bought(task, winners):
    """All records of a task, dealt out evenly to the winners, and the privacy losses that they sold."""
    deal = partition(_even(task.train_size, winners), task.train_size, generator())
    rows, bidder = deal.rows(torch.arange(winners))
    return rows, bidder, losses(winners)


def _even(records, owners):
    return torch.tensor([records // owners + (owner < records % owners) for owner in range(owners)])


def gradients_and_noise(task, model, rows, bidder, loss, clip):
    local = local_gradients(task, model.initial, rows, bidder, len(loss), model=model, clip=clip)
    perturb("privunit", local.gradient, loss, generator())


CLIPPING = pytest.mark.parametrize("clip", ["record", "direction"])


@CLIPPING
def test_gradients_and_privunit_of_softmax(benchmark, clip):
    """Target: 0.03 to 0.07 s for 1 000 winners x 650 parameters."""
    task = stored_task("even", 5, (torch.randn(25_000, 129), torch.arange(25_000) % 5), records_like(129, 5))
    model = softmax_regression(task)
    assert model.dimension == 650
    benchmark(gradients_and_noise, task, model, *bought(task, 1000), clip)


@CLIPPING
def test_gradients_and_privunit_of_a_perceptron(benchmark, clip):
    """Target: 0.5 s for 1 000 winners x 2 410 parameters."""
    task = stored_task("even", 10, (torch.randn(25_000, 64), torch.arange(25_000) % 10), records_like(64, 10))
    model = load_model("mlp", task, generator(), {"hidden": 32})
    assert model.dimension == 2410
    benchmark(gradients_and_noise, task, model, *bought(task, 1000), clip)


@CLIPPING
def test_gradients_and_privunit_of_a_convolutional_network(benchmark, clip):
    """Target: 2 s for 100 winners of mnist-5k's 4 000 records."""
    task = load_task("mnist-5k")
    model = load_model("cnn", task, generator())
    assert model.dimension == 20_522
    benchmark(gradients_and_noise, task, model, *bought(task, 100), clip)


def records_like(features, classes):
    return torch.randn(10, features), torch.arange(10) % classes
