"""The audit: a full one of the sequential menu, every claim of the house, the controls, and a network with regret."""

from __future__ import annotations

import pytest

from agents.broker.auctions.registry import auction_classes
from analysis.incentives.audit import audit
from analysis.incentives.settings import AuditSettings


def test_a_thousand_profiles_of_ten_and_three_hundred_queries(benchmark, capsys):
    report = benchmark.pedantic(lambda: audit("sequential-menu", jobs=2), rounds=1)
    found = report.threats["everything"]
    with capsys.disabled():
        print(f"\n{int(found.owners['queries'].sum()):,} lies, largest gain {found.statistics['money']['max']!r}")
        print(report.controls.round(4).to_string(index=False))
    assert report.ok
    assert report.powerful
    assert found.statistics["money"]["max"] == 0


@pytest.mark.parametrize("name", [name for name, kind in auction_classes().items() if kind.guarantees.truthful_in])
def test_every_claim_field_by_field(name, capsys):
    claimed = auction_classes()[name].guarantees.truthful_in - auction_classes()[name].guarantees.verified
    threats = [field.replace("_", "-") for field in sorted(claimed)]
    report = audit(
        name,
        threats=threats,
        settings=AuditSettings(profiles=50, owners=10, queries=100, finalists=20, checks=False, controls=False),
    )
    with capsys.disabled():
        largest = {field: found.statistics["per_own_cost"]["max"] for field, found in report.threats.items()}
        print(f"\n{name}: largest gain over own cost, at least: {largest}")
    known = auction_classes()[name].planted or auction_classes()[name].refuted
    assert report.ok is not known
