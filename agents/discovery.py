"""What a package holds, found by looking into its modules: a part is added by putting its file there."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def modules_in(package: ModuleType) -> Iterator[ModuleType]:
    """Every module of a package, imported, by file name; not what is in packages below it."""
    for found in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{found.name}")


def named_modules(package: ModuleType) -> dict[str, ModuleType]:
    """The modules of a package that have a ``NAME``, by it."""
    found = {module.NAME: module for module in modules_in(package) if hasattr(module, "NAME")}
    return dict(sorted(found.items()))


def named_classes(package: ModuleType, base: type[Kind]) -> dict[str, type[Kind]]:
    """The finished classes derived from ``base`` in the modules of a package, by their ``name``."""
    found = {
        member.name: member
        for module in modules_in(package)
        for member in vars(module).values()
        if _is_finished(member, base)
    }
    return dict(sorted(found.items()))


def _is_finished(member: Any, base: type) -> bool:
    return inspect.isclass(member) and issubclass(member, base) and not inspect.isabstract(member)
