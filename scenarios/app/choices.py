"""What a visitor chooses, and the market that comes of it."""

from __future__ import annotations

import csv
import hashlib
import io
import shlex
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from agents.owner.strategies.base import Strategy
from agents.owner.strategies.registry import strategy_classes
from agents.owners_file import read_owners
from agents.tasks.registry import load_task
from market_sim.config import MarketConfig
from market_sim.model import FLMarket
from scenarios.app.offers import NO_LIMIT, TRUTHFUL

_BUILDING = threading.Lock()

LIARS: Mapping[str, int] = {
    "scaled-valuation": 10,
    "understated-privacy-budget": 10,
    "understated-data-size": 5,
    "random-misreport": 5,
}


@dataclass(frozen=True)
class OwnersFile:
    """Owners of a visitor's own: the rows of her file, held in memory.

    Parameters
    ----------
    sha256 : str
        Of the file's content.
    rows : tuple of mapping
        As ``agents.owners_file`` takes them.
    """

    sha256: str
    rows: tuple[Mapping[str, str], ...] = field(repr=False, compare=False)

    @property
    def owners(self) -> int:
        """How many there are."""
        return len(self.rows)


@dataclass(frozen=True)
class Choices:
    """The position of every control.

    Parameters
    ----------
    auction, aggregation, perturbation, task, network, sizes, partition : str
        Names out of the registries.
    owners, bidders, buyers, rounds, seed : int
    budget_factor, privacy_budget : pair of float
        Ranges of the uniform draws.
    wallet, lifetime_allowance : int
        In the public unit of money, and in ε; 0 for no limit.
    deviators : mapping of str to int
        Strategies and how many per cent of the owners follow them; the rest tell the truth.
    first_best : bool
        Search for the first best in every round too.
    population : OwnersFile, optional
        Owners of the visitor's own; their number, sizes and budgets are then the file's.
    """

    auction: str = "ascending-menu"
    aggregation: str = "variance"
    perturbation: str = "privunit"
    task: str = "digits"
    network: str = "none"
    sizes: str = "lognormal"
    partition: str = "iid"
    owners: int = 60
    bidders: int = 30
    buyers: int = 1
    rounds: int = 300
    seed: int = 0
    budget_factor: tuple[float, float] = (0.1, 2.0)
    privacy_budget: tuple[float, float] = (0.5, 2.0)
    wallet: int = NO_LIMIT
    lifetime_allowance: int = NO_LIMIT
    deviators: Mapping[str, int] = field(default_factory=lambda: dict(LIARS))
    first_best: bool = False
    population: OwnersFile | None = None

    @property
    def shares(self) -> dict[str | type[Strategy], float]:
        """Shares of all strategies, the deviators' and, for the rest, the truth."""
        shares: dict[str | type[Strategy], float] = {
            name: percent / 100 for name, percent in self.deviators.items() if percent
        }
        rest = (100 - sum(self.deviators.values())) / 100
        return {TRUTHFUL: rest, **shares} if rest > 0 else shares

    @property
    def fields(self) -> dict[str, Any]:
        """Fields of ``MarketConfig``, but for a file of owners."""
        same = {each.name for each in fields(MarketConfig)} & {each.name for each in fields(self)}
        chosen = {name: getattr(self, name) for name in same - {"population", "wallet", "lifetime_allowance"}}
        limits = {name: getattr(self, name) for name in ("wallet", "lifetime_allowance") if getattr(self, name)}
        if self.population is not None:
            for name in ("owners", "sizes", "privacy_budget"):  # The table says these.
                del chosen[name]
        return {**chosen, **limits, "strategies": self.shares}

    @property
    def config(self) -> MarketConfig:
        """The configuration; what does not go together is refused with ValueError or TypeError."""
        rows = None if self.population is None else self.population.rows
        return MarketConfig(**self.fields, population=rows)

    def __hash__(self) -> int:  # the deviators are a mapping
        return hash((self.auction, self.owners, self.bidders, self.seed, tuple(self.deviators.items())))


def objection(choices: Choices) -> str | None:
    """Why these choices do not go together, in words of the page; None if a market can be built of them."""
    owners = choices.owners if choices.population is None else choices.population.owners
    bidders = choices.bidders * choices.buyers
    if bidders > owners:
        each = f"{choices.buyers} buyers need {bidders:,}" if choices.buyers > 1 else f"{bidders:,} bid in every round"
        return f"There are {owners:,} owners, but {each}: take more owners, or fewer bidders."
    if choices.network == "none":
        lonely = [name for name in choices.deviators if strategy_classes()[name].needs_network]
        if lonely:
            return f"{spoken(lonely[0])} needs acquaintances: choose a network."
    try:
        records = _records(choices.task)
    except ValueError as error:
        return f"This task cannot be played here: {error}"
    if choices.population is None and owners > records:
        return f"The task {choices.task} has {records:,} records, too few for {owners:,} owners: take fewer owners."
    try:
        _ = choices.config
        if choices.population is not None:
            choices.config.prior(records)
    except (TypeError, ValueError) as error:
        return f"This does not go together: {error}"
    return None


@cache
def _records(task: str) -> int:
    return load_task(task).train_size


def spoken(name: str) -> str:
    """A name out of a registry as one says it."""
    return name.replace("-", " ").capitalize()


def command_line(choices: Choices) -> str:
    """The command that plays the same market in a terminal."""
    words = ["market-sim", "run", "market", "--seed", str(choices.seed)]
    defaults = MarketConfig()
    for name, value in choices.fields.items():
        if name != "strategies" and value != getattr(defaults, name):
            text = f"[{value[0]:g}, {value[1]:g}]" if isinstance(value, tuple) else str(value)
            words += ["--set", f"{name}={text.lower() if isinstance(value, bool) else text}"]
    if choices.population is not None:
        words += ["--population", "FILE"]
    for strategy, share in choices.shares.items():
        words += ["--strategy", f"{strategy}={share:g}"]
    return shlex.join(words)


def build(choices: Choices) -> tuple[FLMarket, tuple[str, ...]]:
    """Build a market; what it warns of is returned instead of printed.

    Raises
    ------
    TypeError, ValueError, OSError
        If it cannot be built; the message says why and what to do.
    """
    config = choices.config
    # Collecting warnings swaps a hook of the whole process, so visitors take turns.
    with _BUILDING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = FLMarket(config, seed=choices.seed)
    return model, tuple(dict.fromkeys(str(each.message) for each in caught))


def owners_file(content: str) -> OwnersFile:
    """Read a visitor's file of owners.

    Raises
    ------
    ValueError
        If it is none; the message names the line and the column.
    """
    reader = csv.DictReader(io.StringIO(content), skipinitialspace=True)
    rows = tuple({str(name): str(value) for name, value in row.items()} for row in reader)
    read_owners(rows)
    return OwnersFile(hashlib.sha256(content.encode()).hexdigest(), rows)
