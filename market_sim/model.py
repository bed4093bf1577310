"""The market as a Mesa model: owners, a broker and one or several buyers, one round per step."""

from __future__ import annotations

import copy
import functools
import math
from dataclasses import replace
from typing import Any

import torch
from mesa import Agent, DataCollector
from mesa.discrete_space import Network
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.auctions.parts.recall import OF_ONE_MARKET, Recall
from agents.broker.auctions.registry import load_auction, outside_training
from agents.broker.broker import Broker
from agents.buyer.buyer import ModelBuyer
from agents.buyer.score import Score
from agents.messages import Aggregate, Bids, Outcome, Upload
from agents.models.registry import load_model
from agents.network import OwnerNetwork, owner_network
from agents.owner.bidders import Bidders
from agents.owner.groups import Stream
from agents.owner.owner import DataOwner
from agents.owner.population import OwnerPopulation
from agents.owner.strategies.base import PublicKnowledge
from agents.prior import OwnerPrior
from agents.tasks.partition import natural_sizes
from agents.tasks.registry import load_task
from agents.types import OwnerTypes
from agents.upload_terms import UploadTerms
from market_sim import round as phases
from market_sim.config import MarketConfig
from market_sim.frozen import to_plain
from market_sim.mesa_model import MarketModel, owner_reporters
from market_sim.public_rule import PublicRule
from market_sim.record import RoundRecord
from market_sim.rows import confusion_of, curves_of, groups_of, identities_of, round_of, trades_of
from market_sim.streams import Streams
from market_sim.tables import CONFUSION, ROUND_TABLES, ROUNDS


