"""States of runs: what goes into a file comes out of it, and nothing but tensors and JSON's values goes in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.own_classes import same_state
from agents.saved_state import Remembering, load_state, save_state, tells_its_state

TENSORS = st.sampled_from(
    [torch.arange(6).reshape(2, 3).T, torch.tensor([float("inf"), float("nan")]).double()[:1], torch.zeros(0, 3) > 1]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | TENSORS
KEYS = st.text(max_size=5).filter(lambda key: not key.startswith("$"))
STATES = st.dictionaries(KEYS, st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)))


@settings(max_examples=20, deadline=None)
@given(state=STATES)
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, state: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("state") / "state.safetensors"
    save_state(path, state)
    assert same_state(load_state(path), state)


@pytest.mark.parametrize("value", [object(), {1, 2}, {1: "a", "b": 1}, b"bytes", {"a": [torch.Generator()]}])
def test_anything_else_is_refused_by_name(tmp_path: Path, value: Any) -> None:
    with pytest.raises(TypeError, match=r"state\.mine"):
        save_state(tmp_path / "state", {"mine": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x80\x04K\x01."])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(ValueError, match=r"state is damaged"):
        load_state(tmp_path / "state")


class Counts(Remembering):
    memory = ("count", "seen")

    def __init__(self, owners: int) -> None:
        self.count, self.seen = 0, torch.zeros(owners)


class CountsMore(Counts):
    pass


def test_the_state_of_other_owners_or_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="seen is no tensor of shape \\[3\\]"):
        Counts(3).load_state(Counts(4).state())
    with pytest.raises(ValueError, match="is not one of Counts"):
        Counts(3).load_state({"count": 1})


def test_a_subclass_has_to_say_again_what_it_remembers() -> None:
    assert tells_its_state(Counts, "agents")
    assert not tells_its_state(CountsMore, "agents")
