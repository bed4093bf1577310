"""Jobs for the tests of campaigns, in a module that worker processes can import and that loads next to nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pandas as pd

from market_sim.campaign.job import JobResult


def squares(number: int, log: Path, seconds: float = 0.0) -> JobResult:
    """As many rows as the number says; every call leaves a line in ``log``."""
    with log.open("a") as file:
        file.write(f"{number}\n")
    time.sleep(seconds)
    rows = range(number % 5 + 1)
    return JobResult(
        {"squares": pd.DataFrame({"number": list(rows), "value": [number / 7 + row for row in rows]})},
        {"bound": float("inf") if number == 3 else number / 3},
    )


def refuses_three(number: int, log: Path) -> JobResult:
    if number == 3:
        raise ValueError("three is too many")
    return squares(number, log)


def dies(number: int, log: Path, times: int) -> JobResult:
    """Number 2 is killed by the system, so many times."""
    if number == 2:
        with log.with_suffix(".deaths").open("a") as file:
            file.write("x")
        if log.with_suffix(".deaths").stat().st_size <= times:
            os.kill(os.getpid(), signal.SIGKILL)
    return squares(number, log)
