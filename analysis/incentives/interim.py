"""The interim (Bayesian) gain: what one lie brings on average to an owner who knows the prior but nobody's bid."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.checks import whole
from agents.messages import Bids
from agents.misreports.generators import draw_misreports
from agents.misreports.search import Counterfactuals
from agents.types import OwnerTypes
from analysis.incentives.attackers.lattice import lattice, misreport_at
from analysis.incentives.threat_model import ThreatModel
from analysis.intervals import ratio_ends, ratios, resamples


def interim_gain(
    auction: Auction,
    prior: Any,
    threat: ThreatModel,
    owners: int,
    generator: torch.Generator,
    *,
    deviators: int = 50,
    draws: int = 40,
    misreports: int = 24,
    rerun: bool = True,
    seed: int = 0,
) -> dict[str, float]:
    """What the best single lie of an owner brings on average over the others, per cost of all she has.

    For each of ``deviators`` owners the lie is chosen on one half of the draws of the others and judged on the other
    half, so that luck in choosing is not counted as gain; a lie that loses there counts as the loss it is.

    Parameters
    ----------
    auction : Auction
    prior : OwnerPrior
        Where she, the others and the budget come from.
    threat : ThreatModel
    owners : int
        Bidders of a market.
    generator : torch.Generator
    deviators, draws, misreports : int
        Owners looked at, draws of the others for each, lies tried by each.
    rerun : bool
        Run the auction again for every lie, although it has price lists.
    seed : int
        Of the bootstrap over the owners looked at.

    Returns
    -------
    dict
        ``mean, low, high`` over owners, ``over_0.01`` (share whose average gain exceeds 1 %), ``deviators``, ``draws``,
        ``misreports``, ``not_finite`` (owners whose gain is not a finite number; they are not in the mean, which is no
        number if nobody is).
    """
    for name, value in (("deviators", deviators), ("misreports", misreports)):
        whole(name, value, minimum=1)
    whole("draws", draws, minimum=2)
    if not threat.fields:
        figures = {"mean": 0.0, "low": 0.0, "high": 0.0, "over_0.01": 0.0}
        return figures | dict.fromkeys(("deviators", "draws", "misreports", "not_finite"), 0)
    # Each of the deviators meets ``draws`` markets in a random place: m = deviators * draws markets of n owners.
    herself, _ = prior.sample(deviators, owners, generator)
    repeated = torch.arange(deviators).repeat_interleave(draws)
    place = torch.randint(owners, (deviators,), generator=generator)[repeated]  # [m]
    here = torch.arange(owners) == place[:, None]  # [m, n]
    others, _ = prior.sample(deviators * draws, owners, generator)
    types = _types(herself.take(rows=repeated).truthful_bids().where(here, others.truthful_bids()))
    game = Counterfactuals(auction, types, prior.budget(types, generator), rerun=rerun)
    truth = herself.truthful_bids()
    points = lattice(threat, parametric=True)
    chosen = torch.randperm(len(points), generator=generator)[: misreports // 2].tolist()
    told = [misreport_at(truth, points[index]) for index in chosen]
    told += [
        threat.admitted(truth, misreport)
        for misreport in draw_misreports(truth, misreports - len(told), generator, fields=threat.fields)
    ]
    found = torch.stack([_own(game.gains(misreport.take(rows=repeated), here), here, deviators) for misreport in told])
    # found: [misreports, deviators, draws]
    half = draws // 2
    best = found[..., :half].mean(-1).argmax(0)
    judged = found[..., half:].mean(-1).gather(0, best[None])[0]
    # Whoever saw no lie pay on the first half tells the truth and gains nothing.
    judged = torch.where(found[..., :half].mean(-1).amax(0) > 0, judged, 0.0)
    cost = herself.cost_at_own_budget().gather(-1, place.view(deviators, draws)[:, :1])[:, 0]
    share = torch.where(judged == 0, 0.0, judged / cost)
    finite = share.isfinite()
    top, bottom = torch.where(finite, share, 0.0).numpy(), finite.double().numpy()
    return {
        "mean": float(ratios(np.ones((1, deviators)), top, bottom)[0]),
        **ratio_ends("", top, bottom, resamples(deviators, seed)),
        "over_0.01": float((share > 0.01).double().mean()),
        "deviators": deviators,
        "draws": draws,
        "misreports": len(told),
        "not_finite": int((~finite).sum()),
    }


def _own(gain: Tensor, here: Tensor, deviators: int) -> Tensor:
    """The gains of the owners looked at, ``[deviators, draws]``."""
    return gain[here].view(deviators, -1)


def _types(bids: Bids) -> OwnerTypes:
    return OwnerTypes(valuation=bids.valuation, privacy_budget=bids.privacy_budget, data_size=bids.data_size)
