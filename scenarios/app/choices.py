"""What a visitor chooses, and the market that comes of it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.owner.strategies.base import Strategy
from market_sim.config import MarketConfig
from market_sim.model import FLMarket

TRUTHFUL = "truthful"

_BUILDING = threading.Lock()


@dataclass(frozen=True)
class Choices:
    """The position of every control.

    Parameters
    ----------
    auction, aggregation, perturbation, task, network : str
        Names out of the registries.
    owners, bidders, rounds, seed : int
    budget_factor, privacy_budget : pair of float
        Ranges of the uniform draws.
    deviators : mapping of str to int
        Strategies and how many per cent of the owners follow them; the rest tell the truth.
    first_best : bool
        Search for the first best in every round too.
    """

    auction: str = "sequential-menu"
    aggregation: str = "variance"
    perturbation: str = "privunit"
    task: str = "digits"
    network: str = "none"
    owners: int = 60
    bidders: int = 30
    rounds: int = 300
    seed: int = 0
    budget_factor: tuple[float, float] = (0.1, 2.0)
    privacy_budget: tuple[float, float] = (0.5, 2.0)
    deviators: Mapping[str, int] = field(
        default_factory=lambda: {
            "scaled-valuation": 10,
            "understated-privacy-budget": 10,
            "understated-data-size": 5,
            "random-misreport": 5,
        }
    )
    first_best: bool = False

    @property
    def shares(self) -> dict[str | type[Strategy], float]:
        """Shares of all strategies, the deviators' and, for the rest, the truth."""
        shares: dict[str | type[Strategy], float] = {
            name: percent / 100 for name, percent in self.deviators.items() if percent
        }
        rest = (100 - sum(self.deviators.values())) / 100
        return {TRUTHFUL: rest, **shares} if rest > 0 else shares

    @property
    def config(self) -> MarketConfig:
        """The configuration; what does not go together is refused with ValueError or TypeError."""
        names = ("auction", "aggregation", "perturbation", "task", "network", "owners", "bidders", "rounds")
        chosen = {name: getattr(self, name) for name in (*names, "budget_factor", "privacy_budget", "first_best")}
        return MarketConfig(**chosen, strategies=self.shares)


@dataclass(frozen=True)
class BuiltMarket:
    """A market that has not been played, the choices it was built from, and the warnings of building it."""

    model: FLMarket
    choices: Choices
    warnings: tuple[str, ...] = ()


def refusal(choices: Choices) -> str | None:
    """Why these choices do not go together; None if nothing is known against them before the market is built."""
    try:
        _ = choices.config
    except (TypeError, ValueError) as error:
        return str(error)
    return None


def build(choices: Choices) -> BuiltMarket:
    """Build a market, collecting warnings instead of printing them.

    Raises
    ------
    TypeError, ValueError, OSError
        If it cannot be built; the message says why and what to do.
    """
    # Collecting warnings swaps a hook of the whole process, so visitors take turns.
    with _BUILDING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = FLMarket(choices.config, seed=choices.seed)
    return BuiltMarket(
        model=model, choices=choices, warnings=tuple(dict.fromkeys(str(each.message) for each in caught))
    )
