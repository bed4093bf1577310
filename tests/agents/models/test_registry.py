"""Modules of one's own, by name and by themselves, and those that a market refuses before money moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from agents.models.registry import load_model
from agents.tasks.base import stored_task
from market_sim import MarketConfig

RECORDS = (torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 2)
TASK = stored_task("six", 2, RECORDS, RECORDS)


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, records: torch.Tensor) -> torch.Tensor:
        self.seen += len(records)
        return self.layer(records)


class Comparing(nn.Linear):
    def forward(self, records: torch.Tensor) -> torch.Tensor:
        return super().forward(records - records.mean(0))


class Noisy(nn.Linear):
    def forward(self, records: torch.Tensor) -> torch.Tensor:
        return super().forward(records) + torch.rand(1)


class Branching(nn.Linear):
    def forward(self, records: torch.Tensor) -> torch.Tensor:
        return super().forward(records if float(records.sum()) > 0 else -records)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (nn.ReLU, "returns shape .* 2 classes; return scores"),
        (lambda: nn.Flatten(0), "returns shape"),
        (lambda: nn.Sequential(nn.Linear(4, 2).requires_grad_(False)), "no parameters that require a gradient"),
        (lambda: nn.Linear(4, 3), r"returns shape \[3, 3\] .* a last layer of 2 outputs"),
        (lambda: nn.Linear(5, 2), r"cannot be called with records of shape \[3, 4\]"),
        (
            lambda: nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)),
            "layer '1' is a BatchNorm1d, which .*GroupNorm",
        ),
        (
            lambda: nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 2)),
            "layer '0' is a BatchNorm1d",
        ),
        (Counting, "buffer 'seen' changes while it is trained"),
        (lambda: nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2)), "draws random numbers .* dropout"),
        (lambda: Noisy(4, 2), "draws random numbers"),
        (lambda: Comparing(4, 2), "depend on the records beside it"),
        (lambda: Branching(4, 2), "cannot differentiate it record by record"),
        (lambda: nn.Linear(4, 2).double(), "cannot be called"),
    ],
)
def test_a_module_that_cannot_be_learned_here_is_refused_with_the_reason(factory: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_model(factory, TASK, torch.Generator())


def test_what_makes_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match=r"made a list; return a torch\.nn\.Module"):
        load_model(lambda: [], TASK, torch.Generator())
    with pytest.raises(TypeError, match="a module already made; pass what makes it"):
        MarketConfig(model=nn.Linear(4, 2))
    with pytest.raises(TypeError, match=r"model = 3 cannot be called"):
        MarketConfig(model=3)
    with pytest.raises(ValueError, match="did you mean 'softmax'"):
        MarketConfig(model="soft-max")
    with pytest.raises(ValueError, match=r"option of model 'mlp' = 'hiden' .* did you mean 'hidden'"):
        MarketConfig(model="mlp", model_options={"hiden": 3})
    with pytest.raises(ValueError, match=r"hidden = 0"):
        load_model("mlp", TASK, torch.Generator(), {"hidden": 0})
    with pytest.raises(ValueError, match=r"needs images of at least 13 x 13 pixels.* 'mnist-5k', or model 'mlp'"):
        load_model("cnn", TASK, torch.Generator())
    with pytest.raises(ValueError, match=r"cannot be made .* is called with those of features, shape, classes, task"):
        load_model(lambda width: nn.Linear(4, width), TASK, torch.Generator())


def test_a_factory_is_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_nets.py").write_text(
        "from torch import nn\n\ndef build(features, classes, width=3):\n"
        "    return nn.Sequential(nn.Linear(features, width), nn.Tanh(), nn.Linear(width, classes))\n"
    )
    (tmp_path / "broken_nets.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    model = load_model("my_nets:build", TASK, torch.Generator(), {"width": 5})
    assert (model.name, model.dimension) == ("my_nets:build", 4 * 5 + 5 + 5 * 2 + 2)
    for name, message in {
        "my_nets:make": "has no 'make'; name one of its functions",
        "our_nets:build": "cannot be imported .*put its directory on PYTHONPATH",
        "broken_nets:build": r"module 'broken_nets' fails \(ZeroDivisionError",
    }.items():
        with pytest.raises(ValueError, match=message):
            MarketConfig(model=name)


def test_the_module_that_was_handed_over_is_never_changed() -> None:
    mine = nn.Linear(4, 2)
    before = mine.weight.clone()
    model = load_model(lambda: mine, TASK, torch.Generator())
    model.scores(torch.ones(10), TASK.test[0])
    assert torch.equal(mine.weight, before)
    assert torch.equal(model.initial[:8].float(), before.flatten())


def test_lazy_layers_learn_their_shape_from_the_task() -> None:
    lazy = load_model(lambda: nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(2)), TASK, torch.Generator())
    assert lazy.dimension == 4 * 3 + 3 + 3 * 2 + 2
