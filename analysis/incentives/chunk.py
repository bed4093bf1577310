"""A chunk of profiles under attack: the attackers take turns, whoever fails is named, and what was found is run again.

First everybody is attacked; then, once it is known over all chunks from whom most was found, those are handed to the
finalists' attackers and the rest of the query budget of all others goes to more climbing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.misreports.search import CHUNK, alone
from agents.remainders import largest_remainders
from agents.types import OwnerTypes
from analysis.incentives.attack import Attack
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.attackers.climbing import Climbing
from analysis.incentives.coalitions import TOGETHER, attack_together, nothing_together
from analysis.incentives.expectation import expected
from analysis.incentives.storage import Piece, packed, unpacked
from analysis.incentives.threat_model import ALONE, ThreatModel
from market_sim.streams import Streams


@dataclass(frozen=True)
class Chunk:
    """Some profiles and what is to be done to them.

    Parameters
    ----------
    auction : Auction
    types : OwnerTypes [B, n]
    budget : float64[B]
    threat : ThreatModel
    attackers : sequence of Attacker
        Those that can do something here, in the order of their turns.
    queries : int
        Lies per owner, for all attackers together.
    rerun : bool
        Run the auction again for every lie, although it has price lists.
    seed : int
    name : str
        Of the threat model: every threat model, chunk and attacker has a random stream of its own.
    number : int
    """

    auction: Auction
    types: OwnerTypes
    budget: Tensor
    threat: ThreatModel
    attackers: tuple[Attacker, ...]
    queries: int
    rerun: bool
    seed: int
    name: str
    number: int

    def generator(self, attacker: str) -> torch.Generator:
        """The attacker's own random stream."""
        return Streams(self.seed).generator(f"audit/{self.name}/{attacker}", round=self.number)


def allotted(attackers: Sequence[Attacker], queries: int) -> dict[str, int]:
    """How many of an owner's ``queries`` each attacker gets; one without a share gets one."""
    single = [attacker for attacker in attackers if attacker.share == 0][:queries]
    found = {attacker.name: 1 for attacker in single}
    rest = [attacker for attacker in attackers if attacker.share > 0]
    if rest:
        share = torch.tensor([attacker.share for attacker in rest], dtype=torch.float64)
        free = queries - len(single)
        counts = largest_remainders(free * share / share.sum(), free).tolist()
        found |= {attacker.name: int(count) for attacker, count in zip(rest, counts, strict=True)}
    return {attacker.name: found.get(attacker.name, 0) for attacker in attackers}


def first_round(chunk: Chunk) -> Piece:
    """Everybody is attacked by everyone but the finalists' attackers."""
    if chunk.threat.deviators != ALONE:
        try:
            return attack_together(
                chunk.auction, chunk.types, chunk.budget, chunk.threat, chunk.queries, chunk.generator("together")
            )
        except Exception as error:  # Some auctions are made for a fixed number of bidders.
            return nothing_together(chunk.types, _failure(TOGETHER, chunk.number, error, chunk.queries))
    attack = Attack(chunk.auction, chunk.types, chunk.budget, chunk.threat, rerun=chunk.rerun)
    plan = allotted(chunk.attackers, chunk.queries)
    failures = _in_turn(attack, [one for one in chunk.attackers if not one.finalist], plan, chunk)
    return _piece(attack, failures)


