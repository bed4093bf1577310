"""Ascending menus without one part of their rule are caught by the defaults of check and audit: hours, so no test."""

from __future__ import annotations

import pytest

from agents.broker.auctions.ascending_menu import AscendingMenu
from agents.broker.checking.check import check_auction
from analysis.incentives.audit import audit
from tests.agents.broker.auctions.ascending_flaws import (
    AloneLikeEverybody,
    WithoutEarlierLists,
    WithoutLowerClasses,
    WithoutTheLine,
)

CONTROLS = (WithoutLowerClasses, WithoutEarlierLists, AloneLikeEverybody, WithoutTheLine)


@pytest.mark.parametrize("kind", CONTROLS)
def test_the_check_catches_it(kind: type[AscendingMenu], capsys: pytest.CaptureFixture[str]) -> None:
    refuted = check_auction(kind()).refuted
    with capsys.disabled():
        print(f"\n{kind.__name__}: {', '.join(refuted)}")
    assert refuted


@pytest.mark.parametrize("kind", CONTROLS)
def test_the_audit_catches_it(kind: type[AscendingMenu], capsys: pytest.CaptureFixture[str]) -> None:
    report = audit(kind(), jobs=2)
    with capsys.disabled():
        print(f"\n{kind.__name__}: largest gain {report.threats['everything'].statistics['money']['max']!r}")
    assert not report.ok
