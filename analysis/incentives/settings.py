"""How much an audit does: whatever its figures depend on besides the auction, the prior and the lies."""

from __future__ import annotations

from dataclasses import dataclass

from agents.checks import seed_number, whole


@dataclass(frozen=True)
class AuditSettings:
    """Size, effort and seed of an audit.

    Parameters
    ----------
    profiles, owners : int
        Markets, and bidders in each.
    queries : int
        Lies evaluated per owner, by all attackers together.
    finalists : int
        Owners, those from whom most was found, who meet the attackers that take longest.
    chunk : int
        Profiles worked on at once; figures depend on it as they do on the seed.
    controls : bool
        Audit the positive controls too.
    seed : int

    Raises
    ------
    TypeError, ValueError
        Naming the setting, its value and the remedy.
    """

    profiles: int = 1000
    owners: int = 10
    queries: int = 300
    finalists: int = 200
    chunk: int = 25
    controls: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("profiles", "owners", "queries", "chunk"):
            whole(name, getattr(self, name), minimum=1)
        whole("finalists", self.finalists)
        seed_number("seed", self.seed)
