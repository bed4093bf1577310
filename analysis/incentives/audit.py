"""Auditing the incentives of an auction: how much does a liar gain, at least?"""

from __future__ import annotations

import inspect
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction
from agents.broker.checking.check import check_auction
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from analysis.incentives.arguments import attackers_of, fingerprint, threats_of, truthful
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.campaign import Campaign
from analysis.incentives.case import Case
from analysis.incentives.chunk import allotted
from analysis.incentives.controls import positive_controls
from analysis.incentives.directory import AuditDirectory
from analysis.incentives.expectation import ExpectedOutcome
from analysis.incentives.interim import interim_gain
from analysis.incentives.joining import CampaignResult, owners_table, profiles_table
from analysis.incentives.results import AuditReport, ThreatFindings
from analysis.incentives.settings import AuditSettings
from analysis.incentives.statistics import by_class, statistics
from analysis.incentives.structure import lists_hold, structural_tests
from analysis.incentives.threat_model import ALONE, ThreatModel, claims
from market_sim.campaign.workers import Workers
from market_sim.streams import Streams

MAX_DEVIATORS = 50
"""Owners of whom the interim gain is asked, or as many as there are profiles if those are fewer."""

USUAL_OWNERS = 10
"""Bidders of the markets in which the interim gain is asked and the positive controls are audited."""

Watch = Callable[[int, int, str], None]
"""Called with tasks done (0 first), how many there are, and what was done last."""


def audit(
    auction: Auction | str,
    prior: OwnerPrior | None = None,
    settings: AuditSettings | None = None,
    *,
    threats: Sequence[str] | Mapping[str, ThreatModel] | None = None,
    attackers: Sequence[str | Attacker] | None = None,
    jobs: int | None = 1,
    cluster: str | None = None,
    out: Path | str | None = None,
    watch: Watch | None = None,
) -> AuditReport:
    """Let every attacker look for lies that pay, in your own auction or one of this project.

    Order, budget, lottery and the others' bids are the same for truth and lie. All gains are lower bounds.

    Parameters
    ----------
    auction : Auction or str
        An auction, or the name of one.
    prior : OwnerPrior, optional
        Where owners and budgets are drawn from; the paper's by default.
    settings : AuditSettings, optional
        How much is done, and with which seed.
    threats : sequence of str, or mapping of ThreatModel, optional
        Names out of ``threat_models(auction)``, or threat models of your own by name. By default everything that one
        owner may do, and, if the auction claims truthfulness in some fields only, what she may do in those. Fields
        that the auction verifies are taken out.
    attackers : sequence, optional
        Names out of ``list_attackers()`` or objects of your own; by default all. One that fails is reported, and the
        others go on.
    jobs, cluster
        Processes of this machine (None for one per core), or the workers of a Dask cluster
        (``market_sim.campaign.workers.Workers``); neither changes a figure.
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
    settings = AuditSettings() if settings is None else settings
    prior = _checked(OwnerPrior() if prior is None else prior)
    auction = load_auction(auction, prior) if isinstance(auction, str) else auction
    if not isinstance(auction, Auction):
        raise TypeError(f"auction = {auction!r}: pass an Auction instance, e.g. MyAuction(), or a name")
    workers = Workers(jobs, cluster)
    models, able = threats_of(auction, threats), attackers_of(attackers)
    stream = Streams(settings.seed).generator
    types, budget = _markets(prior, settings, auction.max_owners, stream("audit/profiles"))
    truth = truthful(auction, types, budget)
    repeat = {
        "auction": auction.name,
        "rule": f"{type(auction).__module__}.{type(auction).__qualname__}",
        "fingerprint": fingerprint(types, budget, truth),
        "prior": repr(prior),
        "threats": {name: threat.describe() for name, threat in models.items()},
        "attackers": [one.name for one in able],
        **json.loads(json.dumps(asdict(settings))),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
    rerun = not lists_hold(auction, types, budget, stream("audit/lists"))
    with AuditDirectory.open(out, repeat) as directory:
        campaigns = [
            Campaign(
                Case(auction, types, budget, threat, rerun),
                name,
                tuple(one for one in able if one.applies(auction, threat)),
                settings,
                workers,
                directory.chunks,
            )
            for name, threat in models.items()
        ]
        progress = _Progress(watch, sum(one.tasks + 1 for one in campaigns) + 1 + settings.checks + settings.controls)
        progress.show("beginning")
        found = {one.name: _findings(one, able, truth, prior, progress) for one in campaigns}
        structure = structural_tests(auction, types, budget, stream("audit/structure"))
        progress.advance("structural tests")
        checks = controls = pd.DataFrame()
        if settings.checks:
            checks = _checks(auction, prior, settings)
            progress.advance("checks")
        if settings.controls:
            controls = positive_controls(able, prior, USUAL_OWNERS, settings.seed)
            progress.advance("positive controls")
        report = AuditReport(auction.name, repeat, found, structure, checks, controls, auction.guarantees.assumption)
        directory.finish(report)
    return report


def _markets(
    prior: Any, settings: AuditSettings, maximum: int | None, generator: torch.Generator
) -> tuple[OwnerTypes, Tensor]:
    """Profiles ``[B, n]`` of the largest number of owners, and budgets; in smaller markets the last ones are absent."""
    numbers = settings.numbers(maximum)
    types, budget = prior.sample(settings.profiles, max(numbers), generator)
    if len(set(numbers)) == 1:
        return types, budget
    turn = torch.arange(settings.profiles) // settings.chunk % len(numbers)
    present = torch.arange(max(numbers)) < torch.tensor(numbers)[turn][:, None]  # [B, n]
    types = replace(types, data_size=torch.where(present, types.data_size, 0))
    return types, prior.budget(types, generator)


def _checks(auction: Auction, prior: Any, settings: AuditSettings) -> pd.DataFrame:
    """What ``check_auction`` finds with the audit's effort, at most its usual one; it needs an OwnerPrior."""
    if not isinstance(prior, OwnerPrior):
        return pd.DataFrame()
    usual = inspect.signature(check_auction).parameters
    effort = {
        name: min(given, usual[name].default)
        for name, given in (("profiles", settings.profiles), ("misreports", settings.queries))
    }
    return check_auction(auction, prior, **effort, seed=settings.seed).table


