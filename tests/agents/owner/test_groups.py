"""Who follows what, and how an illegal bid is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest
import torch

from agents.messages import Announcement, Bids, Outcome
from agents.owner.bidders import Bidders
from agents.owner.groups import StrategyGroups
from agents.owner.settlement import Settlement
from agents.owner.strategies.base import MarketView, PublicKnowledge, RoundResult, Strategy
from agents.owner.strategies.registry import strategy_classes
from agents.owner.strategies.truthful import Truthful
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import tabulated

MIXED = {"truthful": 0.5, "scaled-valuation": 0.2, "understated-data-size": 0.2, "random-misreport": 0.1}


def stream(name: str) -> torch.Generator:
    return torch.Generator().manual_seed(len(name))


def population(owners: int = 10) -> OwnerTypes:
    return OwnerPrior(records=100 * owners, owners=owners).population(torch.Generator().manual_seed(7))


def announcement(round: int = 3) -> Announcement:
    return Announcement(budget=5.0, parameters=torch.zeros(2).double(), round=round)


def bidders(types: OwnerTypes, owners: torch.Tensor | None = None) -> Bidders:
    """Bidders of round 3, by default the owners 0, 1, ..."""
    return Bidders.single(announcement(), torch.arange(types.shape[1]) if owners is None else owners, types)


def groups(shares: dict[str, float], owners: int = 10) -> StrategyGroups:
    return StrategyGroups(shares, owners, torch.Generator().manual_seed(1))


def test_every_owner_follows_one_strategy_in_whole_numbers() -> None:
    dealt = groups(MIXED)
    followers = [dealt.strategy_of(owner) for owner in range(10)]
    assert {name: followers.count(name) for name in MIXED} == {
        "truthful": 5,
        "scaled-valuation": 2,
        "understated-data-size": 2,
        "random-misreport": 1,
    }
    for index, name in enumerate(MIXED):
        assert sorted(dealt.member[dealt.group == index].tolist()) == list(range(followers.count(name)))


def test_largest_remainders_make_counts_whole() -> None:
    thirds = groups({"truthful": 1 / 3, "scaled-valuation": 1 / 3, "random-misreport": 1 / 3}, owners=10)
    assert thirds.group.bincount().tolist() == [4, 3, 3]


def test_whoever_lies_at_a_small_share_lies_at_a_larger_one() -> None:
    few, many = (groups({"truthful": 1 - deviators, "scaled-valuation": deviators}, 100) for deviators in (0.2, 0.5))
    assert bool((many.group[few.group == 1] == 1).all())


def test_everybody_bids_by_her_own_strategy() -> None:
    dealt, everybody = groups(MIXED), population()
    owners = torch.tensor([8, 3, 0, 9, 1, 7])
    types = everybody.take(owners=owners)
    bids = dealt.bid(bidders(types, owners), stream)
    for place, owner in enumerate(owners.tolist()):
        name = dealt.strategy_of(owner)
        alone = strategy_classes()[name](1).bid(
            MarketView(announcement(), torch.tensor([0]), torch.tensor([place]), bidders=6),
            types.take(owners=slice(place, place + 1)),
            stream("strategies/bids"),
        )
        assert bids.valuation.factor[0, place] == alone.valuation.factor[0, 0]
        assert bids.valuation.family[0, place] == alone.valuation.family[0, 0]
        assert bids.privacy_budget[0, place] == alone.privacy_budget[0, 0]
        assert bids.data_size[0, place] == alone.data_size[0, 0]


def test_truthful_bidders_say_the_truth_bit_by_bit() -> None:
    types = population()
    bids = groups({"truthful": 1.0}).bid(bidders(types), stream)
    assert bids.valuation is types.valuation
    assert torch.equal(bids.privacy_budget, types.privacy_budget)
    assert torch.equal(bids.data_size, types.data_size)


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[type[Strategy]], str]]:
    """Registers a strategy of one's own under the name "extra"."""

    def register(kind: type[Strategy]) -> str:
        monkeypatch.setitem(strategy_classes(), "extra", kind)
        return "extra"

    return register


