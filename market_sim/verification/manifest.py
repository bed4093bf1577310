"""Where ``config.json`` says something else than the run it describes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from market_sim.model import FLMarket
from market_sim.run import manifest_of
from market_sim.verification.agreement import Disagreement
from market_sim.verification.findings import CONFIG, Column
from market_sim.verification.recorded import RecordedRun
from market_sim.verification.replay_plan import ReplayPlan

UNCHECKED: frozenset[str] = frozenset({"interrupted", "seconds", "torch_threads", "versions"})
"""Entries that say how and where a run was made, not what it was."""


def compare_manifest(record: RecordedRun, plan: ReplayPlan, model: FLMarket) -> tuple[list[Column], list[Disagreement]]:
    """What comes of the entries of ``config.json``."""
    recorded, unknown = record.manifest, {}
    if plan.unknown_auction is not None:
        unknown["auction"] = unknown["outside_training"] = plan.unknown_auction
    if plan.unknown:
        unknown["own_strategies"] = unknown["repeatable"] = "; ".join(plan.unknown.values())
    if recorded.get("repeatable") is False and isinstance(plan.config.auction, str):
        unknown["repeatable"] = "an object may have been passed that is the auction of this name"
    recomputed = manifest_of(plan.config, model.seed, model)
    rounds = recorded["rounds_completed"] if recorded.get("interrupted") else plan.config.rounds
    recomputed.update(files=record.hashes, rounds_completed=rounds)
    # Stand-ins take no options.
    options = recorded["config"].get("strategy_options") or {}
    recomputed["config"]["strategy_options"].update({name: options[name] for name in plan.unknown if name in options})
    columns, found = [], []
    for entry in dict.fromkeys([*recomputed, *recorded]):
        reason = unknown.get(entry, "says how or where the run was made" if entry in UNCHECKED else "")
        if not reason and entry not in recomputed:
            reason = "not known to this version"
        differing = [] if reason else list(_entries(entry, recorded.get(entry), recomputed.get(entry)))
        columns.append(
            Column(
                table=CONFIG,
                column=entry,
                kind="not verified" if reason else "recomputed",
                rows=int(not reason),
                agree=int(not reason and not differing),
                not_verified=int(bool(reason)),
                reason=reason,
                first=differing[0] if differing else None,
            )
        )
        found += differing
    return columns, found


def _entries(name: str, recorded: Any, recomputed: Any) -> Iterator[Disagreement]:
    """Where two entries of ``config.json`` differ, as deep as they are nested."""
    if isinstance(recorded, dict) and isinstance(recomputed, dict) and recorded and recomputed:
        for key in dict.fromkeys([*recomputed, *recorded]):
            yield from _entries(f"{name}.{key}", recorded.get(key), recomputed.get(key))
    elif recorded != recomputed or type(recorded) is not type(recomputed):
        yield Disagreement(CONFIG, name, None, {}, recorded, recomputed)
