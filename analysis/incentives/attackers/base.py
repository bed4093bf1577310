"""What an attacker is: something that spends a share of the query budget on lies of its own choosing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch

from agents.broker.auctions.base import Auction
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel


class Attacker(ABC):
    """One way of looking for profitable lies; one file with one class, which sets ``name``, is all it takes.

    Attributes
    ----------
    share : float
        Part of the query budget, relative to that of the other attackers.
    turn : int
        Attackers act in rising order; later ones may start from what earlier ones found.
    finalist : bool
        Whether it attacks only those owners from whom all others together gained most.
    requires : str
        What it needs, for the reader of an audit in which it cannot attack.
    """

    name: ClassVar[str]
    share: ClassVar[float] = 1.0
    turn: ClassVar[int] = 50
    finalist: ClassVar[bool] = False
    requires: ClassVar[str] = "a field that may be changed"

    def applies(self, auction: Auction, threat: ThreatModel) -> bool:
        """Whether what it requires is there."""
        return bool(threat.fields)

    @abstractmethod
    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Ask ``attack.query(misreports)`` while ``attack.left`` allows."""
