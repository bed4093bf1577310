"""What training by a weak attacker reports as nearly truthful, the audit finds to be nothing of the kind."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from analysis.incentives.audit import audit
from analysis.incentives.settings import AuditSettings

SOURCE = Path(__file__).parents[2] / "data" / "defective_regretnet.py"


@pytest.fixture(scope="module")
def defective() -> ModuleType:
    spec = importlib.util.spec_from_file_location("defective_regretnet", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_audit_finds_at_least_four_tenths_in_the_published_normalisation(defective: ModuleType) -> None:
    report = audit(
        defective.DefectiveRegretNet(),
        settings=AuditSettings(profiles=12, owners=10, queries=60, finalists=10, checks=False, controls=False),
    )
    found = report.threats["everything"]
    published = found.statistics["published_normalisation"]
    assert published["mean"] >= 0.4
    assert published["low"] >= 0.3
    # The attack that was trained against, ascent from the truth through the softmax, sees a part of it at most.
    alone = found.attackers.set_index("attacker")["found"]
    assert alone["gradient from the truth"] < 0.8 * found.statistics["per_own_cost"]["mean"]


def test_nobody_can_stay_out_so_that_truth_loses_money(defective: ModuleType) -> None:
    report = audit(
        defective.DefectiveRegretNet(),
        threats=["staying-away"],
        settings=AuditSettings(profiles=12, owners=10, queries=1, checks=False, controls=False),
    )
    found = report.threats["staying-away"].statistics
    assert found["individual_rationality"]["violation_rate"]["mean"] > 0
    assert found["money"]["max"] == found["individual_rationality"]["largest_loss"]
    assert found["invalid_rate"] == 0


def test_the_checkpoint_is_small(defective: ModuleType) -> None:
    assert defective.CHECKPOINT.stat().st_size <= 200_000


def test_it_is_made_by_the_training_beside_it(defective: ModuleType) -> None:
    one, other = (defective.train(steps=2, batch=4) for _ in range(2))
    for name, tensor in one.state_dict().items():
        assert tensor.equal(other.state_dict()[name])
