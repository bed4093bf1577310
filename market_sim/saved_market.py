"""All that a market remembers between two rounds, to go on from in another process."""

from __future__ import annotations

from typing import Any

from agents.buyer.buyer import ModelBuyer
from agents.owner.strategies.base import Strategy
from agents.owner.strategy_shares import strategy_name
from agents.saved_state import State, held_by, tells_its_state, with_held
from market_sim.model import FLMarket

OURS_AUCTIONS, OURS_STRATEGIES = "agents.broker.auctions", "agents.owner.strategies"


def forgetful(model: FLMarket) -> list[str]:
    """Classes of one's own in a market that do not say what they remember, so that its run cannot be resumed."""
    auction = model.broker.auction
    kinds: list[tuple[str, type]] = []
    if not tells_its_state(type(auction), OURS_AUCTIONS):
        kinds.append((f"auction {auction.name!r}", type(auction)))
    for strategy in model.population.groups.strategies:
        if not tells_its_state(type(strategy), OURS_STRATEGIES):
            kinds.append((f"strategy {_name_of(strategy)!r}", type(strategy)))
    return [f"{what} ({kind.__qualname__})" for what, kind in kinds]


def state_of(model: FLMarket) -> State:
    """What a market remembers after a whole step: its rounds, owners, strategies, rules, buyers and generators."""
    version, numbers, gauss = model.random.getstate()
    return {
        "round": model.round,
        "population": model.population.state(),
        "rules": [rule.state() for rule in _rules(model)],
        "buyers": [_of_buyer(buyer) for buyer in model.buyers],
        "rng": model.rng.bit_generator.state,
        "random": {"version": version, "numbers": list(numbers), "gauss": gauss},
    }


def load_into(model: FLMarket, state: State) -> None:
    """Let a market that was just made go on from a state of the same one.

    Raises
    ------
    KeyError, ValueError
        If it is the state of another market.
    """
    model.population.load_state(state["population"])
    for rule, remembered in zip(_rules(model), state["rules"], strict=True):
        rule.load_state(remembered)
    for buyer, remembered in zip(model.buyers, state["buyers"], strict=True):
        buyer.state = with_held(buyer.state, remembered["state"])
        buyer.wallet_left, buyer.spent = remembered["wallet_left"], remembered["spent"]
    model.confusions = tuple(buyer.score().confusion for buyer in model.buyers)
    model.rng.bit_generator.state = state["rng"]
    drawn = state["random"]
    model.random.setstate((drawn["version"], tuple(drawn["numbers"]), drawn["gauss"]))
    model.round = state["round"]
    model.running = model.round < model.config.rounds


def _of_buyer(buyer: ModelBuyer) -> State:
    return {"state": held_by(buyer.state), "wallet_left": buyer.wallet_left, "spent": buyer.spent}


def _rules(model: FLMarket) -> list[Any]:
    """The broker's auction and the two copies of it that are asked what would have been."""
    return [model.broker.auction, model._rule, model.population.groups.public.rule.auction]  # type: ignore[union-attr]


def _name_of(strategy: Strategy) -> str:
    return strategy_name(type(strategy))
