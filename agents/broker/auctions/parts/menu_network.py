"""The network behind the sequential menu: from what happened before an owner's turn to the price list she is offered.

Everything it sees is public, in the prior's units, and fixed before she speaks: nothing that she or a later owner
says reaches it, save how many of the later ones are present.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agents.broker.auctions.parts.batch_invariant import batch_invariant, row_by_row

SUMS = 7
FEATURES = 14
SIZE_FACTS = 4
_MAX_COST = 100.0
"""Reported costs beyond this many public units count as this many, so that no report can drown the state."""
_LOG_OFFSET = 1e-3
"""Added before a logarithm is taken: nothing is a finite input."""
_MAX_LOG_PRICE = 6.0
_TILE = 16
_SOURCES = torch.tensor([0, 1, 2, 3, 6, 2, 0, 4, 5])
"""Of (left, sums): left, precision, size, bought, cost, size, to be logarithms, and left, unit cost and sales."""
PLACES = torch.tensor([0, 10, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 13])
"""Where each input of the network stands among logarithms, other amounts and public facts, one after another."""


@dataclass(frozen=True)
class History:
    """What the broker may know when an owner's turn comes, in public units of records and money.

    Parameters
    ----------
    budget, left : float64[B]
        The buyer's budget and what is left of it.
    sums : float64[B, 7]
        Over the owners asked before: precision bought (privacy loss squared over 8), records reported, records
        bought, unit costs reported, sales, costs reported, squares of the records bought.
    """

    budget: Tensor
    left: Tensor
    sums: Tensor

    @staticmethod
    def beginning(budget: Tensor, left: Tensor) -> History:
        """Nobody has been asked yet."""
        return History(budget=budget, left=left, sums=budget.new_zeros(len(budget), SUMS))

    def take(self, rows: Tensor) -> History:
        """The histories of some rows, each as often as asked for."""
        return History(self.budget[rows], self.left[rows], self.sums[rows])

    def after(
        self, *, left: Tensor, privacy_loss_squared: Tensor, bought: Tensor, size: Tensor, cost: Tensor, sold: Tensor
    ) -> History:
        """The state after one more turn of owners ``[B, M]``; an absent one, of size and cost 0, changes nothing."""
        told = _sums_of(privacy_loss_squared, bought, size, cost, sold)
        return History(self.budget, left, self.sums + told.sum(dim=1))

    def after_each(
        self, *, left: Tensor, privacy_loss_squared: Tensor, bought: Tensor, size: Tensor, cost: Tensor, sold: Tensor
    ) -> History:
        """As ``after`` with the owners ``[M, B]`` counted in one by one: where absent ones stand changes no bit."""
        told = _sums_of(privacy_loss_squared, bought, size, cost, sold)
        if len(told) == 1:
            return History(self.budget, left, self.sums + told[0])
        return History(self.budget, left, torch.cat([self.sums[None], told]).cumsum(dim=0)[-1])

    def amounts(self, scale: Tensor) -> tuple[Tensor, Tensor]:
        """What features are made of, on the ``scale[B, 9]`` of a turn.

        Returns
        -------
        (amounts that the network sees the logarithms of [B, 7], others [B, 3])
        """
        state = torch.cat([self.left[:, None], self.sums], dim=-1)  # [batch, 1 + sum]
        known = state.index_select(-1, _SOURCES.to(state.device)) * scale  # [batch, 9]
        # The square of a sum over the sum of squares: how many equal sellers the records bought are like.
        spread = known[:, 3:4] ** 2 / (self.sums[:, 6:] + 1e-9)
        return torch.cat([known[:, :6], spread], dim=-1) + _LOG_OFFSET, known[:, 6:]

    def features(self, turn: Turn) -> Tensor:
        """Network input ``float32[B, 14]`` at an owner's turn."""
        amounts, others = self.amounts(turn.scale)
        logs = batch_invariant(torch.log, amounts)
        return torch.cat([logs, others, turn.public], dim=-1).index_select(-1, PLACES.to(logs.device)).float()


def _sums_of(privacy_loss_squared: Tensor, bought: Tensor, size: Tensor, cost: Tensor, sold: Tensor) -> Tensor:
    """What single owners add to the sums of a ``History``, ``float64[..., 7]``."""
    return torch.stack([privacy_loss_squared / 8, size, bought, cost, sold, size * cost, bought * bought], dim=-1)


def known_cost(unit_cost: Tensor, size: Tensor) -> Tensor:
    """What a ``History`` knows of reported costs of a record ``[...]``, in public units; 0 of absent owners."""
    return unit_cost.clamp(max=_MAX_COST) * (size > 0)


