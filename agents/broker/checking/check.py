"""Trying to refute what an auction declares: on random, degenerate and adversarial profiles, without tolerance.

No check proves truthfulness. This one looks for a profitable lie, a loss, an overspent budget or a price list that
looks at its owner's own bid, where such things have been found before, and reports the worst that it came across. The
auction is called as the market calls it, with a generator; nothing about the asking may matter (``same_answers``).
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import torch

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction
from agents.broker.checking.examination import Examination
from agents.broker.checking.hard_profiles import hard_profiles
from agents.broker.checking.results import COLUMNS, CheckReport
from agents.checks import seed_number, whole
from agents.prior import OwnerPrior

__all__ = ["CheckReport", "check_auction"]


def check_auction(
    auction: Auction | str,
    prior: OwnerPrior | None = None,
    *,
    profiles: int = 200,
    misreports: int = 200,
    seed: int = 0,
    watch: Callable[[str, float], None] | None = None,
) -> CheckReport:
    """Try to refute every guarantee of an auction, your own or a built-in one.

    Truthfulness: every owner of every profile tells ``misreports`` lies, alone, in all claimed fields jointly, the
    last quarter of them climbing from the best found; then a fifth as many on each kind of hard profile. A price list
    that is shown not to look at its owner's own bid is asked once, and a share of the lies is told in a market all the
    same; other auctions are run again for every lie. Markets of 1 to 1000 owners, and two hundred small markets for
    each random profile, follow with one liar each. Individual rationality, the budget and the caps are also checked
    with everybody misreporting at once. Every occasion is asked about in other ways too: without a generator, alone,
    in batches of thousands, in other forms of bids, on a copy, after other calls. With fewer ``profiles`` than the
    default, fewer numbers of owners, binades of budgets and markets are tried in proportion.

    An auction made for few owners is asked about no more.

    Parameters
    ----------
    auction : Auction or str
        An auction, or the name of one.
    prior : OwnerPrior, optional
        Where owners and budgets are drawn from; the paper's by default.
    profiles : int
        Random profiles of ten owners (or the most that it takes); hard ones come on top.
    misreports : int
        Lies told by every owner of a random profile.
    seed : int
        Of all draws: the same seed finds the same.
    watch : callable, optional
        Told what is being checked, and which part of the whole is done.

    Returns
    -------
    CheckReport

    Examples
    --------
    >>> check_auction("pay-as-bid", profiles=5, misreports=20).ok
    False
    """
    prior = OwnerPrior() if prior is None else prior
    if not isinstance(prior, OwnerPrior):
        raise TypeError(f"prior = {prior!r}: pass an OwnerPrior, e.g. OwnerPrior(privacy_budget=(0.5, 1.0))")
    if isinstance(auction, str):
        auction = load_auction(auction, prior)
    if not isinstance(auction, Auction):
        raise TypeError(f"auction = {auction!r}: pass an Auction instance, e.g. MyAuction(), or a name")
    whole("profiles", profiles, minimum=1)
    whole("misreports", misreports, minimum=1)
    generator = torch.Generator().manual_seed(seed_number("seed", seed))
    batches = [
        ("random", *prior.sample(profiles, min(10, auction.max_owners or 10), generator)),
        *hard_profiles(prior, max(3, profiles // 10), generator),
    ]
    examination = Examination(auction, prior, profiles, misreports, generator)
    # What an auction refuses at its door it promises nothing about.
    batches = [batch for batch in batches if auction.supports(batch[1].truthful_bids())]
    parts: list[tuple[str, Callable[[], None]]] = [
        ("outcomes and ways of asking", lambda: examination.profiles(batches)),
        ("budgets of every binade, batches of thousands", examination.batches),
        ("misreports of every owner", lambda: examination.misreports(batches)),
        ("1 to 1000 owners", examination.regimes),
        ("rare events", examination.rare_events),
        ("climbs", examination.climbs),
        ("declared odds", lambda: examination.odds(batches)),
        ("what earlier calls left behind", examination.same.examine_again),
    ]
    for index, (told, part) in enumerate(parts):
        if watch is not None:
            watch(told, index / len(parts))
        part()
    if watch is not None:
        watch("done", 1.0)
    table = pd.DataFrame([vars(result) for result in examination.results()], columns=list(COLUMNS))
    table["holds"] = pd.Series([result.holds for result in examination.results()], dtype=object)
    return CheckReport(auction=auction.name, table=table, assumption=auction.guarantees.assumption)
