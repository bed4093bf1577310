"""Running a market from the first round to the last and keeping what it leaves behind."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields as fields_of
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from agents.broker.auctions.base import Auction
from agents.broker.auctions.parts.recall import Recall
from agents.broker.auctions.registry import auction_classes, load_auction
from agents.checks import seed_number
from agents.locks import locked
from agents.own_classes import function_of, is_spelled, same_state, sources, spelled
from agents.owner.strategy_shares import shares_of_nobody, strategy_name
from agents.perturbation.registry import perturbation_of
from agents.prior import OwnerPrior
from agents.tasks.base import Task
from agents.tasks.registry import data_files
from market_sim.campaign.watch import Watch
from market_sim.checkpoints import ROWS_IN_MEMORY, Checkpoints, discard
from market_sim.config import MarketConfig
from market_sim.directory import prepare
from market_sim.model import FLMarket, configured
from market_sim.owner_columns import ENTRY
from market_sim.privacy_account import privacy_account
from market_sim.results import (
    FORMAT,
    Results,
    check_out,
    is_complete,
    load_results,
    rounds_kept,
    sha256_of,
    write_run,
)
from market_sim.row_store import RowStore
from market_sim.saved_market import forgetful
from market_sim.tables import TABLES

logger = logging.getLogger(__name__)

PACKAGES: tuple[str, ...] = ("fl-market", "torch", "numpy", "scipy", "mesa", "pandas", "pyarrow", "scikit-learn")
"""Whose versions a run depends on."""


def run_market(
    config: MarketConfig | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool = False,
    checkpoint_rounds: int | None = None,
    checkpoint_seconds: float = 30.0,
    recall: Recall | None = None,
    **fields: Any,
) -> Results:
    """Run a market and return its record.

    The same configuration, seed, machine and versions give the same tables, and files of the same sha256, with one
    torch thread per run: call ``torch.set_num_threads(1)`` first, more threads may add numbers up in another order.

    A run that is written to ``out`` keeps checkpoints in ``OUT.unfinished`` until it is complete, and the same call
    goes on from the last one, in whatever way the process ended. A complete run that can be repeated is read instead.

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
    checkpoint_rounds : int, optional
        Rounds between two checkpoints; without, only time counts.
    checkpoint_seconds : float
        Seconds after which comes another checkpoint. One comes as well when a hundred thousand rows are in memory.
    recall : Recall, optional
        What the auction answered in other markets of the same bids: no row of any table depends on it.
    **fields
        Fields of ``MarketConfig`` that override those of ``config``.

    Returns
    -------
    Results
        Tables of more than a million rows are read from ``out`` when they are first asked for.

    Raises
    ------
    FileExistsError
        If ``out`` holds something other than the same run; checked before anything else is done.
    OSError
        If ``out`` cannot be written; checked likewise.
    BlockingIOError
        If another process writes there.
    KeyboardInterrupt
        If interrupted. If ``out`` is given, the rounds completed so far are written first, unless it already holds
        more rounds of this run, which are then kept; the message says which.
    """
    config = configured(config, fields)
    seed = seed_number("seed", seed)
    if out is not None:
        out = check_out(out, {**_run_identity(config, seed), "data_files": _data_files(config)})
        prepare(out)
        with locked(out):
            return _run(config, seed, out, progress, checkpoint_rounds, checkpoint_seconds, recall)
    return _run(config, seed, None, progress, checkpoint_rounds, checkpoint_seconds, recall)


def _run(
    config: MarketConfig,
    seed: int,
    out: Path | None,
    progress: bool,
    checkpoint_rounds: int | None,
    checkpoint_seconds: float,
    recall: Recall | None,
) -> Results:
    started = time.perf_counter()
    model = FLMarket(config, seed=seed, recall=recall)
    manifest = manifest_of(config, seed, model)
    kept = None
    if out is not None:
        check_out(out, manifest)
        if is_complete(out, manifest):
            discard(out)  # A process that ended just after the last file was in its place may have left it.
            return load_results(out)
        forgets = forgetful(model)
        for which in forgets:
            logger.warning(
                "this run cannot be resumed: %s does not say what it remembers; it starts from the first round. Write "
                "memory = () into the class if it remembers nothing, else the names of what it does, or state() and "
                "load_state()",
                which,
            )
        identity = {**manifest, "own_classes": sources(_own_kinds(model))}
        kept = Checkpoints(out, identity, resumable=not forgets, rounds=checkpoint_rounds, seconds=checkpoint_seconds)
    rows = RowStore() if kept is None else kept.resume(model)
    stopped = _play(model, rows, kept, progress)
    nothing_to_keep = out is None or (model.round == 0 and not isinstance(stopped, KeyboardInterrupt))
    if stopped is not None and nothing_to_keep:
        raise stopped
    manifest["rounds_completed"] = completed = model.round
    manifest["interrupted"] = stopped is not None
    manifest["seconds"] = round(time.perf_counter() - started, 3)
    if out is None or kept is None:
        return Results(**{name: rows.frame(name) for name in TABLES}, config=manifest)
    if stopped is not None:
        raise _kept_of(stopped, out, kept, rows, manifest, completed)
    with kept.explained(out):
        write_run(out, manifest, rows.pieces)
    results = load_results(out)
    kept.remove()
    return results


def _play(model: FLMarket, rows: RowStore, kept: Checkpoints | None, progress: bool) -> BaseException | None:
    """Play the rounds that are left, and hand their rows over; return what stopped it, if anything did.

    Raises
    ------
    OSError
        If a checkpoint cannot be written.
    """
    stopped: BaseException | None = None
    failed_to_write = False
    try:
        with _progress(model.round, model.config.rounds, progress) as rounds:
            for _ in rounds:
                model.step()
                if model.rows_recorded >= ROWS_IN_MEMORY or (kept is not None and kept.due(model, model.rows_recorded)):
                    rows.add(model.take_rows())
                    if kept is not None:
                        failed_to_write = True
                        kept.keep(model, rows)
                        failed_to_write = False
    except (KeyboardInterrupt, Exception) as error:
        if failed_to_write and isinstance(error, OSError):
            raise
        stopped = error
    rows.add(model.take_rows(last=True))
    return stopped


def _kept_of(
    stopped: BaseException, out: Path, kept: Checkpoints, rows: RowStore, manifest: dict[str, Any], completed: int
) -> BaseException:
    """Write the rounds that were completed to ``out``, and say so in what stopped the run."""
    already = rounds_kept(out, manifest)
    if already > completed:
        said = f"the {already} rounds that {out} held before are kept"
    else:
        with kept.explained(out):
            write_run(out, manifest, rows.pieces)
        said = f"the {completed} completed rounds are in {out}"
    if kept.round:
        said += f"; the same command goes on from round {kept.round}"
    else:
        kept.remove()
    if isinstance(stopped, KeyboardInterrupt):
        return KeyboardInterrupt(said)
    stopped.add_note(said)
    return stopped


def _own_kinds(model: FLMarket) -> list[Any]:
    """Classes and functions that play a part in a market and may be of one's own."""
    config = model.config
    functions = [("task", config.task), ("model", config.model)]
    made = [function_of(name, part) for name, part in functions if is_spelled(part) or callable(part)]
    return [type(model.broker.auction), *map(type, model.population.groups.strategies), *made]


