"""Second floor: questions asked of a market or a mechanism. Names are imported when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from market_sim.namesakes import allow_namesakes

if TYPE_CHECKING:
    from analysis.evaluation import EvaluationSettings, evaluate
    from analysis.evaluation_result import Evaluation
    from analysis.incentives.audit import audit
    from analysis.incentives.results import AuditReport
    from analysis.incentives.settings import AuditSettings
    from analysis.plots.plot import plot

__all__ = ["AuditReport", "AuditSettings", "Evaluation", "EvaluationSettings", "audit", "evaluate", "plot"]

_HOMES = {
    "AuditReport": "analysis.incentives.results",
    "AuditSettings": "analysis.incentives.settings",
    "Evaluation": "analysis.evaluation_result",
    "EvaluationSettings": "analysis.evaluation",
    "audit": "analysis.incentives.audit",
    "evaluate": "analysis.evaluation",
    "plot": "analysis.plots.plot",
}

allow_namesakes()


def __getattr__(name: str) -> Any:
    """Import a public name from where it is defined."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
