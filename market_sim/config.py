"""The configuration of a market: one flat, frozen, validated record with a default for everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import list_auctions
from agents.broker.broker import ERROR_BOUNDS
from agents.buyer.update import RULES
from agents.checks import number, one_of, whole
from agents.noise import NAMES, check_noise_source
from agents.owner.gradients import CLIPS
from agents.owner.strategies.groups import check_shares
from agents.prior import BUDGETS, SIZES, OwnerPrior
from agents.tasks.registry import list_tasks

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
        Also search, in every round, for the bound that the budget could buy were all costs known (slow).

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

    def __new__(cls, **given: Any) -> MarketConfig:
        """Refuse unknown fields, naming the nearest known one."""
        for name in given:
            one_of("field of MarketConfig", name, [known.name for known in fields(cls)])
        return super().__new__(cls)

    def __post_init__(self) -> None:
        whole("owners", self.owners, least=1)
        whole("bidders", self.bidders, least=1)
        whole("rounds", self.rounds, least=1)
        whole("buyers", self.buyers, least=1)
        if self.bidders * self.buyers > self.owners:
            raise ValueError(
                f"bidders = {self.bidders} for each of buyers = {self.buyers} are more than owners = {self.owners}; "
                "pass more owners or fewer bidders (an owner serves one buyer at a time)"
            )
        self._check_names()
        number("clip_norm", self.clip_norm, above=0.0)
        if self.data is not None and not isinstance(self.data, str | Path):
            raise TypeError(f"data = {self.data!r}: pass the name of a directory")
        object.__setattr__(self, "budget_factor", _pair("budget_factor", self.budget_factor))
        object.__setattr__(self, "privacy_budget", _pair("privacy_budget", self.privacy_budget))
        number("privacy_budget[0]", self.privacy_budget[0], above=0.0)
        object.__setattr__(self, "strategies", check_shares(self.strategies))
        if self.lifetime_allowance is not None:
            number("lifetime_allowance", self.lifetime_allowance, above=0.0)
        number("learning_rate", self.learning_rate, above=0.0)
        number("value_of_accuracy", self.value_of_accuracy)
        if not isinstance(self.first_best, bool):
            raise TypeError(f"first_best = {self.first_best!r}: pass True or False")

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
                "pass fewer owners or a larger task"
            )
        return OwnerPrior(
            records=records,
            owners=self.owners,
            sizes=self.sizes,
            privacy_budget=self.privacy_budget,
            budget_factor=_pair("budget_factor", self.budget_factor),
            budgets=self.budgets,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON holds them; an auction of one's own by its name."""
        content = {name: getattr(self, name) for name in (known.name for known in fields(self))}
        auction = self.auction.name if isinstance(self.auction, Auction) else str(self.auction)
        data = None if self.data is None else str(self.data)
        pairs = {name: list(content[name]) for name in ("budget_factor", "privacy_budget")}
        return {**content, **pairs, "auction": auction, "data": data, "strategies": dict(self.strategies)}


def _pair(name: str, value: Any) -> tuple[float, float]:
    """Return a range ``(low, high)``; a single number stands for both."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = (value, value)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} = {value!r}: pass a number or a pair (low, high)")
    low = number(f"{name}[0]", value[0])
    return low, number(f"{name}[1]", value[1], least=low)
