"""Threads are given back."""

from __future__ import annotations

import pytest
import torch

from scenarios.commands.threads import torch_threads


def test_threads_are_given_back_even_if_it_goes_wrong():
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(RuntimeError, match="stop"), torch_threads(before + 1):
        raise RuntimeError("stop")
    assert torch.get_num_threads() == before
