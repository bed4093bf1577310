"""Does an upload give away more than it claims? The distinguishing game, on the worst pairs of inputs that are known.

Two inputs, many uploads of either. An event is chosen on some draws and counted on others: if it happens with
probability P under one input and Q under the other, an (epsilon, delta)-private mechanism has P <= e^epsilon Q + delta.
Clopper-Pearson bounds of both make ``log((P_low - delta) / Q_high)`` a lower bound of the epsilon that is really spent,
right with probability ``CONFIDENCE`` for all games of an audit together (Bonferroni). A bound above the claim refutes
it. A bound below says how close the game came; it proves nothing about events that nobody thought of.

Sources: Clopper, Pearson 1934; Jagielski, Ullman, Oprea, "Auditing differentially private machine learning", 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from agents.checks import number, seed_number, whole
from agents.perturbation.base import Perturbation
from agents.perturbation.checked import perturb

CONFIDENCE = 1 - 1e-6
"""Probability with which every bound of an audit is right."""

CHOOSING = 0.1
"""Share of the draws on which the event is chosen; it is counted on the others."""

LOSSES: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 4.0)
DIMENSIONS: Mapping[int, int] = {2: 1_000_000, 10: 1_000_000, 650: 100_000}
"""Coordinates, and draws of either input."""

CONTROL = 2.0, 2
"""Privacy loss and coordinates of the planted mechanisms."""

ERRORS = 3.0
"""Standard errors by which an event has to stand out on the draws on which it is chosen."""

DIGITS = 30
"""Binary digits of a score, counted from the largest; what is beyond is taken for rounding."""

CELLS = 2_000_000
"""Numbers drawn at a time."""

Array = NDArray[np.float64]
Draw = Callable[[Tensor, int, torch.Generator], Tensor]
"""From an input ``float64[p]``, a number of draws and a generator to uploads ``float64[draws, p]``."""


@dataclass(frozen=True)
class AuditSettings:
    """How thoroughly privacy is audited.

    Parameters
    ----------
    losses : tuple of float
        Privacy losses to be sold.
    dimensions : mapping of int to int
        Numbers of coordinates, and how often each input is drawn there.
    controls : bool
        Also audit every mechanism with half its noise, which has to be caught.
    seed : int

    Raises
    ------
    TypeError, ValueError
        Naming the setting, its value and the remedy.
    """

    losses: tuple[float, ...] = LOSSES
    dimensions: Mapping[int, int] = field(default_factory=lambda: DIMENSIONS)
    controls: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.losses or not self.dimensions:
            raise ValueError("losses and dimensions: pass at least one of each")
        for loss in self.losses:
            number("losses", loss, above=0.0)
        for coordinates, draws in self.dimensions.items():
            whole("dimensions", coordinates, minimum=1)
            whole("draws", draws, minimum=1000)
        seed_number("seed", self.seed)


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


def worst_pairs(norm: int, coordinates: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Pairs in the unit ball that are as far apart as two can be: along an axis, and in all coordinates at once."""
    axis = torch.zeros(coordinates, dtype=torch.float64)
    axis[0] = 1.0
    sign = torch.where(torch.arange(coordinates) % 2 == 0, 1.0, -1.0).double()
    spread = sign / sign.norm(p=norm)
    return {"opposite, one coordinate": (axis, -axis), "opposite, all coordinates": (spread, -spread)}


def games(perturbations: Sequence[Perturbation], settings: AuditSettings) -> list[Game]:
    """Every game of an audit; mechanisms that claim no privacy are left out."""
    found: list[Game] = []
    for mechanism in perturbations:
        if not mechanism.private:
            continue
        for coordinates, draws in settings.dimensions.items():
            if coordinates < mechanism.fewest_coordinates:
                continue
            for loss in settings.losses:
                found += _pairs(mechanism, loss, coordinates, draws, planted=False)
        if settings.controls:
            loss, coordinates = CONTROL
            coordinates = max(coordinates, mechanism.fewest_coordinates)
            found += _pairs(mechanism, loss, coordinates, max(settings.dimensions.values()), planted=True)
    return found


