"""One round of a market as tables: all offers, one bidder's price list, and her cost curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from agents.broker.auctions.base import Menu
from market_sim.record import RoundRecord

CURVE_POINTS = 80


def offer_table(record: RoundRecord, menu: Menu | None) -> pd.DataFrame:
    """One row per bidder of a round.

    Parameters
    ----------
    record : RoundRecord
    menu : Menu [1, n, K], optional
        The round's price lists, if its auction has any.

    Returns
    -------
    DataFrame
        ``owner, strategy, truthful, sells, data_size, records, privacy_budget, privacy_loss`` (0 where nothing is
        sold), and in money per record ``price`` (paid; or, to whoever sold nothing, offered for her best entry; missing
        if the auction named none), ``cost`` (true) and ``ask`` (as she bid), all at the same privacy loss.
    """
    types, outcome = record.types, record.outcome
    sells = outcome.sells
    price = outcome.payment / outcome.data_size.clamp(min=1)
    at = torch.where(sells, outcome.privacy_loss, types.privacy_budget)  # [1, owner]
    price = torch.where(sells, price, torch.nan)
    if menu is not None:
        best, named = _best_entry(menu, record)
        declined = named & ~sells
        at = torch.where(declined, menu.privacy_loss.gather(-1, best)[..., 0], at)
        price = torch.where(declined, menu.price.gather(-1, best)[..., 0], price)
    return pd.DataFrame(
        {
            "owner": record.owners.tolist(),
            "strategy": record.strategies,
            "truthful": (~record.untruthful)[0].tolist(),
            "sells": sells[0].tolist(),
            "data_size": types.data_size[0].tolist(),
            "records": outcome.data_size[0].tolist(),
            "privacy_budget": types.privacy_budget[0].tolist(),
            "privacy_loss": torch.where(sells, outcome.privacy_loss, 0.0)[0].tolist(),
            "price": price[0].tolist(),
            "cost": types.valuation.at(at)[0].tolist(),
            "ask": record.bids.valuation.at(at)[0].tolist(),
        }
    )


def _best_entry(menu: Menu, record: RoundRecord) -> tuple[Tensor, Tensor]:
    """Entry ``[1, n, 1]`` that her true type would choose among those that sell anything, and whether there is one."""
    utility = menu.utility(record.types.truthful_bids())  # [1, owner, level]
    utility = torch.where((menu.privacy_loss == 0) | (menu.records == 0), -torch.inf, utility)
    best = utility.argmax(-1, keepdim=True)  # [1, owner, 1]
    return best, torch.isfinite(utility.gather(-1, best))[..., 0]


def price_list_table(record: RoundRecord, menu: Menu, place: int) -> pd.DataFrame:
    """Return the price list of one bidder.

    Returns
    -------
    DataFrame
        ``privacy_loss, price`` (money per record), ``records`` (at most), ``profit`` (true, in money; missing if it is
        not hers to sell), ``chosen`` by her bid and ``best`` by her true type; entries that sell nothing are left out.
    """
    by_bid, by_type = (menu.utility(bids)[0, place] for bids in (record.bids, record.types.truthful_bids()))  # [level]
    profit = torch.where(torch.isfinite(by_type), by_type, torch.nan)
    table = pd.DataFrame(
        {
            "privacy_loss": menu.privacy_loss[0, place].numpy(),
            "price": menu.price[0, place].numpy(),
            "records": menu.records[0, place].numpy(),
            "profit": profit.numpy(),
            "chosen": np.arange(len(profit)) == int(by_bid.argmax()),
            "best": np.arange(len(profit)) == int(by_type.argmax()),
        }
    )
    return table[(table["privacy_loss"] > 0) & (table["records"] > 0)]


def cost_curves(record: RoundRecord, place: int) -> pd.DataFrame:
    """One bidder's ``cost`` and ``ask`` per record over ``privacy_loss``, up to her true privacy budget."""
    one = torch.tensor([place])
    maximum = float(record.types.privacy_budget[0, place])
    loss = torch.linspace(0.0, maximum, CURVE_POINTS, dtype=torch.float64)
    grid = loss.expand(1, 1, -1)
    cost, ask = (side.valuation.take(slice(None), one).at(grid)[0, 0] for side in (record.types, record.bids))
    return pd.DataFrame({"privacy_loss": loss.numpy(), "cost": cost.numpy(), "ask": ask.numpy()})
