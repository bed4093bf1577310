"""One round of one buyer, a function per phase: announce, bid, auction, upload, aggregate, update, settle, record."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents.broker.aggregation import upload_weights
from agents.broker.auctions.base import Auction
from agents.broker.broker import Broker
from agents.broker.error_bound import aggregate_error_bound, worst_error_bound
from agents.broker.first_best import first_best
from agents.buyer.buyer import ModelBuyer
from agents.buyer.score import Score
from agents.messages import Aggregate, Bids, Outcome, Upload
from agents.owner.bidders import Bidders
from agents.owner.groups import StrategyGroups, Stream
from agents.owner.population import OwnerPopulation
from agents.owner.settlement import Settlement
from agents.prior import OwnerPrior
from agents.upload_terms import UploadTerms
from market_sim.config import MarketConfig
from market_sim.counterfactual import PlayedRound
from market_sim.record import EverybodyTruthful, GroupsTogether, RoundRecord, RowsOfBids, untruthful


@dataclass(frozen=True, eq=False)
class Sale:
    """What the auction decided, and all that a rerun of it on other bids needs.

    Parameters
    ----------
    outcome : Outcome [1, r]
    budget : float64[1]
    generator_state : uint8[...], optional
        State from which the auction drew; None if it drew nothing.
    """

    outcome: Outcome
    budget: Tensor
    generator_state: Tensor | None


def announce(
    buyer: ModelBuyer,
    population: OwnerPopulation,
    prior: OwnerPrior,
    taken: Tensor,
    *,
    maximum: int,
    round: int,
    stream: Stream,
) -> Bidders:
    """Sample at most ``maximum`` bidders of those not ``taken[N]``; the buyer fixes her budget before they bid."""
    owners = population.bidders(maximum if buyer.active else 0, taken, stream("sampling"))
    types = population.types_of(owners)
    announcement = buyer.announce(float(prior.cost_of_everything(types)), round, stream("budget"))
    return Bidders.single(announcement, owners, types)


def appear(groups: StrategyGroups, bidders: Bidders, stream: Stream) -> Bidders:
    """Let the strategies choose under how many names their owners appear."""
    return replace(bidders, identities=groups.identities(bidders, stream))


def bid(groups: StrategyGroups, auction: Auction, bidders: Bidders, stream: Stream) -> Bids:
    """Let the strategies bid ``[1, r]``; fields that the auction has verified are true."""
    bids = groups.bid(bidders, stream)
    known = auction.guarantees.verified
    return bids.replace(**{name: getattr(bidders.row_types, name) for name in known}) if known else bids


def ask_ahead(rule: Auction, population: OwnerPopulation, bidders: Bidders, bids: Bids) -> None:
    """Have a rule that recalls its answers work out the round and its reruns together, before the broker asks."""
    identities = bidders.identities
    deviates = untruthful(bidders.row_types, bids) | identities.has_multiple[identities.place]
    budget = torch.tensor([bidders.announcement.budget], dtype=torch.float64)
    ahead = Sale(Outcome.nothing(*bids.shape), budget, None)
    played_round(rule, bidders, bids, deviates, ahead).ask_ahead(population.groups.groups(bidders)[0])


def auction(broker: Broker, bidders: Bidders, bids: Bids, generator: torch.Generator) -> Sale:
    """Let the broker decide who sells what for how much."""
    before = generator.get_state()
    outcome = broker.trade(bidders.announcement, bids, generator)
    drew = not torch.equal(before, generator.get_state())
    budget = torch.tensor([bidders.announcement.budget], dtype=torch.float64)
    return Sale(outcome, budget, before if drew else None)


def upload(population: OwnerPopulation, bidders: Bidders, outcome: Outcome, stream: Stream) -> tuple[Upload, Tensor]:
    """Let the sellers send gradients; also the privacy loss ``float64[r]`` that each upload really has."""
    loss = population.groups.upload(bidders, outcome)
    return population.upload(bidders, outcome, stream, loss=loss), loss


def aggregate(
    broker: Broker, bidders: Bidders, bids: Bids, outcome: Outcome, upload: Upload, loss: Tensor
) -> tuple[Aggregate, float]:
    """Let the broker weigh and add up the uploads; also the error bound, which nobody but the market can know.

    The weights follow from the noise that was sold and the reported sizes, the bound from the noise that was added and
    the true sizes.
    """
    variance = broker.terms.variance(outcome.privacy_loss)
    weights = broker.weigh(bids, outcome, variance)
    added = broker.terms.variance(torch.where(outcome.sells, loss, outcome.privacy_loss))
    bound = aggregate_error_bound(broker.terms, weights, added, outcome, bidders.row_types.data_size)
    return broker.aggregate(weights, variance, upload), float(bound)


def update(buyer: ModelBuyer, aggregate: Aggregate) -> Score:
    """Let the buyer take one step of her model and test it."""
    buyer.update(aggregate)
    return buyer.score()


def settle(
    buyer: ModelBuyer, population: OwnerPopulation, bidders: Bidders, bids: Bids, outcome: Outcome, loss: Tensor
) -> Settlement:
    """Book payments, side payments and the privacy loss ``float64[r]`` of every upload."""
    utility = bidders.identities.total(bidders.row_types.utility(outcome))
    settlement = Settlement(bidders, bids, outcome, utility)
    # Side payments may be refused, and no money may have moved by then.
    settlement = replace(settlement, transfer=population.groups.side_payments(settlement))
    buyer.pay(float(outcome.payment.sum()))
    population.settle(settlement, loss=loss)
    return settlement


def record(
    settlement: Settlement,
    sale: Sale,
    aggregate: Aggregate,
    error_bound: float,
    score: Score,
    *,
    buyer: ModelBuyer,
    broker: Broker,
    rule: Auction,
    population: OwnerPopulation,
    prior: OwnerPrior,
    config: MarketConfig,
    stream: Stream,
) -> RoundRecord:
    """Write down all that happened, beside what the truth would have brought deviators, groups and everybody.

    ``rule`` is a copy of the auction: what is asked of it does not reach the broker's.
    """
    bidders, bids, outcome = settlement.bidders, settlement.bids, settlement.outcome
    identities = bidders.identities
    # A row deviates if its bid is not its type, and every row of an owner with several does.
    deviates = untruthful(bidders.row_types, bids) | identities.has_multiple[identities.place]  # [1, r]
    group, strategies = population.groups.groups(bidders)
    exact = config.counterfactuals == "exact"
    truth = played_round(rule, bidders, bids, deviates, sale, exact).truth(group, stream("counterfactuals"))
    return RoundRecord(
        round=bidders.announcement.round,
        buyer=buyer.index,
        auction=broker.auction.name,
        aggregation=broker.aggregation,
        budget=bidders.announcement.budget,
        owners=bidders.owners,
        strategies=[population.groups.strategy_of(owner) for owner in bidders.owners.tolist()],
        types=bidders.types,
        bids=identities.bids(bids),
        untruthful=deviates[:, identities.first],
        outcome=identities.outcome(outcome),
        utility=settlement.utility,
        truthful_utility=truth.utility,
        privacy_spent=population.accounts.spent[bidders.owners],
        delta_spent=population.composed.delta_spent(bidders.owners),
        privacy_total=population.composed.total(bidders.owners),
        unusable_records=population.unusable[bidders.owners],
        sellers=aggregate.sellers,
        error_bound=error_bound,
        error_bound_first_best=first_best_bound(broker.terms, bidders) if config.first_best else None,
        worst_bound=worst_error_bound(broker.terms, prior.privacy_budget[0]),
        value_of_accuracy=config.value_of_accuracy * prior.units.money,
        test_accuracy=score.accuracy,
        test_loss=score.loss,
        macro_f1=score.macro_f1,
        balanced_accuracy=score.balanced_accuracy,
        confusion=score.confusion,
        transfer=settlement.transfer,
        cost=identities.total(bidders.row_types.cost(outcome)),
        reported_cost=identities.total(bids.cost(outcome.privacy_loss, outcome.data_size)),
        truthful_payment=truth.payment,
        counterfactual=truth.found,
        stands_for=truth.stands_for,
        groups=GroupsTogether(group, strategies, truth.group_utility, truth.group_payment),
        everybody=everybody_truthful(broker, bidders, truth.everybody, deviates[:, identities.first]),
        rows=RowsOfBids(identities, bids, outcome),
    )


def played_round(
    rule: Auction, bidders: Bidders, bids: Bids, deviates: Tensor, sale: Sale, every_one: bool = False
) -> PlayedRound:
    """The round with all that a rerun of it by ``rule`` needs; ``deviates[1, r]`` are the rows that are misreports."""
    return PlayedRound(
        bidders.types,
        bidders.identities,
        bids,
        deviates,
        sale.outcome,
        auction=rule,
        budget=sale.budget,
        generator_state=sale.generator_state,
        every_one=every_one,
    )


def everybody_truthful(broker: Broker, bidders: Bidders, outcome: Outcome, deviates: Tensor) -> EverybodyTruthful:
    """What ``outcome[1, r]``, that of everybody's truth, comes to: uploads have the noise that was sold.

    ``deviates[1, n]`` are the bidders who did not tell the truth.
    """
    types = bidders.identities.merged(bidders.types)
    variance = broker.terms.variance(outcome.privacy_loss)
    weights = upload_weights(broker.aggregation, broker.terms, outcome, types.data_size, variance)
    bound = aggregate_error_bound(broker.terms, weights, variance, outcome, types.data_size)
    utility = types.utility(outcome)  # [1, r]
    return EverybodyTruthful(
        error_bound=float(bound),
        spent=float(outcome.payment.sum()),
        sellers=int((outcome.privacy_loss_sold > 0).sum()),
        owner_surplus=float(utility.sum()),
        honest_surplus=float(utility[:, bidders.identities.first][~deviates].sum()),
    )


def first_best_bound(terms: UploadTerms, bidders: Bidders) -> float:
    """Error bound that the budget could have bought, had all costs been known; a search."""
    budget = [bidders.announcement.budget]
    best = first_best(bidders.types, budget, variance=terms.counted_variance, bias_scale=terms.clip_norm)
    return float(best.error_bound)
