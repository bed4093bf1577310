"""One threat model from beginning to end: chunks of profiles in parallel, finalists, and what all of it adds up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from agents.misreports.search import per_cost
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.case import Case
from analysis.incentives.chunk import Chunk, first_round, run_again, second_round
from analysis.incentives.chunk_result import ChunkResult
from analysis.incentives.joining import CampaignResult, joined, widened
from analysis.incentives.settings import AuditSettings
from analysis.incentives.storage import bytes_of, result_from
from analysis.incentives.threat_model import ALONE
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.job import Job, JobResult
from market_sim.campaign.store import kept_in
from market_sim.campaign.workers import Workers
from market_sim.streams import Streams


@dataclass(frozen=True)
class Campaign:
    """Everything that one threat model is audited with.

    Parameters
    ----------
    case : Case
    name : str
        Of the threat model.
    attackers : tuple of Attacker
        Those that can do something here, in the order of their turns.
    settings : AuditSettings
    workers : Workers
        Who attacks.
    directory : Path, optional
        Where the result of every finished chunk is kept until the audit is complete, and looked for first.
    """

    case: Case
    name: str
    attackers: tuple[Attacker, ...]
    settings: AuditSettings
    workers: Workers
    directory: Path | None = None

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.case.types.shape[0] // self.settings.chunk)

    @property
    def rounds(self) -> int:
        """Two where there are finalists' attackers, else one; running the best lies again comes on top."""
        special = any(attacker.finalist for attacker in self.attackers)
        return 2 if special and self.case.threat.deviators == ALONE else 1

    @property
    def tasks(self) -> int:
        """How often ``run`` calls ``watch``."""
        return self.chunks * self.rounds

    def task(self, number: int) -> Chunk:
        """Chunk ``number``."""
        size = self.settings.chunk
        case = self.case.take(slice(number * size, (number + 1) * size)).trimmed()
        return Chunk(case, self.attackers, self.settings, self.name, number)

    def run(self, watch: Callable[[str], None]) -> CampaignResult:
        """Attack everybody, then the finalists; the results of all chunks, joined along the profiles."""
        first = list(self._each("first", [(number,) for number in range(self.chunks)], watch))
        if self.rounds == 1:
            return self._joined(first)
        chosen = self._chosen(first)
        arguments = [(number, first[number], chosen[number]) for number in range(self.chunks)]
        return self._joined(list(self._each("second", arguments, watch)))

    def _joined(self, results: Sequence[ChunkResult]) -> CampaignResult:
        types = [self.task(number).case.types for number in range(self.chunks)]
        return joined(results, types, self.case.types.shape[1])

    def _chosen(self, first: Sequence[ChunkResult]) -> list[Tensor]:
        """``bool[B, n]`` per chunk: the owners from whom most was found per cost, ties drawn."""
        types, stream = self.case.types, Streams(self.settings.seed).generator(f"audit/{self.name}/finalists")
        gain = torch.cat([widened(result.gain, types.shape[1]) for result in first])
        share = per_cost(types, gain.clamp(min=0)).nan_to_num(nan=0.0)
        share = torch.where(types.data_size > 0, share, -1.0).flatten()
        shuffle = torch.randperm(len(share), generator=stream)
        ranked = shuffle[share[shuffle].argsort(descending=True, stable=True)]
        mask = torch.zeros(len(share), dtype=torch.bool)
        mask[ranked[: self.settings.finalists]] = True
        mask &= share >= 0
        chunks = torch.split(mask.view(types.shape), self.settings.chunk)
        return [chunk[:, : result.gain.shape[1]] for chunk, result in zip(chunks, first, strict=True)]

    def _each(
        self, stage: str, arguments: Sequence[tuple[Any, ...]], watch: Callable[[str], None]
    ) -> Iterator[ChunkResult]:
        """The results of one round in order; those on disk are not made again, new ones are put there at once."""
        last = stage == "second" or self.rounds == 1
        jobs = [Job(f"{number}", _do, (stage, last, self.task(number), *rest)) for number, *rest in arguments]
        count = 0

        def told(_: str) -> None:
            nonlocal count
            count += 1
            watch(f"{self.name}: {stage} round, {count} of {self.chunks}")

        with kept_in(None if self.directory is None else self.directory / f"{self.name}-{stage}") as directory:
            found = run_campaign(jobs, directory, identity={}, workers=self.workers, told=told)
            for number, *_ in arguments:
                (content,) = found.table(f"{number}", "chunk")["content"].to_pylist()
                yield result_from(content, self.task(number).case.types.truthful_bids())


def _do(stage: str, last: bool, chunk: Chunk, *before: Any) -> JobResult:
    """One chunk, as the job of a campaign; in the last round every owner's best lie is told once more."""
    result = first_round(chunk) if stage == "first" else second_round(chunk, *before)
    if last and chunk.case.threat.deviators == ALONE:
        result = run_again(chunk, result)
    return JobResult({"chunk": pa.table({"content": pa.array([bytes_of(result)], pa.binary())})})
