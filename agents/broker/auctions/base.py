"""What an auction is: a batched function from bids and a budget to an outcome, with declared guarantees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from agents.checks import count_array, generator_of, real_array
from agents.messages import BID_FIELDS, Bids, Outcome
from agents.saved_state import Remembering
from agents.surplus import surplus
from agents.units import PublicUnits

if TYPE_CHECKING:
    from agents.broker.auctions.parts.recall import Recall

MIN_WEIGHT, MAX_WEIGHT = 2.0**-400, 2.0**400
"""Range of weights and budgets within which no intermediate product leaves the range of float64."""
FIELDS: frozenset[str] = BID_FIELDS
ERROR = 2.0**-50
"""Share of payment and cost within which their plain difference is right."""
SMALLEST = 2.0**-1000
"""Money about which nothing is known before it is rounded with care: shares of it leave the range of float64."""
_ENTRIES_AT_A_TIME = 2**16
"""Entries of price lists compared at a time: what that needs fits a cache."""


@dataclass(frozen=True)
class Guarantees:
    """What a mechanism promises ex post, whatever the others do; ``check_auction`` tries to refute it.

    Parameters
    ----------
    truthful_in : frozenset of str
        Fields of the bid (valuation, privacy_budget, data_size) in which no lie ever pays.
    individually_rational, budget_feasible : bool
        No truthful owner loses; payments never exceed the budget.
    verified : frozenset of str
        Fields taken as known: the market replaces the reported by the true value.
    cannot_overstate : frozenset of str
        Fields that nobody can overstate, an assumption on which truthfulness rests. Where the data size is not among
        them, lies about more records than she has are tried as well (selling them is minus infinity).
    """

    truthful_in: frozenset[str] = frozenset()
    individually_rational: bool = True
    budget_feasible: bool = True
    verified: frozenset[str] = frozenset()
    cannot_overstate: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("individually_rational", "budget_feasible"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} = {getattr(self, name)!r}: pass True or False")
        for name in ("truthful_in", "verified", "cannot_overstate"):
            given = getattr(self, name)
            fields = frozenset([given] if isinstance(given, str) else given)
            if not fields <= FIELDS:
                raise ValueError(f"{name} = {sorted(fields)}: pass fields out of {sorted(FIELDS)}")
            object.__setattr__(self, name, fields)

    @property
    def strategic(self) -> frozenset[str]:
        """Fields that an owner may lie about."""
        return FIELDS - self.verified

    @property
    def assumption(self) -> str:
        """What truthfulness rests on, in a sentence; empty if on nothing."""
        if not self.cannot_overstate:
            return ""
        named = " or ".join(name.replace("_", " ") for name in sorted(self.cannot_overstate))
        return f"Assumed: nobody can overstate her {named} (the market refuses it); such lies are not tried."


class Auction(Remembering, ABC):
    """A procurement auction of privacy: bids and budget in, privacy losses and payments out.

    A subclass sets ``name`` and ``guarantees`` and implements ``allocate``; one file with one class is all it takes.
    ``planted`` marks positive controls, rules that claim what they do not keep, for the checks to catch; ``refuted``
    marks rules kept as their authors published them although a claim of theirs is false; ``anonymous`` marks rules to
    which the order of the owners means nothing, but that it breaks ties.
    Rows of a batch are independent markets; an owner whose data size is 0 is absent.

    Parameters
    ----------
    units : PublicUnits, optional
        Public units of records and money; only learned auctions need them.

    Attributes
    ----------
    asked_ahead : bool
        Whether a market asks for a round and all its counterfactuals in one batch. Only for a rule that draws and
        remembers nothing and has the same bits for a row whatever the others are, and of which a batch costs little
        more than a row. Classes derived from it say so themselves.
    max_owners : int or None
        Most owners present in a market that the auction can serve; None where any number will do.
    recall : Recall or None
        Answers given before, which are not worked out again; None where every answer is.
    """

    name: ClassVar[str]
    guarantees: ClassVar[Guarantees]
    planted: ClassVar[bool] = False
    refuted: ClassVar[bool] = False
    anonymous: ClassVar[bool] = False
    asked_ahead: ClassVar[bool] = False
    max_owners: int | None = None
    recall: Recall | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.asked_ahead = vars(cls).get("asked_ahead", False)

    def __init__(self, units: PublicUnits | None = None) -> None:
        for given, kind, remedy in (
            ("name", str, 'name = "my-auction"'),
            ("guarantees", Guarantees, "guarantees = Guarantees(truthful_in=...), or Guarantees() if lying may pay,"),
        ):
            if not isinstance(getattr(self, given, None), kind):
                raise TypeError(f"auction {type(self).__name__} has no {given}: write {remedy} into the class")
        self.units = units

    def run(self, bids: Bids, budget: Any, generator: torch.Generator | None = None) -> Outcome:
        """Run one auction per row.

        Parameters
        ----------
        bids : Bids [B, n]
        budget : float64[B]
            Money the buyer spends at most; 0 is legal and buys nothing.
        generator : torch.Generator, optional
            Only lotteries draw from it.

        Returns
        -------
        Outcome [B, n]

        Raises
        ------
        ValueError
            If more owners are present than the auction can serve.
        """
        if generator is not None:
            generator_of("generator", generator)
        money = check_budget(bids, budget)
        self.check_capacity(bids)
        if not bids.shape[1]:
            return Outcome.nothing(*bids.shape)
        if self.recall is None:
            outcome = self.allocate(bids, money, generator)
        else:
            outcome = self.recall.outcome(lambda some, each: self.allocate(some, each, generator), bids, money)
        if not isinstance(outcome, Outcome):
            raise TypeError(f"auction {self.name!r} returned a {type(outcome).__name__}; return an Outcome")
        self.check_shape("outcome", outcome.payment, bids)
        return outcome

    def alone(self, bids: Bids, budget: Tensor, instead: Bids, rows: Tensor) -> tuple[Outcome, Tensor] | None:
        """What some owners would get, each had she alone bid otherwise: faster than a rerun each, and the same bits.

        A rule that shares work between such reruns overrides it. It has to be pure; lotteries need not be known.

        Parameters
        ----------
        bids : Bids [1, n]
        budget : float64[1]
        instead : Bids [1, n]
            What each would have bid.
        rows : int64[D]
            Who is asked for.

        Returns
        -------
        (Outcome [1, D], known bool[D]) or None
            By default None: the rule has to be run again for each. So it has for those who are not known.
        """
        return None

    def check_shape(self, what: str, array: Tensor, bids: Bids) -> None:
        """Refuse an answer that is not one for every owner."""
        if tuple(array.shape[:2]) != bids.shape:
            raise ValueError(
                f"auction {self.name!r} returned an {what} of shape {list(array.shape)} for bids of shape "
                f"{list(bids.shape)}; return one entry for every owner, 0 for whoever sells nothing"
            )

    def supports(self, bids: Bids) -> bool:
        """Whether it can serve every market of the batch."""
        return self.max_owners is None or not bool((bids.present.sum(-1) > self.max_owners).any())

    def check_capacity(self, bids: Bids) -> None:
        """Refuse markets with more owners present than it can serve."""
        if not self.supports(bids):
            maximum = int(bids.present.sum(-1).max())
            raise ValueError(
                f"bids has a market of {maximum} owners, but auction {self.name!r} was made for at most "
                f"{self.max_owners}: invite fewer bidders, or choose an auction for any number of owners"
            )

    @abstractmethod
    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """The rule itself, on checked input with at least one owner, present or not."""


@dataclass(frozen=True)
class Menu:
    """Price lists: one per owner, each fixed before she chooses, so that no lie of hers improves it.

    At level k she may sell any number of records up to ``records`` at ``price`` money per record each; level 0 is
    nothing for nothing.

    Parameters
    ----------
    privacy_loss : float64[B, n, K]
        0 at level 0.
    price : float64[B, n, K]
        Money per record.
    records : int64[B, n, K]
        Most records bought at this level.
    """

    privacy_loss: Tensor
    price: Tensor
    records: Tensor

    def __post_init__(self) -> None:
        shape = tuple(self.price.shape)
        real_array("privacy_loss", self.privacy_loss, shape=shape)
        real_array("price", self.price, shape=shape)
        count_array("records", self.records, shape=shape)

    def utility(self, bids: Bids) -> Tensor:
        """Utility ``[B, n, K]`` of every entry to owners who are as their bids say; -inf if not theirs to sell."""
        cost = bids.valuation.at(self.privacy_loss)
        return entry_utility(self.privacy_loss, self.price, self.records, cost, bids.privacy_budget, bids.data_size)

    def choose(self, bids: Bids) -> Outcome:
        """Everybody's favourite entry, chosen for her from her bid; ties go to selling less."""
        cost = bids.valuation.at(self.privacy_loss)
        level, records, payment = favourite(
            self.privacy_loss, self.price, self.records, cost, bids.privacy_budget, bids.data_size
        )
        privacy_loss = self.privacy_loss.gather(-1, level[..., None])[..., 0]
        return Outcome(privacy_loss=privacy_loss, payment=payment, data_size=records)


