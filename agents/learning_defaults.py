"""What a market learns with where nothing is said: clip, norm, learning rate and weights, by a rule that sees no data.

A task's records should be about 1 long, by public scaling: ``agents.tasks.base.stored_task`` warns where they are not
(those of ``synthetic`` are longer, about the square root of the number of features). From that follow

* ``clip="direction"``, ``clip_norm=1``: noise is measured by the radius, so that every upload should fill it. Only the
  product of radius and learning rate matters to the model.
* a learning rate by which the steps of all rounds add up to ``PATH`` lengths of the radius: far enough to tell classes
  apart, and no farther, for noise grows with every step. In few rounds no step is longer than ``LONGEST_STEP``. With
  noise, other models than softmax regression go ``MODULE_PATH``. With ``update="momentum"`` a gradient moves the model
  1 / (1 - ``MOMENTUM``) times as far, and the rate is so much less; a step of ``adam`` is its rate long in every
  coordinate whatever the gradient, so that ``ADAM_STEP`` has no unit.
* weights in inverse proportion to the variance of the noise, if there is noise: an upload's noise is many times as
  long as its signal, and an owner's direction tells much the same whether it sums up ten records or a thousand.
  Without noise, or where owners are clipped otherwise, the weights of the least error bound.

``PATH`` was chosen on seeds from 1000 on, on digits and on a held-out part of NSL-KDD's training file
(docs/benchmarks.md); halving or doubling it costs at most 0.02 of accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.checks import number, one_of, whole
from agents.perturbation.registry import PerturbationChoice, perturbation_of
from agents.upload_terms import CLIPS

PATH = 60.0
"""How far the model moves in all rounds together, in records' lengths."""

MODULE_PATH = 10.0
"""The same for any model but softmax regression, with noise: what a weight does there is multiplied by others."""

LONGEST_STEP = 1.0
"""How far it moves in one round at most."""

MOMENTUM = 0.9
"""Share of the last step that ``update="momentum"`` goes on with."""

ADAM_STEP = 0.01
"""How far ``update="adam"`` moves every coordinate in a round."""


@dataclass(frozen=True)
class LearningSettings:
    """How gradients are clipped, weighed and followed.

    Parameters
    ----------
    clip : str
        One of ``agents.upload_terms.CLIPS``.
    clip_norm : float
        Radius L.
    learning_rate : float
        Step per unit of gradient.
    aggregation : str
        How uploads are weighed.
    """

    clip: str
    clip_norm: float
    learning_rate: float
    aggregation: str


def learning_settings(
    perturbation: PerturbationChoice,
    rounds: int,
    *,
    update: str = "precision",
    linear: bool = True,
    clip: str | None = None,
    clip_norm: float | None = None,
    learning_rate: float | None = None,
    aggregation: str | None = None,
) -> LearningSettings:
    """Complete what was chosen by the rule of this module.

    Parameters
    ----------
    perturbation : str, type or Perturbation
    rounds : int
        Rounds of the run.
    update : str
        One of ``agents.buyer.update.RULES``.
    linear : bool
        Whether the model is softmax regression.
    clip, clip_norm, learning_rate, aggregation : optional
        What was chosen; None follows the rule.

    Returns
    -------
    LearningSettings
    """
    chosen_clip = "direction" if clip is None else one_of("clip", clip, CLIPS)
    radius = 1.0 if clip_norm is None else number("clip_norm", clip_norm, above=0.0)
    private = perturbation_of(perturbation).private
    path = PATH if linear or not private else MODULE_PATH
    step = min(LONGEST_STEP, path / whole("rounds", rounds, minimum=1))
    rate = {"momentum": (1 - MOMENTUM) * step / radius, "adam": ADAM_STEP}.get(update, step / radius)
    if aggregation is None:
        aggregation = "variance" if private and chosen_clip == "direction" else "optimal"
    return LearningSettings(
        clip=chosen_clip,
        clip_norm=radius,
        learning_rate=rate if learning_rate is None else learning_rate,
        aggregation=aggregation,
    )
