"""Who follows which strategy, and what all the bidders of a round do together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, generator_of, real_array, whole
from agents.messages import Bids, Outcome
from agents.owner.bidders import Bidders
from agents.owner.identities import Identities
from agents.owner.notice_board import NoticeBoard
from agents.owner.published_bids import PublishedBids
from agents.owner.refusals import check_balanced, check_group_numbers, check_upload_sent, check_within_type, named
from agents.owner.settlement import Settlement
from agents.owner.strategies.base import AnnouncementWithoutModel, MarketView, PublicKnowledge, RoundResult, Strategy
from agents.owner.strategy_shares import (
    Share,
    check_options,
    check_shares,
    owner_counts,
    shares_of_nobody,
    strategy_class,
    strategy_name,
)
from agents.saved_state import State
from agents.types import OwnerTypes

Stream = Callable[[str], torch.Generator]
"""A fresh random generator for a purpose, fixed by the market's seed, the round and the buyer."""


class StrategyGroups:
    """The owners of a market, divided at random into groups that follow one strategy each.

    Parameters
    ----------
    shares : mapping of str or Strategy class to float
        Strategies and the shares of the owners who follow them; largest remainders make the counts whole.
    owners : int
        Size of the population.
    generator : torch.Generator
        Assigns owners to strategies. Whoever lies at a small share of liars also lies at a larger one.
    options : mapping of str to mapping, optional
        Keyword arguments of the strategies, by strategy name.
    public : PublicKnowledge, optional
        What everybody knows of the market.
    """

    def __init__(
        self,
        shares: Mapping[Share, float],
        owners: int,
        generator: torch.Generator,
        *,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        public: PublicKnowledge | None = None,
    ) -> None:
        shares = check_shares(shares)
        chosen = check_options(shares, options or {})
        whole("owners", owners, minimum=1)
        counts = owner_counts(shares, owners)
        for sentence in shares_of_nobody(shares, owners):
            warnings.warn(sentence, stacklevel=2)
        order = torch.randperm(owners, generator=generator_of("generator", generator))
        self.strategies: list[Strategy] = [
            strategy_class(key)(count, **chosen.get(strategy_name(key), {}))
            for key, count in zip(shares, counts, strict=True)
        ]
        self.names: tuple[str, ...] = tuple(map(strategy_name, shares))
        self.group = torch.empty(owners, dtype=torch.int64)
        self.member = torch.empty(owners, dtype=torch.int64)
        for index, members in enumerate(torch.split(order, counts)):
            self.group[members] = index
            self.member[members] = torch.arange(len(members))
        self.public = public or PublicKnowledge()
        self.notice_board = None if self.public.network is None else NoticeBoard(self.public.network)
        self.published = PublishedBids(self.public.prior)
        self._moves_last = torch.tensor([strategy.moves_last for strategy in self.strategies])
        self.price: float | None = None

    def state(self) -> State:
        """All that strategies and what is published remember between rounds."""
        return {
            "price": self.price,
            "notice_board": None if self.notice_board is None else self.notice_board.state(),
            "published": self.published.state(),
            "strategies": {name: strategy.state() for name, strategy in zip(self.names, self.strategies, strict=True)},
        }

    def load_state(self, state: State) -> None:
        """Go on from what ``state`` returned.

        Raises
        ------
        KeyError, ValueError
            If that is the state of other groups.
        """
        self.price = state["price"]
        if self.notice_board is not None:
            self.notice_board.load_state(state["notice_board"])
        self.published.load_state(state["published"])
        for name, strategy in zip(self.names, self.strategies, strict=True):
            strategy.load_state(state["strategies"][name])

    def strategy_of(self, owner: int) -> str:
        """Name of the strategy that an owner follows."""
        return self.names[int(self.group[owner])]

    def identities(self, bidders: Bidders, stream: Stream) -> Identities:
        """Let every bidder decide under how many names she appears.

        Parameters
        ----------
        bidders : Bidders
            With one identity each.
        stream : callable
            Random stream by name.

        Raises
        ------
        TypeError, ValueError
            If identities hold more records than their owner; strategy, owner and round are named.
        """
        parts: dict[int, tuple[Tensor, Tensor]] = {}
        for index, rows in self._groups(bidders.owners, "identities"):
            types = bidders.types.take(owners=rows)
            with self._named(index, bidders, rows):
                sizes = self.strategies[index].identities(self._view(index, bidders, rows), types)
                sizes = count_array("identities", sizes, shape=(None, len(rows)))
                parts[index] = rows, sizes
                check_within_type(
                    "identities", sizes.sum(0, keepdim=True), types.data_size, "give them no more than she has"
                )
        maximum = max((len(sizes) for _, sizes in parts.values()), default=1)
        if maximum < 2:
            return bidders.identities
        merged = torch.zeros(maximum, len(bidders.owners), dtype=torch.int64)  # [identity, bidder]
        for rows, sizes in parts.values():
            merged[: len(sizes), rows] = sizes
        return Identities.split(bidders.types, merged, stream("strategies/identities"))

    def bid(self, bidders: Bidders, stream: Stream) -> Bids:
        """Let every bidder bid by her strategy, those that move last after all others.

        Parameters
        ----------
        bidders : Bidders
        stream : callable
            Random stream by name. Every strategy gets a generator in the same state, so that a bidder's draws do not
            depend on which strategy she follows either.

        Returns
        -------
        Bids [1, r]

        Raises
        ------
        TypeError, ValueError
            If a strategy returns an illegal bid; strategy, owner and round are named.
        """
        bids = bidders.row_types.truthful_bids()
        state = stream("strategies/bids").get_state()
        groups = list(self._groups(bidders.row_owners))
        for last in (False, True):
            seen = self._seen_by_last_movers(bidders, bids, stream) if last else None
            for index, rows in groups:
                strategy, types = self.strategies[index], bidders.row_types.take(owners=rows)
                if strategy.moves_last is last:
                    generator = torch.Generator()
                    generator.set_state(state)
                    with self._named(index, bidders, rows):
                        theirs = strategy.bid(self._view(index, bidders, rows, seen), types, generator)
                        _check_bids(theirs, types)
                    bids = _replaced(bids, rows, theirs, types)
        return bids

    def _seen_by_last_movers(self, bidders: Bidders, bids: Bids, stream: Stream) -> Bids | None:
        """The bids ``[1, r]`` of all who move first, and of last movers what they published before; None without any.

        Of an owner under several names one row stands for all, and the others are absent.
        """
        owners = bidders.row_owners
        rows = self._moves_last[self.group[owners]].nonzero()[:, 0]
        if not len(rows):
            return None
        types = bidders.row_types.take(owners=rows)
        published = self.published.of(owners[rows], types, stream("strategies/last movers"))
        first = bidders.identities.first[bidders.identities.place[rows]] == rows
        published = published.replace(data_size=torch.where(first, published.data_size, 0))
        return _replaced(bids, rows, published, types)

    def groups(self, bidders: Bidders) -> tuple[Tensor, list[str]]:
        """Who acts together in this round, as the strategies declare it, and what each group follows.

        An owner under several names is a group of her own, unless her strategy says that she acts with others. Whoever
        is left alone in a group, under one name, acts alone.

        Returns
        -------
        (int64[n], list of str)
            Number of each bidder's group, from 0 in the order of the bidders, -1 for none; strategies by group.

        Raises
        ------
        TypeError, ValueError
            If a strategy's numbers are none; strategy, owners and round are named.
        """
        bidders_count = len(bidders.owners)
        declared = torch.full((bidders_count,), -1)  # distinct numbers for distinct groups of distinct strategies
        single = Bidders.single(bidders.announcement, bidders.owners, bidders.types)
        for index, rows in self._groups(bidders.owners, "groups"):
            with self._named(index, single, rows):
                theirs = self.strategies[index].groups(self._view(index, single, rows))
                theirs = check_group_numbers("groups", theirs, len(rows))
            _, number = torch.unique(theirs, return_inverse=True)
            declared[rows] = torch.where(theirs >= 0, index * bidders_count + number, -1)
        several = bidders.identities.has_multiple
        own = len(self.strategies) * bidders_count + torch.arange(bidders_count)
        declared = torch.where((declared < 0) & several, own, declared)
        return self._numbered(declared, several, bidders.owners)

    def _numbered(self, declared: Tensor, several: Tensor, owners: Tensor) -> tuple[Tensor, list[str]]:
        """Consecutive numbers ``int64[n]`` for the groups that have two members or identities at least."""
        group = torch.full_like(declared, -1)
        strategies: list[str] = []
        for number in dict.fromkeys(declared[declared >= 0].tolist()):
            members = declared == number
            if int(members.sum()) > 1 or bool(several[members].any()):
                group[members] = len(strategies)
                strategies.append(self.strategy_of(int(owners[members][0])))
        return group, strategies

    def upload(self, bidders: Bidders, outcome: Outcome) -> Tensor:
        """Privacy loss ``float64[r]`` that every upload really has: at most the one sold, 0 where nothing is.

        Raises
        ------
        TypeError, ValueError
            If an upload would have more, or none at all; strategy, owner and round are named.
        """
        sold = outcome.privacy_loss_sold[0]
        used = sold
        for index, rows in self._groups(bidders.row_owners, "upload"):
            view = self._view(index, bidders, rows)
            with self._named(index, bidders, rows):
                loss = real_array("upload", self.strategies[index].upload(view, sold[rows]), shape=(len(rows),))[None]
                check_within_type("upload", loss, sold[None, rows], "no upload may lose more privacy than was sold")
                check_upload_sent("upload", loss, sold[None, rows])
            used = used.index_copy(0, rows, loss[0])
        return used

    def side_payments(self, settlement: Settlement) -> Tensor:
        """Side payments received less those made, ``float64[1, n]``.

        Raises
        ------
        TypeError, ValueError
            If those of a strategy do not balance; strategy, owners and round are named.
        """
        transfer = torch.zeros_like(settlement.utility)
        bidders = settlement.bidders
        for index, rows in self._groups(bidders.owners, "settle"):
            with named(self.names[index], bidders.owners[rows], bidders.announcement.round):
                paid = self.strategies[index].settle(self._result(settlement, rows))
                if not isinstance(paid, Tensor):
                    raise TypeError(f"settle returned a {type(paid).__name__}; return a tensor")
                real_array("settle", paid.abs(), shape=(len(rows),))
                check_balanced("settle", paid)
            transfer[0, rows] = paid
        return transfer

    def observe(self, settlement: Settlement) -> None:
        """Publish prices and payoffs, and show every group that remembers anything its own result of the round."""
        outcome, bidders = settlement.outcome, settlement.bidders
        amount = float((outcome.privacy_loss * outcome.data_size).sum())
        if amount > 0:
            self.price = float(outcome.payment.sum()) / amount
        if self.notice_board is not None:
            bids = bidders.identities.bids(settlement.bids)
            self.notice_board.publish(bidders.owners, bidders.types, bids, settlement.utility[0])
        last = self._moves_last[self.group[bidders.owners]].nonzero()[:, 0]
        if len(last):
            self.published.publish(bidders.owners[last], bidders.identities.bids(settlement.bids).take(owners=last))
        for index, rows in self._groups(bidders.owners, "observe"):
            with named(self.names[index], bidders.owners[rows], bidders.announcement.round):
                self.strategies[index].observe(self._result(settlement, rows))

    def _groups(self, owners: Tensor, method: str | None = None) -> Iterator[tuple[int, Tensor]]:
        """Groups with bidders among the rows' owners, and their rows; if given, only those that override ``method``."""
        able = [
            index
            for index, kind in enumerate(map(type, self.strategies))
            if method is None or getattr(kind, method) is not getattr(Strategy, method)
        ]
        if able:
            group = self.group[owners]
            there = set(torch.unique(group).tolist())
            for index in able:
                if index in there:
                    yield index, (group == index).nonzero()[:, 0]

    def _named(self, index: int, bidders: Bidders, rows: Tensor) -> AbstractContextManager[None]:
        """Name the strategy, the owners behind its rows and the round in whatever is refused."""
        return named(self.names[index], bidders.row_owners[rows], bidders.announcement.round)

    def _view(self, index: int, bidders: Bidders, rows: Tensor, everybody: Bids | None = None) -> MarketView:
        """What the strategy with this index knows when it decides for its rows; for last movers also all bids."""
        owners, board, said = bidders.row_owners[rows], self.notice_board, bidders.announcement
        reads = board is not None and self.strategies[index].needs_network
        return MarketView(
            announcement=said if self.strategies[index].reads_model else AnnouncementWithoutModel.of(said),
            member=self.member[owners],
            place=bidders.identities.place[rows],
            bidders=len(bidders.owners),
            public=self.public,
            price=self.price,
            owner=owners,
            neighbours=board.seen_by(owners) if reads and board is not None else None,
            everybody=everybody,
            row=rows,
        )

    def _result(self, settlement: Settlement, rows: Tensor) -> RoundResult:
        """What the bidders at these places learn about themselves."""
        bidders, identities = settlement.bidders, settlement.bidders.identities
        return RoundResult(
            member=self.member[bidders.owners[rows]],
            bids=identities.bids(settlement.bids).take(owners=rows),
            outcome=identities.outcome(settlement.outcome).take(owners=rows),
            utility=settlement.utility[0, rows],
            types=bidders.types.take(owners=rows),
            budget=bidders.announcement.budget,
            public=self.public,
            everybody=settlement.bids,
            row=identities.first[rows],
            price=self.price,
            transfer=None if settlement.transfer is None else settlement.transfer[0, rows],
        )


