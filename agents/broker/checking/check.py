"""Trying to refute what an auction declares: on random, degenerate and adversarial profiles, without tolerance.

No check proves truthfulness. This one looks for a profitable lie, a loss, an overspent budget or a price list that
looks at its owner's own bid, where such things have been found before, and reports the worst that it came across.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees, MenuAuction
from agents.broker.auctions.registry import load_auction
from agents.broker.checking.contracts import absent_owners, deterministic, own_list, row_order, run_is_choice
from agents.broker.checking.findings import COLUMNS, CheckReport, Finding, Guarded, GuardedMenu
from agents.broker.checking.hard_profiles import Profile, hard_profiles
from agents.checks import seed_number, whole
from agents.messages import BID_FIELDS, Bids
from agents.misreports.generators import draw_misreports
from agents.misreports.search import BestMisreports, per_cost, search
from agents.prior import OwnerPrior
from agents.surplus import surplus
from agents.types import OwnerTypes

__all__ = ["CheckReport", "check_auction"]

FEW = 20
"""Rows that a contract is tested on."""


def check_auction(
    auction: Auction | str,
    prior: OwnerPrior | None = None,
    *,
    profiles: int = 200,
    misreports: int = 200,
    seed: int = 0,
) -> CheckReport:
    """Try to refute every guarantee of an auction, your own or one of the house.

    Truthfulness: every owner of every profile tells ``misreports`` lies, alone, in all claimed fields jointly, the
    last quarter of them climbing from the best found; then a fifth as many on each kind of hard profile. A price list
    that is shown not to look at its owner's own bid is asked once; other auctions are run again for every lie.
    Individual rationality, the budget and the caps are also checked with everybody misreporting at once.

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
    claims = auction.guarantees
    batches = [
        ("random", *prior.sample(profiles, min(10, auction.max_owners or 10), generator)),
        *hard_profiles(prior, max(3, profiles // 10), generator),
    ]
    # What an auction refuses at its door it promises nothing about.
    batches = [batch for batch in batches if auction.supports(batch[1].truthful_bids())]
    guarded = GuardedMenu(auction) if isinstance(auction, MenuAuction) else Guarded(auction)
    findings = [guarded.runs, *_ledger(guarded, batches, claims, generator), *_contracts(guarded, batches)]
    listed = isinstance(guarded, GuardedMenu)
    if isinstance(guarded, GuardedMenu):
        menu = _menu(guarded, batches, claims, min(40, misreports), generator)
        listed = all(finding.holds for finding in menu)
        findings += menu
    findings += _truthfulness(guarded, batches, claims, misreports, generator, listed=listed)
    table = pd.DataFrame([vars(finding) for finding in findings], columns=list(COLUMNS))
    return CheckReport(auction=auction.name, table=table)


def _ledger(auction: Guarded, batches: list[Profile], claims: Guarantees, generator: torch.Generator) -> list[Finding]:
    """Utilities, budgets and caps: of truthful owners, and with everybody misreporting (somebody else's truth)."""
    rational = Finding("individually rational", _claim(claims.individually_rational))
    feasible = Finding("budget feasible", _claim(claims.budget_feasible))
    loss, records = Finding("privacy loss within bid", "contract"), Finding("records within bid", "contract")
    for label, types, budget in batches:
        for name, bids in _truth_and_misreports(label, types, generator):
            outcome = auction.run(bids, budget)
            utility = surplus(outcome.payment, outcome.data_size, bids.valuation.at(outcome.privacy_loss))
            for finding, value in (
                (rational, -utility),
                (feasible, (_total(outcome.payment) - budget)[:, None]),
                (loss, outcome.privacy_loss - bids.privacy_budget),
                (records, (outcome.data_size - bids.data_size).double()),
            ):
                worst, place = _largest(value)
                finding.add(worst, worst <= 0, f"{name}, {place}", value.numel())
    rational.worst = -rational.worst
    return [rational, feasible, loss, records]


def _truth_and_misreports(label: str, types: OwnerTypes, generator: torch.Generator) -> Iterator[tuple[str, Bids]]:
    truth = types.truthful_bids()
    yield label, truth
    for misreports in draw_misreports(truth, 7, generator):
        yield f"{label}, all misreporting", misreports


def _contracts(auction: Guarded, batches: list[Profile]) -> list[Finding]:
    """What every auction must keep, each as a count of numbers that differ where they should be equal."""
    findings = []
    for name, differences in (
        ("deterministic", deterministic),
        ("rows independent", row_order),
        ("absent owners ignored", absent_owners),
    ):
        finding = Finding(name, "contract")
        for label, types, budget in batches:
            few = types.take(rows=slice(0, FEW)).truthful_bids()
            differ = differences(auction, few, budget[:FEW])
            finding.add(float(differ), differ == 0, label, few.data_size.numel())
        findings.append(finding)
    return findings


def _menu(
    auction: GuardedMenu, batches: list[Profile], claims: Guarantees, count: int, generator: torch.Generator
) -> list[Finding]:
    """What makes a menu truthful: everybody gets her choice from a list that her own bid does not reach."""
    chosen = Finding("run is choice from list", "contract")
    blind = Finding("own list ignores own bid", _claim(bool(claims.truthful_in)))
    fields = (claims.truthful_in or claims.strategic) - auction.auction.list_depends_on
    for label, types, budget in batches:
        truth = types.truthful_bids()
        differ = run_is_choice(auction, truth, budget)
        chosen.add(float(differ), differ == 0, label, truth.data_size.numel())
        few = slice(0, FEW if label == "random" else 3)
        misreports_told = _misreports(label, count) if fields else 0
        for misreports in draw_misreports(
            truth.take(rows=few), misreports_told, generator, fields=fields or BID_FIELDS
        ):
            differ = own_list(auction, truth.take(rows=few), misreports, budget[few])
            blind.add(float(differ), differ == 0, label, int(truth.present[few].sum()))
    return [chosen, blind]


def _truthfulness(
    auction: Guarded,
    batches: list[Profile],
    claims: Guarantees,
    count: int,
    generator: torch.Generator,
    *,
    listed: bool,
) -> list[Finding]:
    """The claimed fields jointly on everything; each field not claimed, alone, on fewer, for information."""
    findings = []
    questions = [(claims.truthful_in, "claimed", 1)] if claims.truthful_in else []
    questions += [(frozenset({field}), "not claimed", 4) for field in sorted(claims.strategic - claims.truthful_in)]
    for fields, claim, divisor in questions:
        finding = Finding("truthful in " + ", ".join(sorted(fields)), claim)
        # What a list may depend on changes it: such lies are no other choice from the same list.
        rerun = claim != "claimed" or not listed or bool(fields & _list_depends_on(auction))
        for label, types, budget in batches:
            misreports = max(1, _misreports(label, count) // divisor)
            found = search(auction, types, budget, misreports, generator, fields=fields, rerun=rerun)
            gain = torch.where(types.data_size > 0, found.gain, -torch.inf)
            relative = per_cost(types, gain)
            worst, _ = _largest(torch.where(gain > 0, relative, gain.clamp(max=0)))
            pays = bool((gain > 0).any())
            finding.add(worst, not pays, f"{label}: {_told(types, found, relative)}" if pays else "", found.tried)
        findings.append(finding)
    return findings


def _list_depends_on(auction: Guarded) -> frozenset[str]:
    return auction.auction.list_depends_on if isinstance(auction.auction, MenuAuction) else frozenset()


def _told(types: OwnerTypes, found: BestMisreports, relative: Tensor) -> str:
    """The most profitable lie in words."""
    relative = torch.where(found.gain > 0, relative, -torch.inf)
    row, owner = divmod(int(relative.argmax()), types.shape[1])
    one, misreports = types.take(rows=[row], owners=[owner]), found.misreports.take(rows=[row], owners=[owner])
    cap = one.privacy_budget
    said = [
        ("cost per record", one.valuation.at(cap), misreports.valuation.at(cap)),
        ("privacy budget", cap, misreports.privacy_budget),
        ("data size", one.data_size, misreports.data_size),
    ]
    lied = [
        f"{what} {misreport.item():.4g} instead of {true.item():.4g}"
        for what, true, misreport in said
        if bool(misreport != true)
    ]
    return f"profile {row}, owner {owner} gains {found.gain[row, owner]:.4g} by saying {', '.join(lied) or 'a table'}"


def _misreports(label: str, count: int) -> int:
    return count if label == "random" else max(1, count // 5)


def _claim(claimed: bool) -> str:
    return "claimed" if claimed else "not claimed"


def _total(payment: Tensor) -> Tensor:
    """The largest of the sums ``[B]`` that three orders of adding up the payments give."""
    rising = payment.sort(dim=-1).values
    sums = [payment.sum(dim=-1), rising.cumsum(dim=-1)[:, -1], rising.flip(-1).cumsum(dim=-1)[:, -1]]
    return torch.stack(sums).amax(dim=0)


def _largest(value: Tensor) -> tuple[float, str]:
    """The largest entry ``[B, n]`` and its place; anything that is not a number counts as infinite."""
    value = value.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    row, owner = divmod(int(value.argmax()), value.shape[1])
    return float(value[row, owner]), f"profile {row}" + (f", owner {owner}" if value.shape[1] > 1 else "")
