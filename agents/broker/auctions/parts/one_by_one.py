"""All-in's walk up the list of offers, and the same walk with one owner moved, for very many owners at a time.

Sums of weights are exact (``single_minded``), so that they may be added in any order. Offers are sorted by the rate
that they ask for, and the rate falls with every offer admitted: up to the first refusal everybody is admitted, which a
search finds, and once not even the smallest weight could be added at the rate asked for nobody is any more. Only in
between are offers looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.parts.single_minded import SingleMindedOffers, grid_exponent, offers, usable_weights
from agents.messages import Bids, Outcome


def admitted(offered: SingleMindedOffers) -> tuple[Tensor, Tensor]:
    """Who is admitted ``bool[B, n]``, and the weight of all of them ``float64[B]``."""
    reserve, order = offered.reserve.sort(dim=-1, stable=True)
    weight = offered.weight.gather(-1, order)
    together = weight.cumsum(-1)  # [batch, place], were all before admitted
    refused = ~((reserve < torch.inf) & (reserve <= offered.rate(together)))
    count = reserve.shape[-1]
    # argmax of a row without a refusal is 0: an end is appended.
    first = torch.nn.functional.pad(refused, (0, 1), value=True).to(torch.uint8).argmax(-1)  # [batch]
    enters = torch.arange(count) < first[:, None]
    total = torch.nn.functional.pad(together, (1, 0)).gather(-1, first[:, None])[:, 0]
    least = torch.where(weight > 0, weight, torch.inf).amin(-1)
    for place in range(int(first.min()) + 1 if len(first) else count, count):
        ask = reserve[:, place]
        if bool((ask > offered.rate(total + least)).all()):
            break
        grown = total + weight[:, place]
        fits = (place > first) & (ask < torch.inf) & (ask <= offered.rate(grown))
        total = torch.where(fits, grown, total)
        enters[:, place] |= fits
    return torch.zeros_like(enters).scatter(-1, order, enters), total


@dataclass(frozen=True, eq=False)
class Moved:
    """A market's offers in order of the rates they ask for, with one of them moved, for each of D owners.

    Parameters
    ----------
    offered : SingleMindedOffers [1, n]
        As they were made.
    weight, reserve : float64[D]
        What each would offer instead, on the grid of ``offered``.
    rows : int64[D]
        Who they are.
    """

    offered: SingleMindedOffers
    weight: Tensor
    reserve: Tensor
    rows: Tensor

    def outcome(self) -> tuple[Tensor, Tensor]:
        """Whether each is admitted ``bool[D]``, and the weight ``float64[D]`` of all who are then."""
        reserve, order = self.offered.reserve[0].sort(stable=True)
        weight = self.offered.weight[0, order]
        count = len(order)
        place = torch.empty_like(order).scatter(0, order, torch.arange(count))
        before = place[self.rows]  # [D], where each stands as things are
        own = weight[before]

        def cheaper(index: Tensor) -> Tensor:
            tie = (reserve[index] == self.reserve) & (order[index] < self.rows)
            return (reserve[index] < self.reserve) | tie

        to = _search(count, len(self.rows), cheaper)
        to = to - (before < to).long()
        up_to = torch.nn.functional.pad(weight.cumsum(0), (1, 0))  # [n + 1]

        def at(index: Tensor) -> tuple[Tensor, Tensor]:
            """Rate asked for and weight of the entry at this place of each owner's list."""
            other = index - (index > to).long()
            other = (other + (other >= before).long()).clamp(max=count - 1)
            hers = index == to
            return torch.where(hers, self.reserve, reserve[other]), torch.where(hers, self.weight, weight[other])

        def together(index: Tensor) -> Tensor:
            """Weight of the entries before this place, were all admitted."""
            hers = index > to
            others = index - hers.long()
            gone = others > before
            return up_to[others + gone.long()] - torch.where(gone, own, 0.0) + torch.where(hers, self.weight, 0.0)

        def fits_with_all_before(index: Tensor) -> Tensor:
            ask = at(index)[0]
            return (ask < torch.inf) & (ask <= self._rate(together(index + 1)))

        first = _search(count, len(self.rows), fits_with_all_before)
        total, wins = together(first), to < first
        least = torch.where(weight > 0, weight, torch.inf).amin()
        least = torch.minimum(least, torch.where(self.weight > 0, self.weight, torch.inf).amin())
        index = first + 1
        while True:
            ask, more = at(index.clamp(max=count - 1))
            open_ = (index < count) & (ask <= self._rate(total + least))
            if not bool(open_.any()):
                return wins, total
            fits = open_ & (ask < torch.inf) & (ask <= self._rate(total + more))
            total = torch.where(fits, total + more, total)
            wins = wins | (fits & (index == to))
            index = index + 1

    def _rate(self, total: Tensor) -> Tensor:
        return self.offered.rate(total[None])[0]


def sold_alone(offered: SingleMindedOffers, bids: Bids, rows: Tensor) -> tuple[Outcome, Tensor]:
    """What each of ``rows[D]`` sells for how much had she, and nobody else, bid as ``bids[1, n]`` does.

    Returns
    -------
    (Outcome [1, D], known bool[D])
        Not known of those whose other bid would have all weights rounded to another grid.
    """
    theirs = bids.take(owners=rows)
    moved = offers(theirs, offered.budget, grid=offered.grid)
    wins, total = Moved(offered, moved.weight[0], moved.reserve[0], rows).outcome()
    return moved.sold(wins[None], moved.payment(offered.rate(total[None]))), _same_grid(offered, theirs, rows)


def _same_grid(offered: SingleMindedOffers, bids: Bids, rows: Tensor) -> Tensor:
    """Whether the weights stay on their grid if each of ``rows[D]`` alone bids as ``bids[1, D]``."""
    weights, present = usable_weights(offered.bids)[0], offered.bids.present[0]
    largest = torch.nn.functional.pad(weights, (0, 1)).topk(2)
    others = torch.where(largest.indices[0] == rows, largest.values[1], largest.values[0])
    most = torch.maximum(others, usable_weights(bids)[0])
    count = present.sum() - present[rows].long() + bids.present[0].long()
    return grid_exponent(most, count) == grid_exponent(weights.amax(), present.sum())


def _search(count: int, rows: int, holds: Callable[[Tensor], Tensor]) -> Tensor:
    """How many of the places 0 to ``count`` satisfy, for each row, what holds up to some place and then no more."""
    low, high = torch.zeros(rows, dtype=torch.int64), torch.full((rows,), count)
    while bool((low < high).any()):
        middle = (low + high) // 2
        found = holds(middle.clamp(max=count - 1)) & (low < high)
        low, high = torch.where(found, middle + 1, low), torch.where(found | (low >= high), high, middle)
    return low
