"""Names of markets that stand side by side: what each is that the others are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LONGEST = 48
"""Characters of a name, that it may stand under a figure."""
FIRST = ("auction", "strategies", "task", "perturbation", "aggregation", "budget_factor", "owners", "bidders", "rounds")
"""Fields that tell markets apart best; the others follow in the configuration's order."""
TASK = ("task", "data", "task_options", "partition")
PRIOR = ("population", "owners", "bidders", "sizes", "budgets", "budget_factor", "privacy_budget", "wallet")
LIKE = (*TASK, *PRIOR, "buyers", "rounds")
"""Fields that have to be alike for one market to be called better than another: task, prior, length."""


def labels(manifests: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name every market by the values of the fields in which they differ.

    A single market is called after its auction. Where all these values are too long, only as many are named as tell
    the markets apart, where none differs the auctions' checkpoints.
    """
    if len(manifests) == 1:
        return [str(manifests[0]["auction"]["name"])]
    fields = differing_fields([manifest["config"] for manifest in manifests])
    enough: list[str] = []
    for name in fields:
        if len(set(_names(manifests, [*enough, name]))) > len(set(_names(manifests, enough))):
            enough.append(name)
    for chosen in (fields, enough):
        names = _names(manifests, chosen)
        if len(set(names)) == len(names) and max(map(len, names)) <= LONGEST:
            return names
    names = _names(manifests, enough)
    if len(set(names)) < len(names):
        digests = (str(manifest["auction"]["checkpoint_sha256"])[:8] for manifest in manifests)
        names = [
            ", ".join(filter(None, [name, f"checkpoint {digest}"])) for name, digest in zip(names, digests, strict=True)
        ]
    if len(set(names)) == len(names) and max(map(len, names)) <= LONGEST:
        return names
    return [f"{place}: {name}"[: LONGEST - 1] + "…" for place, name in enumerate(names, start=1)]


def differing_fields(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fields of the configuration that are not the same in all markets, the most telling first."""
    names = dict.fromkeys(name for config in configs for name in config)
    found = [name for name in names if any(config.get(name) != configs[0].get(name) for config in configs)]
    return sorted(found, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))


def unlike(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Because of what no market is better than another: ``task (digits, synthetic)``; empty if they can be compared."""
    different = set(differing_fields(configs))
    values = {name: dict.fromkeys(format_value(name, config.get(name)) for config in configs) for name in different}
    return [f"{name.replace('_', ' ')} ({', '.join(values[name])})" for name in LIKE if name in different]


def format_value(field: str, value: Any) -> str:
    """A field's value in words: pairs without brackets, of the strategies the shares of those who may lie."""
    if field == "strategies":
        return _format_shares(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        return " to ".join(map(_plain, value))
    return "none" if value is None else str(value)


def _format_shares(shares: Mapping[str, float]) -> str:
    liars = {name: share for name, share in shares.items() if share > 0 and name != "truthful"}
    if not liars:
        return "all truthful"
    return ", ".join(f"{100 * share:.3g} % {name}" for name, share in liars.items())


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _names(manifests: Iterable[Mapping[str, Any]], fields: Sequence[str]) -> list[str]:
    return [", ".join(_named(name, manifest["config"].get(name)) for name in fields) for manifest in manifests]


def _named(field: str, value: Any) -> str:
    """A value, with its field unless it says by itself what it is."""
    said = format_value(field, value)
    if field in ("owners", "bidders", "buyers", "rounds"):
        return f"{said} {field}"
    return said if field in ("auction", "strategies", "task") else f"{field.replace('_', ' ')} {said}"