@dataclass(frozen=True)
class Turn:
    """What is known of an owner's turn before anybody speaks, but for who is present.

    Parameters
    ----------
    scale : float64[B, 9]
        What the quantities of a ``History`` are multiplied by: per owner asked or remaining, or per budget.
    public : float64[B, 4]
        Features that no history changes.
    """

    scale: Tensor
    public: Tensor

    def take(self, rows: Tensor) -> Turn:
        """The turn in some rows, each as often as asked for."""
        return Turn(self.scale[rows], self.public[rows])

    @staticmethod
    def each(budget: Tensor, asked: Sequence[Tensor]) -> list[Turn]:
        """All turns, in order.

        Parameters
        ----------
        budget : float64[B]
            In public units of money.
        asked : sequence of [B]
            How many of the owners asked at each turn are present. This is public: staying away changes the lists of
            the others and earns nothing.
        """
        here = torch.stack(list(asked), dim=-1).double() if asked else budget.new_zeros(len(budget), 0)  # [batch, turn]
        before = here.cumsum(-1) - here
        # Whoever is asked counts herself, present or not.
        remaining = here.flip(-1).cumsum(-1).flip(-1) - here + here.clamp(min=1)
        so_far, everybody = before.clamp(min=1), before + remaining
        one, money = torch.ones_like(so_far), torch.where(budget > 0, budget, 1.0)[:, None]
        per = [remaining, one, one, one, so_far, so_far, money.expand_as(one), so_far, so_far]
        logs = batch_invariant(torch.log, torch.stack([budget[:, None] / everybody, everybody]) + _LOG_OFFSET)
        public = [*logs, remaining / everybody, (before == 0).double()]
        # One division here for all turns, instead of one each: [batch, turn, 9] and [batch, turn, 4].
        scale, facts = 1 / torch.stack(per, dim=-1), torch.stack(public, dim=-1)
        return [Turn(scale[:, turn], facts[:, turn]) for turn in range(len(asked))]


def size_facts(size: Tensor, order: Tensor) -> Tensor:
    """What verified sizes ``[B, n]`` say of every owner: hers, all, those asked after her, her share (float32).

    Parameters
    ----------
    size : float64[B, n]
        In public units, in the order of the bids.
    order : int64[B, n]
        Order in which the owners are asked, absent ones (0) last.
    """
    asked = size.gather(-1, order)  # [batch, turn]
    total = asked.cumsum(-1)
    everything = total[:, -1:]
    coming = everything - total
    sums = torch.stack([asked, everything.expand_as(asked), coming.clamp(min=0)], dim=-1)
    share = asked / torch.where(everything > 0, everything, 1.0)
    logs = batch_invariant(torch.log, sums + _LOG_OFFSET)
    facts = torch.cat([logs, share[..., None]], dim=-1).float()  # [batch, turn, 4]
    # Back from turns to owners.
    return facts.gather(1, order.argsort(-1)[..., None].expand(facts.shape))


class MenuNetwork(nn.Module):
    """Prices and spending caps for every level of the absolute grid, from the features of a ``History``.

    Parameters
    ----------
    levels : float64[K]
        Privacy losses on offer, increasing.
    usual_price : float64[K]
        Public guess of the cost of a record at each level, in public units; the network learns a factor on it.
    width : int
        Units of each of the two hidden layers.
    sizes_known : bool
        Whether it sees ``size_facts`` too.
    """

    levels: Tensor
    usual_price: Tensor

    def __init__(self, levels: Tensor, usual_price: Tensor, width: int, *, sizes_known: bool = False) -> None:
        super().__init__()
        self.sizes_known = sizes_known
        self.register_buffer("levels", levels.double())
        self.register_buffer("usual_price", usual_price.double())
        self.body = nn.Sequential(
            nn.Linear(FEATURES + SIZE_FACTS * sizes_known, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.head = nn.Linear(width, 2 * len(levels))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Price per record ``[B, K]`` in public units and cap ``[B, K]`` as a share of the budget left (float64)."""
        deployed = not self.training
        out = row_by_row((*self.body, self.head), features, _TILE) if deployed else self.head(self.body(features))
        out = out.double()
        log_price, cap = out.split(len(self.levels), dim=-1)
        price = self.usual_price * batch_invariant(torch.exp, log_price.clamp(-_MAX_LOG_PRICE, _MAX_LOG_PRICE))
        cap = cap - 0.5
        return price, batch_invariant(torch.sigmoid, cap) if deployed else cap.sigmoid()
