"""How a recorded run can be played again: its configuration, with stand-ins for what cannot be had again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents.broker.auctions.base import Auction
from agents.own_classes import class_of, made_of
from agents.owner.strategies.base import Strategy
from agents.owner.strategies.registry import strategy_classes
from agents.owner.strategy_shares import strategy_name
from agents.perturbation.base import Perturbation
from market_sim.config import MarketConfig
from market_sim.verification.recorded import RecordedRun
from market_sim.verification.stand_ins import RecordedAuction, recorded_strategy


@dataclass(frozen=True)
class ReplayPlan:
    """A configuration to play, and why parts of it are stand-ins.

    Parameters
    ----------
    config : MarketConfig
    unknown : dict of str to str
        Strategies that are only known from the record, and why.
    unknown_auction : str, optional
        Why the auction is.
    """

    config: MarketConfig
    unknown: Mapping[str, str]
    unknown_auction: str | None = None

    @classmethod
    def of(cls, record: RecordedRun) -> ReplayPlan:
        """Find the classes of one's own again; stand-ins take the place of those that cannot be imported.

        Raises
        ------
        TypeError, ValueError, OSError
            If the configuration is none, or a file that it names is missing.
        """
        given = dict(record.manifest["config"])
        auction, reason = _auction(record)
        own = record.manifest.get("own_strategies") or {}
        strategies: dict[Any, Any] = {}
        unknown: dict[str, str] = {}
        for name, share in dict(given.get("strategies") or {}).items():
            is_own = name in own and name not in strategy_classes()
            key, why = _strategy(record, name, own[name]) if is_own else (name, None)
            strategies[key] = share
            if why is not None:
                unknown[name] = why
        given.update(
            perturbation=_perturbation(record),
            auction=auction,
            strategies=strategies,
            strategy_options=_known_options(given, unknown),
        )
        return cls(MarketConfig(**given), unknown, reason)

    def without_strategies(self, why: str) -> ReplayPlan:
        """The same with stand-ins for strategies of one's own; for all, if it is the auction that nobody knows."""
        names = [
            strategy_name(key)
            for key in self.config.strategies
            if self.unknown_auction is not None or not isinstance(key, str)
        ]
        return replace(self, unknown={**dict.fromkeys(names, why), **self.unknown})


def _known_options(given: Mapping[str, Any], unknown: Mapping[str, str]) -> dict[str, Any]:
    """Options of the strategies that are no stand-ins."""
    return {name: chosen for name, chosen in dict(given.get("strategy_options") or {}).items() if name not in unknown}


def _auction(record: RecordedRun) -> tuple[Any, str | None]:
    """The auction to play, or a stand-in and the reason."""
    name, said = str(record.manifest["config"].get("auction")), record.manifest["auction"]
    construct = said.get("construct")
    if isinstance(construct, str) and (":" not in construct or construct.endswith(".safetensors")):
        return name, None
    if not isinstance(construct, str):
        why = f"auction {name!r} was made in a script, or with arguments that are not recorded"
    else:
        try:
            made = made_of(construct, Auction)  # type: ignore[type-abstract]
            # One that was asked for by this name is asked for so again.
            return (name if name == construct else made), None
        except (TypeError, ValueError) as error:
            why = f"auction {error}"
    verified = (said.get("guarantees") or {}).get("verified") or ()
    return RecordedAuction(name, verified), why


def _perturbation(record: RecordedRun) -> Any:
    """The perturbation to play; without it nobody knows how much noise there was."""
    name, said = record.manifest["config"].get("perturbation"), record.manifest.get("perturbation") or {}
    if said and said.get("construct") is None:
        raise ValueError(
            f"perturbation {name!r} was made in a script, or with arguments that are not recorded: put its "
            "class into a module that can be imported, and run the market again"
        )
    construct = said.get("construct", name)
    if isinstance(construct, str) and name != construct:
        return class_of(construct, Perturbation)
    return construct


def _strategy(record: RecordedRun, name: str, said: Mapping[str, Any]) -> tuple[type[Strategy], str | None]:
    """The strategy class to play, or a stand-in and the reason."""
    if said.get("class") is None:
        why = f"strategy {name!r} was defined in a script"
    else:
        try:
            return class_of(str(said["class"]), Strategy), None  # type: ignore[type-abstract]
        except ValueError as error:
            why = f"strategy {error}"
    return recorded_strategy(name, record, moves_last=bool(said.get("moves_last"))), why
