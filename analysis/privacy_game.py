"""The distinguishing game: how far can two inputs be told apart by what is uploaded?

Two inputs, many uploads of either. An event is chosen on some draws and counted on others: if it happens with
probability P under one input and Q under the other, an (epsilon, delta)-private mechanism has P <= e^epsilon Q + delta.
Clopper-Pearson bounds of both make ``log((P_low - delta) / Q_high)`` a lower bound of the epsilon that is really spent.
A bound above the claim refutes it. A bound below says how close the game came; it proves nothing about events that
nobody thought of.

An event likely under one input has a mirror image likely under the other. Adding both inequalities gives the same one
for the averages of P and of Q, counted on twice as many draws. That needs no symmetry of the mechanism: a sum of
independent indicators with different probabilities varies less than a binomial with their mean (Hoeffding).

Sources: Clopper, Pearson 1934; Hoeffding, "On the distribution of the number of successes in independent trials", 1956;
Jagielski, Ullman, Oprea, "Auditing differentially private machine learning", 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

CHOOSING = 0.1
"""Share of the draws on which the event is chosen; it is counted on the others."""

ERRORS = 3.0
"""Standard errors by which an event has to stand out on the draws on which it is chosen."""

DIGITS = 30
"""Binary digits of a score, counted from the largest; what is beyond is taken for rounding."""

CELLS = 2_000_000
"""Numbers drawn at a time."""

MIRROR_IMAGE: Mapping[str, str | None] = {
    "projection": "projection",
    "cosine": "cosine",
    "length": None,
    "difference of L1 distances": "difference of L1 distances",
    "least projection": "largest projection",
    "largest projection": "least projection",
}
"""Scores of an upload, and the score that the mirrored upload has with the sign changed; None if none has."""

Array = NDArray[np.float64]
Draw = Callable[[Tensor, int, torch.Generator], Tensor]
"""From an input ``float64[p]``, a number of draws and a generator to uploads ``float64[draws, p]``."""

Scores = Mapping[str, Array]
"""Of the uploads of one input ``float64[draws]``, by name."""


@dataclass(frozen=True)
class Game:
    """One pair of inputs, and what is claimed of telling them apart.

    Parameters
    ----------
    name, pair : str
        Mechanism and inputs.
    loss, delta : float
        The claim.
    coordinates, draws : int
    inputs : (float64[p], float64[p])
    draw : callable
    planted : bool
        Whether the claim is known to be wrong.
    uploads : int
        Of how many uploads of equal length a draw consists, one behind the other.
    own : bool
        Whether the mechanism is none of this project's.
    """

    name: str
    pair: str
    loss: float
    delta: float
    coordinates: int
    draws: int
    inputs: tuple[Tensor, Tensor]
    draw: Draw
    planted: bool = False
    uploads: int = 1
    own: bool = False


def play(game: Game, generator: torch.Generator, share_of_error: float) -> dict[str, Any]:
    """Play one game.

    Parameters
    ----------
    game : Game
    generator : torch.Generator
    share_of_error : float
        Probability with which its bound may be wrong.

    Returns
    -------
    dict
        ``name, pair, coordinates, loss, delta, draws, found`` (lower bound of the privacy loss spent), ``event``,
        ``likely, unlikely`` (how often it happened), ``kept`` (whether the claim stands), ``planted, own``.
    """
    scores = [scores_of(game, one, generator) for one in game.inputs]
    choosing = int(CHOOSING * game.draws)
    event = likeliest_event([_part(one, slice(choosing)) for one in scores], game.delta)
    likely, unlikely, draws = event.counts([_part(one, slice(choosing, None)) for one in scores])
    found = lower_bound(likely, unlikely, draws, share_of_error, game.delta)
    return {
        "name": game.name,
        "pair": game.pair,
        "coordinates": game.coordinates,
        "loss": game.loss,
        "delta": game.delta,
        "draws": game.draws,
        "found": found,
        "event": str(event),
        "likely": likely,
        "unlikely": unlikely,
        "kept": bool(found <= game.loss),
        "planted": game.planted,
        "own": game.own,
    }


def _part(scores: Scores, rows: slice) -> Scores:
    return {name: values[rows] for name, values in scores.items()}


def lower_bound(likely: int, unlikely: int, draws: int, share_of_error: float, delta: float = 0.0) -> float:
    """Lower bound of the privacy loss spent, from how often an event happened in so many draws of either input."""
    low = stats.beta.ppf(share_of_error / 2, likely, draws - likely + 1) if likely else 0.0
    high = stats.beta.ppf(1 - share_of_error / 2, unlikely + 1, draws - unlikely) if unlikely < draws else 1.0
    return max(0.0, math.log((low - delta) / high)) if low > delta else 0.0


def scores_of(game: Game, gradient: Tensor, generator: torch.Generator) -> Scores:
    """Numbers by which uploads are told apart, drawn piece by piece: no piece is larger than ``CELLS``."""
    first, second = game.inputs
    direction = (first - second) / (first - second).norm()
    middle, parts = (first + second) / 2, (-1, game.uploads, game.coordinates // game.uploads)
    differs = first != second
    pieces: list[Tensor] = []
    piece = max(1, min(game.draws, CELLS // game.coordinates))
    for start in range(0, game.draws, piece):
        uploads = game.draw(gradient, min(piece, game.draws - start), generator) - middle
        along, length = uploads @ direction, uploads.norm(dim=1)
        each = (uploads * direction).view(parts).sum(-1)  # [draw, upload]
        apart = uploads[:, differs]
        near, far = ((apart - (one - middle)[differs]).abs().sum(1) for one in (first, second))
        pieces.append(
            torch.stack(
                [along, along / length.clamp(min=1e-300), length, far - near, each.amin(1), each.amax(1)], dim=1
            )
        )
    columns = torch.cat(pieces).numpy()
    return {name: _without_last_digits(columns[:, place]) for place, name in enumerate(MIRROR_IMAGE)}


def _without_last_digits(values: Array) -> Array:
    """Equal where only rounding tells them apart: what the last bits of a float give away is another question."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest > 0:
        return values
    # A power of two, so that the grids of two samples fit together and numbers on it are exact.
    unit = 2.0 ** (math.ceil(math.log2(largest)) - DIGITS)
    return np.asarray(np.round(values / unit) * unit)