def _run_identity(config: MarketConfig, seed: int) -> dict[str, Any]:
    """What is known of a run before the market is built."""
    return {"format": FORMAT, "seed": seed, "config": config.as_json()}


def manifest_of(config: MarketConfig, seed: int, model: FLMarket) -> dict[str, Any]:
    """Everything needed to repeat a run, as JSON gives it back."""
    auction = model.broker.auction
    network = getattr(auction, "network", None)
    content = {
        **_run_identity(config, seed),
        "auction": {
            "name": auction.name,
            "rule": f"{type(auction).__module__}.{type(auction).__qualname__}",
            "construct": _construct(config, auction, model.prior),
            "checkpoint_sha256": getattr(getattr(auction, "card", None), "sha256", None),
            "card_sha256": getattr(getattr(auction, "card", None), "card_sha256", None),
            "network_sha256": _network_sha256(network) if isinstance(network, torch.nn.Module) else None,
            "guarantees": declared_guarantees(auction),
        },
        "outside_training": model.outside_training,
        "shares_of_nobody": shares_of_nobody(config.strategies, config.owners),
        "own_strategies": _own_strategies(config),
        "data_files": _data_files(config),
        **({ENTRY: columns} if (columns := config.owner_columns()) else {}),
        "task": {"public": model.task.public, "knowledge": model.task.knowledge, "classes": list(model.task.names)},
        "model": {"name": model.learned.name, "dimension": model.learned.dimension},
        "error_bound_meaning": model.terms.error_bound_meaning,
        "perturbation": _described_perturbation(config),
        "privacy_account": privacy_account(config),
        # Parts handed over that cannot be imported, and noise that cannot be seeded, cannot be had again.
        "repeatable": not isinstance(config.auction, Auction)
        and not isinstance(config.task, Task)
        and all(isinstance(part, str) or spelled(part) for part in (config.task, config.model, *config.strategies))
        and isinstance(config.perturbation, str)
        and config.noise_source == "generator",
        "torch_threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }
    read_back: dict[str, Any] = json.loads(json.dumps(content))
    return read_back


def declared_guarantees(auction: Auction) -> dict[str, Any]:
    """What the auction claims, field by field, and whether the claim is a planted or a refuted one."""
    declared = {field.name: getattr(auction.guarantees, field.name) for field in fields_of(auction.guarantees)}
    plain = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in declared.items()}
    return {**plain, "planted": auction.planted, "refuted": auction.refuted}


