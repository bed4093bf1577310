"""The game against a whole market: all that the broker receives in a round, for two data sets of one owner.

Two markets differ in the records of one owner and in nothing else. With the same seed, everything that the broker
receives from everybody else, her own bids included, has to be the same to the last bit; what is left are her uploads,
and these are told apart as in ``analysis.privacy_game``, all names of hers together.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from agents.messages import Bids, Outcome, Upload
from agents.owner.bidders import Bidders
from agents.owner.groups import Stream
from agents.owner.identities import Identities
from agents.perturbation.base import Perturbation
from agents.tasks.base import StoredTask, stored_task
from analysis.privacy_game import Game
from market_sim.model import FLMarket

MARKETS: Mapping[str, Mapping[str, Any]] = {
    "one name": {"strategies": {"truthful": 1.0}},
    "two names": {"strategies": {"identity-splitting": 1.0}},
    "one name, every record clipped": {"strategies": {"truthful": 1.0}, "clip": "record"},
}
"""Under how many names the owner bids, and how she clips, as fields of the market."""

LEVELS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the privacy budget at which valuations are compared."""

RECORDS, FEATURES = 60, 1


class _Watched(FLMarket):
    """A market that keeps what its broker receives."""

    received: tuple[Bidders, Bids, Outcome, Upload, Tensor]

    def _sell(self, bidders: Bidders, bids: Bids, stream: Stream) -> Any:
        self._bids = bids
        return super()._sell(bidders, bids, stream)

    def _upload(self, bidders: Bidders, outcome: Outcome, stream: Stream) -> tuple[Upload, Tensor]:
        upload, loss = super()._upload(bidders, outcome, stream)
        self.received = bidders, self._bids, outcome, upload, loss
        return upload, loss


@dataclass(frozen=True, eq=False)
class MarketGame:
    """A market-wide game.

    Parameters
    ----------
    game : Game
        About the uploads of the owner.
    rest_is_equal : bool
        Whether everything else that the broker received is the same in both worlds, bit by bit.
    """

    game: Game
    rest_is_equal: bool


def market_game(mechanism: Perturbation, names: str, *, draws: int, seed: int = 0) -> MarketGame:
    """Play the round twice and prepare the game.

    Parameters
    ----------
    mechanism : Perturbation
    names : str
        One of ``MARKETS``.
    draws : int
        How often the owner's uploads are drawn in either world.
    seed : int
    """
    worlds = [_played(_task({}), mechanism, names, seed)]
    owner = _largest_seller(worlds[0])
    rows = worlds[0].population.partition.rows(torch.tensor([owner]))[0].tolist()
    worlds = [_played(_task(dict.fromkeys(rows, label)), mechanism, names, seed) for label in (0, 1)]
    hers = [_her_uploads(world, owner) for world in worlds]
    clean = tuple(made(1, 0, True)[0] for made, _ in hers)
    claim = hers[0][1]

    def draw(gradient: Tensor, count: int, generator: torch.Generator) -> Tensor:
        made = hers[0 if gradient is clean[0] else 1][0]
        return made(count, int(torch.randint(2**31, (1,), generator=generator)), False)

    uploads = int((claim > 0).sum())
    game = Game(
        name=f"market, {mechanism.name}",
        pair=f"all records of one owner, {names}",
        loss=float(claim.sum()),
        delta=uploads * mechanism.delta,
        coordinates=len(clean[0]),
        draws=draws,
        inputs=(clean[0], clean[1]),
        draw=draw,
        uploads=uploads,
    )
    return MarketGame(game, _rest_is_equal(worlds, owner))


def _task(changed: Mapping[int, int]) -> StoredTask:
    """Records that differ in their labels alone, with the labels of some rows chosen."""
    features = torch.ones(RECORDS, FEATURES)
    labels = torch.tensor([changed.get(row, row % 2) for row in range(RECORDS)])
    return stored_task("two labels", 2, (features, labels), (features, labels))


def _played(task: StoredTask, mechanism: Perturbation, names: str, seed: int) -> _Watched:
    """A market after its first round."""
    market = _Watched(
        task=task,
        owners=6,
        bidders=6,
        rounds=1,
        sizes="equal",
        budget_factor=2.0,
        perturbation=mechanism,
        seed=seed,
        **MARKETS[names],
    )
    market.step()
    return market


def _largest_seller(market: _Watched) -> int:
    """The owner whose uploads give away most."""
    bidders, _, _, _, loss = market.received
    return int(bidders.owners[bidders.identities.total(loss[None])[0].argmax()])


def _her_uploads(market: _Watched, owner: int) -> tuple[Callable[[int, int, bool], Tensor], Tensor]:
    """Draws of an owner's uploads in the round that was played, ``float64[count, uploads * p]``, and their losses."""
    bidders, _, outcome, _, loss = market.received
    place = int((bidders.owners == owner).nonzero()[0, 0])
    mine = (bidders.identities.place == place).nonzero()[:, 0]  # her rows
    first = int((mine == bidders.identities.first[place]).nonzero()[0, 0])
    quiet = copy.copy(market.population)
    quiet.terms = replace(market.terms, perturbation="none")

    def made(count: int, seed: int, clean: bool) -> Tensor:
        rows = mine.repeat(count)
        copies = Bidders(
            announcement=bidders.announcement,
            owners=torch.full((count,), owner),
            types=bidders.types.take(owners=torch.full((count,), place)),
            identities=Identities(
                place=torch.arange(count).repeat_interleave(len(mine)),
                records=bidders.identities.records[rows],
                first=torch.arange(count) * len(mine) + first,
            ),
        )
        population = quiet if clean else market.population
        sent = population.upload(
            copies,
            outcome.take(rows),
            lambda name: torch.Generator().manual_seed(seed + zlib.crc32(name.encode())),
            loss=loss[rows],
        )
        return sent.gradient.view(count, -1)

    return made, loss[mine]


def _rest_is_equal(worlds: list[_Watched], owner: int) -> bool:
    """Whether all that the broker received, but for the uploads of one owner, is the same."""
    received = []
    for world in worlds:
        bidders, bids, outcome, upload, loss = world.received
        others = bidders.row_owners[upload.bidder] != owner
        costs = (bids.valuation.at(share * bids.privacy_budget) for share in LEVELS)
        said = (bids.privacy_budget, bids.data_size, *costs)
        decided = (outcome.privacy_loss, outcome.payment, outcome.data_size)
        received.append((bidders.owners, *said, *decided, loss, upload.bidder, upload.gradient[others]))
    return all(torch.equal(one, other) for one, other in zip(*received, strict=True))
