"""Campaigns for the tests, and a program that plays one."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from market_sim.campaign.engine import run_campaign
from market_sim.campaign.finished import Finished
from market_sim.campaign.job import Job
from market_sim.campaign.workers import Workers
from tests.market_sim.campaign.work import squares

SCHEMA = pa.schema([("name", pa.string()), ("number", pa.int64()), ("value", pa.float64())])


def played(log: Path) -> list[int]:
    return sorted(map(int, log.read_text().split())) if log.exists() else []


def campaign(directory: Path, function=squares, count: int = 12, jobs: int = 1, arguments=(), **options) -> Finished:
    log = directory.with_suffix(".log")
    made = [Job(f"number={number}", function, (number, log, *arguments)) for number in reversed(range(count))]
    workers = options.pop("workers", None) or Workers(jobs)
    return run_campaign(made, directory, identity={"of": "squares"}, workers=workers, **options)


def joined(found: Finished, file: Path) -> bytes:
    found.join("squares", file, SCHEMA, lambda key: {"name": key})
    return file.read_bytes()


if __name__ == "__main__":
    campaign(Path(sys.argv[1]), count=int(sys.argv[2]), jobs=int(sys.argv[3]), arguments=(float(sys.argv[4]),))