class FLMarket(MarketModel):
    """A market in which data owners sell privacy to model buyers through a broker.

    A step is one round of every buyer: announce, bid, auction, upload, aggregate, update, settle, record. The tables
    ``rounds`` and ``trades`` of ``datacollector`` hold every row recorded; its model variables are the columns of the
    last round, averaged over buyers. ``last_round`` holds the last step's records, one per buyer, types and bids
    included.

    Parameters
    ----------
    config : MarketConfig, optional
        By default the default configuration.
    seed, rng : int or str of digits, optional
        Fixes everything that is random; without, a fresh seed is drawn. The attribute ``seed`` and every row of the
        model's variables hold it.
    agent_reporters : mapping of str to str or callable, or sequence of str, optional
        What Mesa's data collector keeps of every owner after each step: attributes of ``DataOwner``, or functions of
        one; of other agents it keeps nothing.
    recall : Recall, optional
        Answers of the auction that other markets asked for, as long as it draws and remembers nothing. Auctions that
        are ``asked_ahead`` have one of their own.
    **fields
        Fields of ``MarketConfig`` that override those of ``config``.

    Raises
    ------
    TypeError, ValueError
        For an unknown field (naming the nearest), a value out of range, missing data or checkpoints.
    """

    def __init__(
        self,
        config: MarketConfig | None = None,
        *,
        seed: int | str | None = None,
        rng: int | str | None = None,
        agent_reporters: Any = (),
        recall: Recall | None = None,
        **fields: Any,
    ) -> None:
        self.config = config = configured(config, fields)
        super().__init__(seed=seed, rng=rng)
        self.streams = Streams(self.seed)
        self.round = 0
        self.task = load_task(config.task, data=config.data, **to_plain(config.task_options))
        self.learned = load_model(config.model, self.task, self.streams.generator("model"), config.model_options)
        self.prior = config.prior(self.task.train_size)
        self.terms = UploadTerms(
            perturbation=config.mechanism,
            dimension=self.learned.dimension,
            noise_source=config.noise_source,
            clip=config.learning.clip,
            clip_norm=config.learning.clip_norm,
            error_bound=config.error_bound,
        )
        auction = configured_auction(config, self.prior)
        if recall is None and auction.asked_ahead:
            recall = Recall(OF_ONE_MARKET)
        if recall is not None:
            auction = copied(auction)
            auction.recall = recall
        network = owner_network(
            config.network, config.owners, self.streams.generator("network"), config.network_options
        )
        self.population = self._make_population(auction, network)
        self.broker = Broker(self, auction, config.learning.aggregation, self.terms)
        self._rule = copied(auction)
        self.buyers = self._make_buyers()
        owners = DataOwner.create_agents(self, config.owners, self.population, list(range(config.owners)))
        # Cells hold agents, and agents the model: the network that owners know of must not lead there.
        self.grid = None if network is None else Network(network.graph.copy(), capacity=1, random=self.random)
        if self.grid is not None:
            for owner in owners:
                owner.cell = self.grid[owner.index]
        self.datacollector = DataCollector(
            model_reporters={"seed": "seed", **{name: functools.partial(latest, column=name) for name in REPORTED}},
            agent_reporters=owner_reporters(agent_reporters),
            tables={name: schema.names for name, schema in ROUND_TABLES.items()},
        )
        self.last_round: tuple[RoundRecord, ...] = ()
        self.confusions: tuple[tuple[tuple[int, ...], ...], ...] = ()
        self._gains: tuple[tuple[RoundRecord, ...], dict[int, float]] | None = None
        self._rows = dict.fromkeys(ROUND_TABLES, 0)
        # Mesa 3.3 numbers agents in a table that keeps every model alive; all agents of this one have their numbers.
        getattr(Agent, "_ids", {}).pop(self, None)

    def _make_population(self, auction: Auction, network: OwnerNetwork | None) -> OwnerPopulation:
        config, stream = self.config, self.streams.generator
        return OwnerPopulation(
            self._types(),
            config.strategies,
            self.task,
            self.terms,
            model=self.learned,
            lifetime_allowance=math.inf if config.lifetime_allowance is None else config.lifetime_allowance,
            delta=config.delta,
            partition=config.partition,
            partition_options=config.partition_options,
            options=config.strategy_options,
            public=PublicKnowledge(
                rule=PublicRule(copied(auction), stream("public rule").get_state()),
                strategic=auction.guarantees.strategic,
                prior=self.prior.as_known(stream("public prior")),
                network=network,
            ),
            stream=stream,
        )

    def _types(self) -> OwnerTypes:
        """Who the owners are ``[1, N]``: from the population's table, or drawn, holding what the data say if asked."""
        types = self.config.owner_types() or self.prior.population(self.streams.generator("population"))
        if self.config.partition != "natural":
            return types
        sizes = natural_sizes(self.task, self.config.owners)[None]
        if self.config.population is not None and not torch.equal(sizes, types.data_size):
            raise ValueError("partition = 'natural': the population has other data sizes than the data; take another")
        return replace(types, data_size=sizes)

    def _make_buyers(self) -> list[ModelBuyer]:
        return [
            ModelBuyer(
                self,
                index,
                self.task,
                learned=self.learned,
                update=self.config.update,
                learning_rate=self.config.learning.learning_rate,
                budget_factor=self.prior.budget_factor,
                wallet=None if wallet is None else wallet * self.prior.units.money,
            )
            for index, wallet in enumerate(self.config.wallets)
        ]

    def step(self) -> None:
        """Run one round for every buyer and record it.

        Raises
        ------
        ValueError
            If all rounds have been played.
        """
        if self.round >= self.config.rounds:
            raise ValueError(f"all rounds = {self.config.rounds} have been played; make a market with more of them")
        taken = torch.zeros(self.config.owners, dtype=torch.bool)
        records = []
        for buyer in self.buyers:
            record = self._play_round(buyer, taken)
            taken[record.owners] = True
            records.append(record)
        self._record(records)
        self.round += 1
        self.running = self.round < self.config.rounds

    @property
    def outside_training(self) -> list[str]:
        """In what this market is unlike those that its learned auction was trained in, a sentence each."""
        return outside_training(self.broker.auction, self.prior, self.config.bidders)

    @property
    def last_gains(self) -> dict[int, float]:
        """What the misreports of the last step gained their owners."""
        if self._gains is None or self._gains[0] is not self.last_round:
            gains = {
                owner: gain
                for record in self.last_round
                for owner, gain, lied in zip(
                    record.owners.tolist(),
                    record.misreport_gain[0].tolist(),
                    record.untruthful[0].tolist(),
                    strict=True,
                )
                if lied and not math.isnan(gain)
            }
            self._gains = self.last_round, gains
        return self._gains[1]

    def tables(self) -> dict[str, dict[str, list[Any]]]:
        """Columns of all rows of completed steps, by table; the confusion matrices are those of the last one."""
        recorded = self._rows
        tables = {
            table: {name: column[: recorded[table]] for name, column in columns.items()}
            for table, columns in self.datacollector.tables.items()
        }
        return {**tables, "confusion": confusion_of(self.round - 1, self.confusions, self.task.names)}

    @property
    def rows_recorded(self) -> int:
        """Rows of completed steps in all tables, those taken away apart."""
        return sum(self._rows.values())

    def take_rows(self, *, last: bool = False) -> dict[str, dict[str, list[Any]]]:
        """Columns of all rows of completed steps, by table, which are then forgotten here, with the model's variables.

        For whoever keeps them elsewhere, so that memory does not grow with the rounds. Confusion matrices are there
        only if no round comes after these: ``last``.
        """
        taken = self.tables()
        if not last:
            taken["confusion"] = {name: [] for name in CONFUSION.names}
        for columns in self.datacollector.tables.values():
            for name in columns:
                columns[name] = []
        for values in self.datacollector.model_vars.values():
            values.clear()
        self._rows = dict.fromkeys(ROUND_TABLES, 0)
        return taken

    def _play_round(self, buyer: ModelBuyer, taken: Tensor) -> RoundRecord:
        """One buyer's round, phase by phase; ``taken[N]`` are the owners who serve another buyer."""
        stream = functools.partial(self.streams.generator, round=self.round, buyer=buyer.index)
        population, broker, prior, config = self.population, self.broker, self.prior, self.config
        bidders = phases.announce(
            buyer, population, prior, taken, maximum=config.bidders, round=self.round, stream=stream
        )
        bidders = self._appear(bidders, stream)
        bids = phases.bid(population.groups, broker.auction, bidders, stream)
        if self._rule.recall is not None:
            phases.ask_ahead(self._rule, population, bidders, bids)
        sale = self._sell(bidders, bids, stream)
        upload, loss = self._upload(bidders, sale.outcome, stream)
        aggregate, error_bound = phases.aggregate(broker, bidders, bids, sale.outcome, upload, loss)
        score = self._learn(buyer, aggregate)
        settlement = phases.settle(buyer, population, bidders, bids, sale.outcome, loss)
        return phases.record(
            settlement,
            sale,
            aggregate,
            error_bound,
            score,
            buyer=buyer,
            broker=broker,
            rule=self._rule,
            population=population,
            prior=prior,
            config=config,
            stream=stream,
        )

    # The phases that a verification of a run does in a way of its own.

    def _appear(self, bidders: Bidders, stream: Stream) -> Bidders:
        return phases.appear(self.population.groups, bidders, stream)

    def _sell(self, bidders: Bidders, bids: Bids, stream: Stream) -> phases.Sale:
        return phases.auction(self.broker, bidders, bids, stream("lottery"))

    def _upload(self, bidders: Bidders, outcome: Outcome, stream: Stream) -> tuple[Upload, Tensor]:
        return phases.upload(self.population, bidders, outcome, stream)

    def _learn(self, buyer: ModelBuyer, aggregate: Aggregate) -> Score:
        return phases.update(buyer, aggregate)

    def _record(self, records: list[RoundRecord]) -> None:
        """Append a whole step's rows; a step that is interrupted here leaves none behind."""
        for table, columns in self.datacollector.tables.items():
            for column in columns.values():
                del column[self._rows[table] :]
        for record in records:
            for name, value in round_of(record).items():
                self.datacollector.tables["rounds"][name].append(value)
            columns = {
                "trades": trades_of(record),
                "groups": groups_of(record),
                "identities": identities_of(record),
                "curves": curves_of(record),
            }
            for table, values_by_name in columns.items():
                for name, values in values_by_name.items():
                    self.datacollector.tables[table][name].extend(values)
        self._rows = {table: len(columns["round"]) for table, columns in self.datacollector.tables.items()}
        self.last_round = tuple(records)
        self.confusions = tuple(record.confusion for record in records)
        self.datacollector.collect(self)


