"""What every model keeps to, found by itself: gradients are autograd's, owners do not touch one another."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from agents.models.base import Model
from agents.models.module import ModuleModel
from agents.models.registry import list_models, load_model, model_modules
from agents.owner import module_gradients
from agents.owner.gradients import local_gradients
from agents.tasks.base import Task, stored_task

RECORDS, CLASSES, BIDDERS = 24, 3, 4
ROWS = torch.arange(RECORDS).flip(0)[:20]
BIDDER = torch.tensor([0] * 1 + [1] * 7 + [3] * 12)
SMALL: dict[str, dict[str, int]] = {"mlp": {"hidden": 5}, "cnn": {"channels": 2, "hidden": 4}}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images() -> Task:
    pixels = torch.randn(RECORDS, 169, generator=generator(), dtype=torch.float64) / 2
    labels = torch.arange(RECORDS) % CLASSES
    return stored_task("images", CLASSES, (pixels, labels), (pixels, labels), image=(1, 13, 13))


class Own(nn.Module):
    """A module of one's own: a frozen layer, a buffer that stays, a parameter used twice, layer norm."""

    def __init__(self, features: int, classes: int, width: int = 4) -> None:
        super().__init__()
        self.given = nn.Linear(features, width).requires_grad_(False)
        self.register_buffer("shift", torch.ones(width))
        self.norm = nn.LayerNorm(width)
        self.square = nn.Parameter(torch.eye(width))
        self.last = nn.Linear(width, classes)

    def forward(self, records: torch.Tensor) -> torch.Tensor:
        hidden = self.norm(self.given(records.flatten(1)) + self.shift)
        return self.last(torch.tanh(hidden @ self.square) @ self.square)


TASK = images()


@pytest.fixture(params=[*list_models(), Own], ids=[*list_models(), "of one's own"])
def model(request: pytest.FixtureRequest) -> Model:
    return load_model(request.param, TASK, generator(), SMALL.get(request.param, {}))


def parameters(model: Model) -> torch.Tensor:
    return model.initial + 0.1 * torch.randn(model.dimension, generator=generator(1), dtype=torch.float64)


def by_autograd(model: Model, clip: str, clip_norm: float, order: int) -> torch.Tensor:
    """One owner after the other, one record after the other, by differentiating the loss."""
    features, labels = TASK.records(ROWS)
    mean = torch.zeros(BIDDERS, model.dimension)
    for bidder in BIDDER.unique().tolist():
        gradients = []
        for place in (bidder == BIDDER).nonzero()[:, 0]:
            point = parameters(model).float().requires_grad_()
            if isinstance(model, ModuleModel):
                scores = model.call(model.named(point), model.inputs(features[place, None]))
            else:
                scores = model.scores(point, features[place, None]).T
            gradients.append(torch.autograd.grad(cross_entropy(scores, labels[place, None]), point)[0])
        if clip == "record":
            gradients = [own * min(1.0, clip_norm / float(own.norm(p=order))) for own in gradients]
        own = torch.stack(gradients).mean(0)
        longer = float(own.norm(p=order)) > clip_norm
        if clip == "direction" or (clip == "owner" and longer):
            own = own * clip_norm / float(own.norm(p=order))
        mean[bidder] = own
    return mean


def gradients(model: Model, rows: torch.Tensor = ROWS, bidder: torch.Tensor = BIDDER, **chosen: Any) -> torch.Tensor:
    point = parameters(model)
    return local_gradients(TASK, point, rows, bidder, BIDDERS, model=model, **chosen).gradient


@pytest.mark.parametrize(("clip", "clip_norm"), [("record", 0.3), ("owner", 0.3), ("owner", 1e6), ("direction", 1.0)])
@pytest.mark.parametrize("order", [1, 2])
def test_gradients_are_those_of_autograd(model: Model, clip: str, clip_norm: float, order: int) -> None:
    found = gradients(model, clip=clip, clip_norm=clip_norm, norm_order=order)
    expected = by_autograd(model, clip, clip_norm, order)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=2e-6)
    assert float(found.norm(p=order, dim=1).max()) <= clip_norm * (1 + 1e-5)
    assert float(found.norm(dim=1).max()) > 0.01
    assert not bool(found[2].any())  # who sold no record


def test_an_owner_alone_has_the_gradient_she_has_among_others(model: Model) -> None:
    together = gradients(model, clip="direction")
    for bidder in (0, 1, 3):
        hers = bidder == BIDDER
        alone = gradients(model, ROWS[hers], BIDDER[hers], clip="direction")
        torch.testing.assert_close(alone[bidder], together[bidder], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("at_once", [1, 7 * 100, 2**30])
def test_how_many_are_computed_at_once_changes_nothing(
    model: Model, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = gradients(model, clip="record", clip_norm=0.3)
    monkeypatch.setitem(module_gradients.module_means.__kwdefaults__, "numbers_at_once", at_once)
    torch.testing.assert_close(gradients(model, clip="record", clip_norm=0.3), before, rtol=1e-4, atol=1e-7)


def test_scores_are_class_first_and_names_of_the_parameters_come_back(model: Model) -> None:
    features = TASK.records(ROWS)[0]
    scores = model.scores(parameters(model), features)
    assert (scores.shape, scores.dtype) == ((CLASSES, len(ROWS)), torch.float32)
    one_by_one = torch.cat([model.scores(parameters(model), row[None]) for row in features], dim=1)
    torch.testing.assert_close(one_by_one, scores, rtol=1e-4, atol=1e-5)
    if isinstance(model, ModuleModel):
        parts = model.named(model.initial)
        assert torch.equal(torch.cat([part.flatten() for part in parts.values()]).double(), model.initial)


def test_a_record_without_finite_gradient_adds_nothing_and_is_counted(model: Model) -> None:
    huge = TASK.records(torch.arange(RECORDS))[0][:, :-1].double()
    huge[ROWS[3]] = 1e15
    labels = torch.arange(RECORDS) % CLASSES
    task = stored_task("huge", CLASSES, (huge, labels), (huge, labels), image=(1, 13, 13))
    point = 1e30 * parameters(model)
    found = local_gradients(task, point, ROWS, BIDDER, BIDDERS, model=model)
    assert bool(torch.isfinite(found.gradient).all())
    assert int(found.unusable[2]) == 0
    if int(found.unusable.sum()):  # Layer norm makes even these finite.
        assert int(found.unusable[1]) >= 1


def test_the_first_parameters_come_from_their_stream_alone(model: Model) -> None:
    kind = model.name if model.name in model_modules() else Own
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    again = load_model(kind, TASK, generator(), SMALL.get(model.name, {}))
    assert torch.equal(again.initial, model.initial)
    assert torch.equal(torch.random.get_rng_state(), before)
    if model.name != "softmax":
        other = load_model(kind, TASK, generator(1), SMALL.get(model.name, {}))
        assert not torch.equal(other.initial, model.initial)
