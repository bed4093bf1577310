"""Running a market from the first round to the last and keeping what it leaves behind."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from market_sim.config import MarketConfig
from market_sim.model import FLMarket, configured, forget
from market_sim.results import FORMAT, Results, check_out

PACKAGES: tuple[str, ...] = ("fl-market", "torch", "numpy", "scipy", "mesa", "pandas", "pyarrow", "scikit-learn")
"""Whose versions a run depends on."""


def run_market(
    config: MarketConfig | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool = False,
    **fields: Any,
) -> Results:
    """Run a market and return its record.

    The same configuration, seed, machine and versions give the same tables, and files of the same sha256, with one
    torch thread per run: call ``torch.set_num_threads(1)`` first, more threads may add numbers up in another order.

    Parameters
    ----------
    config : MarketConfig, optional
        By default the default configuration.
    seed : int
        Fixes everything that is random.
    out : str or Path, optional
        Directory to write ``rounds.parquet``, ``trades.parquet`` and ``config.json`` to.
    progress : bool
        Show a progress bar on standard error.
    **fields
        Fields of ``MarketConfig`` that override those of ``config``.

    Returns
    -------
    Results

    Raises
    ------
    FileExistsError
        If ``out`` holds something other than the same run; checked before anything else is done.
    KeyboardInterrupt
        If interrupted; the rounds completed so far are written first if ``out`` is given.
    """
    config = configured(config, fields)
    if out is not None:
        check_out(out, _manifest(config, seed))
    started = time.perf_counter()
    model = FLMarket(config, seed=seed)
    interrupted = False
    try:
        with _bar(config.rounds, progress) as rounds:
            for _ in rounds:
                model.step()
    except KeyboardInterrupt:
        interrupted = True
        if out is None:
            raise
    finally:
        forget(model)
    tables = model.tables()
    manifest = {
        **_manifest(config, seed, model),
        "rounds_completed": len(tables["rounds"]["round"]) // config.buyers,
        "interrupted": interrupted,
        "seconds": round(time.perf_counter() - started, 3),
    }
    results = Results.of(tables, manifest)
    if out is not None:
        results.save(out)
    if interrupted:
        raise KeyboardInterrupt
    return results


def _manifest(config: MarketConfig, seed: int, model: FLMarket | None = None) -> dict[str, Any]:
    """Everything needed to repeat a run, as JSON gives it back."""
    content: dict[str, Any] = {"format": FORMAT, "seed": seed, "config": config.as_json()}
    if model is not None:
        card = getattr(model.broker.auction, "card", None)
        content["auction"] = {"name": model.broker.auction.name, "checkpoint_sha256": getattr(card, "sha256", None)}
        content["versions"] = {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}
    read_back: dict[str, Any] = json.loads(json.dumps(content))
    return read_back


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@contextmanager
def _bar(rounds: int, progress: bool) -> Iterator[Iterator[int]]:
    """Count the rounds, visibly or not."""
    if not progress:
        yield iter(range(rounds))
        return
    from rich.console import Console
    from rich.progress import track

    yield iter(track(range(rounds), description="Rounds", console=Console(stderr=True)))