def entry_utility(
    privacy_loss: Tensor, price: Tensor, records: Tensor, cost: Tensor, privacy_budget: Tensor, data_size: Tensor
) -> Tensor:
    """Utility ``[..., K]`` of every entry of a price list; minus infinity where it is not hers to sell."""
    sold = torch.minimum(records, data_size[..., None]).double()
    utility = surplus(price * sold, sold, cost)
    impossible = (privacy_loss > privacy_budget[..., None]) | ((sold == 0) & (privacy_loss > 0))
    return torch.where(impossible, -torch.inf, utility)


def favourite(
    privacy_loss: Tensor, price: Tensor, records: Tensor, cost: Tensor, privacy_budget: Tensor, data_size: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The entry an owner likes best, ties to the lowest level: level, records sold and payment ``[...]``."""
    entries = (each.expand(cost.shape) for each in (privacy_loss, price, records, cost))
    level = _best_level(tuple(entries), privacy_budget, data_size)
    sold = torch.minimum(records.gather(-1, level)[..., 0], data_size)
    return level[..., 0], sold, price.gather(-1, level)[..., 0] * sold


def _best_level(entries: tuple[Tensor, ...], privacy_budget: Tensor, data_size: Tensor) -> Tensor:
    """The lowest level ``[..., 1]`` of the highest utility; entries are privacy loss, price, records and cost.

    Utility is rounded but once, which takes a while: it is only asked for where the plain difference leaves open which
    entry is best.
    """
    privacy_loss, price, records, cost = entries
    axis = next((axis for axis, length in enumerate(data_size.shape) if length > 1), None)
    if axis is not None and price.numel() > _ENTRIES_AT_A_TIME:
        halves = (tuple(each.tensor_split(2, dim=axis)) for each in (*entries, privacy_budget, data_size))
        return torch.cat([_best_level(tuple(half[:4]), *half[4:]) for half in zip(*halves, strict=True)], dim=axis)
    sold = torch.minimum(records, data_size[..., None]).double()
    paid, lost = price * sold, sold * cost
    plain, error = paid - lost, (paid + lost) * ERROR + SMALLEST
    impossible = (privacy_loss > privacy_budget[..., None]) | ((sold == 0) & (privacy_loss > 0))
    plain, error = torch.where(impossible, -torch.inf, plain), torch.where(impossible, 0.0, error)
    level = plain.argmax(dim=-1, keepdim=True)
    others = (plain + error).scatter(-1, level, -torch.inf).amax(-1)
    # What is no number, where a cost is infinite, is not greater either.
    open_ = ~((plain - error).gather(-1, level)[..., 0] > others)
    if bool(open_.any()):
        some = (each[open_] for each in (*entries, privacy_budget, data_size))
        level[open_] = entry_utility(*some).argmax(dim=-1, keepdim=True)
    return level


class MenuAuction(Auction):
    """An auction in which everybody picks from a price list that no lie of hers improves.

    Of her own bid it may depend on what ``list_depends_on`` names, and on nothing else. That must be the data size: for
    a smaller report every entry has to lie within one of the truthful list's, no more privacy loss, no lower price and
    no fewer records, so that no such lie can pay.

    Parameters
    ----------
    units : PublicUnits, optional
        Public units of records and money; only learned auctions need them.
    """

    list_depends_on: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def price_list(self, bids: Bids, budget: Any) -> Menu:
        """Everybody's price list ``[B, n, K]``, given what the others bid."""

    def alone(self, bids: Bids, budget: Tensor, instead: Bids, rows: Tensor) -> tuple[Outcome, Tensor] | None:
        """What each of ``rows`` alone picks for another bid from her list, unless that depends on this bid."""
        chosen = self.chosen_instead(bids, budget, instead)
        theirs = instead.take(owners=rows)
        # Her being there at all moves the lists of others, and so may move her own.
        known = bids.present[0, rows] & theirs.present[0]
        for name in self.list_depends_on:
            known = known & (getattr(theirs, name) == getattr(bids, name)[:, rows])[0]
        picked = (getattr(chosen, part)[:, rows] for part in ("privacy_loss", "payment", "data_size"))
        return Outcome(*picked), known

    def chosen_instead(self, bids: Bids, budget: Tensor, instead: Bids) -> Outcome:
        """What everybody would pick for another bid ``[B, n]`` from the list that she has as ``bids`` are."""
        return self.price_list(bids, budget).choose(instead)

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Give everybody her favourite entry of her own list."""
        menu = self.price_list(bids, budget)
        self.check_shape("array of price lists", menu.price, bids)
        return menu.choose(bids)


def check_budget(bids: Bids, budget: Any) -> Tensor:
    """Return ``budget`` as float64[B], or say what is wrong with bids or budget."""
    if not isinstance(bids, Bids):
        raise TypeError(f"bids is a {type(bids).__name__}; pass Bids, e.g. types.truthful_bids()")
    return real_array("budget", budget, shape=(bids.shape[0],))


def money_quantum(budget: Tensor) -> Tensor:
    """Smallest money ``[B]`` that an exact auction pays in: a power of two, 2^-50 of the budget's.

    Sums and differences of its multiples up to the budget are exact in float64, so that "payments never exceed the
    budget" holds to the last bit in whatever order they are added.
    """
    exponent = torch.frexp(budget).exponent
    return torch.where(budget > 0, torch.ldexp(torch.ones_like(budget), exponent - 50), torch.ones_like(budget))


def spendable(budget: Tensor) -> tuple[Tensor, Tensor]:
    """What of ``budget[B]`` can be paid out, and the money unit ``[B]`` that it and every payment is a multiple of."""
    budget = torch.where(budget >= MIN_WEIGHT, budget.clamp(max=MAX_WEIGHT), 0.0)
    quantum = money_quantum(budget)
    return (budget / quantum).floor() * quantum, quantum
