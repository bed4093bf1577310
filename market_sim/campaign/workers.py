"""Who plays the jobs of a campaign: this process, processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import joblib
from joblib.externals.loky.process_executor import ProcessPoolExecutor

from agents.checks import whole
from market_sim.campaign.environment import differences
from market_sim.campaign.worker import REMEDY, RefusedWorkerError, begin

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
MAX_JOBS = 1024
CONNECT = 15
"""Seconds in which a scheduler has to answer."""


@dataclass(frozen=True)
class Workers:
    """How many processes play, and where; neither changes any figure.

    Parameters
    ----------
    jobs : int, optional
        Processes of this machine, one thread each; by default as many as it has cores. With 1, or for one job, nothing
        is sent to another process.
    cluster : str, optional
        Address of the scheduler of a running Dask cluster, ``tcp://HOST:PORT``, or the path of its scheduler file.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the remedy.
    """

    jobs: int | None = None
    cluster: str | None = None

    def __post_init__(self) -> None:
        if self.jobs is not None:
            whole("jobs", self.jobs, minimum=1, maximum=MAX_JOBS)
        if self.cluster is not None:
            if not isinstance(self.cluster, str) or not self.cluster.strip():
                raise TypeError(f"cluster = {self.cluster!r}: pass tcp://HOST:PORT or the path of a scheduler file")
            if self.jobs is not None:
                raise ValueError("jobs and cluster are both given: a cluster has the workers it has, leave jobs out")
            if "://" not in self.cluster and not Path(self.cluster).is_file():
                raise ValueError(
                    f"cluster = {self.cluster!r} is neither an address nor a file; pass tcp://HOST:PORT as `dask "
                    "scheduler` prints it, or the file of its --scheduler-file"
                )

    def pool(self, tasks: int) -> Pool:
        """Return who plays so many jobs."""
        if self.cluster is not None:
            return Cluster(self.cluster)
        jobs = min(self.jobs or joblib.cpu_count(), max(1, tasks))
        return ThisProcess() if jobs == 1 else Processes(jobs)


class Pool(Protocol):
    """Takes calls and answers them later, in any order."""

    remote: bool
    """Whether its processes may be on other machines."""
    direct: bool
    """Whether calls stay in this process, so that nothing need be pickled."""

    @property
    def size(self) -> int:
        """How many calls are answered at a time."""

    def check(self, expected: Mapping[str, Any], files: Mapping[str, str]) -> None:
        """Refuse workers that would find something else, each by name."""

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand a call over."""

    def renew(self, size: int | None = None) -> None:
        """Begin again with fresh processes, ``size`` of them, after one was killed."""

    def stop(self) -> None:
        """End all processes, whatever they are doing."""


class ThisProcess:
    """Every call is answered here, before ``submit`` returns."""

    remote, direct, size = False, True, 1

    def check(self, expected: Mapping[str, Any], files: Mapping[str, str]) -> None:
        """Nothing can differ."""

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Answer a call; errors are the future's."""
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def renew(self, size: int | None = None) -> None:
        """Nothing to begin again."""

    def stop(self) -> None:
        """Nothing to end."""


class Processes:
    """Processes of this machine, by joblib's loky."""

    remote, direct = False, False

    def __init__(self, size: int) -> None:
        self._full = self.size = size
        self._executor: Executor | None = None

    def check(self, expected: Mapping[str, Any], files: Mapping[str, str]) -> None:
        """They run the same files as this process; each makes sure before its first job."""

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand a call to whichever process is free."""
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self.size, initializer=begin, initargs=(os.getpid(),), env=ONE_THREAD, timeout=None
            )
        future: Future[Any] = self._executor.submit(call, *arguments)
        return future

    def renew(self, size: int | None = None) -> None:
        """End what is left of the processes; the next call begins with fresh ones."""
        self.stop()
        self.size = self._full if size is None else size

    def stop(self) -> None:
        """Kill them."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]


class Cluster:
    """The workers of a Dask cluster that is running already; it goes on running afterwards."""

    remote, direct = True, False

    def __init__(self, address: str) -> None:
        self._address = address
        try:
            from distributed import Client
        except ImportError:
            raise ValueError("cluster: Dask is not installed; pip install 'fl-market[cluster]'") from None
        connect: Any = Client
        where = {"address": address} if "://" in address else {"scheduler_file": address}
        try:
            self._client = connect(**where, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConnectionError(
                f"cluster = {address!r} does not answer ({' '.join(str(error).split())}); start `dask scheduler`, and "
                "pass the address that it prints"
            ) from None
        self._executor = self._client.get_executor(pure=False)

    @property
    def size(self) -> int:
        """How many workers there are at the moment."""
        return max(1, len(self._workers()))

    def _workers(self) -> dict[str, Any]:
        return dict(self._client.scheduler_info(n_workers=-1)["workers"])

    def check(self, expected: Mapping[str, Any], files: Mapping[str, str]) -> None:
        """Ask every worker for its versions, files and threads.

        Raises
        ------
        RefusedWorkerError
            Naming each worker that would find something else, and the remedy.
        """
        workers = self._workers()
        if not workers:
            raise ConnectionError(f"cluster = {self._address!r} has no worker; start one with `dask worker`")
        refused = [
            f"{address} computes with {worker['nthreads']} threads: start it with --nthreads 1 --nworkers auto"
            for address, worker in workers.items()
            if worker["nthreads"] != 1
        ]
        answers = self._client.run(differences, dict(expected), dict(files), on_error="return")
        for address, found in answers.items():
            if isinstance(found, BaseException):
                refused.append(f"{address} cannot import this project ({found}): install it there")
            elif found:
                refused.append(f"{address} has {', '.join(found)}: {REMEDY}")
        if refused:
            raise RefusedWorkerError(f"workers of {self._address} are refused: " + "; ".join(sorted(refused)))

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand a call to the scheduler."""
        future: Future[Any] = self._executor.submit(call, *arguments)
        return future

    def renew(self, size: int | None = None) -> None:
        """The scheduler looks after its workers itself."""

    def stop(self) -> None:
        """Take back what is not answered, and leave."""
        self._executor.shutdown(wait=False)
        self._client.close()
