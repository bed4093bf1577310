"""The command `market-sim train`: a checkpoint with its card, or a state from which to go on after an interruption."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.table import Table

from agents.broker.training.registry import Trainer, trainer
from agents.broker.training.resumption import saved_progress
from agents.checks import one_of
from agents.locks import locked
from agents.prior import OwnerPrior
from scenarios.commands.answer import Answer
from scenarios.commands.progress import bar
from scenarios.commands.threads import torch_threads

DEVICES = ("cpu", "cuda")


def train_auction(
    name: str,
    out: Path,
    *,
    seed: int,
    steps: int | None,
    progress: bool,
    device: str = "cpu",
    settings: Mapping[str, Any] | None = None,
) -> Answer:
    """Train the auction ``name`` from the paper's prior and write its checkpoint and card.

    ``settings`` are other fields of its ``Recipe``. An interrupted training leaves its state beside ``out``; the same
    call goes on from there.

    Raises
    ------
    ValueError
        If nothing can train it, its recipe has no such field, ``out`` exists already, there is no such device, or the
        state left at ``out`` is of another training.
    OSError
        If ``out`` cannot be written.
    BlockingIOError
        If another process trains to ``out``.
    KeyboardInterrupt
        At an interruption, saying what was kept.
    """
    training = trainer(name)
    if out.suffix != ".safetensors":
        raise ValueError(f"--out {out}: name a file that ends in .safetensors")
    _refuse_existing(out)
    require_device(device)
    if device != "cpu" and not training.devices:
        raise ValueError(f"device = {device!r}: {name} trains in moments, on the CPU only; leave --device out")
    given = _recipe_fields(training.recipe(), settings or {})
    recipe = training.recipe(seed=seed, **({} if steps is None else {"steps": steps}), **given)
    with locked(out, "--out"):
        _refuse_existing(out)
        return _train(name, training, recipe, out, progress, device)


def _refuse_existing(out: Path) -> None:
    if out.exists() or out.with_suffix(".json").exists():
        raise ValueError(f"--out {out} exists already: name another file or remove it and its card")


def _train(name: str, training: Trainer, recipe: Any, out: Path, progress: bool, device: str) -> Answer:
    state = out.with_suffix(".state")
    with tempfile.TemporaryFile(dir=out.parent):
        pass  # better refused now than after the training
    steps = training.steps(recipe)
    with torch_threads(1), bar(progress, f"training {name}", steps) as advance:
        try:
            card = training.make_checkpoint(
                out,
                OwnerPrior(),
                recipe,
                watch=lambda step: advance(_format_step(step)),
                state=state,
                device=device,
            )
        except KeyboardInterrupt:
            # It may also come while what was trained is measured.
            raise KeyboardInterrupt(saved_progress(state, steps)) from None
    state.unlink(missing_ok=True)
    table = Table("", "", box=box.SIMPLE_HEAD, show_header=False)
    figures = {"checkpoint": str(out), "sha256": card.sha256, **card.figures}
    for key, value in figures.items():
        table.add_row(key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
    return Answer(figures=figures, summary=(table, f"Use it: load_auction({str(out)!r})"))


def require_device(device: str) -> None:
    """Refuse a device that torch does not have."""
    one_of("device", device, DEVICES)
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "device = 'cuda': this torch finds no GPU; pass --device cpu, or install a CUDA build of torch"
        )


def _recipe_fields(recipe: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as fields of a recipe, each of the kind that its default is; what they may be, the recipe knows."""
    defaults = {name: value for name, value in vars(recipe).items() if name not in ("seed", "steps")}
    given = {}
    for name, value in settings.items():
        default = defaults[one_of("field of the recipe", name, defaults)]
        if isinstance(default, tuple):
            fits = isinstance(value, list) and len(value) == len(default)
        else:
            # In Python True is an int: compare kinds both ways.
            fits = isinstance(value, type(default) if isinstance(default, bool | str) else int | float)
            fits = fits and isinstance(value, bool) == isinstance(default, bool)
        if not fits:
            example = list(default) if isinstance(default, tuple) else default
            raise ValueError(f"--set {name}={value}: pass a value like the usual one, {json.dumps(example)}")
        given[name] = tuple(value) if isinstance(default, tuple) else value
    return given


def _format_step(step: Any) -> str:
    """Return all figures of a training step but its number."""
    shown = {name: value for name, value in asdict(step).items() if name != "number"}
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in shown.items())
