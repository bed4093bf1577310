"""The market as a Mesa model: owners, a broker and one or several buyers, one round per step."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from mesa import Agent, DataCollector, Model
from mesa.discrete_space import Network
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction
from agents.broker.broker import Broker
from agents.broker.error_bound import aggregate_error_bound, worst_error_bound
from agents.broker.first_best import first_best
from agents.buyer.buyer import ModelBuyer
from agents.checks import seed_number
from agents.messages import Announcement, Bids, Outcome
from agents.network import owner_network
from agents.owner.owner import DataOwner
from agents.owner.population import OwnerPopulation, privacy_loss_sold
from agents.owner.settlement import Settlement
from agents.owner.strategies.base import PublicKnowledge
from agents.tasks.registry import load_task
from agents.types import OwnerTypes
from agents.upload_terms import UploadTerms
from market_sim.config import MarketConfig
from market_sim.counterfactual import truthful_utility
from market_sim.public_rule import PublicRule
from market_sim.record import RoundRecord, round_of, trades_of, untruthful
from market_sim.results import ROUNDS, TRADES
from market_sim.streams import Streams


class FLMarket(Model):  # type: ignore[misc]
    """A market in which data owners sell privacy to model buyers through a broker.

    A step is one round of every buyer: announce, bid, auction, upload, aggregate, update, settle, record. The tables
    ``rounds`` and ``trades`` of ``datacollector`` hold every row recorded; its model variables are the columns of the
    last round, averaged over buyers. ``last_round`` holds the last step's records, one per buyer, types and bids
    included.

    Parameters
    ----------
    config : MarketConfig, optional
        By default the default configuration.
    seed : int
        Fixes everything that is random.
    **fields
        Fields of ``MarketConfig`` that override those of ``config``.

    Raises
    ------
    TypeError, ValueError
        For an unknown field (naming the nearest), a value out of range, missing data or checkpoints.
    """

    def __init__(self, config: MarketConfig | None = None, *, seed: int = 0, **fields: Any) -> None:
        self.config = configured(config, fields)
        self.seed = seed_number("seed", seed)
        super().__init__(rng=self.seed)
        config = self.config
        self.streams = Streams(self.seed)
        self.round = 0
        self.task = load_task(config.task, data=config.data, **config.task_options)
        self.prior = config.prior(self.task.train_size)
        self.terms = UploadTerms(
            perturbation=config.perturbation,
            dimension=self.task.dimension,
            noise_source=config.noise_source,
            clip=config.clip,
            clip_norm=config.clip_norm,
            error_bound=config.error_bound,
        )
        auction = config.auction
        if not isinstance(auction, Auction):
            auction = load_auction(auction, prior=self.prior)
        if auction.max_owners is not None and config.bidders > auction.max_owners:
            raise ValueError(
                f"bidders = {config.bidders}, but auction {auction.name!r} was made for at most "
                f"{auction.max_owners} owners: pass fewer, or an auction for any number of owners"
            )
        network = owner_network(
            config.network, config.owners, self.streams.generator("network"), config.network_options
        )
        self.population = OwnerPopulation(
            config.owner_types() or self.prior.population(self.streams.generator("population")),
            config.strategies,
            self.task,
            self.terms,
            lifetime_allowance=math.inf if config.lifetime_allowance is None else config.lifetime_allowance,
            partition=config.partition,
            options=config.strategy_options,
            public=PublicKnowledge(
                rule=PublicRule(auction, self.streams.generator("public rule").get_state()),
                strategic=auction.guarantees.strategic,
                prior=self.prior.as_known(self.streams.generator("public prior")),
                network=network,
            ),
            stream=self.streams.generator,
        )
        self.broker = Broker(self, auction, config.aggregation, self.terms)
        self.buyers = [
            ModelBuyer(
                self,
                index,
                self.task,
                update=config.update,
                learning_rate=config.learning_rate,
                budget_factor=self.prior.budget_factor,
                wallet=None if wallet is None else wallet * self.prior.units.money,
            )
            for index, wallet in enumerate(config.wallets)
        ]
        owners = DataOwner.create_agents(self, config.owners, self.population, list(range(config.owners)))
        self.grid = None if network is None else Network(network.graph, capacity=1, random=self.random)
        if self.grid is not None:
            for owner in owners:
                owner.cell = self.grid[owner.index]
        self.worst_bound = worst_error_bound(self.terms, self.prior.privacy_budget[0])
        self.datacollector = DataCollector(
            model_reporters={name: functools.partial(latest, column=name) for name in REPORTED},
            tables={"rounds": ROUNDS.names, "trades": TRADES.names},
        )
        self.last_round: tuple[RoundRecord, ...] = ()
        self._rows = {"rounds": 0, "trades": 0}
        # Mesa 3.3 numbers agents in a table that keeps every model alive; all agents of this one have their numbers.
        getattr(Agent, "_ids", {}).pop(self, None)

    def step(self) -> None:
        """Run one round for every buyer and record it."""
        taken = torch.zeros(self.config.owners, dtype=torch.bool)
        records = []
        for buyer in self.buyers:
            record = self._trade(buyer, taken)
            taken[record.owners] = True
            records.append(record)
        self._record(records)
        self.round += 1
        self.running = self.round < self.config.rounds

    def tables(self) -> dict[str, dict[str, list[Any]]]:
        """Columns of all rows of completed steps, by table."""
        recorded = self._rows
        return {
            table: {name: column[: recorded[table]] for name, column in columns.items()}
            for table, columns in self.datacollector.tables.items()
        }

    def _trade(self, buyer: ModelBuyer, taken: Tensor) -> RoundRecord:
        """One buyer's round, phase by phase."""
        stream = functools.partial(self.streams.generator, round=self.round, buyer=buyer.index)
        population, broker = self.population, self.broker
        maximum = self.config.bidders if buyer.active else 0
        owners = population.bidders(maximum, taken, stream("sampling"))
        types = population.types_of(owners)

        announcement = buyer.announce(float(self.prior.cost_of_everything(types)), self.round, stream("budget"))
        identities = population.identities(announcement, owners, types, stream)
        holders = identities.holding(types)
        said = population.bid(announcement, owners[identities.place], holders, stream, identities)
        bids = verified(broker.auction, holders, said)
        misreports = untruthful(holders, bids) | identities.several[identities.place]

        if len(owners):
            lottery = stream("lottery")
            before = lottery.get_state()
            outcome = broker.trade(announcement, bids, lottery)
            drew = not torch.equal(before, lottery.get_state())
            utility = identities.total(holders.utility(outcome))
            truth = truthful_utility(
                identities.honest(types),
                bids,
                misreports,
                outcome,
                auction=broker.auction,
                budget=torch.tensor([announcement.budget], dtype=torch.float64),
                turn=self.round,
                generator_state=before if drew else None,
                place=identities.place if identities.divided else None,
            )[:, identities.first]
        else:
            outcome = Outcome.nothing(1, 0)
            utility = truth = torch.zeros(1, 0, dtype=torch.float64)
        settlement = Settlement(announcement, owners, types, bids, outcome, utility, identities)
        loss = population.uploaded_loss(settlement)
        transfer = population.side_payments(settlement)
        variance = weights = torch.zeros(1, 0, dtype=torch.float64)
        bound = math.inf
        if len(owners):
            variance = self.terms.variance(outcome.privacy_loss)
            weights = broker.weigh(bids, outcome, variance)
            # The bound counts the noise that was added, the weights the noise that was sold.
            honest = torch.equal(loss, privacy_loss_sold(outcome))
            added = variance if honest else self.terms.variance(torch.where(outcome.sells, loss, outcome.privacy_loss))
            bound = float(aggregate_error_bound(self.terms, weights, added, outcome, holders.data_size))

        upload = population.upload(announcement, owners, outcome, stream, identities=identities, loss=loss)
        aggregate = broker.aggregate(weights, variance, upload)
        buyer.update(aggregate)
        buyer.pay(float(outcome.payment.sum()))
        score = buyer.score()
        population.settle(settlement, loss=loss, transfer=transfer)
        return RoundRecord(
            round=self.round,
            buyer=buyer.index,
            auction=broker.auction.name,
            aggregation=broker.aggregation,
            budget=announcement.budget,
            owners=owners,
            strategies=[population.groups.names[group] for group in population.groups.group[owners].tolist()],
            types=types,
            bids=identities.bids(bids),
            untruthful=misreports[:, identities.first],
            outcome=identities.outcome(outcome),
            utility=utility,
            truthful_utility=truth,
            privacy_spent=population.accounts.spent[owners],
            sellers=aggregate.sellers,
            error_bound=bound,
            error_bound_first_best=self._first_best(types, announcement),
            worst_bound=self.worst_bound,
            value_of_accuracy=self.config.value_of_accuracy * self.prior.units.money,
            test_accuracy=score.accuracy,
            test_loss=score.loss,
            transfer=transfer,
            cost=identities.total(holders.cost(outcome)) if identities.divided else None,
            reported_cost=identities.total(bids.cost(outcome.privacy_loss, outcome.data_size))
            if identities.divided
            else None,
        )

    def _first_best(self, types: OwnerTypes, announcement: Announcement) -> float | None:
        if not self.config.first_best:
            return None
        if not types.shape[1]:
            return math.inf
        best = first_best(
            types, [announcement.budget], variance=self.terms.counted_variance, bias_scale=self.terms.clip_norm
        )
        return float(best.error_bound)

    def _record(self, records: list[RoundRecord]) -> None:
        """Append a whole step's rows; a step that is interrupted here leaves none behind."""
        rows = {"rounds": len(records), "trades": sum(len(record.owners) for record in records)}
        for table, columns in self.datacollector.tables.items():
            for column in columns.values():
                del column[self._rows[table] :]
        for record in records:
            for name, value in round_of(record).items():
                self.datacollector.tables["rounds"][name].append(value)
            for name, values in trades_of(record).items():
                self.datacollector.tables["trades"][name].extend(values)
        self._rows = {table: self._rows[table] + count for table, count in rows.items()}
        self.last_round = tuple(records)
        self.datacollector.collect(self)


def configured(config: MarketConfig | None, fields: dict[str, Any]) -> MarketConfig:
    """Return ``config`` (or the default one) with some fields replaced, and checked again."""
    if config is None:
        return MarketConfig(**fields)
    if not isinstance(config, MarketConfig):
        raise TypeError(f"config is a {type(config).__name__}; pass a MarketConfig, or fields by keyword")
    given = {name: getattr(config, name) for name in config.__dataclass_fields__}
    return MarketConfig(**{**given, **fields})


def verified(auction: Auction, types: OwnerTypes, bids: Bids) -> Bids:
    """Return the bids as the broker gets them: fields that the auction has verified are the true ones."""
    known = auction.guarantees.verified
    return bids.replace(**{name: getattr(types, name) for name in known}) if known else bids


REPORTED: tuple[str, ...] = tuple(
    field.name for field in ROUNDS if field.name not in ("round", "buyer", "auction", "aggregation", "invalid")
)
"""Columns of the rounds that Mesa's data collector reports as model variables."""


def latest(model: FLMarket, column: str) -> float | None:
    """Return the last round's value of a column, averaged over buyers; None if nobody has one."""
    values = model.datacollector.tables["rounds"][column][-model.config.buyers :]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
