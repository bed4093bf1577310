"""Stand-ins for strategies and auctions that cannot be had again: what they decided is read off the record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.messages import Bids, Outcome
from agents.owner.bidders import Bidders
from agents.owner.identities import Identities
from agents.owner.strategies.base import MarketView, RoundResult, Strategy
from agents.types import OwnerTypes
from agents.valuation import FAMILIES, ParametricValuation, TabulatedValuation, Valuation
from market_sim.verification.recorded import RecordedRun, Row


class CannotBeKnownError(Exception):
    """A strategy asked for something that a verification does not have."""


class RecordedStrategy(Strategy):
    """Owners who say and do what the tables say that they did; under how many names, the market takes from there."""

    record: ClassVar[RecordedRun]

    def __init__(self, owners: int) -> None:
        super().__init__(owners)
        self._round = 0
        self._owner: dict[int, int] = {}

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the recorded bids; whoever has none tells the truth."""
        assert view.owner is not None
        owners, self._round = view.owner.tolist(), view.announcement.round
        self._owner.update(zip(view.member.tolist(), owners, strict=True))
        rows = rows_of(self.record, self._round, owners)
        truth = types.truthful_bids()
        return Bids(
            valuation=_valuation(self.record, self._round, list(zip(owners, rows, strict=True)), truth.valuation),
            privacy_budget=_column(rows, "reported_privacy_budget", truth.privacy_budget),
            data_size=_column(rows, "reported_data_size", truth.data_size),
        )

    def groups(self, view: MarketView) -> Tensor:
        """Return the recorded groups."""
        assert view.owner is not None
        trades = [self.record.trade(view.announcement.round, owner) for owner in view.owner.tolist()]
        numbers = [-1 if row is None or row["group"] is None else row["group"] for row in trades]
        return torch.tensor(numbers, dtype=torch.int64)

    def settle(self, result: RoundResult) -> Tensor:
        """Return the recorded side payments."""
        rows = [self.record.trade(self._round, self._owner[member]) for member in result.member.tolist()]
        return _column(rows, "transfer", torch.zeros(1, len(rows), dtype=torch.float64))[0]


def recorded_strategy(name: str, record: RecordedRun, *, moves_last: bool) -> type[Strategy]:
    """A class that stands for the strategy ``name`` of a recorded run."""
    return type("Recorded", (RecordedStrategy,), {"name": name, "record": record, "moves_last": moves_last})


class RecordedAuction(Auction):
    """Stands for an auction that cannot be had again; of what other bids would have brought it knows nothing."""

    name = "recorded"
    guarantees = Guarantees()

    def __init__(self, name: str, verified: Iterable[str]) -> None:
        self.name = name  # type: ignore[misc]
        self.guarantees = Guarantees(verified=frozenset(verified))  # type: ignore[misc]
        self.answers = False
        super().__init__()

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Nothing, to a market that will not believe it; nobody else is to reason with that."""
        if not self.answers:
            raise CannotBeKnownError("reasons with the rule of the auction")
        return Outcome.nothing(*bids.shape)


def recorded_outcome(record: RecordedRun, bidders: Bidders) -> Outcome:
    """What every row ``[1, r]`` of a round sold and was paid; nothing where no row was recorded."""
    rows = rows_of(record, bidders.announcement.round, bidders.row_owners.tolist())
    none = Outcome.nothing(1, len(rows))
    return Outcome(
        privacy_loss=_column(rows, "privacy_loss", none.privacy_loss),
        payment=_column(rows, "payment", none.payment),
        data_size=_column(rows, "records", none.data_size),
    )


def recorded_identities(record: RecordedRun, bidders: Bidders) -> Identities:
    """Under which names the bidders of a round appeared.

    Raises
    ------
    ValueError
        If the recorded positions are no order of the bids.
    """
    round = bidders.announcement.round
    found: list[tuple[int, int, int]] = []  # position, place of the bidder, records held
    first = []
    for place, owner in enumerate(bidders.owners.tolist()):
        rows, held = record.decisions(round, owner), int(bidders.types.data_size[0, place])
        parts = [row["held"] or 0 for row in rows] if len(rows) > 1 else [held]
        found += [(row["position"], place, part) for row, part in zip(rows, parts, strict=True)]
        trade = record.trade(round, owner)
        first.append(None if trade is None else trade["position"])
    if sorted(position for position, _, _ in found) != list(range(len(found))) or None in first:
        raise ValueError(f"round {round}: the recorded positions are no order of its bids")
    found.sort()
    return Identities(
        place=torch.tensor([place for _, place, _ in found]),
        records=torch.tensor([held for _, _, held in found]),
        first=torch.tensor(first),
    )


def rows_of(record: RecordedRun, round: int, owners: Sequence[int]) -> list[Row | None]:
    """The recorded row of every row of the bids: an owner's k-th is the k-th of her identities."""
    seen: dict[int, int] = {}
    rows: list[Row | None] = []
    for owner in owners:
        decisions, nth = record.decisions(round, owner), seen.get(owner, 0)
        rows.append(decisions[nth] if nth < len(decisions) else None)
        seen[owner] = nth + 1
    return rows


def _column(rows: Sequence[Row | None], name: str, otherwise: Tensor) -> Tensor:
    """Values ``[1, m]`` of a column, those of ``otherwise[1, m]`` where there is none."""
    values: list[Any] = [None if row is None else row[name] for row in rows]
    known = [default if value is None else value for value, default in zip(values, otherwise[0].tolist(), strict=True)]
    return torch.tensor([known], dtype=otherwise.dtype)


def _valuation(record: RecordedRun, round: int, rows: Sequence[tuple[int, Row | None]], truth: Valuation) -> Valuation:
    """The curves ``[1, m]`` that owners reported: families, tables, or the truth where none was recorded."""
    family, factor = torch.zeros(1, len(rows), dtype=torch.int64), torch.zeros(1, len(rows), dtype=torch.float64)
    none = torch.zeros(1, len(rows), dtype=torch.bool)
    parametric, absent = none.clone(), none.clone()
    tables: dict[tuple[float, ...], dict[int, list[float]]] = {}
    for place, (owner, row) in enumerate(rows):
        if row is None:
            absent[0, place] = True
        elif row["reported_family"] is not None:
            if row["reported_family"] not in FAMILIES or row["reported_factor"] is None:
                raise ValueError(f"round {round}: owner {owner} is recorded with a curve that is none")
            parametric[0, place] = True
            family[0, place] = FAMILIES.index(row["reported_family"])
            factor[0, place] = row["reported_factor"]
        else:
            levels, costs = record.curve(round, owner, row["position"])
            if not levels:
                raise ValueError(f"round {round}: the curve that owner {owner} reported is not in the tables")
            tables.setdefault(tuple(levels), {})[place] = costs
    valuation: Valuation = ParametricValuation(family=family, factor=factor)
    for grid, curves in tables.items():
        mask, some = none.clone(), next(iter(curves.values()))
        mask[0, list(curves)] = True
        cost = torch.tensor([[curves.get(place, some) for place in range(len(rows))]], dtype=torch.float64)
        table = TabulatedValuation(levels=torch.tensor(grid, dtype=torch.float64), cost=cost)
        valuation = table if bool(mask.all()) else table.where(mask, valuation)
    return truth.where(absent, valuation) if bool(absent.any()) else valuation
