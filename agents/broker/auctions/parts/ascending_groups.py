"""Who is asked when by the ascending menu, and what is said of the largest owner: groups, turns and classes of size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.checks import MAX_RECORDS

MAX_ALONE = 32
"""Owners of the largest market in which everybody has a turn of her own. Of more, blocks of ``ceil(owners /
MAX_ALONE)`` share a turn, all but the largest of each group."""
LARGEST_ALONE = 8
"""So many of the largest owners of a group have turns of their own in any market: much of the data may be theirs."""


@dataclass(frozen=True)
class SizeClasses:
    """Public classes of data sizes: class z holds the sizes from ``edges[z]`` up to below ``edges[z + 1]``.

    Parameters
    ----------
    edges : int64[Z]
        Records, nondecreasing from 0.
    """

    edges: Tensor

    @staticmethod
    def in_records(edges: Tensor, mean_size: float) -> SizeClasses:
        """Classes whose edges ``float64[Z]`` are given in mean sizes, rounded up to whole records."""
        return SizeClasses((edges * mean_size).ceil().clamp(max=MAX_RECORDS).long())

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.edges)

    def of(self, size: Tensor) -> Tensor:
        """Class ``int64[...]`` of a number of records."""
        return torch.searchsorted(self.edges, size.contiguous(), right=True) - 1

    def most_records(self) -> Tensor:
        """Largest size ``int64[Z]`` of every class."""
        return torch.cat([self.edges[1:] - 1, self.edges.new_tensor([MAX_RECORDS])])


@dataclass(frozen=True)
class Group:
    """One group of some markets: its owners in ascending order of reported size, and the turns they are asked at.

    The last turn of every market is the last column; a market with fewer turns has vacant ones in front. A turn is one
    owner, or in markets of more than ``MAX_ALONE`` owners a block of them.

    Parameters
    ----------
    owner : int64[B, T, M]
        Index into the bids; the number of owners at a vacant place.
    size : int64[B, T, M]
        Reported records, 0 at a vacant place.
    members : int64[B]
        Owners of the group, at least one.
    waiting : int64[B, T]
        Members not yet asked when a turn begins.
    """

    owner: Tensor
    size: Tensor
    members: Tensor
    waiting: Tensor

    @property
    def turns(self) -> int:
        """Columns of turns."""
        return self.owner.shape[1]

    @property
    def largest(self) -> Tensor:
        """Largest reported size ``int64[B, T]`` of every turn: that of its last member."""
        return self.size[:, :, -1]

    @property
    def vacant(self) -> list[int]:
        """How many places in front are vacant in all markets, at every turn; one is kept."""
        nobody = (self.size == 0).all(dim=0)  # [turn, member]
        return [min(count, nobody.shape[1] - 1) for count in nobody.long().cumprod(dim=-1).sum(dim=-1).tolist()]

    def present(self, owners: int) -> list[Tensor]:
        """How many are asked at every turn, ``[B]`` each, in markets of so many ``owners``, absent ones included."""
        return list((self.owner < owners).sum(dim=-1).unbind(dim=-1))

    def of(self, array: Tensor) -> Tensor:
        """Entries ``[B, T, M, ...]`` of the owners in an array ``[B, n, ...]``; anybody's at a vacant place."""
        owner = self.owner.clamp(max=array.shape[1] - 1)
        return array[torch.arange(len(owner))[:, None, None], owner]

    def message(self, classes: SizeClasses) -> tuple[Tensor, Tensor]:
        """Classes ``(z2, z1)``, ``int64[B]`` each, of the group's second largest and largest reported size.

        The largest owner could make the message any class from z2 to z1 by understating her size and stay the largest.
        A member who is alone could make it any class from the lowest on: there z2 is class 0.
        """
        # Vacant places, of size 0, stand between owners where blocks of other markets are wider.
        largest, second = torch.nn.functional.pad(self.size.flatten(1), (1, 0)).topk(2, dim=-1).values.unbind(dim=-1)
        return classes.of(torch.where(self.members > 1, second, 0)), classes.of(largest)

    def take(self, rows: Tensor) -> Group:
        """The group in some of the markets."""
        return Group(self.owner[rows], self.size[rows], self.members[rows], self.waiting[rows])


def second_group_size(count: Tensor) -> Tensor:
    """Owners of the second group: a fifth of all, rounded; none of one or two."""
    return torch.where(count > 2, (2 * count + 5) // 10, 0)


def most_turns(owners: int) -> int:
    """Turns of the longest group that a market of at most so many owners can have."""
    count = torch.arange(owners + 1)
    return int(_turns(count - second_group_size(count), _block(count), LARGEST_ALONE).max())


def _block(count: Tensor) -> Tensor:
    """Owners who share a turn in markets of so many."""
    return ((count + MAX_ALONE - 1) // MAX_ALONE).clamp(min=1)


def _turns(members: Tensor, block: Tensor, alone: int) -> Tensor:
    """Turns of groups of so many members, the largest ``alone``."""
    return members.clamp(max=alone) + ((members - alone).clamp(min=0) + block - 1) // block


def in_groups(size: Tensor, alone: int | None = None) -> tuple[Group, Group]:
    """Split the present owners of every market by index and put either group in ascending order of size.

    The last fifth is the second group. Counts are public; which group an owner is in depends on who is present, not on
    what anybody says. Where blocks share turns, they are filled from the largest owner down.

    Parameters
    ----------
    size : int64[B, n]
        Reported records, 0 for absent owners.
    alone : int, optional
        How many of the largest owners of a group have turns of their own; ``LARGEST_ALONE``, as deployed.
    """
    alone = LARGEST_ALONE if alone is None else alone
    present = size > 0
    count = present.sum(-1)
    late = present & (present.long().cumsum(-1) > (count - second_group_size(count))[:, None])
    return _ascending(size, present & ~late, _block(count), alone), _ascending(size, late, _block(count), alone)


def _ascending(size: Tensor, belongs: Tensor, block: Tensor, alone: int) -> Group:
    batch, owners = size.shape
    members = belongs.sum(-1)
    order = torch.where(belongs, size, -1).argsort(dim=-1, stable=True)  # others first, then ascending, ties by index
    turns = int(_turns(members, block, alone).max()) if batch else 0
    width = int(block.max()) if batch else 1
    # Turns, members of a turn and places are counted from the group's largest owner, 0, down.
    turn = torch.arange(turns - 1, -1, -1)
    member = torch.arange(width - 1, -1, -1)
    shared = (turn - alone).clamp(min=0) * block[:, None]  # [batch, turn]
    from_top = (turn.clamp(max=alone) + shared)[..., None] + member  # [batch, turn, member]
    here = torch.where(turn < alone, 1, block[:, None])  # [batch, turn]
    vacant = (member >= here[..., None]) | (from_top >= members[:, None, None])
    place = (owners - 1 - from_top).clamp(min=0).flatten(1)
    owner = order.gather(1, place).view(from_top.shape).masked_fill(vacant, owners)
    sizes = torch.nn.functional.pad(size, (0, 1)).gather(1, owner.flatten(1)).view(from_top.shape)
    waiting = torch.minimum(from_top[..., -1] + here, members[:, None])
    return Group(owner, sizes, members, waiting)
