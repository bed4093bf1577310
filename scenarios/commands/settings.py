"""A market's fields as they are typed: ``--set FIELD=VALUE``, ``--strategy NAME=SHARE`` and ``--data DIRECTORY``."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any


def market_fields(
    settings: Iterable[str],
    strategies: Iterable[str],
    data: str | None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fields of ``MarketConfig`` by name; values are read by ``value_of``.

    Parameters
    ----------
    settings, strategies : iterable of str
        ``FIELD=VALUE`` and ``NAME=SHARE``.
    data : str, optional
    options : mapping of str to any, optional
        What options named after fields have set (``scenarios.commands.field_options``).

    Raises
    ------
    ValueError
        If something lacks its ``=``, a share is no number, or a name comes twice.
    """
    given = [
        ("--set", name, value_of(text)) for name, text in _split("--set", "FIELD=VALUE, e.g. rounds=100", settings)
    ]
    shares = {}
    for name, text in _split("--strategy", "NAME=SHARE, e.g. truthful=0.7", strategies):
        if not isinstance(share := value_of(text), int | float):
            raise ValueError(f"--strategy {name}={text}: pass a share between 0 and 1 after the =")
        if name in shares:
            raise ValueError(f"--strategy {name} is given twice: give each strategy one share")
        shares[name] = share
    if shares:
        given.append(("--strategy", "strategies", shares))
    if data is not None:
        given.append(("--data", "data", data))
    fields: dict[str, Any] = dict(options or {})
    for option, name, value in given:
        if name in fields:
            raise ValueError(f"{option}: field {name!r} is given twice; give it once")
        fields[name] = value
    return fields


def scenario_kwargs(scenario: str, run: Callable[..., Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that hand ``fields`` to a scenario's ``run``.

    Raises
    ------
    ValueError
        If there are fields and the scenario takes none.
    """
    if not fields:
        return {}
    if "fields" not in inspect.signature(run).parameters:
        raise ValueError(
            f"scenario {scenario!r} plays a market of its own and takes no --set, --strategy or --data; "
            "`market-sim run market` takes them"
        )
    return {"fields": dict(fields)}


def checkpoint_kwargs(scenario: str, run: Callable[..., Any], rounds: int) -> dict[str, Any]:
    """Return the arguments that hand the rounds between two checkpoints to a scenario's ``run``.

    Raises
    ------
    ValueError
        If it plays several runs, which are begun again one by one.
    """
    if "checkpoint_rounds" not in inspect.signature(run).parameters:
        raise ValueError(f"scenario {scenario!r} takes no --checkpoint-rounds; `market-sim run market` does")
    return {"checkpoint_rounds": rounds}


def workers_kwargs(scenario: str, run: Callable[..., Any], jobs: int | None, cluster: str | None) -> dict[str, Any]:
    """Return the arguments that say who plays the runs of a scenario.

    Raises
    ------
    ValueError
        If it plays only one.
    """
    if "workers" in inspect.signature(run).parameters:
        from market_sim.campaign.workers import Workers

        return {"workers": Workers(jobs, cluster)}
    if jobs is not None or cluster is not None:
        raise ValueError(f"scenario {scenario!r} plays everything in this process: leave --jobs and --cluster out")
    return {}


def config_fields(path: Path) -> tuple[dict[str, Any], int | None]:
    """Read the fields of a market, and a seed if there is one, from a TOML file or the ``config.json`` of a run.

    Raises
    ------
    ValueError
        If it is neither.
    """
    from market_sim.sweeps.plan import read_toml

    if path.suffix == ".json":
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return dict(content["config"]), int(content["seed"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is no config.json of a run: pass one, or a TOML file of fields") from None
    fields = read_toml(path)
    seed = fields.pop("seed", None)
    return fields, seed


def _split(option: str, form: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals):
            raise ValueError(f"{option} {text}: pass {form}")
        pairs.append((name.strip().replace("-", "_") if option == "--set" else name.strip(), value.strip()))
    return pairs


def value_of(text: str) -> Any:
    """Return what is written as JSON (60, [0.1, 2], true) or Python ((0.1, 2), True, 1e3), else the text itself."""
    if re.fullmatch(r"[+-]?\d{1,18}(e\+?\d{1,2})?", text, re.IGNORECASE):
        return int(float(text)) if "e" in text.lower() else int(text)
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text