class TableStrategy(Strategy):
    name: ClassVar[str] = "extra"

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        return types.truthful_bids().replace(valuation=tabulated(types.valuation, [1.0, 2.0]))


def test_a_tabulated_bid_mixes_with_the_others(extra: Callable[[type[Strategy]], str]) -> None:
    dealt, types = groups({"truthful": 0.5, extra(TableStrategy): 0.5}), population()
    bids = dealt.bid(bidders(types), stream)
    at = torch.full((1, 10), 0.5).double()
    true, table = types.valuation.at(at), tabulated(types.valuation, [1.0, 2.0]).at(at)
    assert torch.equal(bids.valuation.at(at), torch.where(dealt.group[None] == 1, table, true))


def settlement(types: OwnerTypes, bids: Bids) -> Settlement:
    """Owner i sells i records at privacy loss i for 10 i, and is left with -i."""
    number = torch.arange(10.0)[None].double()
    outcome = Outcome(privacy_loss=number, payment=10 * number, data_size=torch.arange(10)[None])
    return Settlement(bidders(types), bids, outcome, -number)


class Remembers(Truthful):
    seen: ClassVar[list[RoundResult]] = []

    def observe(self, result: RoundResult) -> None:
        self.seen.append(result)


def test_a_group_sees_its_own_result_and_nobody_elses(extra: Callable[[type[Strategy]], str]) -> None:
    Remembers.seen.clear()
    dealt, types = groups({"truthful": 0.5, extra(Remembers): 0.5}), population()
    bids = dealt.bid(bidders(types), stream)
    dealt.observe(settlement(types, bids))
    (result,) = Remembers.seen
    mine = (dealt.group == 1).nonzero()[:, 0]
    assert result.outcome.data_size[0].tolist() == mine.tolist()
    assert result.outcome.payment[0].tolist() == [10.0 * owner for owner in mine.tolist()]
    assert result.utility.tolist() == [-1.0 * owner for owner in mine.tolist()]
    assert torch.equal(result.bids.data_size[0], types.data_size[0, mine])
    assert torch.equal(result.member, dealt.member[mine])
    assert torch.equal(result.types.data_size[0], types.data_size[0, mine])
    assert torch.equal(result.everybody.data_size, types.data_size)
    assert torch.equal(result.row, mine)
    # Payments 10 (0 + ... + 9) for records times privacy losses 0 + 1 + 4 + ... + 81.
    assert result.price == dealt.price == 450 / 285


def deviator(**fields: Callable[[OwnerTypes], object]) -> type[Strategy]:
    class Liar(Strategy):
        name: ClassVar[str] = "extra"

        def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
            return types.truthful_bids().replace(**{field: make(types) for field, make in fields.items()})

    return Liar


def spoiled(values: torch.Tensor, by: float) -> torch.Tensor:
    result = values.clone()
    result[0, -1] = by
    return result


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (deviator(privacy_budget=lambda t: spoiled(t.privacy_budget, 9.0)), ValueError, "is above the true"),
        (deviator(data_size=lambda t: t.data_size + torch.tensor([0, 0, 0, 0, 1])), ValueError, "is above the true"),
        (deviator(privacy_budget=lambda t: spoiled(t.privacy_budget, float("nan"))), ValueError, "finite number"),
        (deviator(privacy_budget=lambda t: spoiled(t.privacy_budget, -1.0)), ValueError, "0 or more"),
    ],
)
def test_an_illegal_bid_names_strategy_owner_and_round(
    extra: Callable[[type[Strategy]], str], kind: type[Strategy], error: type[Exception], message: str
) -> None:
    dealt = groups({"truthful": 0.5, extra(kind): 0.5})
    last = (dealt.group == 1).nonzero()[-1].item()
    with pytest.raises(error, match=rf"strategy 'extra', owner {last}, round 3: .*{message}"):
        dealt.bid(bidders(population()), stream)


class WrongShape(Truthful):
    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        return types.take(owners=slice(0, 2)).truthful_bids()


