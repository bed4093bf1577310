"""How much an audit does: whatever its figures depend on besides the auction, the prior and the lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.checks import seed_number, whole

MIXED: tuple[int, ...] = (10, 3, 10, 10, 30, 10, 10, 1, 10, 10, 10, 2, 10, 10, 10, 6, 10, 10, 10, 10)
"""Bidders of the markets of one chunk after another, unless said otherwise: mostly ten, as in the paper."""


@dataclass(frozen=True)
class AuditSettings:
    """Size, effort and seed of an audit.

    Parameters
    ----------
    profiles : int
        Markets.
    owners : int or sequence of int
        Bidders in each; several numbers take turns, one chunk of profiles each.
    queries : int
        Lies evaluated per owner, by all attackers together.
    finalists : int
        Owners, those from whom most was found, who meet the attackers that take longest.
    chunk : int
        Profiles worked on at once; figures depend on it as they do on the seed.
    checks : bool
        Also try to refute whatever the auction declares, as ``check_auction`` does: called as the market calls it, for
        1 to 1 000 owners, after other calls, on every form of bid.
    controls : bool
        Audit the positive controls too.
    seed : int

    Raises
    ------
    TypeError, ValueError
        Naming the setting, its value and the remedy.
    """

    profiles: int = 1000
    owners: int | Sequence[int] = MIXED
    queries: int = 300
    finalists: int = 200
    chunk: int = 25
    checks: bool = True
    controls: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("profiles", "queries", "chunk"):
            whole(name, getattr(self, name), minimum=1)
        if isinstance(self.owners, Sequence):
            numbers = tuple(whole(f"owners[{place}]", each, minimum=1) for place, each in enumerate(self.owners))
            if not numbers:
                raise ValueError("owners is empty: pass a number of bidders, or several that take turns")
            object.__setattr__(self, "owners", numbers)
        else:
            whole("owners", self.owners, minimum=1)
        whole("finalists", self.finalists)
        seed_number("seed", self.seed)

    def numbers(self, maximum: int | None = None) -> tuple[int, ...]:
        """Bidders of the markets of each chunk in turn, at most as many as an auction was made for."""
        numbers = self.owners if isinstance(self.owners, tuple) else (self.owners,)
        return tuple(min(number, maximum or number) for number in numbers if isinstance(number, int))
