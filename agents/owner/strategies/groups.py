"""Who follows which strategy, and what all the bidders of a round say together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from agents.checks import generator_of, number, one_of, whole
from agents.messages import Announcement, Bids, Outcome
from agents.owner.strategies.base import MarketView, RoundResult, Strategy
from agents.owner.strategies.registry import load_strategy, strategy_classes
from agents.remainders import largest_remainders
from agents.types import OwnerTypes

Stream = Callable[[str], torch.Generator]
"""A fresh random generator for a purpose, fixed by the market's seed, the round and the buyer."""

SHARES_SUM_WITHIN = 1e-9
"""How far shares like 0.1 + 0.2 + 0.7 may miss 1 by rounding."""


def check_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Return strategy shares, or say which name is unknown or what the shares sum to.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, a share is not between 0 and 1, or they do not sum to 1.
    """
    if not isinstance(shares, Mapping):
        raise TypeError(f"strategies = {shares!r}: pass a mapping of names to shares, e.g. {{'truthful': 1.0}}")
    checked = {
        one_of("strategies", name, strategy_classes()): number(f"strategies[{name!r}]", share, most=1.0)
        for name, share in shares.items()
    }
    total = sum(checked.values())
    if abs(total - 1) > SHARES_SUM_WITHIN:
        raise ValueError(f"strategies = {dict(shares)!r}: the shares sum to {total:g}; make them sum to 1")
    return checked


class StrategyGroups:
    """The owners of a market, divided at random into groups that follow one strategy each.

    Parameters
    ----------
    shares : mapping of str to float
        Strategy names and the shares of the owners who follow them; largest remainders make the counts whole.
    owners : int
        Size of the population.
    generator : torch.Generator
        Deals the owners out. Whoever lies at a small share of liars also lies at a larger one.
    """

    def __init__(self, shares: Mapping[str, float], owners: int, generator: torch.Generator) -> None:
        shares = check_shares(shares)
        whole("owners", owners, least=1)
        exact = torch.tensor(list(shares.values()), dtype=torch.float64) * owners
        counts = largest_remainders(exact, owners).tolist()
        order = torch.randperm(owners, generator=generator_of("generator", generator))
        self.names: tuple[str, ...] = tuple(shares)
        self.strategies: list[Strategy] = [
            load_strategy(name, count) for name, count in zip(shares, counts, strict=True)
        ]
        self.group = torch.empty(owners, dtype=torch.int64)
        self.member = torch.empty(owners, dtype=torch.int64)
        for index, members in enumerate(torch.split(order, counts)):
            self.group[members] = index
            self.member[members] = torch.arange(len(members))

    def strategy_of(self, owner: int) -> str:
        """Name of the strategy that an owner follows."""
        return self.names[int(self.group[owner])]

    def bid(self, announcement: Announcement, owners: Tensor, types: OwnerTypes, stream: Stream) -> Bids:
        """Let every bidder bid by her strategy.

        Parameters
        ----------
        announcement : Announcement
        owners : int64[n]
            The round's bidders.
        types : OwnerTypes [1, n]
            Who they really are in this round.
        stream : callable
            Random stream by name. Every strategy starts at the beginning of the same one, so that a bidder's draws do
            not depend on which strategy she follows either.

        Returns
        -------
        Bids [1, n]

        Raises
        ------
        TypeError, ValueError
            If a strategy returns an illegal bid; strategy, owner and round are named.
        """
        valuation = types.valuation
        privacy_budget, data_size = types.privacy_budget.clone(), types.data_size.clone()
        group = self.group[owners]
        beginning = stream("strategies/bids").get_state()
        for index in torch.unique(group).tolist():
            place = (group == index).nonzero()[:, 0]
            view = MarketView(
                announcement=announcement, member=self.member[owners[place]], place=place, bidders=len(owners)
            )
            theirs = OwnerTypes(
                valuation=types.valuation.take(slice(None), place),
                privacy_budget=types.privacy_budget[:, place],
                data_size=types.data_size[:, place],
            )
            bids = self._ask(index, view, theirs, owners, beginning)
            privacy_budget[:, place] = bids.privacy_budget
            data_size[:, place] = bids.data_size
            if bids.valuation is not theirs.valuation:
                source = torch.zeros(len(owners), dtype=torch.int64)
                source[place] = torch.arange(len(place))
                mask = (group == index)[None]
                valuation = bids.valuation.take(slice(None), source).where(mask, valuation)
        return Bids(valuation=valuation, privacy_budget=privacy_budget, data_size=data_size)

    def observe(self, owners: Tensor, bids: Bids, outcome: Outcome, utility: Tensor) -> None:
        """Show every group that remembers anything its own result of the round.

        Parameters
        ----------
        owners : int64[n]
        bids : Bids [1, n]
        outcome : Outcome [1, n]
        utility : float64[1, n]
        """
        group = self.group[owners]
        for index in torch.unique(group).tolist():
            strategy = self.strategies[index]
            if type(strategy).observe is Strategy.observe:
                continue
            place = (group == index).nonzero()[:, 0]
            own = Outcome(
                privacy_loss=outcome.privacy_loss[:, place],
                payment=outcome.payment[:, place],
                data_size=outcome.data_size[:, place],
            )
            result = RoundResult(
                member=self.member[owners[place]],
                bids=bids.take(owners=place),
                outcome=own,
                utility=utility[0, place],
            )
            strategy.observe(result)

    def _ask(self, index: int, view: MarketView, types: OwnerTypes, owners: Tensor, beginning: Tensor) -> Bids:
        name = self.names[index]
        generator = torch.Generator()
        generator.set_state(beginning)
        try:
            bids = self.strategies[index].bid(view, types, generator)
            if not isinstance(bids, Bids):
                raise TypeError(f"the bid is a {type(bids).__name__}; return Bids")
            if bids.shape != types.shape:
                raise ValueError(f"the bids have shape {list(bids.shape)}; return one per bidder, {list(types.shape)}")
            _refuse_excess("privacy_budget", bids.privacy_budget, types.privacy_budget)
            _refuse_excess("data_size", bids.data_size, types.data_size)
        except (TypeError, ValueError) as error:
            who = _named_in(str(error), owners[view.place])
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"strategy {name!r}, {who}, round {view.announcement.round}: {error}") from error
        return bids


def _refuse_excess(field: str, said: Tensor, true: Tensor) -> None:
    excess = said > true
    if bool(excess.any()):
        row, bidder = excess.nonzero()[0].tolist()
        raise ValueError(
            f"{field}[{row}, {bidder}] = {said[row, bidder].item()!r} is above the true {true[row, bidder].item()!r}: "
            "bid no more than she has"
        )


def _named_in(message: str, owners: Tensor) -> str:
    """Return which owner a message about entry [0, j] of a group's bid speaks of, or all of them if about the whole."""
    found = re.search(r"\[0, (\d+)", message)
    if found and int(found[1]) < len(owners):
        return f"owner {int(owners[int(found[1])])}"
    names = ", ".join(str(owner) for owner in owners[:5].tolist())
    return f"owner{'s' if len(owners) > 1 else ''} {names}{', ...' if len(owners) > 5 else ''}"
