"""The public units in which learned auctions see records and money."""

from __future__ import annotations

from dataclasses import dataclass

from agents.checks import number


@dataclass(frozen=True)
class PublicUnits:
    """Known to everybody before anybody bids, and never computed from a round's bids.

    Parameters
    ----------
    records : float
        Mean data size of an owner under the prior.
    money_per_record : float
        Mean cost of one record at privacy losses between 0.5 and 2, the paper's, under the prior. Prices are learned at
        absolute privacy losses, so their unit may not move with what owners tolerate.
    """

    records: float
    money_per_record: float

    def __post_init__(self) -> None:
        number("records", self.records, above=0.0)
        number("money_per_record", self.money_per_record, above=0.0)

    @property
    def money(self) -> float:
        """What an owner of mean size asks for all she has, on average, at privacy losses between 0.5 and 2."""
        return self.records * self.money_per_record
