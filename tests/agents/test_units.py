"""Public units: what an owner of mean size asks for everything."""

from __future__ import annotations

import pytest

from agents.units import PublicUnits


def test_money_is_records_times_money_per_record():
    assert PublicUnits(records=100.0, money_per_record=2.5).money == 250.0


@pytest.mark.parametrize("field", ["records", "money_per_record"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_units_are_finite_and_positive(field, value):
    fields = {"records": 1.0, "money_per_record": 1.0, field: value}
    with pytest.raises(ValueError, match=f"{field} = .*: pass a finite number over 0"):
        PublicUnits(**fields)
