"""A user's own ``agents.py``, ``analysis.py`` or ``scenarios.py`` beside her script, and our packages of that name.

Mesa's own layout has an ``agents.py`` next to the script, which Python finds before our package ``agents``. Her module
stays what ``import agents`` gives; the directory of our package is added to where its submodules are looked for, so
that ``agents.messages`` is found too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

NAMES = ("agents", "analysis", "scenarios")
"""Our packages beside ``market_sim``."""

OURS = Path(__file__).resolve().parent.parent


class _Finder:
    """Finds a user's module of one of the names as a package that our submodules belong to."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, *_: ModuleType | None) -> ModuleSpec | None:
        """Return the specification of a user's namesake; None, for Python's own search, where there is none."""
        if name not in NAMES:
            return None
        found = PathFinder.find_spec(name, path)
        if found is None or found.origin is None or Path(found.origin).resolve().is_relative_to(OURS / name):
            return None
        found.submodule_search_locations = [*(found.submodule_search_locations or []), str(OURS / name)]
        return found


def allow_namesakes() -> None:
    """Let a user's modules have the names of our packages, whether she has imported them already or will."""
    if not any(finder is _Finder for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder)
    for name in NAMES:
        module = sys.modules.get(name)
        directories = list(getattr(module, "__path__", []))
        if module is not None and not any(Path(known).resolve() == OURS / name for known in directories):
            module.__path__ = [*directories, str(OURS / name)]
