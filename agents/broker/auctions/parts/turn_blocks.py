"""Who is asked when: one after another, or, where they are very many, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MAX_TURNS = 256
"""Turns of one auction. More owners than that are asked in blocks of ``ceil(owners / MAX_TURNS)``."""


@dataclass(frozen=True)
class Block:
    """Owners who are asked at the same turn, none of them knowing what the others of the block say.

    Parameters
    ----------
    owner : int64[B, M]
        Their indices into the bids; the number of owners for places of the block that nobody has.
    members : int64[B], optional
        Most owners of a block of this market: what is left of the budget is theirs in equal parts. Without, one.
    everywhere : int, optional
        Index of the one owner who is asked in all markets, if it is the same.
    """

    owner: Tensor
    members: Tensor | None = None
    everywhere: int | None = None

    def of(self, array: Tensor) -> Tensor:
        """Entries ``[B, M, ...]`` of the block's owners in an array ``[B, n, ...]``; anybody's at a vacant place."""
        if self.everywhere is not None:
            return array[:, self.everywhere : self.everywhere + 1]
        owner = self.owner.clamp(max=array.shape[1] - 1)
        place = owner.reshape(*owner.shape, *[1] * (array.dim() - 2))
        return array.gather(1, place.expand(*owner.shape, *array.shape[2:]))


def in_blocks(order: Tensor, present: Tensor) -> list[Block]:
    """The blocks, in the order in which they are asked.

    Up to ``MAX_TURNS`` owners have a turn each, absent ones too. Of more, the absent have none: how large the blocks
    are depends on how many are present and on nothing that anybody says.

    Parameters
    ----------
    order : int64[B, n]
        Owners in the order in which they are approached.
    present : bool[B, n]
        Who offers anything, in the order of the bids.
    """
    count, owners = present.sum(-1), present.shape[1]
    members = ((count + MAX_TURNS - 1) // MAX_TURNS).clamp(min=1)
    width = int(members.max()) if len(members) else 1
    if width == 1:
        same = torch.equal(order, torch.arange(owners).expand(order.shape))
        return [Block(order[:, turn, None], everywhere=turn if same else None) for turn in range(owners)]
    # Those present first, in the order in which they are approached.
    order = order.gather(-1, (~present).gather(-1, order).long().argsort(dim=-1, stable=True))
    blocks = []
    for turn in range(MAX_TURNS):
        member = torch.arange(width)  # [member]
        place = turn * members[:, None] + member  # [batch, member]
        nobody = (member >= members[:, None]) | (place >= count[:, None])
        blocks.append(Block(order.gather(-1, place.clamp(max=owners - 1)).masked_fill(nobody, owners), members))
    return blocks


def in_order_of_bids(parts: Sequence[Tensor], blocks: Sequence[Block], owners: int) -> Tensor:
    """What the blocks got, ``[B, M, ...]`` each, as one array ``[B, n, ...]``; zero for who was never asked."""
    if all(block.everywhere is not None for block in blocks):
        return torch.cat(list(parts), dim=1)
    got, owner = torch.cat(list(parts), dim=1), torch.cat([block.owner for block in blocks], dim=1)
    index = owner.reshape(*owner.shape, *[1] * (got.dim() - 2)).expand(got.shape)
    out = got.new_zeros(got.shape[0], owners + 1, *got.shape[2:])
    return out.scatter(1, index, got)[:, :owners]
