"""All the owners of one market, as arrays: everything private to them, and what they do in a round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from agents.checks import generator_of
from agents.messages import Outcome, Upload
from agents.models.base import Model
from agents.models.softmax import softmax_regression
from agents.owner.accountant import Accountant
from agents.owner.bidders import Bidders
from agents.owner.composed_account import ComposedAccount
from agents.owner.gradients import local_gradients
from agents.owner.groups import StrategyGroups, Stream
from agents.owner.records import draw_records
from agents.owner.settlement import Settlement
from agents.owner.strategies.base import PublicKnowledge
from agents.owner.strategy_shares import Share
from agents.perturbation.checked import perturb
from agents.perturbation.gaussian import DEFAULT_DELTA
from agents.prior import MIN_PRIVACY_BUDGET
from agents.saved_state import State, held_by, with_held
from agents.tasks.base import Task
from agents.tasks.partition import partition_of
from agents.types import OwnerTypes
from agents.upload_terms import UploadTerms

ENTRIES_AT_ONCE = 1 << 20
"""Bidders times parameters whose gradients are computed and perturbed at a time."""

REMEMBERED: tuple[str, ...] = ("unusable", "_left", "earned", "received", "utility")
"""Arrays over the owners that change from round to round, beside their accounts."""


class OwnerPopulation:
    """All the owners of one market, as arrays: one method call acts for every bidder of a round.

    Parameters
    ----------
    types : OwnerTypes [1, N]
        Who they really are; records of the task beyond the sum of their data sizes are nobody's.
    strategies : mapping of str or Strategy class to float
        Strategies and the shares of the owners who follow them.
    task : Task
        What is learned, from records distributed over the owners.
    terms : UploadTerms
        How uploads are clipped and perturbed.
    model : Model, optional
        The family of models whose gradients they compute; by default softmax regression.
    lifetime_allowance : float
        Most privacy loss that each owner may ever spend; infinite for no limit.
    delta : float
        Probability with which the total of an owner's uploads may be exceeded (``composed``).
    partition : str
        How records are distributed (``agents.tasks.partition.PARTITIONS``).
    partition_options : mapping, optional
        What it lets one choose.
    options : mapping of str to mapping, optional
        Options of the strategies, by strategy name.
    public : PublicKnowledge, optional
        What everybody knows of the market, for strategies to reason about.
    stream : callable
        Random stream by name, for the distribution of records and of strategies.
    """

    def __init__(
        self,
        types: OwnerTypes,
        strategies: Mapping[Share, float],
        task: Task,
        terms: UploadTerms,
        *,
        model: Model | None = None,
        lifetime_allowance: float = float("inf"),
        delta: float = DEFAULT_DELTA,
        partition: str = "iid",
        partition_options: Mapping[str, Any] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        public: PublicKnowledge | None = None,
        stream: Stream,
    ) -> None:
        owners = types.shape[1]
        self.types = types
        self.task = task
        self.model = model or softmax_regression(task)
        self.terms = terms
        self.groups = StrategyGroups(strategies, owners, stream("strategies"), options=options, public=public)
        self.partition = partition_of(
            task, _append_unowned(types.data_size[0], task), partition, stream("data split"), partition_options
        )
        self.accounts = Accountant.open(owners, lifetime_allowance)
        self.composed = ComposedAccount(terms.mechanism, delta, owners)
        # Of each owner's records used in her last round, how many had no finite gradient, [N].
        self.unusable = torch.zeros(owners, dtype=torch.int64)
        self._left = torch.zeros(owners, dtype=torch.bool)
        self.earned = torch.zeros(owners, dtype=torch.float64)
        self.received = torch.zeros(owners, dtype=torch.float64)
        self.utility = torch.zeros(owners, dtype=torch.float64)

    def state(self) -> State:
        """All that is remembered of the owners between rounds."""
        return {
            "accounts": held_by(self.accounts),
            "composed": self.composed.state(),
            "groups": self.groups.state(),
            "owners": {name: getattr(self, name) for name in REMEMBERED},
        }

    def load_state(self, state: State) -> None:
        """Go on from what ``state`` returned.

        Raises
        ------
        KeyError, ValueError
            If that is the state of other owners.
        """
        self.accounts = with_held(self.accounts, state["accounts"])
        self.composed.load_state(state["composed"])
        self.groups.load_state(state["groups"])
        for name in REMEMBERED:
            setattr(self, name, state["owners"][name])

    @property
    def active(self) -> Tensor:
        """Who is still in the market, ``bool[N]``: has not left it, and enough of her lifetime allowance is left."""
        return ~self._left & (self.accounts.left >= MIN_PRIVACY_BUDGET)

    def leave(self, owner: int) -> None:
        """Let an owner leave the market for good."""
        self._left[owner] = True

    def bidders(self, maximum: int, taken: Tensor, generator: torch.Generator) -> Tensor:
        """Sample bidders uniformly, in random order.

        Parameters
        ----------
        maximum : int
            How many are wanted; fewer come if fewer are left.
        taken : bool[N]
            Who already serves another buyer.
        generator : torch.Generator
            Sampling stream; a number is drawn for every owner, in the market or not.

        Returns
        -------
        int64[n]
        """
        key = torch.rand(len(taken), generator=generator_of("generator", generator), dtype=torch.float64)
        order = key.argsort(stable=True)  # [N]
        return order[(self.active & ~taken)[order]][:maximum]

    def types_of(self, owners: Tensor) -> OwnerTypes:
        """Who some owners are in this round ``[1, n]``: privacy budgets within what is left of their allowances."""
        valuation = self.types.valuation.take(slice(None), owners)
        left = self.accounts.left[owners]
        return OwnerTypes(
            valuation=valuation,
            privacy_budget=torch.minimum(self.types.privacy_budget[:, owners], left),
            data_size=self.types.data_size[:, owners],
        )

    def upload(self, bidders: Bidders, outcome: Outcome, stream: Stream, *, loss: Tensor | None = None) -> Upload:
        """Compute, clip and perturb the gradients that were sold; whoever sold nothing sends nothing.

        Noise and records are drawn for all bidders and then selected, so that runs which differ in bids stay paired;
        for further identities of the same owner, noise comes from a stream of its own. OpenDP's noise cannot be
        seeded and is drawn for the sellers alone.

        Parameters
        ----------
        bidders : Bidders
        outcome : Outcome [1, r]
        stream : callable
            Random stream by name.
        loss : float64[r], optional
            Privacy loss of each upload; by default what was sold.

        Returns
        -------
        Upload
            One gradient per row that sells.
        """
        loss = outcome.privacy_loss_sold[0] if loss is None else loss
        sellers = (loss > 0).nonzero()[:, 0]
        self.unusable[bidders.owners] = 0
        if not len(sellers):
            return Upload(bidder=sellers, gradient=torch.zeros(0, self.model.dimension, dtype=torch.float64))
        identities = bidders.identities
        records = torch.where(loss > 0, outcome.data_size[0], 0)  # [r]
        bought = identities.total(records[None])[0]  # [n]
        rows, bidder = draw_records(self.partition, bidders.owners, bought, stream("records"))
        if identities.any_split:
            rows, bidder = _records_per_identity(rows, bidder, identities.place, records, stream("records/identities"))
        dimension, terms = self.model.dimension, self.terms
        noisy = torch.empty(len(sellers), dimension, dtype=torch.float64)
        place = torch.full((len(loss),), -1).index_put((sellers,), torch.arange(len(sellers)))  # [r], among the sellers
        unusable = torch.zeros(len(loss), dtype=torch.int64)
        further = torch.ones(len(loss), dtype=torch.bool)
        further[identities.first] = False
        for part, name in ((identities.first, "noise"), (further.nonzero()[:, 0], "noise/identities")):
            generator = stream(name)
            for some in torch.split(part, max(1, ENTRIES_AT_ONCE // dimension)) if len(part) else ():
                theirs, whose = _records_of(some, rows, bidder, len(loss))
                local = local_gradients(  # [some, p]
                    self.task,
                    bidders.announcement.parameters,
                    theirs,
                    whose,
                    len(some),
                    model=self.model,
                    clip=terms.clip,
                    clip_norm=terms.clip_norm,
                    norm_order=terms.norm_order,
                )
                unusable[some] = local.unusable
                sent = perturb(
                    terms.mechanism,
                    local.gradient,
                    loss[some],
                    generator,
                    radius=terms.clip_norm,
                    noise_source=terms.noise_source,
                )
                sells = place[some] >= 0
                noisy[place[some][sells]] = sent[sells]
        self.unusable[bidders.owners] = identities.total(unusable[None])[0]
        return Upload(bidder=sellers, gradient=noisy)

    def settle(self, settlement: Settlement, *, loss: Tensor | None = None) -> None:
        """Book privacy loss, payments and utility, and let the strategies see their own results.

        Privacy losses of all uploads of one owner add up: what is protected is her whole local data set, and two
        uploads tell two data sets apart that differ in both parts. Side payments are booked apart from payments and
        utility.

        Parameters
        ----------
        settlement : Settlement
        loss : float64[r], optional
            Privacy loss of each upload; by default what was sold.
        """
        owners, identities = settlement.bidders.owners, settlement.bidders.identities
        loss = settlement.outcome.privacy_loss_sold[0] if loss is None else loss
        self.accounts = self.accounts.charge(owners[identities.place], loss)
        self.composed.charge(owners[identities.place], loss)
        self.earned[owners] += identities.total(settlement.outcome.payment)[0]
        self.utility[owners] += settlement.utility[0]
        if settlement.transfer is not None:
            self.received[owners] += settlement.transfer[0]
        self.groups.observe(settlement)


def _append_unowned(sizes: Tensor, task: Task) -> Tensor:
    """Data sizes ``[N]``, and behind them the records that nobody holds, if there are any."""
    rest = task.train_size - int(sizes.sum())
    return torch.cat([sizes, sizes.new_tensor([rest])]) if rest > 0 else sizes


def _records_of(some: Tensor, rows: Tensor, bidder: Tensor, bidders: int) -> tuple[Tensor, Tensor]:
    """The records of ``some`` bidders, and whose each is among these, in ascending order."""
    if bool((some.diff() == 1).all()):
        start, end = torch.searchsorted(bidder, torch.stack([some[0], some[-1] + 1])).tolist()
        return rows[start:end], bidder[start:end] - some[0]
    whose = torch.full((bidders,), -1).index_put((some,), torch.arange(len(some)))[bidder]
    order = whose.argsort(stable=True)
    order = order[whose[order] >= 0]
    return rows[order], whose[order]


def _records_per_identity(
    rows: Tensor, bidder: Tensor, place: Tensor, records: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Distribute the records drawn of each bidder over her identities at random, ``records[r]`` to each.

    Parameters
    ----------
    rows, bidder : int64[d]
        Record numbers, and the bidder of each, ascending.
    place, records : int64[r]
        Bidder of each identity, and how many records it sold.

    Returns
    -------
    (rows int64[d], identity int64[d])
        Ascending in the identity.
    """
    # A uniform number behind the bidder's shuffles every bidder's records and leaves the bidders in order.
    key = bidder + torch.rand(len(rows), generator=generator, dtype=torch.float64)  # [d]
    shuffled = rows[key.argsort(stable=True)]
    order = place.argsort(stable=True)  # [r], identities bidder by bidder
    identity = order.repeat_interleave(records[order])  # [d]
    ascending = identity.argsort(stable=True)
    return shuffled[ascending], identity[ascending]
