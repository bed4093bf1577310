"""What an owner's privacy account of a run promises: which of its two totals holds, and why."""

from __future__ import annotations

from typing import Any

from agents.owner.strategy_shares import strategy_class, strategy_name
from market_sim.config import MarketConfig


def privacy_account(config: MarketConfig) -> dict[str, Any]:
    """Which total holds in a market: ``holds`` ("total", "sum" or "none"), at which ``delta``, and the reason.

    The tight total is for losses that were fixed without the noisy uploads. A loss follows from bids, budgets and the
    auction; bids can depend on uploads only through the global model, which strategies see that declare to read it.
    """
    followers = [
        strategy_name(key) for key, share in config.strategies.items() if share > 0 and strategy_class(key).reads_model
    ]
    if not config.mechanism.private:
        holds, reason = "none", "uploads carry no noise: nothing is promised"
    elif followers:
        holds = "sum"
        reason = f"{', '.join(followers)} may bid by the global model, which the uploads made: only the plain sum holds"
    else:
        holds = "total"
        reason = "no strategy sees the global model, so that no loss depends on an upload: the tight total holds"
    return {"delta": config.delta, "holds": holds, "reason": reason}
