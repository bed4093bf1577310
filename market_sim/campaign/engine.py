"""Handing out the jobs of a campaign, until every one is done or has failed twice."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from market_sim.campaign.environment import environment, hashes
from market_sim.campaign.finished import Finished
from market_sim.campaign.interruption import like_ctrl_c
from market_sim.campaign.job import Job, in_order, pickled
from market_sim.campaign.store import DONE, KILLED, Entry, Store
from market_sim.campaign.watch import Watch
from market_sim.campaign.worker import RefusedWorkerError, Task, perform
from market_sim.campaign.workers import Pool, Workers

ATTEMPTS = 2
"""How often a job is played at most."""
AHEAD = 2
"""Jobs handed out per worker, so that none waits for the next."""


class JobsFailedError(RuntimeError):
    """Some jobs of a campaign failed; all others are done and kept."""


def run_campaign(
    jobs: Iterable[Job],
    directory: Path,
    *,
    identity: Mapping[str, Any],
    workers: Workers | None = None,
    files: Iterable[str | Path] = (),
    title: str = "Playing",
    progress: bool = False,
    partial: bool = False,
    told: Callable[[str], None] | None = None,
) -> Finished:
    """Play every job that is not done yet, and return what all of them gave back.

    Parameters
    ----------
    jobs : iterable of Job
    directory : Path
        Where manifest and parts are kept; the same call goes on from there in whatever way the process ended. Whoever
        needs it no longer removes it.
    identity : mapping
        Whatever the results depend on besides the keys, as JSON holds it. Versions, our own sources and ``files`` are
        added.
    workers : Workers, optional
        Who plays; by default a process per core.
    files : iterable of str or Path
        Files that the jobs read: every worker must have the same.
    title : str
        Shown with the progress.
    progress : bool
        Whether to show it, on standard error.
    partial : bool
        Return also if some jobs failed.
    told : callable, optional
        Called with the key of every job that is done, those that were done before first.

    Raises
    ------
    TypeError, ValueError
        Before the first job: two jobs have one key, one cannot be sent to a worker, or a worker is refused.
    FileExistsError
        If the directory holds another campaign.
    JobsFailedError
        At the end, if some jobs failed twice; the same call tries these again.
    KeyboardInterrupt
        If interrupted, saying how much is kept; likewise for SIGTERM and SIGHUP.
    """
    workers = Workers() if workers is None else workers
    known: dict[str, Job] = {}
    for job in jobs:
        if known.setdefault(job.key, job) is not job:
            raise ValueError(f"two jobs have the key {job.key!r}; give every job a key of its own")
    expected, hashed = environment(), hashes(files)
    store = Store.open(directory, {**identity, "environment": expected, "files": hashed})
    done = {key: entry for key, entry in store.done().items() if key in known}
    left = [known[key] for key in in_order(known) if key not in done]
    run = _Campaign(store, expected, hashed, done, told=told or (lambda _: None))
    for key in in_order(done):
        run.told(key)
    if left:
        with like_ctrl_c(), Watch(title, len(known), len(done), shown=progress) as watch:
            run.play(left, workers.pool(len(left)), watch)
    if run.failed and not partial:
        raise JobsFailedError(_told(run.failed, len(known), directory))
    return Finished(store, {key: run.done[key] for key in in_order(run.done)}, run.failed)


@dataclass
class _Campaign:
    store: Store
    expected: Mapping[str, Any]
    files: Mapping[str, str]
    done: dict[str, Entry]
    failed: dict[str, Entry] = field(default_factory=dict)
    told: Callable[[str], None] = lambda _: None

    def play(self, jobs: Sequence[Job], pool: Pool, watch: Watch) -> None:
        """Play the jobs; those that a process died with are played again, each alone."""
        try:
            self._refuse_early(jobs, pool)
            self.store.running()
            left = deque((job, 1) for job in jobs)
            without_progress = 0
            while left:
                before = len(self.done) + len(self.failed)
                died = self._play_until_killed(left, pool, watch)
                without_progress = 0 if len(self.done) + len(self.failed) > before else without_progress + 1
                if died and without_progress > 3:
                    raise JobsFailedError("workers are killed as soon as they begin; play with fewer (--jobs 1)")
                for job, attempt in died:
                    self._alone(job, attempt, pool, watch)
                pool.renew()
        except KeyboardInterrupt:
            total = watch.total
            raise KeyboardInterrupt(
                f"{len(self.done):,} of {total:,} are kept in {self.store.directory}; the same command goes on from "
                "there"
            ) from None
        finally:
            pool.stop()

    def _refuse_early(self, jobs: Sequence[Job], pool: Pool) -> None:
        """Raise before the first job what would fail with every one."""
        if pool.direct:
            return
        for job in jobs:
            pickled(job, by_value=pool.remote)
        pool.check(self.expected, self.files)

    def _play_until_killed(self, left: deque[tuple[Job, int]], pool: Pool, watch: Watch) -> list[tuple[Job, int]]:
        """Play what is left; if a process is killed, return what was being played. What was not stays in ``left``."""
        handed: dict[Future[Any], tuple[Job, int]] = {}
        lost: list[tuple[Job, int]] = []
        while (left and not lost) or handed:
            while left and not lost and len(handed) < AHEAD * pool.size:
                job, attempt = left.popleft()
                try:
                    handed[self._hand_out(job, attempt, pool)] = (job, attempt)
                except BrokenExecutor:
                    lost.append((job, attempt))
            answered, _ = wait(handed, timeout=1, return_when=FIRST_COMPLETED)
            watch.refresh()
            for future in answered:
                job, attempt = handed.pop(future)
                try:
                    again = self._take(job, attempt, future, watch)
                except BrokenExecutor:
                    lost.append((job, attempt))
                else:
                    left.extend([(job, attempt + 1)] if again else [])
        if not lost:
            return []
        # A job may have been noted by its process just before that was killed.
        noted = {entry.key: entry for entry in self.store.entries() if entry.status == DONE}
        running = set(self.store.running())
        died = []
        for job, attempt in lost:
            if job.key in noted:
                self._finish(noted[job.key], watch)
            elif job.key in running:
                died.append((job, attempt))
            else:
                left.appendleft((job, attempt))
        names = ", ".join(job.key for job, _ in died) or "none of the jobs"
        watch.note(
            f"A worker was killed, as the system does when memory runs out, while these were played: {names}. Nothing "
            "finished is lost, it goes on; these are played again, one at a time. Fewer at a time (--jobs) need less."
        )
        return died

    def _alone(self, job: Job, attempt: int, pool: Pool, watch: Watch) -> None:
        """Play a job again while nothing else is; whoever kills its process now has failed."""
        while True:
            attempt += 1
            pool.renew(1)
            try:
                again = self._take(job, attempt, self._hand_out(job, attempt, pool), watch)
            except BrokenExecutor:
                self.store.running()
                self._killed(job, attempt, watch)
                return
            if not again:
                return

    def _hand_out(self, job: Job, attempt: int, pool: Pool) -> Future[Any]:
        call: Any = (job.function, job.arguments) if pool.direct else pickled(job, by_value=pool.remote)
        return pool.submit(perform, Task(job.key, attempt, call, self.store, self.expected, self.files))

    def _take(self, job: Job, attempt: int, future: Future[Any], watch: Watch) -> bool:
        """Take the answer of a job, and return whether it is to be played again."""
        try:
            told, content = future.result()
        except (BrokenExecutor, RefusedWorkerError):
            raise
        except CancelledError:
            raise ConnectionError(
                f"the cluster is gone; what was finished is kept in {self.store.directory}, the same command goes on "
                "from there"
            ) from None
        except Exception as error:
            if type(error).__name__ != "KilledWorker":
                raise
            self._killed(job, attempt, watch)
            return False
        entry = self.store.keep_packed(content, told) if content or not told["part"] else Entry(**told)
        if entry.status == DONE:
            self._finish(entry, watch)
            return False
        if attempt < ATTEMPTS:
            return True
        self._fail(entry, watch)
        return False

    def _killed(self, job: Job, attempt: int, watch: Watch) -> None:
        error = (
            "its process was killed twice, as the system does when memory runs out: give it more memory, or make it "
            "smaller\n"
        )
        told = repr(job.arguments)[:2000]
        entry = Entry(job.key, KILLED, attempt, host=socket.gethostname(), error=error, input=told)
        self.store.note(entry)
        self._fail(entry, watch)

    def _finish(self, entry: Entry, watch: Watch) -> None:
        self.done[entry.key] = entry
        watch.advance()
        self.told(entry.key)

    def _fail(self, entry: Entry, watch: Watch) -> None:
        self.failed[entry.key] = entry
        watch.note(f"{entry.key} failed: {entry.error.strip().splitlines()[-1]}")
        watch.advance(failed=True)


def _told(failed: Mapping[str, Entry], total: int, directory: Path) -> str:
    key, entry = next(iter(failed.items()))
    others = f", and {len(failed) - 1:,} more" if len(failed) > 1 else ""
    last = entry.error.strip().splitlines()[-1]
    return (
        f"{len(failed):,} of {total:,} failed: {key}: {last}{others}; tracebacks are in {directory}/manifest. All "
        "others are kept; the same command tries these again and goes on"
    )
