"""A progress bar on standard error for whatever takes more than two seconds; a line now and then without a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from market_sim.campaign.watch import Watch


@contextmanager
def bar(shown: bool, title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show ``total`` steps; the callable that is yielded advances by one and shows a word on the state."""
    with Watch(title, total, 0, shown=shown) as watch:
        yield watch.step
