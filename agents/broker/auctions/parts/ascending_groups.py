"""Who is asked when by the ascending menu, and what is said of the largest owner: groups, turns and classes of size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.parts.turn_blocks import MAX_TURNS
from agents.checks import MAX_RECORDS


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
    owner, or in markets of more than ``MAX_TURNS`` owners a block of them.

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

    def present(self, owners: int) -> list[Tensor]:
        """How many are asked at every turn, ``[B]`` each, in markets of so many ``owners``, absent ones included."""
        return list((self.owner < owners).sum(dim=-1).unbind(dim=-1))

    def of(self, array: Tensor, turn: int) -> Tensor:
        """Entries ``[B, M, ...]`` of a turn's owners in an array ``[B, n, ...]``; anybody's at a vacant place."""
        owner = self.owner[:, turn].clamp(max=array.shape[1] - 1)
        place = owner.reshape(*owner.shape, *[1] * (array.dim() - 2))
        return array.gather(1, place.expand(*owner.shape, *array.shape[2:]))

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
    few = torch.tensor(min(owners, MAX_TURNS))
    return int(few - second_group_size(few))


def in_groups(size: Tensor) -> tuple[Group, Group]:
    """Split the present owners of every market by index and put either group in ascending order of size.

    The last fifth is the second group. Counts are public; which group an owner is in depends on who is present, not on
    what anybody says. Where more than ``MAX_TURNS`` are present, every block has as many members as are needed for
    no more turns than that, and blocks are filled from the largest owner down.

    Parameters
    ----------
    size : int64[B, n]
        Reported records, 0 for absent owners.
    """
    present = size > 0
    count = present.sum(-1)
    late = present & (present.long().cumsum(-1) > (count - second_group_size(count))[:, None])
    block = ((count + MAX_TURNS - 1) // MAX_TURNS).clamp(min=1)
    return _ascending(size, present & ~late, block), _ascending(size, late, block)


def _ascending(size: Tensor, belongs: Tensor, block: Tensor) -> Group:
    batch, owners = size.shape
    members = belongs.sum(-1)
    order = torch.where(belongs, size, -1).argsort(dim=-1, stable=True)  # others first, then ascending, ties by index
    turns = int(((members + block - 1) // block).max()) if batch else 0
    width = int(block.max()) if batch else 1
    # Places counted from the group's largest owner, 0, down.
    turn = torch.arange(turns - 1, -1, -1)[:, None]
    member = torch.arange(width - 1, -1, -1)
    from_top = turn * block[:, None, None] + member  # [batch, turn, member]
    vacant = (member >= block[:, None, None]) | (from_top >= members[:, None, None])
    place = (owners - 1 - from_top).clamp(min=0).flatten(1)
    owner = order.gather(1, place).view(from_top.shape).masked_fill(vacant, owners)
    sizes = torch.nn.functional.pad(size, (0, 1)).gather(1, owner.flatten(1)).view(from_top.shape)
    waiting = torch.minimum((turn[:, 0] + 1) * block[:, None], members[:, None])
    return Group(owner, sizes, members, waiting)
