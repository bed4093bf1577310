"""The configuration of a market: one flat, frozen, validated record with a default for everything."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import networkx as nx
import pandas as pd

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import auction_classes, list_auctions
from agents.buyer.update import RULES
from agents.checks import number, one_of, whole
from agents.learning_defaults import LearningSettings, learning_settings
from agents.models.registry import check_model, model_name
from agents.models.softmax import NAME as SOFTMAX
from agents.network import NETWORKS, check_network
from agents.own_classes import class_of, is_own, is_spelled
from agents.owner.strategies.base import Strategy
from agents.owner.strategy_shares import check_options as check_strategy_options
from agents.owner.strategy_shares import check_shares, strategy_class, strategy_name
from agents.owners_file import own_columns, read_owners
from agents.perturbation.base import Perturbation
from agents.perturbation.gaussian import DEFAULT_DELTA, check_delta
from agents.perturbation.registry import PerturbationChoice, perturbation_of
from agents.population_prior import PopulationPrior
from agents.prior import BUDGETS, LARGEST_PRIVACY_BUDGET, MIN_PRIVACY_BUDGET, SIZES, OwnerPrior
from agents.tasks.base import Task
from agents.tasks.partition import check_partition
from agents.tasks.registry import check_options as check_task_options
from agents.tasks.registry import takes_data, task_name
from agents.types import OwnerTypes
from agents.upload_terms import ERROR_BOUNDS
from market_sim.config_values import options_of, pair_of, rows_of
from market_sim.directory import directory_of
from market_sim.frozen import frozen, hashable, listed, to_plain
from market_sim.owner_columns import TAKEN

COUNTERFACTUALS: tuple[str, ...] = ("sampled", "exact")
MAX_VALUE = 1e12
"""Largest number taken, and where 0 makes no sense its inverse is the smallest: floats overflow far beyond."""


@dataclass(frozen=True, kw_only=True)
class MarketConfig:
    """Everything that a market is made of, but for its seed.

    Parameters
    ----------
    owners : int
        Size of the population.
    bidders : int
        Owners who bid to each buyer in each round; an owner serves one buyer at a time.
    rounds : int
        Rounds of a run.
    buyers : int
        Model buyers, each with a model and a budget of her own.
    auction : str, Path or Auction
        A registered name, the path of a checkpoint, or an auction of one's own, as ``module:Class`` or made.
    aggregation : {"optimal", "conventional", "variance"}, optional
        How uploads are weighed: OptAggr, ConvlAggr, VarOpt. Left out, as ``agents.learning_defaults`` says for the
        perturbation; likewise ``clip``, ``clip_norm`` and ``learning_rate``. ``learning`` holds what follows.
    perturbation : str, type or Perturbation
        How owners perturb their gradients: "laplace", "privunit", "l2-sphere", "gaussian", "none", or one of one's
        own as ``module:Class``, as a class or as an object (``agents.perturbation``). ``privunit``, the default, and
        ``l2-sphere`` have no exact sampler: they are drawn with floating-point numbers, whose last bits can leak, for
        simulation. ``gaussian`` is (epsilon, delta)-private with ``delta`` for every upload, not purely so.
    noise_source : {"generator", "opendp"}
        Where the noise comes from. ``laplace`` and ``gaussian`` with "opendp" are drawn exactly.
    delta : float
        Probability with which the composed privacy loss of an owner may exceed the tight total of the privacy
        account, and with which an upload of ``gaussian`` may exceed its own; 1e-12 to 0.1.
    clip, clip_norm : {"direction", "owner", "record"}, float, optional
        What is clipped (``agents.upload_terms.CLIPS``), and the norm L. ``direction`` learns best; ``record``
        gives a true error bound and a poor model; ``owner`` is the paper's.
    error_bound : {"coordinate", "full"}
        Whether the noise of one coordinate (as in the paper) or of all enters the error bound.
    task : str, callable or Task
        A registered name, a function of one's own that returns a task (as ``module:function`` or by itself), or a task.
    data : str or Path, optional
        The directory, or file, of a task that is read from files.
    task_options : mapping of str to number or str
        What the task lets one choose, e.g. ``{"records": 10**8}`` of ``synthetic``, ``{"training": "full"}`` of
        ``nsl-kdd``.
    model : str or callable
        What is learned: ``softmax``, ``mlp``, ``cnn``, or what makes a ``torch.nn.Module`` of one's own, as
        ``module:factory`` or the function itself (``agents.models.registry``).
    model_options : mapping of str to number or str
        What the model lets one choose, e.g. ``{"hidden": 64}`` of ``mlp``.
    partition : str
        How records are distributed over owners (``agents.tasks.partition.PARTITIONS``): at random, so that every owner
        has more of some labels, or as the data say.
    partition_options : mapping of str to number
        What the partition lets one choose, e.g. ``{"alpha": 0.1}`` of ``dirichlet``, ``{"classes": 1}`` of ``shards``.
    sizes : {"lognormal", "equal", "zipf", "dirichlet"}
        Distribution of data sizes (``agents.data_sizes``): the paper's IID setting, even, by rank, its non-IID one.
    budgets : {"tied", "independent"}
        Budget f times the true cost of everything that the round's bidders have, or times its mean under the prior.
    budget_factor : float or pair of float
        f, or the range of its uniform draw in every round.
    privacy_budget : pair of float
        Range of the owners' privacy budgets.
    strategies : mapping of str or Strategy class to float
        Strategy names, or classes of one's own (as ``module:Class`` or by themselves), and the shares of the owners
        who follow them.
    strategy_options : mapping of str to mapping
        Options of the strategies by name, e.g. ``{"scaled-valuation": {"by": 2.0}}``.
    population : str, Path, DataFrame or sequence of mapping, optional
        The owners: a CSV file, a table or its rows (``agents.owners_file``). Their number, their data sizes and their
        privacy budgets are then those of the table; records of the task that they do not hold are nobody's. Columns of
        other names are kept, and stand in ``Results.trades`` beside their owner.
    network : str, Path, networkx.Graph or sequence of pairs
        Who knows whom: "none", "ring", "small-world", "scale-free", the path of a file of edges, or a graph of one's
        own over the owners' numbers (``agents.network``, ``agents.network_files``).
    network_options : mapping of str to float
        What the network lets one choose, e.g. ``{"neighbours": 6, "rewiring": 0.2}`` of ``small-world``.
    wallet : float or sequence of float, optional
        What each buyer can spend in all rounds together, in the public unit of money; one number for every buyer, or
        one each. A buyer whose wallet is empty leaves. Without, there is no limit.
    lifetime_allowance : float, optional
        Most privacy loss that an owner ever sells; without, there is no limit.
    learning_rate : float, optional
        Step of the global model.
    update : str
        How the buyer uses an aggregate (``agents.buyer.update.RULES``): ``plain``, ``precision``, ``momentum`` or
        ``adam``.
    value_of_accuracy : float
        What a drop of the error bound by 1 is worth to the buyer, in the public unit of money (``PublicUnits.money``:
        what an owner of mean size asks for all she has).
    counterfactuals : {"sampled", "exact"}
        Whether the auction is run again for the truth of every liar, or, where more than 2 000 lied in a round and no
        faster way is known, of 1 000 drawn at random.
    first_best : bool
        Also search, in every round, for the bound that the budget could buy were all costs known (slow). It counts
        every record that is bought, so that any ``clip`` but "record", where a part of a data set counts as missing, it
        is a lower mark than any purchase can reach.

    Raises
    ------
    TypeError, ValueError
        Naming the field, its value and the remedy.
    """

    owners: int = 60
    bidders: int = 30
    rounds: int = 150
    buyers: int = 1
    auction: str | Path | Auction = "ascending-menu"
    aggregation: str | None = None
    perturbation: PerturbationChoice = "privunit"
    noise_source: str = "generator"
    delta: float = DEFAULT_DELTA
    clip: str | None = None
    clip_norm: float | None = None
    error_bound: str = "coordinate"
    task: str | Task | Callable[..., Task] = "digits"
    data: str | Path | None = None
    task_options: Mapping[str, Any] = field(default_factory=dict)
    model: str | Callable[..., Any] = "softmax"
    model_options: Mapping[str, Any] = field(default_factory=dict)
    partition: str = "iid"
    partition_options: Mapping[str, Any] = field(default_factory=dict)
    sizes: str = "lognormal"
    budgets: str = "tied"
    budget_factor: float | tuple[float, float] = (0.1, 2.0)
    privacy_budget: tuple[float, float] = (0.5, 2.0)
    strategies: Mapping[str | type[Strategy], float] = field(default_factory=lambda: {"truthful": 1.0})
    strategy_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    population: str | Path | pd.DataFrame | Sequence[Mapping[str, Any]] | None = None
    network: str | Path | nx.Graph | Sequence[tuple[int, int]] = "none"
    network_options: Mapping[str, float] = field(default_factory=dict)
    wallet: float | Sequence[float] | None = None
    lifetime_allowance: float | None = None
    learning_rate: float | None = None
    update: str = "precision"
    value_of_accuracy: float = 1.0
    first_best: bool = False
    counterfactuals: str = "sampled"

    def __post_init__(self) -> None:
        for name in ("auction", "data", "population", "network"):
            path = getattr(self, name)
            if isinstance(path, str | Path) and str(path).startswith("~"):
                self._set(name, Path(path).expanduser())
        for name in ("owners", "bidders", "rounds", "buyers"):
            self._set(name, whole(name, getattr(self, name), minimum=1))
        self._set("population", rows_of(self.population))
        self._count_owners()
        if self.bidders * self.buyers > self.owners:
            raise ValueError(
                f"bidders = {self.bidders} for each of buyers = {self.buyers} are more than owners = {self.owners}; "
                "pass more owners or fewer bidders (an owner serves one buyer at a time)"
            )
        for name in ("clip_norm", "learning_rate"):
            if getattr(self, name) is not None:
                self._set(name, number(name, getattr(self, name), minimum=1 / MAX_VALUE, maximum=MAX_VALUE))
        self._set("delta", check_delta(self.delta))
        self._check_names()
        self._check_task()
        self._set("budget_factor", pair_of("budget_factor", self.budget_factor, maximum=MAX_VALUE))
        self._set(
            "privacy_budget",
            pair_of("privacy_budget", self.privacy_budget, minimum=MIN_PRIVACY_BUDGET, maximum=LARGEST_PRIVACY_BUDGET),
        )
        self._check_strategies()
        self._check_wallet()
        if self.lifetime_allowance is not None:
            if self.lifetime_allowance == math.inf:
                raise ValueError("lifetime_allowance = inf: pass None for no limit")
            allowance = number("lifetime_allowance", self.lifetime_allowance, minimum=MIN_PRIVACY_BUDGET)
            self._set("lifetime_allowance", allowance)
        self._set("value_of_accuracy", number("value_of_accuracy", self.value_of_accuracy, maximum=MAX_VALUE))
        if not isinstance(self.first_best, bool):
            raise TypeError(f"first_best = {self.first_best!r}: pass True or False")
        one_of("counterfactuals", self.counterfactuals, COUNTERFACTUALS)

    def _set(self, name: str, value: Any) -> None:
        """Store a checked value: plain Python numbers, whatever kind was passed."""
        object.__setattr__(self, name, value)

    def _count_owners(self) -> None:
        types = self.owner_types()
        if types is not None:
            if self.owners not in (types.shape[1], MarketConfig.owners):
                raise ValueError(
                    f"owners = {self.owners}: population {self._population_name} has {types.shape[1]} owners; "
                    "leave owners out"
                )
            self._set("owners", types.shape[1])
            for name in ("sizes", "privacy_budget"):
                value = getattr(self, name)
                if (tuple(value) if isinstance(value, list) else value) != getattr(MarketConfig, name):
                    raise ValueError(
                        f"{name} = {value!r}: population {self._population_name} says it of every owner; "
                        f"leave {name} out"
                    )
            for name in self.owner_columns():
                if name in TAKEN:
                    raise ValueError(
                        f"population {self._population_name}, column {name!r}: the trades have a column of that name; "
                        "call yours otherwise"
                    )

    def _check_strategies(self) -> None:
        shares = check_shares(self.strategies)
        self._set("strategies", MappingProxyType(shares))
        self._set("strategy_options", frozen(check_strategy_options(shares, self.strategy_options)))
        network, options = check_network(self.network, self.network_options)
        if isinstance(network, tuple):
            self._set("network", network)
        self._set("network_options", MappingProxyType({name: options[name] for name in self.network_options}))
        for key, share in shares.items():
            if network == "none" and share > 0 and strategy_class(key).needs_network:
                raise ValueError(
                    f"strategies: {strategy_name(key)!r} needs acquaintances; pass a network, e.g. 'small-world'"
                )

    def _check_wallet(self) -> None:
        if self.wallet is None:
            return
        if isinstance(self.wallet, Sequence) and not isinstance(self.wallet, str):
            if len(self.wallet) != self.buyers:
                raise ValueError(f"wallet = {self.wallet!r}: pass one number for each of buyers = {self.buyers}")
            self._set(
                "wallet",
                tuple(
                    number(f"wallet[{index}]", money, minimum=1 / MAX_VALUE, maximum=MAX_VALUE)
                    for index, money in enumerate(self.wallet)
                ),
            )
        else:
            self._set("wallet", number("wallet", self.wallet, minimum=1 / MAX_VALUE, maximum=MAX_VALUE))

    @property
    def learning(self) -> LearningSettings:
        """Clip, norm, learning rate and weights: what was chosen, and for the rest what the rule says."""
        chosen: dict[str, Any] = {
            name: getattr(self, name) for name in ("clip", "clip_norm", "learning_rate", "aggregation")
        }
        return learning_settings(
            self.mechanism, self.rounds, update=self.update, linear=self.model == SOFTMAX, **chosen
        )

    @property
    def mechanism(self) -> Perturbation:
        """The perturbation, as an object."""
        return perturbation_of(self.perturbation, delta=self.delta)

    @property
    def wallets(self) -> tuple[float | None, ...]:
        """The wallet of each buyer, in the public unit of money; None for no limit."""
        return tuple(self.wallet) if isinstance(self.wallet, Sequence) else (self.wallet,) * self.buyers

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that owners and network are read from."""
        network = None if self.network in NETWORKS else self.network
        return tuple(Path(name) for name in (self.population, network) if isinstance(name, str | Path))

    @property
    def _population_name(self) -> str:
        return repr(str(self.population)) if isinstance(self.population, str | Path) else "handed over"

    def owner_types(self) -> OwnerTypes | None:
        """The owners ``[1, N]`` of the population's table; None where they are drawn from the prior."""
        return None if self.population is None else read_owners(self.population)

    def owner_columns(self) -> dict[str, list[Any]]:
        """Columns of one's own in the population's table, which come back in the trades; none without a table."""
        return {} if self.population is None else own_columns(self.population)

    def _check_task(self) -> None:
        if self.data is not None:
            directory_of("data", self.data)
            if not takes_data(self.task):
                raise ValueError(
                    f"data = {str(self.data)!r}: task {task_name(self.task)!r} is not read from files; leave data out"
                )
        self._set("task_options", options_of("task_options", self.task_options))
        check_task_options(self.task, self.task_options)
        self._set("model_options", options_of("model_options", self.model_options))
        check_model(self.model, self.model_options)
        self._set("partition_options", options_of("partition_options", self.partition_options))
        check_partition(self.partition, self.partition_options)

    def _check_names(self) -> None:
        if isinstance(self.auction, type):
            raise TypeError(
                f"auction = {self.auction.__name__} is a class; pass an instance, {self.auction.__name__}()"
            )
        if is_spelled(self.auction):
            class_of(str(self.auction), Auction)  # type: ignore[type-abstract]
        elif isinstance(self.auction, Auction):
            ours = auction_classes().get(self.auction.name)
            if ours is not None and not isinstance(self.auction, ours) and is_own(type(self.auction)):
                raise ValueError(
                    f"auction: {type(self.auction).__name__} is called {self.auction.name!r}, as an auction of this "
                    "project is; give it another name"
                )
        elif not isinstance(self.auction, Path) and not str(self.auction).endswith(".safetensors"):
            one_of("auction", self.auction, list_auctions())
        one_of("aggregation", self.learning.aggregation, AGGREGATIONS)
        self.mechanism.check_source(self.noise_source)
        one_of("error_bound", self.error_bound, ERROR_BOUNDS)
        one_of("sizes", self.sizes, SIZES)
        one_of("budgets", self.budgets, BUDGETS)
        one_of("update", self.update, RULES)

    def prior(self, records: int) -> OwnerPrior:
        """Return the public distribution of owners who hold ``records`` between them.

        With a population from a file, that population is the distribution.
        """
        types = self.owner_types()
        if types is not None:
            held = int(types.data_size.sum())
            if held > records:
                raise ValueError(
                    f"population {self._population_name} holds {held} records but task {task_name(self.task)!r} has "
                    f"{records}; pass smaller data sizes or a larger task (task_options)"
                )
            return PopulationPrior.of(types, budget_factor=self._factors(), budgets=self.budgets)
        if records < self.owners:
            raise ValueError(
                f"owners = {self.owners}: task {task_name(self.task)!r} has only {records} records to distribute; "
                "pass fewer owners or a larger task (task_options)"
            )
        return OwnerPrior(
            records=records,
            owners=self.owners,
            sizes=self.sizes,
            privacy_budget=self.privacy_budget,
            budget_factor=self._factors(),
            budgets=self.budgets,
        )

    def _factors(self) -> tuple[float, float]:
        return pair_of("budget_factor", self.budget_factor, maximum=MAX_VALUE)

    def __hash__(self) -> int:
        return hash(tuple(hashable(getattr(self, known.name)) for known in fields(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {name: to_plain(value) for name, value in self.__dict__.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            self._set(name, frozen(value) if isinstance(value, dict) else value)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON holds them; an auction or a strategy of one's own by its name.

        What was left to ``agents.learning_defaults`` is written out.
        """
        content = {known.name: to_plain(getattr(self, known.name)) for known in fields(self)}
        auction = self.auction.name if isinstance(self.auction, Auction) else str(self.auction)
        strategies = {strategy_name(key): share for key, share in self.strategies.items()}
        perturbation = self.perturbation if isinstance(self.perturbation, str) else self.mechanism.name
        paths = {name: str(path) for name, path in content.items() if isinstance(path, Path)}
        named = {"auction": auction, "strategies": strategies, "task": task_name(self.task)}
        learning = asdict(self.learning)
        named["perturbation"] = perturbation
        plain: dict[str, Any] = listed({**content, **learning, **paths, **named, "model": model_name(self.model)})
        return plain


def _keyword_only(made: Callable[..., None]) -> Callable[..., None]:
    """Refuse positional arguments and unknown fields, naming the nearest known one."""

    @functools.wraps(made)
    def init(self: MarketConfig, *unnamed: Any, **given: Any) -> None:
        if unnamed:
            raise TypeError(f"MarketConfig({unnamed[0]!r}): name the field, e.g. MarketConfig(owners=100)")
        for name in given:
            one_of("field of MarketConfig", name, [known.name for known in fields(MarketConfig)])
        made(self, **given)

    return init


MarketConfig.__init__ = _keyword_only(MarketConfig.__init__)  # type: ignore[method-assign]
