"""One threat model from beginning to end: chunks of profiles in parallel, finalists, and what all of it adds up to."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.misreports.search import per_cost
from agents.types import OwnerTypes
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.chunk import Chunk, first_round, run_again, second_round
from analysis.incentives.joining import joined
from analysis.incentives.storage import Piece, read_piece, unpacked, write_piece
from analysis.incentives.threat_model import ALONE, ThreatModel
from market_sim.streams import Streams


@dataclass(frozen=True)
class Campaign:
    """Everything that one threat model is audited with.

    Parameters
    ----------
    auction : Auction
    types : OwnerTypes [B, n]
    budget : float64[B]
    threat : ThreatModel
    name : str
        Of the threat model.
    attackers : tuple of Attacker
        Applicable ones, in the order of their turns.
    queries, finalists, chunk : int
        Lies per owner in all; owners that the finalists' attackers get; profiles in a chunk.
    rerun : bool
        Run the auction again for every lie, although it has price lists.
    seed, jobs : int
    pieces : Path, optional
        Where every finished chunk is kept until the audit is complete, and looked for first.
    """

    auction: Auction
    types: OwnerTypes
    budget: Tensor
    threat: ThreatModel
    name: str
    attackers: tuple[Attacker, ...]
    queries: int
    finalists: int
    chunk: int
    rerun: bool
    seed: int
    jobs: int = 1
    pieces: Path | None = None

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.types.shape[0] // self.chunk)

    @property
    def rounds(self) -> int:
        """Two where there are finalists' attackers, else one; running the best lies again comes on top."""
        special = any(attacker.finalist for attacker in self.attackers)
        return 2 if special and self.threat.deviators == ALONE else 1

    @property
    def tasks(self) -> int:
        """Pieces of work, for a progress bar."""
        return self.chunks * self.rounds

    def piece_of_work(self, number: int) -> Chunk:
        """Chunk ``number``."""
        rows = slice(number * self.chunk, (number + 1) * self.chunk)
        return Chunk(
            auction=self.auction,
            types=self.types.take(rows=rows),
            budget=self.budget[rows],
            threat=self.threat,
            attackers=self.attackers,
            queries=self.queries,
            rerun=self.rerun,
            seed=self.seed,
            name=self.name,
            number=number,
        )

    def run(self, watch: Callable[[str], None]) -> Piece:
        """Attack everybody, then the finalists; the pieces of all chunks, joined along the profiles."""
        first = list(self._each("first", [(number,) for number in range(self.chunks)], watch))
        if self.rounds == 1:
            return joined(first)
        chosen = self._chosen(first)
        arguments = [(number, first[number], chosen[number]) for number in range(self.chunks)]
        return joined(list(self._each("second", arguments, watch)))

    def _chosen(self, first: Sequence[Piece]) -> list[Tensor]:
        """``bool[B, n]`` per chunk: the owners from whom most was found per cost, ties drawn."""
        gain = torch.cat([piece["gain"] for piece in first])
        share = per_cost(self.types, gain.clamp(min=0)).nan_to_num(nan=0.0)
        share = torch.where(self.types.data_size > 0, share, -1.0).flatten()
        shuffle = torch.randperm(len(share), generator=Streams(self.seed).generator(f"audit/{self.name}/finalists"))
        ranked = shuffle[share[shuffle].argsort(descending=True, stable=True)]
        mask = torch.zeros(len(share), dtype=torch.bool)
        mask[ranked[: self.finalists]] = True
        mask &= share >= 0
        return list(torch.split(mask.view(self.types.shape), self.chunk))

    def _each(self, stage: str, arguments: Sequence[tuple[Any, ...]], watch: Callable[[str], None]) -> Iterator[Piece]:
        """The pieces of one round in order; those on disk are not made again, new ones are put there at once."""
        kept = {args[0]: self._kept(stage, args[0]) for args in arguments}
        missing = [args for args in arguments if kept[args[0]] is None]
        made = self._made(stage, missing)
        for number, *_ in arguments:
            piece = kept[number]
            if piece is None:
                piece = next(made)
                if self.pieces is not None:
                    write_piece(self._path(stage, number), piece)
            watch(f"{self.name}: {stage} round, {number + 1} of {self.chunks}")
            yield piece

    def _made(self, stage: str, arguments: Sequence[tuple[Any, ...]]) -> Iterator[Piece]:
        last = stage == "second" or self.rounds == 1
        work = [(stage, last, self.piece_of_work(number), *rest) for number, *rest in arguments]
        if self.jobs == 1 or len(work) < 2:
            return (_do(*task) for task in work)
        return self._parallel(work)

    def _parallel(self, work: Sequence[tuple[Any, ...]]) -> Iterator[Piece]:
        try:
            yield from joblib.Parallel(n_jobs=self.jobs, return_as="generator")(
                joblib.delayed(_do)(*task) for task in work
            )
        except pickle.PicklingError as error:
            raise TypeError(
                f"auction {self.auction.name!r} or an attacker cannot be sent to other processes ({error}): pass jobs=1"
            ) from None

    def _path(self, stage: str, number: int) -> Path:
        assert self.pieces is not None
        return self.pieces / f"{self.name}-{stage}-{number:05d}.pt"

    def _kept(self, stage: str, number: int) -> Piece | None:
        return None if self.pieces is None else read_piece(self._path(stage, number))


def _do(stage: str, last: bool, chunk: Chunk, *before: Any) -> Piece:
    """One chunk in one thread; in the last round every owner's best lie is told once more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        piece = first_round(chunk) if stage == "first" else second_round(chunk, *before)
        again = run_again(chunk, piece) if last and chunk.threat.deviators == ALONE else {}
        return {**piece, **again, "said": _said(chunk, piece)}
    finally:
        torch.set_num_threads(threads)


def _said(chunk: Chunk, piece: Piece) -> Piece:
    """What the best lies say, as shares of the truth ``[B, n]``; no number where the truth is 0.

    The valuation is compared per record, at the true privacy budget; of a coalition only the first bid is told.
    """
    truth = chunk.types.truthful_bids()
    misreports = unpacked(piece["misreports"], truth)
    true_cost, said_cost = (bids.valuation.at(truth.privacy_budget) for bids in (truth, misreports))
    return {
        "valuation_ratio": said_cost / true_cost,
        "privacy_budget_ratio": misreports.privacy_budget / truth.privacy_budget,
        "data_size_ratio": misreports.data_size / truth.data_size,
    }
