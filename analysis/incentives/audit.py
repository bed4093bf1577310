"""Auditing the incentives of an auction: how much does a liar gain, at least?"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction
from agents.checks import seed_number, whole
from agents.prior import OwnerPrior
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.campaign import Campaign
from analysis.incentives.chunk import allotted
from analysis.incentives.controls import positive_controls
from analysis.incentives.directory import AuditDirectory
from analysis.incentives.entrance import attackers_of, fingerprint, threats_of, truthful
from analysis.incentives.expectation import Expected
from analysis.incentives.interim import interim_gain
from analysis.incentives.joining import owners_table, profiles_table
from analysis.incentives.results import AuditReport, ThreatFindings
from analysis.incentives.statistics import by_class, statistics
from analysis.incentives.storage import Piece
from analysis.incentives.structure import lists_hold, structural_tests
from analysis.incentives.threat_model import ALONE, ThreatModel, claims
from market_sim.streams import Streams

MAX_KINDS = 50
"""Owners of whom the interim gain is asked, or as many as there are profiles if those are fewer."""

Watch = Callable[[int, int, str], None]
"""Called with pieces of work done (0 first), how many there are, and what was done last."""


def audit(
    auction: Auction | str,
    prior: OwnerPrior | None = None,
    *,
    threats: Sequence[str] | Mapping[str, ThreatModel] | None = None,
    profiles: int = 1000,
    owners: int = 10,
    queries: int = 300,
    finalists: int = 200,
    attackers: Sequence[str | Attacker] | None = None,
    controls: bool = True,
    jobs: int = 1,
    seed: int = 0,
    chunk: int = 25,
    out: Path | str | None = None,
    watch: Watch | None = None,
) -> AuditReport:
    """Let every attacker look for lies that pay, your own auction or one of the house.

    Order, budget, lottery and the others' bids are the same for truth and lie. All gains are lower bounds.

    Parameters
    ----------
    auction : Auction or str
        An auction, or the name of one.
    prior : OwnerPrior, optional
        Where owners and budgets are drawn from; the paper's by default.
    threats : sequence of str, or mapping of ThreatModel, optional
        Names out of ``threat_models(auction)``, or threat models of your own by name. By default everything that one
        owner may do, and, if the auction claims truthfulness in some fields only, what she may do in those. Fields
        that the auction verifies are taken out.
    profiles, owners : int
        Markets, and bidders in each.
    queries : int
        Lies evaluated per owner, by all attackers together.
    finalists : int
        Owners, those from whom most was found, who meet the attackers that take longest.
    attackers : sequence, optional
        Names out of ``list_attackers()`` or objects of your own; by default all. One that fails is reported, and the
        others go on.
    controls : bool
        Audit the positive controls too.
    jobs : int
        Processes; their number changes no figure.
    seed : int
    chunk : int
        Profiles worked on at once; figures depend on it as they do on the seed.
    out : path, optional
        Directory for figures and tables, and meanwhile for finished chunks: an interrupted audit goes on from there.
    watch : callable, optional

    Returns
    -------
    AuditReport

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the remedy; or the auction, if it fails on truthful bids.
    FileExistsError
        If ``out`` holds something else, or an audit with other settings.
    """
    prior = OwnerPrior() if prior is None else prior
    for method in ("sample", "budget"):
        if not callable(getattr(prior, method, None)):
            raise TypeError(f"prior = {prior!r}: pass an OwnerPrior, or an object with `sample` and `budget` as it has")
    auction = load_auction(auction, prior) if isinstance(auction, str) else auction
    if not isinstance(auction, Auction):
        raise TypeError(f"auction = {auction!r}: pass an Auction instance, e.g. MyAuction(), or a name")
    for name, value in (("profiles", profiles), ("owners", owners), ("queries", queries), ("chunk", chunk)):
        whole(name, value, minimum=1)
    whole("jobs", jobs, minimum=1, maximum=1024)
    whole("finalists", finalists)
    seed_number("seed", seed)
    chosen, able = threats_of(auction, threats), attackers_of(attackers)
    types, budget = prior.sample(profiles, owners, Streams(seed).generator("audit/profiles"))
    truth = truthful(auction, types, budget)
    settings = {
        "auction": auction.name,
        "rule": f"{type(auction).__module__}.{type(auction).__qualname__}",
        "fingerprint": fingerprint(types, budget, truth),
        "prior": repr(prior),
        "threats": {name: threat.describe() for name, threat in chosen.items()},
        "attackers": [one.name for one in able],
        **{"profiles": profiles, "owners": owners, "queries": queries, "finalists": finalists, "chunk": chunk},
        **{"controls": controls, "seed": seed},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
    rerun = not lists_hold(auction, types, budget, Streams(seed).generator("audit/lists"))
    with AuditDirectory.open(out, settings) as directory:
        campaigns = [
            Campaign(
                auction=auction,
                types=types,
                budget=budget,
                threat=threat,
                name=name,
                attackers=tuple(one for one in able if one.not_applicable(auction, threat) is None),
                queries=queries,
                finalists=finalists,
                chunk=chunk,
                rerun=rerun,
                seed=seed,
                jobs=jobs,
                pieces=directory.pieces,
            )
            for name, threat in chosen.items()
        ]
        steps = _Steps(watch, sum(one.tasks + 1 for one in campaigns) + 1 + controls)
        steps.said("beginning")
        found = {one.name: _findings(one, able, truth, prior, steps) for one in campaigns}
        structure = structural_tests(auction, types, budget, Streams(seed).generator("audit/structure"))
        steps.done("structural tests")
        table = positive_controls(able, prior, owners, seed) if controls else pd.DataFrame()
        if controls:
            steps.done("positive controls")
        report = AuditReport(auction.name, settings, found, structure, table)
        directory.finish(report)
    return report


@dataclass
class _Steps:
    watch: Watch | None
    total: int
    count: int = 0

    def done(self, state: str) -> None:
        self.count += 1
        self.said(state)

    def said(self, state: str) -> None:
        if self.watch is not None:
            self.watch(self.count, self.total, state)


def _findings(
    campaign: Campaign, attackers: Sequence[Attacker], truth: Expected, prior: Any, steps: _Steps
) -> ThreatFindings:
    """One threat model, attacked and summed up."""
    piece, threat = campaign.run(steps.done), campaign.threat
    owners = owners_table(campaign.types, campaign.budget, threat, truth, piece)
    profiles = profiles_table(campaign.budget, truth)
    alone = threat.deviators == ALONE
    interim = (
        interim_gain(
            campaign.auction,
            prior,
            threat,
            campaign.types.shape[1],
            Streams(campaign.seed).generator(f"audit/{campaign.name}/interim"),
            kinds=min(MAX_KINDS, campaign.types.shape[0]),
            rerun=campaign.rerun,
            seed=campaign.seed,
        )
        if alone
        else {}
    )
    steps.done(f"{campaign.name}: interim gain")
    return ThreatFindings(
        threat=threat.describe(),
        fields=tuple(sorted(threat.fields)),
        claimed=claims(campaign.auction, threat),
        statistics=statistics(owners, profiles, campaign.seed),
        by_class=by_class(owners, campaign.seed),
        interim=interim,
        attackers=_attacker_table(campaign, attackers if alone else (), piece, owners),
        curves=piece["curves"],
        owners=owners,
    )


def _attacker_table(
    campaign: Campaign, attackers: Sequence[Attacker], piece: Piece, owners: pd.DataFrame
) -> pd.DataFrame:
    """What every attacker did and found, those included that could do nothing."""
    plan = allotted(campaign.attackers, campaign.queries)
    stopped: dict[str, list[Piece]] = {}
    for failure in piece["failures"]:
        stopped.setdefault(failure["attacker"], []).append(failure)
    gaining = owners[owners["gain"] > 0]
    curves: pd.DataFrame = piece["curves"]
    rows = []
    for name in dict.fromkeys([*(one.name for one in attackers), *piece["names"]]):
        mine = curves[curves["attacker"] == name]
        reason = next((why for one in attackers if one.name == name and (why := _why_not(one, campaign))), "")
        note = f"not applicable: {reason}" if reason else "" if len(mine) else "no queries left for it"
        if name in stopped:
            chunks = len(stopped[name])
            note = f"stopped in {chunks} of {campaign.chunks} chunks: {stopped[name][0]['error']}"
        rows.append(
            {
                "attacker": name,
                "queries": plan.get(name, 0) if not len(mine) else int(mine["queries"].max()),
                "owners": int(mine["owners"].max()) if len(mine) else 0,
                "found": float(mine["own"].iloc[-1]) if len(mine) else 0.0,
                "best_for": int((gaining["found_by"] == name).sum()),
                "note": note,
            }
        )
    return pd.DataFrame(rows, columns=["attacker", "queries", "owners", "found", "best_for", "note"])


def _why_not(attacker: Attacker, campaign: Campaign) -> str | None:
    return attacker.not_applicable(campaign.auction, campaign.threat)
