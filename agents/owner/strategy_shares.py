"""Which strategies a market has, by what share of its owners, with which options: checked before it begins."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch

from agents.checks import number, one_of
from agents.own_classes import class_of, is_spelled
from agents.owner.strategies.base import Strategy
from agents.owner.strategies.registry import strategy_classes
from agents.remainders import largest_remainders

Share = str | type[Strategy]
"""A strategy's registered name, or a class of one's own."""

SHARES_SUM_WITHIN = 1e-6
"""How far shares may miss 1 by rounding, those of a float32 table too."""

ROUNDED_IN_FLOAT64 = 1e-9
"""How far shares like 0.1 + 0.2 + 0.7 miss 1; those that miss it by more are divided by their sum."""


def check_shares(shares: Any) -> dict[Share, float]:
    """Return strategy shares with ``module:Class`` imported, or say which name is unknown or what the shares sum to.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, two strategies have the same, a share is not between 0 and 1, or they do not sum to 1.
    """
    if not isinstance(shares, Mapping):
        raise TypeError(f"strategies = {shares!r}: pass a mapping of names to shares, e.g. {{'truthful': 1.0}}")
    checked: dict[Share, float] = {}
    names: set[str] = set()
    for given, share in shares.items():
        key = class_of(given, Strategy) if is_spelled(given) else given  # type: ignore[type-abstract]
        strategy_class(key)
        name = strategy_name(key)
        if name in names:
            raise ValueError(f"strategies: two of them are called {name!r}; give each a name of its own")
        if strategy_classes().get(name, strategy_class(key)) is not strategy_class(key):
            raise ValueError(
                f"strategies: {strategy_class(key).__name__} is called {name!r}, as a strategy of this project is; "
                "give it a name of its own"
            )
        names.add(name)
        checked[key] = number(f"strategies[{name!r}]", share, maximum=1.0)
    total = math.fsum(checked.values())
    if abs(total - 1) > SHARES_SUM_WITHIN:
        raise ValueError(f"strategies = {dict(shares)!r}: the shares sum to {total:.9g}; make them sum to 1")
    if abs(total - 1) > ROUNDED_IN_FLOAT64:
        return {key: share / total for key, share in checked.items()}
    return checked


def owner_counts(shares: Mapping[Share, float], owners: int) -> list[int]:
    """How many of so many owners follow each strategy; largest remainders make the counts whole."""
    counts: list[int] = largest_remainders(
        torch.tensor(list(shares.values()), dtype=torch.float64) * owners, owners
    ).tolist()
    return counts


def shares_of_nobody(shares: Mapping[Share, float], owners: int) -> list[str]:
    """Strategies with a share that no owner follows, because it is less than one of so many: a sentence each."""
    return [
        f"strategies[{strategy_name(key)!r}] = {share:g} is none of {owners} owners: nobody follows it; "
        "give it a larger share, or the market more owners"
        for (key, share), count in zip(shares.items(), owner_counts(shares, owners), strict=True)
        if share > 0 and count == 0
    ]


def strategy_class(key: Any) -> type[Strategy]:
    """Return the class that is meant by a name or by itself."""
    if inspect.isclass(key) and issubclass(key, Strategy):
        if inspect.isabstract(key) or not isinstance(getattr(key, "name", None), str):
            raise TypeError(f"strategies: {key.__name__} is unfinished; give it a name and a bid")
        return key
    if inspect.isclass(key):
        raise TypeError(f"strategies: {key.__name__} is no Strategy; derive it from agents.owner.strategies.base")
    if isinstance(key, Strategy):
        raise TypeError(
            f"strategies: pass the class {type(key).__name__}; the market makes one for its group of owners"
        )
    return strategy_classes()[one_of("strategies", key, strategy_classes())]


def strategy_name(key: Share) -> str:
    """Return the name under which a strategy is recorded."""
    return key if isinstance(key, str) else key.name


def check_options(shares: Mapping[Share, float], options: Any) -> dict[str, dict[str, Any]]:
    """Return the options of strategies by name, or say which of them is unknown or refused.

    Raises
    ------
    TypeError, ValueError
        If nobody follows the strategy, it has no such option, or it refuses the value.
    """
    if not isinstance(options, Mapping):
        raise TypeError(f"strategy_options = {options!r}: pass a mapping, e.g. {{'scaled-valuation': {{'by': 2.0}}}}")
    classes = {strategy_name(key): strategy_class(key) for key in shares}
    checked: dict[str, dict[str, Any]] = {}
    for name, chosen in options.items():
        if name not in classes and isinstance(name, str) and name in strategy_classes():
            raise ValueError(
                f"strategy_options[{name!r}]: nobody follows it; give it a share in strategies, or leave it out"
            )
        kind = classes[one_of("strategy_options", name, classes)]
        if not isinstance(chosen, Mapping):
            raise TypeError(f"strategy_options[{name!r}] = {chosen!r}: pass a mapping of options to values")
        for option in chosen:
            one_of(f"option of strategy {name!r}", option, list_options(kind))
        checked[name] = {option: _plain(name, option, value) for option, value in chosen.items()}
        kind(0, **checked[name])
    return checked


def list_options(kind: type[Strategy]) -> dict[str, Any]:
    """Options of a strategy with their defaults: the keyword arguments of its constructor."""
    parameters = inspect.signature(kind).parameters.values()
    return {given.name: given.default for given in parameters if given.name != "owners"}


def _plain(name: str, option: str, value: Any) -> Any:
    """Return a value that JSON can hold."""
    plain = value.item() if hasattr(value, "item") else value
    if not isinstance(plain, str | int | float):
        raise TypeError(f"strategy_options[{name!r}][{option!r}] = {value!r}: pass a number or a name")
    return plain