def _check_bids(bids: Any, types: OwnerTypes) -> None:
    """Refuse what is no bid, or offers more than its owners have, whose types are ``types[1, m]``."""
    if not isinstance(bids, Bids):
        raise TypeError(f"the bid is a {type(bids).__name__}; return Bids")
    if bids.shape != types.shape:
        raise ValueError(f"the bids have shape {list(bids.shape)}; return one per bidder, {list(types.shape)}")
    check_within_type("privacy_budget", bids.privacy_budget, types.privacy_budget, "bid no more than she has")
    check_within_type("data_size", bids.data_size, types.data_size, "bid no more than she has")


def _replaced(everybody: Bids, rows: Tensor, bids: Bids, types: OwnerTypes) -> Bids:
    """The round's bids ``[1, r]`` with those of some rows in place, whose owners are ``types[1, m]``."""
    valuation = everybody.valuation
    # A truthful curve is in its place already; mixing it in again would only make the valuation slower.
    if bids.valuation is not types.valuation:
        source = torch.zeros(everybody.shape[1], dtype=torch.int64)  # [r], which of the m curves each row takes
        source[rows] = torch.arange(len(rows))
        mask = torch.zeros(everybody.shape, dtype=torch.bool)  # [1, r]
        mask[:, rows] = True
        valuation = bids.valuation.take(slice(None), source).where(mask, valuation)
    return Bids(
        valuation=valuation,
        privacy_budget=everybody.privacy_budget.index_copy(1, rows, bids.privacy_budget),
        data_size=everybody.data_size.index_copy(1, rows, bids.data_size),
    )
