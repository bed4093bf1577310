"""The network of the ascending menu: from what is known at a turn in one world to a price list.

Everything it sees is public or was said before the turn, in the prior's units; the world (``ascending_groups.py``) is
the one thing it is told of those asked later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agents.broker.auctions.parts.batch_invariant import batch_invariant, row_by_row
from agents.broker.auctions.parts.menu_network import FEATURES, PLACES, History, Turn

USUAL_MARKETS = (8, 20)
"""Fewest and most owners of the markets around the usual number, ten: one network is for them, one for smaller markets
and one for larger ones."""
WORLD_FEATURES = 15
_LOG_OWNERS = 8
"""Place of the logarithm of the number of owners among the features."""
_LOG_USUAL = math.log(USUAL_MARKETS[0] - 0.5), math.log(USUAL_MARKETS[1] + 0.5)
_TILE = 32
_MAX_LOG_PRICE = 6.0
_LOG_OFFSET = 1e-3
"""Added before a logarithm is taken: nothing is a finite input."""


@dataclass(frozen=True)
class Place:
    """What is known of turns in a market whatever the world; ``float64[...]`` each, counts of present owners only.

    Parameters
    ----------
    asked : Tensor
        Owners asked before, in both groups.
    everybody : Tensor
        Owners of the market.
    waiting : Tensor
        Owners of the group not asked before.
    group : Tensor
        Owners of the group.
    second : Tensor
        1 in the second group, 0 in the first.
    predecessor, largest : Tensor
        Size of the largest owner of the turn before (0 at the group's first turn) and of all asked before, in mean
        sizes.
    """

    asked: Tensor
    everybody: Tensor
    waiting: Tensor
    group: Tensor
    second: Tensor
    predecessor: Tensor
    largest: Tensor

    def facts(self) -> Tensor:
        """Numbers ``float64[..., 12]`` that the features of every world are made from."""
        later = self.everybody - self.asked - self.waiting
        amounts = [self.predecessor + _LOG_OFFSET, self.waiting, self.largest + _LOG_OFFSET, self.group, later + 1]
        before = (self.group - self.waiting) / self.group
        counts = [self.asked / self.everybody, before, 1 / self.waiting, self.second]
        logs = batch_invariant(torch.log, torch.stack(amounts, dim=-1))
        more = [self.predecessor, self.waiting, later]
        return torch.cat([logs, torch.stack(counts + more, dim=-1)], dim=-1)


_PUBLIC = 9
"""Facts of a place that are features as they are."""
_OF_HISTORY, _LOGS = 7, 11
"""Logarithms that the sequential menu's network sees too, and all that depend on the history."""


def _places() -> Tensor:
    """Where each of the 29 inputs stands among logarithms, other amounts of the history, and what no sale changes."""
    shared = torch.where(PLACES < _OF_HISTORY, PLACES, PLACES + _LOGS - _OF_HISTORY)
    fixed = _LOGS + FEATURES - _OF_HISTORY
    near, largest, waiting, expected = range(_OF_HISTORY, _LOGS)
    edge, edge_over_predecessor = fixed + _PUBLIC, fixed + _PUBLIC + 1
    order = [*range(fixed, fixed + _PUBLIC), near, edge, edge_over_predecessor, largest, waiting, expected]
    return torch.cat([shared, torch.tensor(order)])


_PLACES = _places()


@dataclass(frozen=True)
class Setting:
    """What no sale changes of turns in a world, worked out for all of them before the first.

    Parameters
    ----------
    scale : float64[..., 9]
        Of the ``Turn``.
    fixed : float64[..., 15]
        Features of the ``Turn``, of the ``Place`` and of the class.
    dividing : float64[..., 3]
        What money left is divided by: the size of the predecessor, the class's, owners waiting.
    coming : float64[..., 2]
        Sizes expected of those between the predecessor and the largest owner, and of a later group.
    """

    scale: Tensor
    fixed: Tensor
    dividing: Tensor
    coming: Tensor

    @staticmethod
    def of(turn: Turn, facts: Tensor, edge: Tensor) -> Setting:
        """The setting of turns, rows ``[..., R]`` being a market in one world each.

        Parameters
        ----------
        turn : Turn [..., R]
            What the sequential menu's network sees too.
        facts : float64[..., R, 12]
            Of the market's ``Place``.
        edge : float64[R]
            Size that stands for the class that the world takes the group's largest owner to be of, in mean sizes.
        """
        predecessor, waiting, later = facts[..., _PUBLIC:].unbind(dim=-1)
        # Those between predecessor and largest are taken to be of the geometric mean of both, a later group's of 1.
        between = ((predecessor + 0.05) * edge).sqrt() * (waiting - 1)
        edge = edge.expand(predecessor.shape)
        logs = batch_invariant(torch.log, torch.stack([edge, edge / (predecessor + 0.05)], dim=-1))
        return Setting(
            scale=turn.scale,
            fixed=torch.cat([turn.public, facts[..., :_PUBLIC], logs], dim=-1),
            dividing=torch.stack([predecessor + 0.02, edge, waiting], dim=-1),
            coming=torch.stack([between, later], dim=-1),
        )

    def at(self, turn: int, rows: Tensor | None = None) -> Setting:
        """That of one turn ``[T, R]``, in all rows or some."""
        parts = (getattr(self, name)[turn] for name in self.__dataclass_fields__)
        return Setting(*(part if rows is None else part[rows] for part in parts))


def features(history: History, setting: Setting) -> Tensor:
    """Network input ``float32[R, 29]`` of a turn, for rows that are a market in one world each."""
    left = history.left[:, None]
    near, edge, waiting = torch.split(setting.dividing, 1, dim=-1)
    between, later = torch.split(setting.coming, 1, dim=-1)
    expected = history.sums[:, 1:2] + between + edge + later
    amounts, others = history.amounts(setting.scale)
    offset = left + _LOG_OFFSET
    known = torch.cat([amounts, offset / near, offset / edge, left / waiting + _LOG_OFFSET, expected], dim=-1)
    logs = batch_invariant(torch.log, known)
    told = torch.cat([logs, others, setting.fixed], dim=-1)
    return told.index_select(-1, _PLACES.to(told.device)).float()


class AscendingNetwork(nn.Module):
    """Prices and spending caps for every entry of a list, from the features of a turn.

    Three networks: for small markets, for those around the usual number of owners, and for large ones. What one needs
    does not disturb what another has learned. How many owners there are is public.

    Parameters
    ----------
    levels : float64[E]
        Privacy losses on offer, nondecreasing (a level may be on offer more than once).
    usual_price : float64[E]
        Public guess of the cost of a record at each level, in public units; the network learns a factor on it.
    edges : float64[Z]
        Smallest size of every class, in mean sizes, increasing from 0.
    width : int
        Units of each of the two hidden layers.
    """

    levels: Tensor
    usual_price: Tensor
    edges: Tensor

    def __init__(self, levels: Tensor, usual_price: Tensor, edges: Tensor, width: int) -> None:
        super().__init__()
        self.register_buffer("levels", levels.double())
        self.register_buffer("usual_price", usual_price.double())
        self.register_buffer("edges", edges.double())
        self.small, self.usual, self.large = (_layers(width, 2 * len(levels)) for _ in range(3))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Price of a record ``[R, E]`` in public units and cap ``[R, E]`` as a share of her part of the money left."""
        deployed = not self.training
        log_price, cap = self._out(seen).chunk(2, dim=-1)  # [row, entry] each
        log_price = log_price.clamp(-_MAX_LOG_PRICE, _MAX_LOG_PRICE)
        usual_price = self.usual_price.float()
        if deployed:
            return usual_price * batch_invariant(torch.exp, log_price), batch_invariant(torch.sigmoid, cap)
        return usual_price * log_price.exp(), cap.sigmoid()

    def _out(self, seen: Tensor) -> Tensor:
        """Every row from the network for as many owners as it has."""
        owners = seen[:, _LOG_OWNERS]
        fewest, most = (float(number) for number in owners.aminmax())
        for layers, low, high in self._for_owners():
            if low <= fewest and most <= high:
                return self._through(layers, seen)
        out = seen.new_empty(len(seen), 2 * len(self.levels))
        for layers, low, high in self._for_owners():
            rows = (owners >= low) & (owners <= high)
            if bool(rows.any()):
                out[rows] = self._through(layers, seen[rows])
        return out

    def _for_owners(self) -> tuple[tuple[nn.Sequential, float, float], ...]:
        """The three networks, and between which logarithms of the number of owners each is asked."""
        low, high = _LOG_USUAL
        return (self.small, -math.inf, low), (self.usual, low, high), (self.large, high, math.inf)

    def _through(self, layers: nn.Sequential, seen: Tensor) -> Tensor:
        if self.training:
            return layers(seen)  # type: ignore[no-any-return]
        return row_by_row(layers, seen, _TILE)

    def world_edges(self) -> Tensor:
        """Sizes ``float64[Z]`` that stand for the classes in the features: their edges, and something small for 0."""
        return torch.cat([self.edges[1:2] * 0.75, self.edges[1:]])


def _layers(width: int, outputs: int) -> nn.Sequential:
    """Two hidden layers, and a last one that starts at 0."""
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    body = (nn.Linear(FEATURES + WORLD_FEATURES, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
    return nn.Sequential(*body, last)
