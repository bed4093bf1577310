"""What is rare is caught by the defaults of check_auction, and how long these take: minutes, so they are no test."""

from __future__ import annotations

import time

import pytest

from agents.broker.auctions.base import Auction
from agents.broker.checking.check import check_auction
from tests.agents.broker.checking import cheats

RARE: dict[str, tuple[type[Auction], ...]] = {
    "budget feasible": (cheats.OverspendsRarely,),
    "individually rational": (cheats.LosesRarely,),
    "own list ignores own bid": (cheats.NarrowWindow, cheats.NarrowHighWindow),
    "form of bids without effect": (cheats.TablesTooCheap,),
    "run is choice from list": (cheats.ListNotFollowed,),
    "truthful with overstated data sizes": (cheats.MoreForMore,),
}
MENUS = ("sequential-menu", "sequential-menu-verified", "residual-menu", "equivariant-menu", "ascending-menu")


@pytest.mark.parametrize(("check", "cheat"), [(check, cheat) for check, them in RARE.items() for cheat in them])
def test_what_is_rare_is_caught_by_the_defaults(check: str, cheat: type[Auction]) -> None:
    assert check in check_auction(cheat()).refuted


@pytest.mark.parametrize("name", MENUS)
def test_how_long_a_check_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    begin = time.perf_counter()
    report = check_auction(name)
    with capsys.disabled():
        print(f"{name}: {time.perf_counter() - begin:.0f} s, refuted: {', '.join(report.refuted) or 'nothing'}")
    assert report.ok
