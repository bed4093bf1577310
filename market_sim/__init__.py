"""The market of federated learning models: its public face. Names are imported when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from market_sim.namesakes import allow_namesakes

if TYPE_CHECKING:
    from agents.broker.aggregation import error_bound, optimal_weights
    from agents.broker.auctions.base import Auction, Guarantees, MenuAuction
    from agents.broker.auctions.registry import list_auctions, load_auction
    from agents.broker.checking.check import check_auction
    from agents.messages import Bids, Outcome
    from agents.prior import OwnerPrior
    from agents.types import OwnerTypes
    from agents.valuation import FAMILIES, ParametricValuation, TabulatedValuation
    from market_sim.config import MarketConfig
    from market_sim.model import FLMarket
    from market_sim.results import load_results
    from market_sim.run import run_market
    from market_sim.sweeps.dataset import load_sweep
    from market_sim.sweeps.play import sweep
    from market_sim.verification.verify import verify

__all__ = [
    "FAMILIES",
    "Auction",
    "Bids",
    "FLMarket",
    "Guarantees",
    "MarketConfig",
    "MenuAuction",
    "Outcome",
    "OwnerPrior",
    "OwnerTypes",
    "ParametricValuation",
    "TabulatedValuation",
    "check_auction",
    "error_bound",
    "list_auctions",
    "load_auction",
    "load_results",
    "load_sweep",
    "optimal_weights",
    "run_market",
    "sweep",
    "verify",
]

allow_namesakes()

_HOMES = {
    "agents.broker.aggregation": ("error_bound", "optimal_weights"),
    "agents.broker.auctions.base": ("Auction", "Guarantees", "MenuAuction"),
    "agents.broker.checking.check": ("check_auction",),
    "agents.broker.auctions.registry": ("list_auctions", "load_auction"),
    "agents.messages": ("Bids", "Outcome"),
    "agents.prior": ("OwnerPrior",),
    "agents.types": ("OwnerTypes",),
    "agents.valuation": ("FAMILIES", "ParametricValuation", "TabulatedValuation"),
    "market_sim.config": ("MarketConfig",),
    "market_sim.model": ("FLMarket",),
    "market_sim.results": ("load_results",),
    "market_sim.run": ("run_market",),
    "market_sim.sweeps.dataset": ("load_sweep",),
    "market_sim.sweeps.play": ("sweep",),
    "market_sim.verification.verify": ("verify",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name from where it is defined."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