def _pairs(mechanism: Perturbation, loss: float, coordinates: int, draws: int, *, planted: bool) -> Iterator[Game]:
    claimed, delta = (float(part) for part in mechanism.claim(torch.tensor([loss], dtype=torch.float64)))
    for pair, inputs in worst_pairs(mechanism.norm, coordinates).items():
        yield Game(
            name=f"{mechanism.name}, half its noise" if planted else mechanism.name,
            pair=pair,
            loss=claimed,
            delta=delta,
            coordinates=coordinates,
            draws=draws,
            inputs=inputs,
            draw=_half_noise(mechanism, loss) if planted else _drawn_by(mechanism, loss),
            planted=planted,
        )


def _drawn_by(mechanism: Perturbation, loss: float) -> Draw:
    def draw(gradient: Tensor, count: int, generator: torch.Generator) -> Tensor:
        losses = torch.full((count,), loss, dtype=torch.float64)
        return perturb(mechanism, gradient.expand(count, -1), losses, generator)

    return draw


def _half_noise(mechanism: Perturbation, loss: float) -> Draw:
    """The planted mechanism: the noise of twice the privacy loss; of Gaussian noise, half the standard deviation."""
    honest = _drawn_by(mechanism, loss)
    if mechanism.gaussian_shift(torch.tensor([loss], dtype=torch.float64)) is None:
        return _drawn_by(mechanism, 2 * loss)
    return lambda gradient, count, generator: (honest(gradient, count, generator) + gradient) / 2


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
        ``likely, unlikely`` (how often it happened), ``kept`` (whether the claim stands), ``planted``.
    """
    scores = [_scores(game, one, generator) for one in game.inputs]
    choosing = int(CHOOSING * game.draws)
    counted = game.draws - choosing
    chosen = _choose([{name: values[:choosing] for name, values in one.items()} for one in scores], game)
    name, threshold, above, likely = chosen
    hits = []
    for side in (likely, 1 - likely):
        values = scores[side][name][choosing:]
        hits.append(int((values >= threshold).sum() if above else (values <= threshold).sum()))
    found = lower_bound(hits[0], hits[1], counted, share_of_error, game.delta)
    return {
        "name": game.name,
        "pair": game.pair,
        "coordinates": game.coordinates,
        "loss": game.loss,
        "delta": game.delta,
        "draws": game.draws,
        "found": found,
        "event": f"{name} {'at least' if above else 'at most'} {threshold:.6g}",
        "likely": hits[0],
        "unlikely": hits[1],
        "kept": bool(found <= game.loss),
        "planted": game.planted,
    }


def lower_bound(likely: int, unlikely: int, draws: int, share_of_error: float, delta: float = 0.0) -> float:
    """Lower bound of the privacy loss spent, from how often an event happened in so many draws of either input."""
    low = stats.beta.ppf(share_of_error / 2, likely, draws - likely + 1) if likely else 0.0
    high = stats.beta.ppf(1 - share_of_error / 2, unlikely + 1, draws - unlikely) if unlikely < draws else 1.0
    return max(0.0, math.log((low - delta) / high)) if low > delta else 0.0


def _scores(game: Game, gradient: Tensor, generator: torch.Generator) -> dict[str, Array]:
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
    names = ("projection", "cosine", "length", "difference of L1 distances", "least projection", "largest projection")
    return {name: _without_last_digits(columns[:, place]) for place, name in enumerate(names)}


def _without_last_digits(values: Array) -> Array:
    """Equal where only rounding tells them apart: what the last bits of a float give away is another question."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest > 0:
        return values
    # A power of two, so that the grids of two samples fit together and numbers on it are exact.
    unit = 2.0 ** (math.ceil(math.log2(largest)) - DIGITS)
    return np.asarray(np.round(values / unit) * unit)


