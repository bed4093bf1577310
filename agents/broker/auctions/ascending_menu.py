"""The ascending menu: owners pick from learned price lists in ascending order of size, told how large the largest is.

Present owners are split by index into a first group and a second one, the last fifth. In a group they are asked one
after another, the smallest report first. What is new beside the sequential menu is a *message*: every list may depend
on the class z of the group's largest reported size. The largest owner could move it by understating, so that all
classes from that of the second largest, z2, up are played side by side on paper, as *worlds*; the one of the true
class, z1, is what happens. In world z the k-th of m owners is offered a list N(z, k) on which no payment exceeds a
(m - k + 1)-th of the *money line*: the least money left in world z or any higher one.

* Whoever is not the largest gets her favourite out of N(z1, 1), ..., N(z1, k), at most as many records as she has and,
  on earlier lists, as many as the owner who was asked there.
* The largest gets her favourite out of N(z, m) for all z from z2 to z1 (below z1 no more records than class z can have)
  and of the earlier lists of world z2. A member alone in her group has z2 = 0.

**No lie pays**, as long as nobody can report more records than she has. No list that an owner may choose from depends
on her valuation or privacy budget. A smaller report offers nothing that the truth does not: whoever is not the largest
moves to an earlier place k' of the same world, where the lists 1, ..., k' are as they were, and whoever sits at k' when
she tells the truth has at least the size that she would report. The largest stays the largest, and keeps some of the
classes from z2 on, or falls behind the second largest, who then is the largest: to an earlier place of world z2. Cost
is linear in records, so that at every entry all or nothing is best.

**Nobody loses**: to sell nothing is on every list. **The budget holds**: a payment is at most left / r with r owners of
the group still to be paid, so that left / r never falls along k. An offer of place k' in world z costs at most the
line over r there, so at most left / r there and then in any world above z, so at most left / r at place k > k' of that
world; and z1 is never below the world of a list. Money is counted in whole quanta: all of this is exact.

More than 32 owners are asked in blocks. The complete proof, with these, is in ``docs/ascending_menu.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from agents.broker.auctions.base import FIELDS, Guarantees, MenuAuction, check_budget, spendable
from agents.broker.auctions.parts.ascending_choice import Sale
from agents.broker.auctions.parts.ascending_groups import SizeClasses, in_groups, most_turns
from agents.broker.auctions.parts.ascending_lists import ListBook, ListReader, MenuOfLists
from agents.broker.auctions.parts.ascending_markets import Markets, Rule
from agents.broker.auctions.parts.ascending_network import AscendingNetwork
from agents.broker.auctions.parts.ascending_worlds import Worlds
from agents.broker.auctions.parts.menu_network import History, Turn
from agents.broker.auctions.parts.network_auction import NetworkAuction, check_price_grid
from agents.messages import Bids, Outcome
from agents.units import PublicUnits

_ENTRIES = 3_000_000
"""Entries of price lists at a time, over all worlds and markets."""


class AscendingMenu(NetworkAuction[AscendingNetwork], MenuAuction):
    """Ascending menu with private sizes; see ``NetworkAuction`` for the parameters.

    An owner's price list is that of an owner of the size that she reported: it does not move with her valuation or
    privacy budget, and that of a smaller report is contained in it.
    """

    name: ClassVar[str] = "ascending-menu"
    guarantees: ClassVar[Guarantees] = Guarantees(truthful_in=FIELDS, cannot_overstate=frozenset({"data_size"}))
    list_depends_on: ClassVar[frozenset[str]] = frozenset({"data_size"})
    asked_ahead: ClassVar[bool] = True
    holds: ClassVar[str] = "an ascending menu's network"

    def __init__(
        self,
        units: PublicUnits | None = None,
        *,
        checkpoint: Path | None = None,
        network: AscendingNetwork | None = None,
    ) -> None:
        super().__init__(units, checkpoint=checkpoint, network=network)
        classes = SizeClasses.in_records(self.network.edges, self.units.records)
        self._rule = Rule(self.network, self.units, classes)

    @staticmethod
    def build(tensors: dict[str, Tensor]) -> AscendingNetwork:
        """The network in a checkpoint."""
        network = AscendingNetwork(
            tensors["levels"], tensors["usual_price"], tensors["edges"], tensors["small.0.weight"].shape[0]
        )
        network.load_state_dict(tensors)
        check_price_grid(network.levels, network.usual_price)
        if float(network.edges[0]) != 0 or bool((network.edges.diff() <= 0).any()):
            raise ValueError("edges must increase from 0")
        return network

    @torch.no_grad()
    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Everybody's choice."""
        parts = [self._play(some, money, None) for some, money in self._in_batches(bids, budget)]
        return Outcome(*(torch.cat([getattr(part, name) for part in parts]) for name in Outcome.__dataclass_fields__))

    @torch.no_grad()
    def price_list(self, bids: Bids, budget: Any) -> MenuOfLists:
        """Everybody's price list ``[B, n, 1 + S E]``: nothing for nothing, then S lists of E entries each."""
        book = ListBook.empty(*bids.shape, len(self._rule.classes), len(self.network.levels))
        start = 0
        for some, money in self._in_batches(bids, check_budget(bids, budget)):
            self._play(some, money, book.rows(start, some.shape[0]))
            start += some.shape[0]
        return book.menu(self.network.levels)

    @torch.no_grad()
    def chosen_instead(self, bids: Bids, budget: Tensor, instead: Bids) -> Outcome:
        """What everybody would pick for another bid from her lists, none of which is kept."""
        reader = ListReader(instead, self.network.levels)
        self._play(bids, budget, reader)
        return reader.outcome()

    def _in_batches(self, bids: Bids, budget: Tensor) -> Iterator[tuple[Bids, Tensor]]:
        """Some markets at a time."""
        owners, levels = bids.shape[1], len(self.network.levels)
        of_one = max(owners, most_turns(owners) * len(self._rule.classes)) * levels
        markets = max(1, _ENTRIES // max(1, of_one))
        if bids.shape[0] <= markets:
            yield bids, budget
            return
        for start in range(0, bids.shape[0], markets):
            rows = torch.arange(start, min(start + markets, bids.shape[0]))
            yield bids.take(rows=rows), budget[rows]

    def _play(self, bids: Bids, budget: Tensor, book: ListBook | ListReader | None) -> Outcome:
        """Play one group after the other; what they are offered goes into the ``book``."""
        groups = in_groups(bids.data_size)
        present = [count for group in groups for count in group.present(bids.shape[1])]
        batch, owners = bids.shape
        markets = self._beginning(bids, budget)
        turns = Turn.each(markets.history.budget, present)
        # Privacy loss, payment and records [3, batch, owner]; the last owner stands for vacant places.
        sold = torch.zeros(3, batch, owners + 1, dtype=torch.float64)
        with torch.inference_mode():
            for second, group in enumerate(groups):
                here = (group.members > 0).nonzero()[:, 0]  # not every market has two groups
                if not len(here):
                    continue
                members = group.take(here)
                its_turns = [turn.take(here) for turn in turns[second * groups[0].turns :][: group.turns]]
                worlds = Worlds(
                    self._rule, markets.take(here), members, its_turns, second=bool(second), listed=book is not None
                )
                played = worlds.play()
                markets = markets.after(here, played)
                quantum = markets.quantum[here]
                asked = [members.owner[:, turn, -len(sale.entry) :] for turn, sale in enumerate(played.sales)]
                sale, owner = Sale.joined(played.sales), torch.cat(asked, dim=1)  # [member, market], [market, member]
                told = torch.stack([sale.privacy_loss(self.network.levels), sale.payment * quantum, sale.records])
                sold[:, here[:, None], owner] = told.transpose(1, 2)
                if book is not None and played.lists is not None:
                    book.add(played.lists, members, here, quantum)
        privacy_loss, payment, records = sold[:, :, :-1].contiguous()
        return Outcome(privacy_loss=privacy_loss, payment=payment, data_size=records.long())

    def _beginning(self, bids: Bids, budget: Tensor) -> Markets:
        levels, units = self.network.levels, self.units
        money, quantum = spendable(budget)
        budget = torch.where(money > 0, budget, 0.0)  # too small to be paid out: dividing by it would overflow
        return Markets(
            cost=bids.valuation.tabulate(levels),
            for_sale=levels <= bids.privacy_budget[..., None],
            unit_cost=bids.valuation.at(bids.privacy_budget) / units.money_per_record,
            quantum=quantum,
            everybody=bids.present.sum(-1).double(),
            history=History.beginning(budget / units.money, money / units.money),
            left=money / quantum,
            largest=torch.zeros_like(budget),
        )