class NoBid(Truthful):
    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [(WrongShape, ValueError, r"shape \[1, 2\]; return one per bidder, \[1, 10\]"), (NoBid, TypeError, "a NoneType")],
)
def test_what_is_no_bid_names_strategy_and_owners(
    extra: Callable[[type[Strategy]], str], kind: type[Strategy], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=rf"strategy 'extra', owners 0, 1, 2, 3, 4, \.\.\., round 3: .*{message}"):
        groups({extra(kind): 1.0}).bid(bidders(population()), stream)


@pytest.mark.parametrize(
    ("shares", "error", "message"),
    [
        ({"truthful": 0.7, "scaled-valuation": 0.2}, ValueError, "the shares sum to 0.9; make them sum to 1"),
        ({}, ValueError, "the shares sum to 0"),
        ({"truthfull": 1.0}, ValueError, "did you mean 'truthful'"),
        ({"truthful": 1.5, "scaled-valuation": -0.5}, ValueError, r"strategies\['truthful'\] = 1.5"),
        ({"truthful": "all"}, TypeError, "is not a number"),
        ("truthful", TypeError, "pass a mapping of names to shares"),
    ],
)
def test_shares_that_make_no_sense_are_refused(shares: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        groups(shares)  # type: ignore[arg-type]


def test_shares_may_miss_one_by_rounding() -> None:
    assert groups({"truthful": 0.1 + 0.2, "scaled-valuation": 0.7}).group.bincount().tolist() == [3, 7]


class Splits(Truthful):
    name: ClassVar[str] = "extra"

    def identities(self, view: MarketView, types: OwnerTypes) -> torch.Tensor:
        return torch.stack([types.data_size[0], torch.arange(types.shape[1]) // (types.shape[1] - 1)])


class Louder(Truthful):
    name: ClassVar[str] = "extra"

    def upload(self, view: MarketView, privacy_loss: torch.Tensor) -> torch.Tensor:
        return 2 * privacy_loss


class Silent(Truthful):
    name: ClassVar[str] = "extra"

    def upload(self, view: MarketView, privacy_loss: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(privacy_loss)


class Prints(Truthful):
    """Pays its members money that nobody gives."""

    name: ClassVar[str] = "extra"

    def settle(self, result: RoundResult) -> torch.Tensor:
        return torch.ones_like(result.utility)


class Vague(Truthful):
    name: ClassVar[str] = "extra"

    def settle(self, result: RoundResult) -> torch.Tensor:
        return torch.full_like(result.utility, torch.nan)


class Lists(Truthful):
    """Answers in lists instead of tensors."""

    name: ClassVar[str] = "extra"

    def identities(self, view: MarketView, types: OwnerTypes) -> torch.Tensor:
        return types.data_size.tolist()  # type: ignore[return-value]

    def settle(self, result: RoundResult) -> torch.Tensor:
        return [0.0] * len(result.utility)  # type: ignore[return-value]


class TestBeyondTheBid:
    """Splitting, uploading and side payments are checked as bids are, before money moves."""

    def test_identities_hold_no_more_than_their_owner(self) -> None:
        dealt = groups({"truthful": 0.5, Splits: 0.5})
        last = (dealt.group == 1).nonzero()[-1].item()
        with pytest.raises(ValueError, match=rf"strategy 'extra', owner {last}, round 3: identities.* above the true"):
            dealt.identities(bidders(population()), stream)

    @pytest.mark.parametrize(("kind", "message"), [(Louder, "no upload may lose more"), (Silent, "may send nothing")])
    def test_an_upload_loses_something_but_no_more_than_was_sold(self, kind: type[Strategy], message: str) -> None:
        dealt, types = groups({"truthful": 0.5, kind: 0.5}), population()
        settled = settlement(types, types.truthful_bids())
        first = min(owner for owner in range(1, 10) if dealt.group[owner] == 1)
        with pytest.raises(ValueError, match=rf"strategy 'extra', owner {first}, round 3: upload.*{message}"):
            dealt.upload(settled.bidders, settled.outcome)

    @pytest.mark.parametrize(("kind", "message"), [(Prints, "sum to 5.0; what one receives"), (Vague, "finite number")])
    def test_side_payments_balance(self, kind: type[Strategy], message: str) -> None:
        dealt, types = groups({"truthful": 0.5, kind: 0.5}), population()
        with pytest.raises(ValueError, match=rf"strategy 'extra', owners? .*, round 3: settle.*{message}"):
            dealt.side_payments(settlement(types, types.truthful_bids()))

    def test_lists_are_taken_or_refused_by_name(self) -> None:
        dealt, types = groups({"truthful": 0.5, Lists: 0.5}), population()
        assert not dealt.identities(bidders(types), stream).any_split
        with pytest.raises(TypeError, match=r"strategy 'extra', owners .*, round 3: settle returned a list"):
            dealt.side_payments(settlement(types, types.truthful_bids()))

    def test_who_does_none_of_this_is_not_asked(self) -> None:
        dealt, types = groups(MIXED), population()
        settled = settlement(types, types.truthful_bids())
        assert dealt.side_payments(settled).tolist() == [[0.0] * 10]
        used = dealt.upload(settled.bidders, settled.outcome)
        assert used.tolist() == list(range(10))
        assert not dealt.identities(bidders(types), stream).any_split


class SeesAll(Truthful):
    name: ClassVar[str] = "sees-all"
    moves_last: ClassVar[bool] = True
    seen: ClassVar[list[MarketView]] = []

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        self.seen.append(view)
        return types.truthful_bids().replace(privacy_budget=types.privacy_budget / 4)


class SeesAllToo(SeesAll):
    name: ClassVar[str] = "sees-all-too"


def test_who_moves_last_sees_the_bids_of_who_moved_first_and_nobody_elses_type() -> None:
    SeesAll.seen.clear()
    dealt = groups({SeesAll: 0.3, "understated-privacy-budget": 0.4, SeesAllToo: 0.3})
    types = population()
    bids = dealt.bid(bidders(types), stream)
    first, second = SeesAll.seen
    for view in (first, second):
        assert view.everybody is not None
        # Without a prior nothing is known of a last mover who has never bid: she is taken to be absent.
        expected = torch.where(dealt.group == 1, 0.5, 0.0) * types.privacy_budget
        assert torch.equal(view.everybody.privacy_budget, expected)
        assert torch.equal(view.everybody.present[0], dealt.group == 1)
    assert torch.equal(first.row, (dealt.group == 0).nonzero()[:, 0])
    assert torch.equal(bids.privacy_budget, torch.where(dealt.group == 1, 0.5, 0.25) * types.privacy_budget)


def test_once_a_last_mover_has_bid_others_know_that_bid() -> None:
    SeesAll.seen.clear()
    dealt = groups({SeesAll: 0.3, "truthful": 0.4, SeesAllToo: 0.3})
    types = population()
    dealt.observe(settlement(types, dealt.bid(bidders(types), stream)))
    dealt.bid(bidders(types), stream)
    for view in SeesAll.seen[2:]:
        assert view.everybody is not None
        share = torch.where(dealt.group == 1, 1.0, 0.25)
        assert torch.equal(view.everybody.privacy_budget, share * types.privacy_budget)


def test_of_a_last_mover_who_has_not_bid_the_prior_is_known() -> None:
    SeesAll.seen.clear()
    prior = OwnerPrior(records=1000, owners=10)
    dealt = StrategyGroups(
        {SeesAll: 0.5, "truthful": 0.5}, 10, torch.Generator().manual_seed(1), public=PublicKnowledge(prior=prior)
    )
    types = population()
    dealt.bid(bidders(types), stream)
    (view,) = SeesAll.seen
    drawn, _ = prior.sample(1, 5, stream("strategies/last movers"))
    assert view.everybody is not None
    assert torch.equal(view.everybody.data_size[:, dealt.group == 0], drawn.data_size)
    assert torch.equal(view.everybody.data_size[:, dealt.group == 1], types.data_size[:, dealt.group == 1])
