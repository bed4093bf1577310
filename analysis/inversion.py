"""What can a broker read out of an upload? Gradient inversion: from what an owner sent back to an image of hers.

The attack knows everything that is public: the model, how gradients are clipped and perturbed, and that records are
images of length 1. Pixels themselves are learned here, not the cosines of the task ``digits``, so that an image comes
back as an image.

* ``softmax``: the gradient of one record is the outer product of the image and of the errors of the classes. At the
  first model the errors are known for every label, so that the image is the upload applied to the errors of the label
  that fits best: a closed form.
* any other model: the image whose gradient points most in the direction of the upload, by Adam from a grey image; the
  label is read from the last layer.

Of an owner with several records, whose gradients are averaged, either attack finds one image, mostly a blend. It is
compared with all k images of hers and with those of 99 other records: an image of hers is recognised if one of hers is
the nearest of all, which chance alone does in k of k + 99 cases, in 1 of 100 where she has one record.

Sources: Zhu, Liu, Han, "Deep leakage from gradients", 2019; Zhao, Mopuri, Bilen, "iDLG", 2020 (labels); Geiping,
Bauermeister, Dröge, Moeller, "Inverting gradients", 2020 (directions instead of lengths).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor
from torch.func import grad, vmap

from agents.checks import number, seed_number, whole
from agents.models.base import Model
from agents.models.module import ModuleModel
from agents.models.registry import load_model
from agents.models.softmax import SoftmaxRegression
from agents.owner.gradients import local_gradients
from agents.perturbation.checked import perturb
from agents.perturbation.registry import perturbation_of
from agents.tasks.base import StoredTask, stored_task

AMONG = 100
"""Images among which the broker looks for that of an owner of one record."""

NO_NOISE = math.inf
"""Stands for a privacy loss without bound: uploads carry no noise."""

LOSSES: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, NO_NOISE)
STEPS, RATE = 150, 0.05
"""Steps of Adam and their length, in grey levels of an image of length 1."""


@dataclass(frozen=True)
class InversionSettings:
    """What is inverted.

    Parameters
    ----------
    models : tuple of str
        Names as of ``load_model``.
    records : tuple of int
        Records of an owner.
    losses : tuple of float
        Privacy losses; infinite for no noise.
    images : int
        Owners per setting, each of whom one image is to be found of.
    perturbation : str
    seed : int
    """

    models: tuple[str, ...] = ("softmax", "mlp")
    records: tuple[int, ...] = (1, 4, 16)
    losses: tuple[float, ...] = LOSSES
    images: int = 100
    perturbation: str = "privunit"
    seed: int = 0

    def __post_init__(self) -> None:
        for count in self.records:
            whole("records", count, minimum=1, maximum=64)
        for loss in self.losses:
            if loss != NO_NOISE:
                number("losses", loss, above=0.0)
        whole("images", self.images, minimum=2)
        seed_number("seed", self.seed)
        perturbation_of(self.perturbation)

    @property
    def count(self) -> int:
        """How many settings there are."""
        return len(self.models) * len(self.records) * len(self.losses)


@dataclass(frozen=True, eq=False)
class Inverted:
    """One setting.

    Parameters
    ----------
    model : str
    records : int
    loss : float
    true, found : float64[images, 64]
        One image of every owner, and what was made of her upload.
    recognised : bool[images]
    """

    model: str
    records: int
    loss: float
    true: Tensor
    found: Tensor
    recognised: Tensor


def pixel_task() -> StoredTask:
    """The digits of scikit-learn as pixels, 8 x 8, every image scaled to length 1."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = pixels / np.linalg.norm(pixels, axis=1, keepdims=True)
    return stored_task("digit pixels", 10, (images, labels), (images[:10], labels[:10]), constant=0.1, image=(1, 8, 8))


def invert(settings: InversionSettings, watch: Callable[[str], None] = lambda _: None) -> list[Inverted]:
    """Attack uploads of the first round in every setting; the same owners and images in all of them."""
    task = pixel_task()
    inverted = []
    for name in settings.models:
        model = load_model(name, task, torch.Generator().manual_seed(settings.seed))
        for records in settings.records:
            draw = torch.Generator().manual_seed(settings.seed + 1)
            rows = torch.stack([torch.randperm(task.train_size, generator=draw) for _ in range(settings.images)])
            hers, others = rows[:, :records], rows[:, records : records + AMONG - 1]
            for loss in settings.losses:
                uploads = uploads_of(task, model, hers, loss, settings)
                found = reconstructed(model, uploads)
                true, near = _nearest_of_hers(task, hers, found)
                rest = task.train[0][others, :-1].double()  # [images, AMONG - 1, 64]
                recognised = near > torch.einsum("iap,ip->ia", rest, found).amax(1)
                inverted.append(Inverted(name, records, loss, true, found, recognised))
                watch(f"{name}, {records} records, epsilon {loss:g}")
    return inverted


