"""Which auctions can be trained, and by what: every module of this package that has ``make_checkpoint``."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from agents.broker import training
from agents.checks import one_of


def trainers() -> dict[str, ModuleType]:
    """Training modules by the name of the auction they train."""
    found = {}
    for module in pkgutil.iter_modules(training.__path__):
        member = importlib.import_module(f"{training.__name__}.{module.name}")
        if hasattr(member, "make_checkpoint"):
            found[module.name.replace("_", "-")] = member
    return found


def trainer(name: str) -> ModuleType:
    """The module that trains the auction ``name``; raises ValueError with the nearest known name."""
    known = trainers()
    return known[one_of("auction to train", name, known)]
