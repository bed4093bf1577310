"""A Dask cluster gives the bytes that processes of this machine give; one of its workers may be killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from market_sim.campaign.worker import RefusedWorkerError
from market_sim.campaign.workers import Workers
from tests.market_sim.campaign.jobs import campaign, joined, played

HOUSE = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers, as `dask scheduler` and `dask worker` start them; the workers' processes too."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
    dask = [sys.executable, "-m", "dask"]
    quiet = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    started = [subprocess.Popen(words, **quiet)]
    while not file.exists():
        assert started[0].poll() is None
        time.sleep(0.1)
    worker = [*dask, "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    workers = [subprocess.Popen(worker, **quiet) for _ in range(2)]
    yield file, workers
    for process in (*workers, *started):
        process.kill()
        process.wait()


@pytest.mark.filterwarnings("default")
def test_same_bytes_and_a_killed_worker_loses_no_run(tmp_path, cluster):
    file, processes = cluster
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    workers = Workers(cluster=str(file))
    wait_for_workers(workers, 2)
    with pytest.raises(RefusedWorkerError, match=r"tcp://.* has no .*missing"):
        check_files(workers, str(tmp_path / "missing"))
    whole = joined(campaign(tmp_path / "one"), tmp_path / "one.parquet")
    watch = subprocess.Popen(
        [sys.executable, "-c", KILL, str(tmp_path / "two.log"), str(processes[0].pid)],
    )
    found = campaign(tmp_path / "two", workers=workers, arguments=(0.2,))
    watch.wait()
    assert joined(found, tmp_path / "two.parquet") == whole
    assert processes[0].wait() == -signal.SIGKILL
    assert set(played(tmp_path / "two.log")) == set(range(12))
    assert len(list((tmp_path / "two" / "parts").iterdir())) <= 2


KILL = """
import os, pathlib, signal, sys, time
log = pathlib.Path(sys.argv[1])
while not log.exists() or len(log.read_text().split()) < 5:
    time.sleep(0.05)
os.kill(int(sys.argv[2]), signal.SIGKILL)
"""


def wait_for_workers(workers, count):
    pool = workers.pool(1)
    try:
        pool._client.wait_for_workers(count, timeout=60)
    finally:
        pool.stop()


def check_files(workers, missing):
    pool = workers.pool(1)
    try:
        pool.check({}, {missing: "0"})
    finally:
        pool.stop()
