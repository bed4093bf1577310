"""A user's own modules beside her script, called as our packages are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
IN_A_WORKER = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from market_sim import run_market
from agents import Person


def rounds(seed):
    return len(run_market(owners=6, bidders=3, rounds=1, task="synthetic", seed=seed).rounds)


if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        print(Person.__name__, workers.submit(rounds, 0).result())
"""
IMPORTED_BEFORE = """
import agents, market_sim
from agents.units import PublicUnits
from analysis import WEALTH
from analysis.intervals import Interval
from scenarios.mine import MARKET
from scenarios.commands.answer import Answer
print(agents.Person.__name__, WEALTH, MARKET, PublicUnits.__name__, Interval.__name__, Answer.__name__)
"""


def ran(folder: Path, script: str) -> str:
    (folder / "agents.py").write_text("from market_sim import MarketConfig\nclass Person: pass\n")
    (folder / "analysis.py").write_text("WEALTH = 3\n")
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "__init__.py").write_text("")
    (folder / "scenarios" / "mine.py").write_text("MARKET = 'mine'\n")
    (folder / "study.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "study.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_script_beside_its_own_agents_runs_in_worker_processes_too(tmp_path: Path) -> None:
    assert ran(tmp_path, IN_A_WORKER) == "Person 1"


def test_ones_own_modules_and_ours_are_found_under_one_name(tmp_path: Path) -> None:
    assert ran(tmp_path, IMPORTED_BEFORE) == "Person 3 mine PublicUnits Interval Answer"
