"""A chunk of profiles under attack: the attackers take turns, whoever fails is named, and what was found is run again.

First everybody is attacked; then, once it is known over all chunks from whom most was found, those are handed to the
finalists' attackers and the rest of the query budget of all others goes to more climbing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents.misreports.search import CHUNK, alone
from agents.remainders import largest_remainders
from agents.surplus import pays
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.attackers.climbing import Climbing
from analysis.incentives.case import Case
from analysis.incentives.chunk_result import ChunkResult, Failure
from analysis.incentives.coalitions import PAIRS, attack_coalitions, no_coalitions
from analysis.incentives.expectation import expected_outcome
from analysis.incentives.query_ledger import Attack
from analysis.incentives.settings import AuditSettings
from analysis.incentives.storage import storable
from analysis.incentives.threat_model import ALONE
from market_sim.streams import Streams


@dataclass(frozen=True)
class Chunk:
    """Some profiles and what is to be done to them.

    Parameters
    ----------
    case : Case
        Its markets are the chunk's only.
    attackers : tuple of Attacker
        Those that can do something here, in the order of their turns.
    settings : AuditSettings
    name : str
        Of the threat model: every threat model, chunk and attacker has a random stream of its own.
    number : int
    """

    case: Case
    attackers: tuple[Attacker, ...]
    settings: AuditSettings
    name: str
    number: int

    @property
    def plan(self) -> dict[str, int]:
        """Queries about every owner, by attacker."""
        return allotted(self.attackers, self.settings.queries)

    def generator(self, attacker: str) -> torch.Generator:
        """The attacker's own random stream."""
        return Streams(self.settings.seed).generator(f"audit/{self.name}/{attacker}", round=self.number)

    def failure(self, attacker: str, error: Exception, unused: int) -> Failure:
        """Why an attacker could not finish here, in words."""
        words = " ".join(f"{type(error).__name__}: {error}".split())
        return Failure(attacker, self.number, words[:300], unused)


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


def first_round(chunk: Chunk) -> ChunkResult:
    """Everybody is attacked by everyone but the finalists' attackers."""
    queries = chunk.settings.queries
    if chunk.case.threat.deviators != ALONE:
        try:
            return attack_coalitions(chunk.case, queries, chunk.generator("together"))
        except Exception as error:  # Some auctions are made for a fixed number of bidders.
            return no_coalitions(chunk.case, chunk.failure(PAIRS, error, queries))
    return _in_turn(Attack(chunk.case), [one for one in chunk.attackers if not one.finalist], chunk.plan, chunk)


def second_round(chunk: Chunk, before: ChunkResult, finalists: Tensor) -> ChunkResult:
    """``finalists[B, n]`` meet their attackers, everybody else climbs on for as many queries."""
    plan, climb = chunk.plan, Climbing()
    specialists = [one for one in chunk.attackers if one.finalist]
    special = _continued(chunk, before, finalists, specialists, plan)
    general = _continued(chunk, before, ~finalists, [climb], {climb.name: sum(plan[one.name] for one in specialists)})
    names = tuple(dict.fromkeys([*special.names, *general.names]))
    # What a climber found is booked under the number that its name has in the merged list.
    renumbered = torch.tensor([names.index(name) for name in general.names] or [0])
    by_climbers = torch.where(general.found_by < 0, -1, renumbered[general.found_by.clamp(min=0)])
    misreports = special.misreports.where(finalists, general.misreports)
    return replace(
        before,
        names=names,
        gain=torch.where(finalists, special.gain, general.gain),
        found_by=torch.where(finalists, special.found_by, by_climbers),
        queries=torch.where(finalists, special.queries, general.queries),
        misreports=storable(misreports, chunk.case.types.truthful_bids()),
        curves={**before.curves, **special.curves, **general.curves},
        failures=(*before.failures, *special.failures, *general.failures),
    )


def run_again(chunk: Chunk, found: ChunkResult) -> ChunkResult:
    """Tell every owner's best lie once more, in an auction that is run from scratch.

    The gain becomes the one that was run, wherever price lists had foretold another one.
    """
    case = chunk.case
    truth, misreports = case.types.truthful_bids(), found.misreports
    gain, overspent = torch.zeros_like(found.gain), torch.zeros_like(found.overspent)
    paid = torch.zeros_like(found.paid)
    truthful = expected_outcome(case.auction, case.types, truth, case.budget)
    honest = truthful.utility  # [B, n]
    row, deviator = truth.present.nonzero(as_tuple=True)
    markets = max(1, CHUNK // max(1, case.types.shape[1]))
    for rows, who in zip(torch.split(row, markets), torch.split(deviator, markets), strict=True):
        # One market per liar: [m, n], in which who[m] lies and everybody else tells the truth.
        market = case.take(rows)
        result = expected_outcome(case.auction, market.types, alone(truth, misreports, rows, who), market.budget)
        told, payment, cost = (
            values.gather(-1, who[:, None])[:, 0] for values in (result.utility, result.payment, result.cost)
        )
        # Equal utilities may both be minus infinity, whose difference would be no number.
        gain[rows, who] = torch.where(told == honest[rows, who], 0.0, told - honest[rows, who])
        paid[rows, who] = pays(gain[rows, who], truthful.payment[rows, who], payment, cost)
        overspent[rows, who] = (result.max_spent - market.budget).clamp(min=0)
    # Where every lie had been run before, a difference would only be one of batch shapes in the auction's own sums.
    contradicted = truth.present & (gain != found.gain) & (not case.rerun)
    return replace(found, gain=gain, paid=paid, contradicted=contradicted, overspent=overspent)


def _continued(
    chunk: Chunk, before: ChunkResult, chosen: Tensor, attackers: Sequence[Attacker], plan: Mapping[str, int]
) -> ChunkResult:
    """Some attackers on the ``chosen[B, n]`` owners, from where the first round had come to."""
    attack = Attack(chunk.case, chosen=chosen)
    attack.misreports, attack.gain = before.misreports, before.gain
    attack.found_by, attack.queries, attack.names = before.found_by, before.queries, list(before.names)
    return _in_turn(attack, attackers if bool(attack.chosen.any()) else [], plan, chunk)


def _in_turn(attack: Attack, attackers: Sequence[Attacker], plan: Mapping[str, int], chunk: Chunk) -> ChunkResult:
    """Let every attacker attack, with what those before it left over."""
    failures, spare = [], 0
    for attacker in attackers:
        if not plan[attacker.name]:
            continue
        again = "" if attacker.name not in attack.names else " on"
        attack.begin(attacker.name + again, plan[attacker.name] + (spare if attacker.share else 0))
        try:
            attacker.attack(attack, chunk.generator(attacker.name + again))
        except Exception as error:  # An attacker that fails must not take the others with it.
            failures.append(chunk.failure(attacker.name, error, attack.left))
        spare = attack.left if attacker.share else spare
    return ChunkResult(
        names=tuple(attack.names),
        gain=torch.where(attack.queries > 0, attack.gain, 0.0),
        paid=torch.zeros_like(attack.truth.present),
        found_by=attack.found_by,
        queries=attack.queries,
        misreports=storable(attack.misreports, attack.truth),
        curves=attack.curves,
        failures=tuple(failures),
        attacked=attack.truth.present,
        contradicted=torch.zeros_like(attack.truth.present),
        overspent=torch.zeros_like(attack.gain),
    )
