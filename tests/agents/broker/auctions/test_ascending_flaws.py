"""The check and the audit find an ascending menu that lacks one part of its rule; here in small markets of wild lists.

With the shipped lists and their defaults: tests/benchmarks/bench_ascending_controls.py.
"""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.ascending_menu import AscendingMenu
from agents.broker.checking.examination import Examination
from agents.prior import OwnerPrior
from analysis.incentives.audit import audit
from analysis.incentives.settings import AuditSettings
from tests.agents.broker.auctions.ascending_flaws import (
    AloneLikeEverybody,
    WithoutEarlierLists,
    WithoutLowerClasses,
    WithoutTheLine,
    wild_auction,
)

LYING_PAYS = [(AscendingMenu, 4), (WithoutLowerClasses, 4), (WithoutEarlierLists, 4), (AloneLikeEverybody, 3)]
"""Rules, and owners of the markets in which lies are tried; the first is complete."""


def refuted(auction: AscendingMenu, owners: int, part: str) -> list[str]:
    """What one part of the check refutes in a few markets."""
    generator = torch.Generator().manual_seed(0)
    profiles = [("random", *OwnerPrior().sample(24, owners, generator))]
    examination = Examination(auction, OwnerPrior(), 24, 40, generator)
    getattr(examination, part)(profiles)
    return [result.check for result in examination.results() if result.holds is False]


@pytest.mark.parametrize(("kind", "owners"), LYING_PAYS)
def test_the_check_finds_the_lies_that_pay(kind, owners):
    found = refuted(wild_auction(seed=1, spread=0.8, kind=kind), owners, "misreports")
    assert any(check.startswith("truthful in") for check in found) is (kind is not AscendingMenu)


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "broken"), [(AscendingMenu, False), (WithoutTheLine, True)])
def test_the_check_finds_that_the_budget_breaks(kind, broken):
    found = refuted(wild_auction(seed=1, spread=0.8, kind=kind), 8, "profiles")
    assert bool({"budget feasible", "runs"} & set(found)) is broken


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "owners"), LYING_PAYS)
def test_the_audit_finds_the_lies_that_pay(kind, owners):
    profiles = 8 if kind is AscendingMenu else 30
    settings = AuditSettings(
        profiles=profiles, owners=owners, queries=60, finalists=4, chunk=20, checks=False, controls=False
    )
    report = audit(wild_auction(seed=1, spread=0.8, kind=kind), settings=settings)
    gain = report.threats["everything"].statistics["money"]["max"]
    assert (gain > 0) is (kind is not AscendingMenu)