def second_round(chunk: Chunk, before: Piece, finalists: Tensor) -> Piece:
    """``finalists[B, n]`` meet their attackers, everybody else climbs on for as many queries."""
    plan = allotted(chunk.attackers, chunk.queries)
    specialists = [one for one in chunk.attackers if one.finalist]
    climb = Climbing()
    pieces = []
    for chosen, attackers, queries in (
        (finalists, specialists, plan),
        (~finalists, [climb], {climb.name: sum(plan[one.name] for one in specialists)}),
    ):
        attack = Attack(chunk.auction, chunk.types, chunk.budget, chunk.threat, rerun=chunk.rerun, chosen=chosen)
        attack.misreports = unpacked(before["misreports"], attack.truth)
        attack.gain, attack.found_by, attack.queries = before["gain"], before["found_by"], before["queries"]
        attack.names = list(before["names"])
        failures = _in_turn(attack, attackers if bool(attack.chosen.any()) else [], queries, chunk)
        pieces.append((attack, _piece(attack, failures)))
    (special, found), (general, climbed) = pieces
    merged: Piece = {key: torch.where(finalists, found[key], climbed[key]) for key in ("gain", "found_by", "queries")}
    names = [*before["names"], *(name for name in special.names + general.names if name not in before["names"])]
    # What a climber found is booked under the number that its name has in the merged list.
    renumbered = torch.tensor([names.index(name) for name in general.names] or [0])
    by_climbers = torch.where(climbed["found_by"] < 0, -1, renumbered[climbed["found_by"].clamp(min=0)])
    merged["found_by"] = torch.where(finalists, found["found_by"], by_climbers)
    return merged | {
        "names": names,
        "misreports": packed(special.misreports.where(finalists, general.misreports)),
        "curves": before["curves"] | found["curves"] | climbed["curves"],
        "failures": [*before["failures"], *found["failures"], *climbed["failures"]],
    }


def run_again(chunk: Chunk, piece: Piece) -> Piece:
    """Tell every owner's best lie once more, in an auction that is run from scratch.

    Returns
    -------
    dict
        ``gain[B, n]`` as run, ``contradicted[B, n]`` where price lists had foretold another, ``overspent[B, n]``:
        money paid beyond the budget in the market with that lie.
    """
    truth, misreports = chunk.types.truthful_bids(), unpacked(piece["misreports"], chunk.types.truthful_bids())
    gain, overspent = torch.zeros(chunk.types.shape).double(), torch.zeros(chunk.types.shape).double()
    honest = expected(chunk.auction, chunk.types, truth, chunk.budget).utility
    row, deviator = truth.present.nonzero(as_tuple=True)
    markets = max(1, CHUNK // max(1, chunk.types.shape[1]))
    for rows, who in zip(torch.split(row, markets), torch.split(deviator, markets), strict=True):
        market = alone(truth, misreports, rows, who)
        result = expected(chunk.auction, chunk.types.take(rows=rows), market, chunk.budget[rows])
        told = result.utility.gather(-1, who[:, None])[:, 0]
        gain[rows, who] = torch.where(told == honest[rows, who], 0.0, told - honest[rows, who])
        overspent[rows, who] = (result.max_spent - chunk.budget[rows]).clamp(min=0)
    # Where every lie had been run before, a difference would only be one of batch shapes in the auction's own sums.
    contradicted = truth.present & (gain != piece["gain"]) & (not chunk.rerun)
    return {"gain": gain, "contradicted": contradicted, "overspent": overspent}


def _in_turn(attack: Attack, attackers: Sequence[Attacker], plan: dict[str, int], chunk: Chunk) -> list[Piece]:
    """Let every attacker attack, with what those before it left over; the failures of those who could not finish."""
    failures, spare = [], 0
    for attacker in attackers:
        if not plan[attacker.name]:
            continue
        again = "" if attacker.name not in attack.names else " on"
        attack.begin(attacker.name + again, plan[attacker.name] + (spare if attacker.share else 0))
        try:
            attacker.attack(attack, chunk.generator(attacker.name + again))
        except Exception as error:  # An attacker that fails must not take the others with it.
            failures.append(_failure(attacker.name, chunk.number, error, attack.left))
        spare = attack.left if attacker.share else spare
    return failures


def _failure(attacker: str, chunk: int, error: Exception, unused: int) -> Piece:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return {"attacker": attacker, "chunk": chunk, "error": said[:300], "unused": unused}


def _piece(attack: Attack, failures: list[Piece]) -> Piece:
    return {
        "names": list(attack.names),
        "gain": torch.where(attack.queries > 0, attack.gain, 0.0),
        "found_by": attack.found_by,
        "queries": attack.queries,
        "misreports": packed(attack.misreports),
        "curves": {name: vars(curve) for name, curve in attack.curves.items()},
        "failures": failures,
    }