@dataclass(frozen=True)
class Event:
    """What is looked for among the uploads.

    Parameters
    ----------
    score : str
        One of ``MIRROR_IMAGE``.
    threshold : float
    above : bool
        Whether a score has to be at least the threshold, or at most.
    likely : int
        Under which input it is the likelier one, 0 or 1.
    mirrored : bool
        Whether its mirror image under the other input counts too.
    """

    score: str
    threshold: float
    above: bool
    likely: int
    mirrored: bool

    def __str__(self) -> str:
        """What happens, in words."""
        image = ", or its mirror image" if self.mirrored else ""
        return f"{self.score} {'at least' if self.above else 'at most'} {self.threshold:.6g}{image}"

    def counts(self, scores: Sequence[Scores]) -> tuple[int, int, int]:
        """How often it happened where it is likely and where it is not, and among how many draws of either."""
        samples = _samples(scores, self.score, self.mirrored)
        hits = [int((one >= self.threshold).sum() if self.above else (one <= self.threshold).sum()) for one in samples]
        return hits[self.likely], hits[1 - self.likely], len(samples[0])


def _samples(scores: Sequence[Scores], name: str, mirrored: bool) -> tuple[Array, Array]:
    """One score under either input; if mirrored, with the mirror images of the other input's."""
    first, second = (one[name] for one in scores)
    image = MIRROR_IMAGE[name]
    if not mirrored or image is None:
        return first, second
    return np.concatenate([first, -scores[1][image]]), np.concatenate([second, -scores[0][image]])


def likeliest_event(scores: Sequence[Scores], delta: float) -> Event:
    """The event that promises the largest bound."""
    best, chosen = -math.inf, Event(next(iter(MIRROR_IMAGE)), 0.0, True, 0, False)
    for name, mirrored in ((name, mirrored) for name in MIRROR_IMAGE for mirrored in (False, True)):
        if mirrored and MIRROR_IMAGE[name] is None:
            continue
        first, second = (np.sort(one) for one in _samples(scores, name, mirrored))
        both = np.concatenate([first, second])
        inner = np.quantile(both, np.linspace(0.005, 0.995, 199))
        ends = np.quantile(both, [0.0005, 0.001, 0.002, 0.998, 0.999, 0.9995])
        thresholds = np.unique(np.concatenate([inner, ends]))
        for above in (True, False):
            side: Literal["left", "right"] = "left" if above else "right"
            counts = [np.searchsorted(values, thresholds, side=side) for values in (first, second)]
            shares = [(len(first) - count if above else count) / len(first) for count in counts]
            for likely in (0, 1):
                promise = _promise(shares[likely], shares[1 - likely], len(first), delta)
                place = int(promise.argmax())
                if promise[place] > best:
                    best, chosen = float(promise[place]), Event(name, float(thresholds[place]), above, likely, mirrored)
    return chosen


def _promise(likely: Array, unlikely: Array, draws: int, delta: float) -> Array:
    """The bound that shares of so many draws would give ``ERRORS`` standard errors from where they are."""
    low = likely - ERRORS * np.sqrt(likely * (1 - likely) / draws) - delta
    high = unlikely + ERRORS * np.sqrt(unlikely * (1 - unlikely) / draws) + ERRORS**2 / draws
    return np.where(low > 0, np.log(np.maximum(low, 1e-300) / high), -np.inf)
