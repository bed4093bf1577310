"""Why no lie can pay, looked at directly: the price lists of a mechanism that claims exact truthfulness."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, MenuAuction
from agents.broker.checking.contracts import own_list, run_is_choice
from agents.broker.checking.results import COLUMNS, CheckResult
from agents.misreports.generators import draw_misreports
from agents.types import OwnerTypes
from analysis.incentives.expectation import expected_outcome

LISTS, MARKETS = 20, 20
"""Lies, and profiles, on which every owner's list is compared with the list she gets for the truth."""


def lists_hold(auction: Auction, types: OwnerTypes, budget: Tensor, generator: torch.Generator) -> bool:
    """Whether one price list can be trusted to answer for every lie of its owner: no list moved when she lied."""
    if not isinstance(auction, MenuAuction):
        return False
    truth, money = types.take(rows=slice(0, MARKETS)).truthful_bids(), budget[:MARKETS]
    if run_is_choice(auction, truth, money):
        return False
    fields = auction.guarantees.strategic
    misreports = draw_misreports(truth, LISTS, generator, fields=fields) if fields else ()
    return all(own_list(auction, truth, misreport, money) == 0 for misreport in misreports)


def structural_tests(auction: Auction, types: OwnerTypes, budget: Tensor, generator: torch.Generator) -> pd.DataFrame:
    """Test what makes a mechanism exact; without a claim of truthfulness or without price lists, only its ledger.

    Parameters
    ----------
    auction : Auction
    types : OwnerTypes [B, n]
    budget : float64[B]
    generator : torch.Generator

    Returns
    -------
    DataFrame
        Columns as those of ``check_auction``. "own list ignores own bid": numbers of an owner's list that moved, to
        the last bit, when she alone lied in the claimed fields; "outcome is choice from list": numbers that differ,
        and owners on whose list "nothing for nothing" is missing; "truthful owners lose nothing": the most money that
        one of them loses; "sum of payments within budget": money overspent, everybody truthful and everybody lying.
    """
    claimed = auction.guarantees.truthful_in - auction.guarantees.verified
    truth, money = types.take(rows=slice(0, MARKETS)).truthful_bids(), budget[:MARKETS]
    findings = []
    if isinstance(auction, MenuAuction) and claimed:
        chosen = CheckResult("outcome is choice from list", "claimed")
        differ = run_is_choice(auction, types.truthful_bids(), budget)
        chosen.add(float(differ), differ == 0, "truthful profiles", types.data_size.numel())
        blind = CheckResult("own list ignores own bid", "claimed")
        for misreports in draw_misreports(truth, LISTS, generator, fields=claimed - auction.list_depends_on):
            differ = own_list(auction, truth, misreports, money)
            blind.add(float(differ), differ == 0, "profiles with one liar", int(truth.present.sum()))
        findings += [chosen, blind]
    feasible = CheckResult(
        "sum of payments within budget", "claimed" if auction.guarantees.budget_feasible else "not claimed"
    )
    rational = CheckResult(
        "truthful owners lose nothing", "claimed" if auction.guarantees.individually_rational else "not claimed"
    )
    everybody = types.truthful_bids()
    lost = float(-expected_outcome(auction, types, everybody, budget).utility.min())
    rational.add(max(0.0, lost), lost <= 0, "truthful", types.data_size.numel())
    fields = auction.guarantees.strategic
    everything = [("truthful", everybody)]
    everything += (
        [("all lying", misreport) for misreport in draw_misreports(everybody, 7, generator, fields=fields)]
        if fields
        else []
    )
    for label, bids in everything:
        worst = float((expected_outcome(auction, types, bids, budget).max_spent - budget).max())
        feasible.add(max(0.0, worst), worst <= 0, label, len(budget))
    return pd.DataFrame([asdict(finding) for finding in [*findings, rational, feasible]], columns=list(COLUMNS))
