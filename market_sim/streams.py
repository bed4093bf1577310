"""Child random streams: one per purpose, round and buyer, all of them fixed by the market's seed.

A market's streams are ``population``, ``network``, ``strategies`` (who follows which), ``data split`` (which records
are whose) and ``public rule`` (what a strategic owner supposes a lottery to draw), once; then, per round and buyer,
``sampling``, ``budget``, ``strategies/bids``, ``strategies/identities``, ``lottery``, ``records`` (which of a partly
bought data set) and ``noise``, these two with one more each for the further identities of one owner, and
``counterfactuals`` (whose truth is tried where many lied, and whose is tried twice).
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from agents.checks import seed_number


@dataclass(frozen=True)
class Streams:
    """Independent random streams by name; asking for one neither moves nor depends on any other.

    Parameters
    ----------
    seed : int
        Nonnegative; the same seed gives the same streams on every machine.
    """

    seed: int

    def __post_init__(self) -> None:
        seed_number("seed", self.seed)

    def generator(self, name: str, round: int = 0, buyer: int = 0) -> torch.Generator:
        """Return a fresh generator at the start of the stream ``(name, round, buyer)``."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(_stable_hash(name), round, buyer))
        return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0]))


@functools.cache
def _stable_hash(name: str) -> int:
    """Return a number for ``name`` that, unlike ``hash``, is the same in every process."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