def configured(config: MarketConfig | None, fields: dict[str, Any]) -> MarketConfig:
    """Return ``config`` (or the default one) with some fields replaced, and checked again."""
    if config is None:
        return MarketConfig(**fields)
    if not isinstance(config, MarketConfig):
        raise TypeError(f"config is a {type(config).__name__}; pass a MarketConfig, or fields by keyword")
    given = {name: getattr(config, name) for name in config.__dataclass_fields__}
    return MarketConfig(**{**given, **fields})


def configured_auction(config: MarketConfig, prior: OwnerPrior) -> Auction:
    """Return the auction of a configuration, or say that it was made for fewer owners."""
    auction = config.auction
    if not isinstance(auction, Auction):
        auction = load_auction(auction, prior=prior)
    if auction.max_owners is not None and config.bidders > auction.max_owners:
        raise ValueError(
            f"bidders = {config.bidders}, but auction {auction.name!r} was made for at most "
            f"{auction.max_owners} owners: pass fewer, or an auction for any number of owners"
        )
    return auction


def copied(auction: Auction) -> Auction:
    """Return a copy of an auction: whatever is asked of it, the broker's own stays as it is.

    Raises
    ------
    TypeError
        If it cannot be copied.
    """
    try:
        return copy.deepcopy(auction)
    except Exception as error:  # A rule of one's own may hold anything.
        raise TypeError(
            f"auction {auction.name!r} cannot be copied ({error}): strategies and counterfactuals call a copy of it; "
            "keep nothing in it that copy.deepcopy refuses"
        ) from error


REPORTED: tuple[str, ...] = tuple(
    field.name for field in ROUNDS if field.name not in ("round", "buyer", "auction", "aggregation", "invalid")
)
"""Columns of the rounds that Mesa's data collector reports as model variables."""


def latest(model: FLMarket, column: str) -> float | None:
    """Return the last round's value of a column, averaged over buyers; None if nobody has one."""
    values = model.datacollector.tables["rounds"][column][-model.config.buyers :]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
