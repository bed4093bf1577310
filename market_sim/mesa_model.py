"""What Mesa's users do to a model besides stepping it: seeds, batches of runs, reporters, removal."""

from __future__ import annotations

import functools
import secrets
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from mesa import Model

from agents.checks import MAX_SEED, seed_number
from agents.owner.owner import DataOwner

Reporter = str | Callable[[DataOwner], Any]
"""Name of an attribute of an owner, or a function of her."""


class MarketModel(Model):  # type: ignore[misc]
    """A Mesa model whose randomness is fixed by one recorded seed.

    Parameters
    ----------
    seed : int or str of digits, optional
        Fixes everything that is random; without, a fresh one is drawn. The attribute ``seed`` holds it either way.
    rng : int or str of digits, optional
        Mesa's other name for ``seed``; one of the two at most.

    Raises
    ------
    TypeError, ValueError
        For what is no seed, and for both at once.
    """

    def __init__(self, *, seed: Any = None, rng: Any = None) -> None:
        self.seed = chosen_seed(seed, rng)
        super().__init__(rng=self.seed)
        if seed is not None or rng is not None:
            _warn_of_repetition(self.seed)

    def reset_rng(self, rng: Any = None) -> NoReturn:
        """Refused: every round draws from streams of the market's seed, which a run is repeated by."""
        raise ValueError(f"this market is fixed by its seed {self.seed}; make a new one, FLMarket(seed=...)")

    reset_randomizer = reset_rng

    def remove_all_agents(self) -> NoReturn:
        """Refused: a market needs its broker and its buyers; owners leave one by one."""
        raise ValueError(
            "a market needs its broker and its buyers; for owners to leave, call remove() of each: "
            "for owner in list(market.agents_by_type[DataOwner]): owner.remove()"
        )


def chosen_seed(seed: Any, rng: Any) -> int:
    """Return the seed that was passed under either name, or a fresh one.

    Raises
    ------
    TypeError, ValueError
        For what is no seed, and for both at once.
    """
    if seed is not None and rng is not None:
        raise ValueError(f"seed = {seed!r} and rng = {rng!r}: pass one of them, they mean the same")
    name, value = ("seed", seed) if rng is None else ("rng", rng)
    if value is None:
        return secrets.randbelow(2**32)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MAX_SEED)):
        value = int(value)  # as Mesa's text fields hand it over
    return seed_number(name, value)


def owner_reporters(given: Any) -> dict[str, Callable[[Any], Any]]:
    """Return reporters for Mesa's data collector that say something of owners and nothing of other agents.

    Parameters
    ----------
    given : mapping of str to str or callable, or sequence of str
        Columns with what they report: an attribute of ``DataOwner`` or a function of one; names of attributes alone
        are columns of that name.

    Raises
    ------
    TypeError, ValueError
        For anything else, and attributes that an owner does not have.
    """
    named: Mapping[str, Reporter]
    if isinstance(given, Mapping):
        named = given
    elif isinstance(given, Sequence) and not isinstance(given, str):
        named = {name: name for name in given}
    else:
        raise TypeError(f"agent_reporters = {given!r}: pass names of an owner's attributes, e.g. ['utility']")
    reporters: dict[str, Callable[[Any], Any]] = {}
    for column, reporter in named.items():
        if isinstance(reporter, str) and not hasattr(DataOwner, reporter):
            known = [name for name, kind in vars(DataOwner).items() if isinstance(kind, property)]
            raise ValueError(f"agent_reporters: an owner has no {reporter!r}; known: {', '.join(known)}")
        if not isinstance(reporter, str) and not callable(reporter):
            raise TypeError(f"agent_reporters[{column!r}] = {reporter!r}: pass an attribute's name or a function")
        reporters[column] = functools.partial(_of_owner, reporter=reporter)
    return reporters


def _of_owner(agent: Any, reporter: Reporter) -> Any:
    if not isinstance(agent, DataOwner):
        return None
    return getattr(agent, reporter) if isinstance(reporter, str) else reporter(agent)


def _warn_of_repetition(seed: int) -> None:
    """Warn in every iteration of Mesa's ``batch_run`` but the first: with an explicit seed all are the same run."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_name in ("__init__", "_warn_of_repetition"):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None or frame.f_globals.get("__name__") != "mesa.batchrunner":
        return
    iteration = frame.f_locals.get("iteration", 0)
    if iteration:
        warnings.warn(
            f"iteration {iteration} repeats the run of seed {seed}: leave seed out for different runs, "
            "or pass a list of seeds",
            stacklevel=3,
        )
