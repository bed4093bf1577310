"""How long a visitor waits: a round played, and every panel of the app drawn anew.

Run with ``pytest tests/benchmarks/bench_app.py``. What the browser needs on top is little: ten pictures, a megabyte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import solara
import torch

from scenarios.app.choices import Choices, build
from scenarios.app.history import history_of
from scenarios.app.layout import Panels
from scenarios.app.mesa import force_update

SIZES = {
    "the app as it opens": Choices(),
    "200 owners (goal: at most 1 s)": Choices(owners=200, bidders=50),
    "200 owners, all bidding": Choices(owners=200, bidders=200),
    "2 000 owners, 500 bidding": Choices(owners=2000, bidders=500, task="synthetic", network="small-world"),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("size", SIZES)
def test_a_step_with_every_panel_redrawn(benchmark: Any, size: str) -> None:
    """Goal: at most 1 s at 200 owners on two cores; 2 000 owners stay usable."""
    model = build(SIZES[size]).model
    for _ in range(20):
        model.step()
        history_of(model)
    _, rendered = solara.render(Panels(model), handle_error=False)

    def step() -> None:
        model.step()
        history_of(model)
        force_update()

    benchmark.pedantic(step, rounds=5, warmup_rounds=1)
    rendered.close()


@pytest.mark.parametrize("size", SIZES)
def test_reset(benchmark: Any, size: str) -> None:
    """A market is built again whenever Reset is pressed."""
    build(SIZES[size])
    benchmark.pedantic(build, args=(SIZES[size],), rounds=5)
