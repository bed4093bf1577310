"""Prints hashes of what the program computes: run it before and after a change that must not change any figure.

    .venv/bin/python -m tests.fingerprints

Six markets (``rounds.parquet`` and ``trades.parquet``), an audit, an evaluation and fifty training steps per trainer.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from agents.broker.training.registry import TRAINERS
from agents.prior import OwnerPrior
from analysis.evaluation import EvaluationSettings, evaluate
from analysis.incentives.audit import audit
from analysis.incentives.settings import AuditSettings
from market_sim import load_auction, run_market

STEPS = 50
NAMES = (
    "sequential-menu",
    "sequential-menu-verified",
    "equivariant-menu",
    "dm-regretnet",
    "m-regretnet",
    "regretnet",
    "residual-menu",
)
MARKETS: dict[str, dict[str, Any]] = {
    "plain": {"strategies": {"truthful": 0.6, "scaled-valuation": 0.2, "random-misreport": 0.2}},
    "splitting": {"strategies": {"truthful": 0.5, "identity-splitting": 0.5}, "sizes": "zipf"},
    "lottery with extra noise": {
        "auction": "m-regretnet",
        "strategies": {"truthful": 0.5, "extra-noise": 0.3, "understated-data-size": 0.2},
    },
    "wallets with first best": {
        "buyers": 2,
        "wallet": (30.0, 5.0),
        "first_best": True,
        "strategies": {"truthful": 0.7, "understated-privacy-budget": 0.3},
    },
    "imitation network": {
        "auction": "pay-as-bid",
        "network": "small-world",
        "strategies": {"truthful": 0.4, "imitate-richest": 0.3, "fermi-imitation": 0.1, "collusion-ring": 0.2},
        "lifetime_allowance": 9.0,
    },
    "learning strategies": {
        "auction": "all-in",
        "strategies": {"hedge": 0.2, "exp3": 0.2, "q-learning": 0.2, "best-response": 0.2, "prior-best-response": 0.2},
    },
}


def markets() -> Iterator[tuple[str, str]]:
    """Hash of both tables of every market."""
    for name, fields in MARKETS.items():
        with tempfile.TemporaryDirectory() as folder:
            run_market(owners=60, bidders=10, rounds=12, seed=7, out=Path(folder) / "run", progress=False, **fields)
            for table in ("rounds", "trades"):
                content = (Path(folder) / "run" / f"{table}.parquet").read_bytes()
                yield f"{name}: {table}", hashlib.sha256(content).hexdigest()


def trainings() -> Iterator[tuple[str, str]]:
    """Hash of the tensors that fifty steps of every trainer lead to."""
    prior, smaller = OwnerPrior(), {"residual-menu": {"batch": 40}}
    for name in NAMES:
        training = TRAINERS[name].training(prior, TRAINERS[name].recipe(**smaller.get(name, {})))
        losses = [training.step().loss for _ in range(STEPS)]
        state = hashlib.sha256(np.array(losses).tobytes())
        for _, tensor in sorted(training.trained().tensors.items()):
            state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        yield name, state.hexdigest()


def audits() -> Iterator[tuple[str, str]]:
    """Hash of every number of an audit, by threat model."""
    report = audit(
        "equivariant-menu",
        settings=AuditSettings(
            profiles=6, owners=10, queries=60, finalists=6, checks=False, controls=True, seed=3, chunk=3
        ),
    )
    for threat, found in report.threats.items():
        for name in ("owners", "curves", "attackers", "by_class"):
            yield f"audit, {threat}: {name}", _numbers(getattr(found, name))
    yield "audit: controls", _numbers(report.controls)


def evaluations() -> Iterator[tuple[str, str]]:
    """Hash of every number of an evaluation."""
    auctions = {name: load_auction(name) for name in ("sequential-menu", "all-in", "dm-regretnet")}
    settings = EvaluationSettings(profiles=60, regret_profiles=4, queries=60, factors={"U": (0.1, 2.0)})
    yield "evaluation", _numbers(evaluate(auctions, settings=settings).table)


def _numbers(table: pd.DataFrame) -> str:
    numbers = table.select_dtypes(["number", "bool"]).astype(float)
    return hashlib.sha256(np.ascontiguousarray(numbers.to_numpy()).tobytes()).hexdigest()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for part in (markets, audits, evaluations, trainings):
        for label, value in part():
            print(f"{value[:32]}  {label}", flush=True)
