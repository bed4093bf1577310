"""Opening a learned auction: the network from a checkpoint or handed over, and the public units it works in."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from torch import Tensor, nn

from agents.broker.auctions.base import Auction
from agents.broker.auctions.checkpoint import ModelCard, open_checkpoint
from agents.units import PublicUnits

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class NetworkAuction(Auction, Generic[NetworkT]):
    """An auction whose rule is a trained network. A subclass says what its checkpoint holds and builds that.

    Parameters
    ----------
    units : PublicUnits, optional
        Public units of the market at hand; by default those of training.
    checkpoint : Path, optional
        By default the shipped one.
    network : nn.Module, optional
        Instead of a checkpoint, with ``units``.

    Attributes
    ----------
    card : ModelCard or None
        Of the checkpoint.
    """

    holds: ClassVar[str]
    """What its checkpoint holds, in words."""
    units: PublicUnits

    def __init__(
        self,
        units: PublicUnits | None = None,
        *,
        checkpoint: Path | None = None,
        network: NetworkT | None = None,
    ) -> None:
        self.card: ModelCard | None = None
        if network is None:
            opened, self.card = open_checkpoint(self.name, checkpoint, self.build, self.holds)
            network, units = opened, units or self.card.units
        if units is None:
            raise ValueError("units = None: a network without a checkpoint needs the public units it works in")
        super().__init__(units)
        self.network = network.eval().requires_grad_(False)

    @staticmethod
    @abstractmethod
    def build(tensors: dict[str, Tensor]) -> NetworkT:
        """The network in a checkpoint; may raise what indexing, ``load_state_dict`` and ``ValueError`` are for."""


def check_price_grid(levels: Tensor, usual_price: Tensor) -> None:
    """Refuse privacy losses ``[K]`` that are not positive and increasing, or prices ``[K]`` that are not positive."""
    if float(levels[0]) <= 0 or bool((levels.diff() < 0).any()) or bool((usual_price <= 0).any()):
        raise ValueError("levels must be positive and increasing, prices positive")
