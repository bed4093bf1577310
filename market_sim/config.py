"""The configuration of a market: one flat, frozen, validated record with a default for everything."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import list_auctions
from agents.broker.broker import ERROR_BOUNDS
from agents.buyer.update import RULES
from agents.checks import number, one_of, whole
from agents.noise import CLIPS, NAMES, check_noise_source
from agents.owner.owner import LEAST_PRIVACY_BUDGET
from agents.owner.strategies.groups import check_shares
from agents.prior import BUDGETS, LARGEST_PRIVACY_BUDGET, SIZES, OwnerPrior
from agents.tasks.registry import check_options, list_tasks, takes_data
from market_sim.directory import directory_of

LARGEST = 1e12
"""Numbers beyond this (or, where 0 makes no sense, under its inverse) leave the range in which floats can follow."""

PARTITIONS: tuple[str, ...] = ("iid",)


@dataclass(frozen=True, kw_only=True)
class MarketConfig:
    """Everything that a market is made of, but for its seed.

    Parameters
    ----------
    owners, bidders, rounds, buyers : int
        Size of the population, bidders of each buyer and round, rounds of a run, buyers.
    auction : str, Path or Auction
        A registered name, the path of a checkpoint, or an auction of one's own.
    aggregation : {"optimal", "conventional", "variance"}
        How uploads are weighed: OptAggr, ConvlAggr, VarOpt.
    perturbation, noise_source : str
        How owners perturb their gradients (``agents.noise.NAMES``) and where the noise comes from.
    clip, clip_norm : {"record", "owner"}, float
        Whether every record's gradient is clipped or the owner's mean, and the norm L.
    error_bound : {"coordinate", "full"}
        Whether the noise of one coordinate (as in the paper) or of all enters the error bound.
    task, data : str, str or Path
        Learning task, and the directory of its files if it is read from files.
    task_options : mapping of str to number or str
        What the task lets one choose, e.g. ``{"records": 10**8}`` of ``synthetic``, ``{"training": "full"}`` of
        ``nsl-kdd``.
    partition : {"iid"}
        How records are dealt out to owners.
    sizes : {"lognormal", "equal"}
        Distribution of data sizes.
    budgets : {"tied", "independent"}
        Budget f times the true cost of everything that the round's bidders have, or times its mean under the prior.
    budget_factor : float or pair of float
        f, or the range of its uniform draw in every round.
    privacy_budget : pair of float
        Range of the owners' privacy budgets.
    strategies : mapping of str to float
        Strategy names and the shares of the owners who follow them.
    lifetime_allowance : float, optional
        Most privacy loss that an owner ever sells; without, there is no limit.
    learning_rate : float
        Step of the global model.
    update : str
        How the buyer uses an aggregate: ``plain`` or ``precision``.
    value_of_accuracy : float
        What a drop of the error bound by 1 is worth to the buyer, in the public unit of money (``PublicUnits.money``:
        what an owner of mean size asks for all she has).
    first_best : bool
        Also search, in every round, for the bound that the budget could buy were all costs known (slow). It counts
        every record that is bought, so that with ``clip="owner"``, where a part of a data set counts as missing, it
        is a lower mark than any purchase can reach.

    Raises
    ------
    TypeError, ValueError
        Naming the field, its value and the remedy.
    """

    owners: int = 100
    bidders: int = 10
    rounds: int = 50
    buyers: int = 1
    auction: str | Path | Auction = "sequential-menu"
    aggregation: str = "optimal"
    perturbation: str = "privunit"
    noise_source: str = "generator"
    clip: str = "record"
    clip_norm: float = 1.0
    error_bound: str = "coordinate"
    task: str = "digits"
    data: str | Path | None = None
    task_options: Mapping[str, Any] = field(default_factory=dict)
    partition: str = "iid"
    sizes: str = "lognormal"
    budgets: str = "tied"
    budget_factor: float | tuple[float, float] = (0.1, 2.0)
    privacy_budget: tuple[float, float] = (0.5, 2.0)
    strategies: Mapping[str, float] = field(default_factory=lambda: {"truthful": 1.0})
    lifetime_allowance: float | None = None
    learning_rate: float = 0.1
    update: str = "precision"
    value_of_accuracy: float = 1.0
    first_best: bool = False

    def __post_init__(self) -> None:
        for name in ("owners", "bidders", "rounds", "buyers"):
            self._keep(name, whole(name, getattr(self, name), least=1))
        if self.bidders * self.buyers > self.owners:
            raise ValueError(
                f"bidders = {self.bidders} for each of buyers = {self.buyers} are more than owners = {self.owners}; "
                "pass more owners or fewer bidders (an owner serves one buyer at a time)"
            )
        self._check_names()
        self._keep("clip_norm", number("clip_norm", self.clip_norm, least=1 / LARGEST, most=LARGEST))
        self._check_task()
        self._keep("budget_factor", _pair("budget_factor", self.budget_factor, most=LARGEST))
        self._keep(
            "privacy_budget",
            _pair("privacy_budget", self.privacy_budget, least=LEAST_PRIVACY_BUDGET, most=LARGEST_PRIVACY_BUDGET),
        )
        self._keep("strategies", MappingProxyType(check_shares(self.strategies)))
        if self.lifetime_allowance is not None:
            if self.lifetime_allowance == math.inf:
                raise ValueError("lifetime_allowance = inf: pass None for no limit")
            allowance = number("lifetime_allowance", self.lifetime_allowance, least=LEAST_PRIVACY_BUDGET)
            self._keep("lifetime_allowance", allowance)
        self._keep("learning_rate", number("learning_rate", self.learning_rate, least=1 / LARGEST, most=LARGEST))
        self._keep("value_of_accuracy", number("value_of_accuracy", self.value_of_accuracy, most=LARGEST))
        if not isinstance(self.first_best, bool):
            raise TypeError(f"first_best = {self.first_best!r}: pass True or False")

    def _keep(self, name: str, value: Any) -> None:
        """Store a checked value: plain Python numbers, whatever kind was passed."""
        object.__setattr__(self, name, value)

    def _check_task(self) -> None:
        if self.data is not None:
            directory_of("data", self.data)
            if not takes_data(self.task):
                raise ValueError(
                    f"data = {str(self.data)!r}: task {self.task!r} is not read from files; leave data out"
                )
        if not isinstance(self.task_options, Mapping):
            raise TypeError(f"task_options = {self.task_options!r}: pass a mapping of names to values, e.g. {{}}")
        check_options(self.task, self.task_options)
        options = {
            name: getattr(value, "item", lambda value=value: value)() for name, value in self.task_options.items()
        }
        for name, value in options.items():
            if not isinstance(value, str | int | float | None):
                raise TypeError(f"task_options[{name!r}] = {value!r}: pass a number or a name")
        self._keep("task_options", MappingProxyType(options))

    def _check_names(self) -> None:
        if not isinstance(self.auction, Auction | Path) and not str(self.auction).endswith(".safetensors"):
            one_of("auction", self.auction, list_auctions())
        one_of("aggregation", self.aggregation, AGGREGATIONS)
        one_of("perturbation", self.perturbation, NAMES)
        check_noise_source(self.perturbation, self.noise_source)
        one_of("clip", self.clip, CLIPS)
        one_of("error_bound", self.error_bound, ERROR_BOUNDS)
        one_of("task", self.task, list_tasks())
        one_of("partition", self.partition, PARTITIONS)
        one_of("sizes", self.sizes, SIZES)
        one_of("budgets", self.budgets, BUDGETS)
        one_of("update", self.update, RULES)

    def prior(self, records: int) -> OwnerPrior:
        """Return the public distribution of owners who hold ``records`` between them."""
        if records < self.owners:
            raise ValueError(
                f"owners = {self.owners}: task {self.task!r} has only {records} records to deal out; "
                "pass fewer owners or a larger task (task_options)"
            )
        return OwnerPrior(
            records=records,
            owners=self.owners,
            sizes=self.sizes,
            privacy_budget=self.privacy_budget,
            budget_factor=_pair("budget_factor", self.budget_factor, most=LARGEST),
            budgets=self.budgets,
        )

    def __hash__(self) -> int:
        values = ((known.name, getattr(self, known.name)) for known in fields(self))
        return hash(tuple(frozenset(value.items()) if name in _MAPPINGS else value for name, value in values))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, **{name: dict(getattr(self, name)) for name in _MAPPINGS}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            self._keep(name, MappingProxyType(value) if name in _MAPPINGS else value)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON holds them; an auction of one's own by its name."""
        content = {name: getattr(self, name) for name in (known.name for known in fields(self))}
        auction = self.auction.name if isinstance(self.auction, Auction) else str(self.auction)
        data = None if self.data is None else str(self.data)
        pairs = {name: list(content[name]) for name in ("budget_factor", "privacy_budget")}
        mappings = {name: dict(content[name]) for name in _MAPPINGS}
        return {**content, **pairs, **mappings, "auction": auction, "data": data}


_MAPPINGS: tuple[str, ...] = ("strategies", "task_options")


def _told_by_name(made: Callable[..., None]) -> Callable[..., None]:
    """Refuse positional arguments and unknown fields, naming the nearest known one."""

    @functools.wraps(made)
    def init(self: MarketConfig, *unnamed: Any, **given: Any) -> None:
        if unnamed:
            raise TypeError(f"MarketConfig({unnamed[0]!r}): name the field, e.g. MarketConfig(owners=100)")
        for name in given:
            one_of("field of MarketConfig", name, [known.name for known in fields(MarketConfig)])
        made(self, **given)

    return init


MarketConfig.__init__ = _told_by_name(MarketConfig.__init__)  # type: ignore[method-assign]


def _pair(name: str, value: Any, *, least: float = 0.0, most: float) -> tuple[float, float]:
    """Return a range ``(low, high)``; a single number stands for both."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        value = (value, value)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} = {value!r}: pass a number or a pair (low, high)")
    low = number(f"{name}[0]", value[0], least=least, most=most)
    return low, number(f"{name}[1]", value[1], least=low, most=most)
