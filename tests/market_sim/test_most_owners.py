"""An auction made for few owners is told so before the first round, not in the middle of one."""

from __future__ import annotations

import pytest

from market_sim import FLMarket


def test_more_bidders_than_the_auction_takes_are_refused_at_the_door():
    with pytest.raises(ValueError, match="bidders = 11, but auction 'dm-regretnet' was made for at most 10 owners"):
        FLMarket(auction="dm-regretnet", bidders=11, seed=0)


def test_a_round_with_a_network_and_one_with_a_lottery():
    for auction in ("dm-regretnet", "m-regretnet"):
        market = FLMarket(auction=auction, bidders=6, rounds=1, seed=0)
        market.step()
        assert market.round == 1