def _construct(config: MarketConfig, auction: Auction, prior: OwnerPrior) -> str | None:
    """How the auction can be had again: a name, a path, or ``module:Class`` of one made without arguments."""
    if not isinstance(config.auction, Auction):
        return str(config.auction)
    auction = copy.copy(auction)
    vars(auction).pop("recall", None)  # What a market asked for before is no part of a rule.
    if type(auction) is auction_classes().get(auction.name) and same_state(load_auction(auction.name, prior), auction):
        return auction.name
    text = spelled(type(auction))
    try:
        return text if text is not None and same_state(type(auction)(), auction) else None
    except TypeError:  # It needs arguments, which are not written down.
        return None


def _own_strategies(config: MarketConfig) -> dict[str, dict[str, Any]]:
    """Classes of one's own among the strategies: ``module:Class``, or None where it cannot be imported."""
    return {
        strategy_name(key): {"class": spelled(key), "moves_last": key.moves_last}
        for key in config.strategies
        if not isinstance(key, str)
    }


def _described_perturbation(config: MarketConfig) -> dict[str, Any]:
    """Name and claims of the perturbation, and how it can be had again: None if it cannot."""
    mechanism, chosen = config.mechanism, config.perturbation
    return {
        "name": mechanism.name,
        "construct": chosen if isinstance(chosen, str) else _construct_perturbation(config),
        "private": mechanism.private,
        "norm": mechanism.norm,
        "delta": mechanism.delta,
        "claim": mechanism.privacy,
    }


def _construct_perturbation(config: MarketConfig) -> str | None:
    mechanism = config.mechanism
    text = spelled(type(mechanism))
    try:
        return text if text is not None and same_state(perturbation_of(text, delta=config.delta), mechanism) else None
    except (TypeError, ValueError):  # It needs arguments, which are not written down.
        return None


def _data_files(config: MarketConfig) -> dict[str, str]:
    """Names and hashes of the files that task, owners and network are read from, wherever they lie."""
    files = [*data_files(config.task, config.data, **config.task_options), *config.files]
    return {file.name: sha256_of(file) for file in files}


def _network_sha256(network: torch.nn.Module) -> str:
    """Hash of all that a network has learned."""
    state = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        state.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    return state.hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@contextmanager
def _progress(start: int, rounds: int, progress: bool) -> Iterator[Iterator[int]]:
    """Count the rounds from ``start`` on, visibly or not."""
    with Watch("Rounds", rounds, start, shown=progress) as watch:
        yield _counted(start, rounds, watch)


def _counted(start: int, rounds: int, watch: Watch) -> Iterator[int]:
    for number in range(start, rounds):
        yield number
        watch.advance()
