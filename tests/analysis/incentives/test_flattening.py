from __future__ import annotations

import pandas as pd
import pytest

from analysis.incentives.audit import audit
from analysis.incentives.flattening import combined_curve
from analysis.incentives.settings import AuditSettings


def curves(**attackers: tuple[int, list[float]]) -> pd.DataFrame:
    """Owners asked, and what was found, by attacker."""
    rows = [
        {"attacker": name, "together": value, "owners": owners}
        for name, (owners, values) in attackers.items()
        for value in values
    ]
    return pd.DataFrame(rows, columns=["attacker", "together", "owners"])


def test_the_second_round_is_averaged_over_finalists_and_everybody_else() -> None:
    found = combined_curve(curves(lattice=(4, [1.0, 2.0]), cma=(1, [5.0, 9.0]), climbing=(3, [1.0])))
    assert found["attacker"].tolist() == ["lattice", "lattice", "second round", "second round"]
    assert found["together"].tolist() == [1.0, 2.0, (5 + 3 * 1) / 4, (9 + 3 * 1) / 4]


def test_without_a_second_round_of_everybody_only_the_first_counts() -> None:
    assert combined_curve(curves(lattice=(4, [1.0, 2.0]), cma=(1, [5.0])))["together"].tolist() == [1.0, 2.0]
    assert combined_curve(curves(lattice=(4, [1.0]), cma=(1, [5.0]), climbing=(2, [1.0])))["together"].tolist() == [1.0]
    assert combined_curve(curves()).empty


def test_it_ends_at_the_mean_that_the_audit_reports() -> None:
    report = audit(
        "pay-as-bid",
        settings=AuditSettings(profiles=4, owners=4, queries=40, finalists=3, chunk=2, checks=False, controls=False),
    )
    found = report.threats["everything"]
    last = combined_curve(found.curves)["together"].iloc[-1]
    assert last == pytest.approx(found.statistics["per_own_cost"]["mean"])
    assert len(combined_curve(found.curves)) == 40
