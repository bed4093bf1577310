"""How long a visitor waits: a round played, and everything on the page drawn anew, as the server does it.

Run with ``pytest tests/benchmarks/bench_app.py``. What the browser needs to draw the charts comes on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import solara
import torch

from scenarios.app.address import Place
from scenarios.app.answer import Answer
from scenarios.app.choices import Choices, build
from scenarios.app.layout import Panels
from scenarios.app.market import Market
from scenarios.app.visit import Pair, Visit

SIZES = {
    "the app as it opens": Choices(),
    "200 owners (goal: at most 0.5 s)": Choices(owners=200, bidders=50),
    "200 owners, all bidding": Choices(owners=200, bidders=200),
    "2 000 owners, 500 bidding (goal: 1.2 s)": Choices(
        owners=2000, bidders=500, task="synthetic", network="small-world"
    ),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@solara.component
def shown(visit: Visit) -> None:
    """The answer, and the section that is open."""
    Answer(visit)
    Panels(visit)


@pytest.mark.parametrize("size", SIZES)
def test_a_step_with_everything_redrawn(benchmark: Any, size: str) -> None:
    market = Market.of(SIZES[size])
    market.play(20)
    visit = Visit(solara.Reactive(Place(SIZES[size])), solara.Reactive(Pair(market)))
    _, rendered = solara.render(shown(visit), handle_error=False)
    benchmark.pedantic(visit.step, rounds=5, warmup_rounds=1)
    rendered.close()


@pytest.mark.parametrize("size", SIZES)
def test_reset(benchmark: Any, size: str) -> None:
    """A market is built again whenever Reset is pressed."""
    build(SIZES[size])
    benchmark.pedantic(build, args=(SIZES[size],), rounds=5)
