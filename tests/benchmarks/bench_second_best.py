"""What private cost factors cost any truthful auction, at least: a table beside the first best."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agents.prior import OwnerPrior
from analysis.evaluation import FACTORS
from analysis.second_best_bound import truthful_bound

Print = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Print:
    def aloud(line: str) -> None:
        with capsys.disabled():
            print(line)

    return aloud


def test_what_no_truthful_auction_can_beat(say: Print) -> None:
    say("100 situations of 10 owners, 12 draws of their factors; ratios of means to the first best")
    say("  budgets       f          first best     bound   / first best           second best")
    for budgets, label in (("tied", "U[0.1, 2]"), *(("independent", name) for name in FACTORS)):
        found = truthful_bound(OwnerPrior(budgets=budgets, budget_factor=FACTORS[label]))
        low, high = found["bound_over_first_best_low"], found["bound_over_first_best_high"]
        ratio = f"{found['bound_over_first_best']:.3f} [{low:.3f}, {high:.3f}]"
        second = found["second_best_over_first_best"]
        say(f"  {budgets:12}  {label:10} {found['first_best']:9.3f} {found['bound']:9.3f}   {ratio}   {second:9.3f}")
