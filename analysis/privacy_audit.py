"""Does any upload give away more than it claims? Every mechanism at the distinguishing game of ``privacy_game``.

Mechanisms of this project are played on the worst pairs of inputs that are known, those of one's own on other pairs
too, whose lengths differ. All bounds of an audit together are right with probability ``CONFIDENCE`` (Bonferroni). Every
mechanism is also played with half its noise, which has to be caught; if that of one's own is not, it adds more noise
than it claims, or the draws are too few to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from agents.checks import number, seed_number, whole
from agents.perturbation.base import Perturbation
from agents.perturbation.checked import perturb
from agents.perturbation.registry import perturbation_classes
from analysis.privacy_game import Draw, Game, play

CONFIDENCE = 1 - 1e-6
"""Probability with which every bound of an audit is right."""

LOSSES: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 4.0)
DIMENSIONS: Mapping[int, int] = {2: 1_000_000, 10: 1_000_000, 650: 100_000}
"""Coordinates, and draws of either input."""

CONTROL = 2.0, 2
"""Privacy loss and coordinates of the planted mechanisms."""


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


def worst_pairs(norm: int, coordinates: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Pairs in the unit ball that are as far apart as two can be: along an axis, and in all coordinates at once.

    Parameters
    ----------
    norm : int
        Of the ball, 1 or 2.
    coordinates : int

    Returns
    -------
    dict of str to (float64[p], float64[p])
    """
    axis = _first_axis(coordinates)
    sign = torch.where(torch.arange(coordinates) % 2 == 0, 1.0, -1.0).double()
    spread = sign / sign.norm(p=norm)
    return {"opposite, one coordinate": (axis, -axis), "opposite, all coordinates": (spread, -spread)}


def other_pairs(coordinates: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Pairs of different lengths or directions, for noise that depends on what it hides; as ``worst_pairs``."""
    axis = _first_axis(coordinates)
    pairs = {"nothing and a whole": (0 * axis, axis), "half and a whole": (axis / 2, axis)}
    if coordinates > 1:
        pairs["two coordinates"] = (axis, axis.roll(1))
    return pairs


def _first_axis(coordinates: int) -> Tensor:
    return torch.eye(1, coordinates, dtype=torch.float64)[0]


def games(perturbations: Sequence[Perturbation], settings: AuditSettings) -> list[Game]:
    """Every game of an audit; mechanisms that claim no privacy are left out."""
    found: list[Game] = []
    for mechanism in perturbations:
        if not mechanism.private:
            continue
        own = type(mechanism) not in perturbation_classes().values()
        for coordinates, draws in settings.dimensions.items():
            if coordinates < mechanism.fewest_coordinates:
                continue
            for loss in settings.losses:
                pairs = worst_pairs(mechanism.norm, coordinates) | (other_pairs(coordinates) if own else {})
                found += _played_on(pairs, mechanism, loss, draws, own=own)
        if settings.controls:
            loss, coordinates = CONTROL
            coordinates, draws = max(coordinates, mechanism.fewest_coordinates), max(settings.dimensions.values())
            pairs = worst_pairs(mechanism.norm, coordinates)
            found += _played_on(pairs, mechanism, loss, draws, own=own, planted=True)
            if not own:
                found += _played_on(other_pairs(coordinates), mechanism, loss, draws, own=own)
    return found


def _played_on(
    pairs: Mapping[str, tuple[Tensor, Tensor]],
    mechanism: Perturbation,
    loss: float,
    draws: int,
    *,
    own: bool,
    planted: bool = False,
) -> Iterator[Game]:
    claimed, delta = (float(part) for part in mechanism.claim(torch.tensor([loss], dtype=torch.float64)))
    for pair, inputs in pairs.items():
        yield Game(
            name=f"{mechanism.name}, half its noise" if planted else mechanism.name,
            pair=pair,
            loss=claimed,
            delta=delta,
            coordinates=len(inputs[0]),
            draws=draws,
            inputs=inputs,
            draw=_half_noise(mechanism, loss) if planted else _drawn_by(mechanism, loss),
            planted=planted,
            own=own,
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
        "REFUTED"; of planted mechanisms "caught" or "NOT CAUGHT", of one's own "not caught", which refutes nothing.
    """
    best = played.sort_values("found", kind="stable").groupby(["name", "coordinates", "loss"], sort=False).tail(1)
    best = best.sort_index().assign(share=lambda rows: rows["found"] / rows["loss"])
    words = {(True, False): "kept", (False, False): "REFUTED", (True, True): "NOT CAUGHT", (False, True): "caught"}
    verdict = [words[kept, planted] for kept, planted in zip(best["kept"], best["planted"], strict=True)]
    verdict = [
        word.lower() if own and word == "NOT CAUGHT" else word for word, own in zip(verdict, best["own"], strict=True)
    ]
    columns = ["name", "coordinates", "loss", "delta", "draws", "found", "share", "pair", "verdict"]
    return best.assign(verdict=verdict)[columns].reset_index(drop=True)
