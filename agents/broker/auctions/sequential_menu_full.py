"""The sequential menu for the full error bound, in which the noise of all coordinates counts."""

from __future__ import annotations

from typing import ClassVar

from agents.broker.auctions.sequential_menu import SequentialMenu


class SequentialMenuFull(SequentialMenu):
    """Exactly truthful like the sequential menu, and trained for ``error_bound="full"``.

    With the noise of some hundred coordinates counted, the privacy losses bought decide and the records hardly do, so
    that its lists ask for few records of everybody at large privacy losses.
    """

    name: ClassVar[str] = "sequential-menu-full"
    coordinates: ClassVar[int] = 650
    asked_ahead: ClassVar[bool] = True