def _checked(prior: Any) -> Any:
    """``prior``, if owners and budgets can be drawn from it."""
    for method in ("sample", "budget"):
        if not callable(getattr(prior, method, None)):
            raise TypeError(f"prior = {prior!r}: pass an OwnerPrior, or an object with `sample` and `budget` as it has")
    return prior


@dataclass
class _Progress:
    watch: Watch | None
    total: int
    count: int = 0

    def advance(self, state: str) -> None:
        """One task is done."""
        self.count += 1
        self.show(state)

    def show(self, state: str) -> None:
        if self.watch is not None:
            self.watch(self.count, self.total, state)


def _findings(
    campaign: Campaign, attackers: Sequence[Attacker], truth: ExpectedOutcome, prior: Any, progress: _Progress
) -> ThreatFindings:
    """One threat model, attacked and summed up."""
    case, seed = campaign.case, campaign.settings.seed
    found = campaign.run(progress.advance)
    owners = owners_table(case, truth, found)
    profiles = profiles_table(case.budget, truth)
    alone = case.threat.deviators == ALONE
    interim: Mapping[str, float] = {}
    if alone:
        interim = interim_gain(
            case.auction,
            prior,
            case.threat,
            min(USUAL_OWNERS, case.types.shape[1]),
            Streams(seed).generator(f"audit/{campaign.name}/interim"),
            deviators=min(MAX_DEVIATORS, case.types.shape[0]),
            rerun=case.rerun,
            seed=seed,
        )
    progress.advance(f"{campaign.name}: interim gain")
    return ThreatFindings(
        threat=case.threat.describe(),
        fields=tuple(sorted(case.threat.fields)),
        claimed=claims(case.auction, case.threat),
        statistics=statistics(owners, profiles, seed),
        by_class=by_class(owners, seed),
        interim=interim,
        attackers=_attacker_table(campaign, attackers if alone else (), found, owners),
        curves=found.curves,
        owners=owners,
    )


def _attacker_table(
    campaign: Campaign, attackers: Sequence[Attacker], found: CampaignResult, owners: pd.DataFrame
) -> pd.DataFrame:
    """What every attacker did and found, those included that could do nothing."""
    plan = allotted(campaign.attackers, campaign.settings.queries)
    best_for = owners.loc[owners["gain"] > 0, "found_by"].value_counts()
    unable = {one.name: one for one in attackers if not one.applies(campaign.case.auction, campaign.case.threat)}
    rows = []
    for name in dict.fromkeys([*(one.name for one in attackers), *found.names]):
        curve = found.curves[found.curves["attacker"] == name]
        stopped = [failure for failure in found.failures if failure.attacker == name]
        note = "" if len(curve) else "no queries left for it"
        if name in unable:
            note = f"requires {unable[name].requires}"
        if stopped:
            note = f"stopped in {len(stopped)} of {campaign.chunks} chunks: {stopped[0].error}"
        rows.append(
            {
                "attacker": name,
                "queries": int(curve["queries"].max()) if len(curve) else plan.get(name, 0),
                "owners": int(curve["owners"].max()) if len(curve) else 0,
                "found": float(curve["own"].iloc[-1]) if len(curve) else 0.0,
                "best_for": int(best_for.get(name, 0)),
                "note": note,
            }
        )
    return pd.DataFrame(rows, columns=["attacker", "queries", "owners", "found", "best_for", "note"])