def uploads_of(task: StoredTask, model: Model, rows: Tensor, loss: float, settings: InversionSettings) -> Tensor:
    """What owners with the records ``rows[m, k]`` send in the first round, ``float64[m, p]``, as the market has it."""
    owners, records = rows.shape
    mechanism = perturbation_of("none" if loss == NO_NOISE else settings.perturbation)
    local = local_gradients(
        task,
        model.initial,
        rows.flatten(),
        torch.arange(owners).repeat_interleave(records),
        owners,
        model=model,
        clip="direction",
        norm_order=mechanism.norm,
    )
    sold = torch.full((owners,), 1.0 if loss == NO_NOISE else loss, dtype=torch.float64)
    return perturb(mechanism, local.gradient, sold, torch.Generator().manual_seed(settings.seed + 2))


def reconstructed(model: Model, uploads: Tensor) -> Tensor:
    """Images of length 1 ``float64[m, pixels]`` that the broker makes of uploads ``[m, p]`` of the first round."""
    if isinstance(model, SoftmaxRegression):
        images = _in_closed_form(model, uploads)
    elif isinstance(model, ModuleModel):
        images = _by_optimisation(model, uploads)
    else:
        raise TypeError(f"model is a {type(model).__name__}: pass what load_model returns")
    bright = images.clamp(min=0)  # there is no negative ink
    length = bright.norm(dim=1, keepdim=True)
    scaled: Tensor = bright / length.where(length > 0, 1.0)
    return scaled


def _in_closed_form(model: SoftmaxRegression, uploads: Tensor) -> Tensor:
    gradient = uploads.view(len(uploads), -1, model.classes)  # [m, F, C]
    features = gradient.shape[1]
    # At the first model every class is equally likely: errors are 1/C, and 1/C - 1 for the label.
    errors = torch.full((model.classes, model.classes), 1 / model.classes, dtype=torch.float64)
    errors -= torch.eye(model.classes, dtype=torch.float64)
    image = torch.einsum("mfc,lc->mlf", gradient, errors / errors.norm(dim=1, keepdim=True))  # by label
    best = image.clamp(min=0).norm(dim=2).argmax(1)
    return image[torch.arange(len(uploads)), best, : features - 1]


def _by_optimisation(model: ModuleModel, uploads: Tensor) -> Tensor:
    labels = uploads[:, -model.classes :].argmin(1)  # the bias of the last layer falls for the label
    parameters, targets = model.initial.float(), torch.nn.functional.normalize(uploads.float(), dim=1)

    def loss(vector: Tensor, image: Tensor, label: Tensor) -> Tensor:
        scores = model.call(model.named(vector), image.view(1, *model.shape))
        return torch.nn.functional.cross_entropy(scores, label[None])

    gradients = vmap(grad(loss), in_dims=(None, 0, 0))
    images = torch.full((len(uploads), math.prod(model.shape)), 0.1, requires_grad=True)
    optimiser = torch.optim.Adam([images], lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        reached = torch.nn.functional.normalize(gradients(parameters, images, labels), dim=1)
        (1 - (reached * targets).sum(1)).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            images.clamp_(min=0)
    return images.detach().double()


def _nearest_of_hers(task: StoredTask, hers: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
    """Of every owner the image nearest to what was found ``[m, 64]``, and its cosine ``[m]``."""
    images = task.train[0][hers, :-1].double()  # [m, k, 64]
    near, place = torch.einsum("mkp,mp->mk", images, found).max(1)
    return images[torch.arange(len(hers)), place], near


def psnr(true: Tensor, found: Tensor) -> Tensor:
    """Peak signal to noise of images ``[m, 64]`` in decibel: of the brightest pixel over the mean squared error."""
    error = (true - found).square().mean(1).clamp(min=1e-15)
    return 10 * (true.amax(1).square() / error).log10()


def inversion_table(inverted: list[Inverted]) -> pd.DataFrame:
    """One row per setting.

    Returns
    -------
    DataFrame
        ``model, records, loss, images, psnr, psnr_low, psnr_high`` (mean and Student's 95 % interval, against the
        nearest of the owner's images), ``recognised, recognised_low, recognised_high`` (share, and Clopper and
        Pearson's 95 % interval), ``chance``.
    """
    rows: list[dict[str, Any]] = []
    for one in inverted:
        quality = psnr(one.true, one.found).numpy()
        count, hits = len(quality), int(one.recognised.sum())
        half = stats.t.ppf(0.975, count - 1) * quality.std(ddof=1) / math.sqrt(count)
        share = stats.binomtest(hits, count).proportion_ci(0.95, "exact")
        # The best of k images of hers, against 99 of others.
        chance = one.records / (one.records + AMONG - 1)
        rows.append(
            {
                "model": one.model,
                "records": one.records,
                "loss": one.loss,
                "images": count,
                "psnr": float(quality.mean()),
                "psnr_low": float(quality.mean() - half),
                "psnr_high": float(quality.mean() + half),
                "recognised": hits / count,
                "recognised_low": float(share.low),
                "recognised_high": float(share.high),
                "chance": chance,
            }
        )
    return pd.DataFrame(rows)