def _choose(scores: Sequence[Mapping[str, Array]], game: Game) -> tuple[str, float, bool, int]:
    """The event that promises the largest bound: score, threshold, whether above it, which input makes it likely."""
    best = (-math.inf, next(iter(scores[0])), 0.0, True, 0)
    for name in scores[0]:
        first, second = (np.sort(one[name]) for one in scores)
        both = np.concatenate([first, second])
        inner = np.quantile(both, np.linspace(0.005, 0.995, 100))
        ends = np.quantile(both, [0.0005, 0.001, 0.002, 0.998, 0.999, 0.9995])
        thresholds = np.unique(np.concatenate([inner, ends]))
        for above in (True, False):
            side: Literal["left", "right"] = "left" if above else "right"
            counts = [np.searchsorted(values, thresholds, side=side) for values in (first, second)]
            shares = [(len(first) - count if above else count) / len(first) for count in counts]
            for likely in (0, 1):
                p, q = shares[likely], shares[1 - likely]
                low = p - ERRORS * np.sqrt(p * (1 - p) / len(first)) - game.delta
                high = q + ERRORS * np.sqrt(q * (1 - q) / len(first)) + ERRORS**2 / len(first)
                with np.errstate(divide="ignore", invalid="ignore"):
                    promise = np.where(low > 0, np.log(np.maximum(low, 1e-300) / high), -np.inf)
                place = int(promise.argmax())
                if promise[place] > best[0]:
                    best = (float(promise[place]), name, float(thresholds[place]), above, likely)
    return best[1:]


def privacy_audit(
    rounds: Sequence[Game], seed: int = 0, *, jobs: int = 1, watch: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """Play all games of an audit; a row each, as ``play`` returns them.

    Parameters
    ----------
    rounds : sequence of Game
    seed : int
        Every game has a stream of its own, so that neither the number of processes nor the other games change it.
    jobs : int
        Threads; torch's samplers run in parallel.
    watch : callable
        Called with a word after every game.
    """
    from joblib import Parallel, delayed

    seed_number("seed", seed)
    whole("jobs", jobs, minimum=1)
    share = (1 - CONFIDENCE) / max(1, len(rounds))

    def one(place: int, game: Game) -> dict[str, Any]:
        generator = torch.Generator().manual_seed((seed * 1_000_003 + place * 7919 + 1) % 2**63)
        return play(game, generator, share)

    played = Parallel(n_jobs=jobs, backend="threading", return_as="generator")(
        delayed(one)(place, game) for place, game in enumerate(rounds)
    )
    rows = []
    for row in played:
        rows.append(row)
        watch(f"{row['name']}, epsilon {row['loss']:g}, {row['coordinates']} coordinates")
    return pd.DataFrame(rows)


def verdicts(played: pd.DataFrame) -> pd.DataFrame:
    """The best bound of all pairs, per mechanism, coordinates and privacy loss.

    Returns
    -------
    DataFrame
        ``name, coordinates, loss, delta, draws, found, share`` (found of the claim), ``pair``, ``verdict``: "kept" or
        "REFUTED"; of planted mechanisms "caught" or "NOT CAUGHT".
    """
    best = played.sort_values("found", kind="stable").groupby(["name", "coordinates", "loss"], sort=False).tail(1)
    best = best.sort_index().assign(share=lambda rows: rows["found"] / rows["loss"])
    words = {(True, False): "kept", (False, False): "REFUTED", (True, True): "NOT CAUGHT", (False, True): "caught"}
    verdict = [words[kept, planted] for kept, planted in zip(best["kept"], best["planted"], strict=True)]
    columns = ["name", "coordinates", "loss", "delta", "draws", "found", "share", "pair", "verdict"]
    return best.assign(verdict=verdict)[columns].reset_index(drop=True)
