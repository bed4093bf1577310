"""What a sweep plays: the cells that its settings span, and the seeds of each."""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents.checks import MAX_SEED, one_of, whole
from agents.files import plain
from agents.owner.strategy_shares import strategy_name
from market_sim.config import MarketConfig
from market_sim.model import configured

SECTIONS = ("fields", "grid", "zip", "exclude", "seeds", "first_seed")


@dataclass(frozen=True)
class SweepPlan:
    """Settings and seeds.

    Parameters
    ----------
    fields : mapping
        Fields of ``MarketConfig`` that all runs have in common.
    grid : mapping of str to sequence
        Fields and the values each takes: every combination is a cell.
    zipped : sequence of mapping of str to sequence
        Fields that vary together: of the lists in one mapping, first with first, second with second.
    exclude : sequence of mapping
        Cells to leave out: those that have, in every field named, the value or one of the list of values.
    seeds : int
        Runs of every cell; all cells have the same seeds, so that they draw the same owners, orders and noise.
    first_seed : int

    Raises
    ------
    TypeError, ValueError
        Naming the setting, its value and the remedy; for a cell, the cell too.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    zipped: Sequence[Mapping[str, Sequence[Any]]] = ()
    exclude: Sequence[Mapping[str, Any]] = ()
    seeds: int = 10
    first_seed: int = 0

    def __post_init__(self) -> None:
        whole("seeds", self.seeds, minimum=1)
        whole("first_seed", self.first_seed, maximum=MAX_SEED - self.seeds)
        named: list[str] = []
        for part in (self.grid, *self.zipped):
            for name, values in part.items():
                if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                    raise TypeError(f"{name} = {values!r}: pass the list of the values that it takes")
                named.append(name)
            if part is not self.grid and len({len(values) for values in part.values()}) > 1:
                raise ValueError(f"zip of {', '.join(part)}: their lists differ in length; pass lists of one length")
        known = list(MarketConfig.__dataclass_fields__)
        for name in [*named, *self.fields]:
            one_of("field of MarketConfig", name, known)
        for name in named:
            if named.count(name) > 1 or name in self.fields:
                raise ValueError(f"field {name!r} is set twice; set it once")
        for left_out in self.exclude:
            for name in left_out:
                one_of("field of an excluded cell", name, named)

    @property
    def varied(self) -> list[str]:
        """Fields in which cells differ, in order."""
        return [*self.grid, *(name for part in self.zipped for name in part)]

    def cells(self) -> dict[str, dict[str, Any]]:
        """Values of the varied fields by the cell's name, ``FIELD=VALUE,FIELD=VALUE``; ``market`` if nothing varies.

        Raises
        ------
        ValueError
            If nothing is left, or two cells are the same.
        """
        axes: list[list[dict[str, Any]]] = [[{name: value} for value in values] for name, values in self.grid.items()]
        for part in self.zipped:
            axes.append([dict(zip(part, together, strict=True)) for together in zip(*part.values(), strict=True)])
        found: dict[str, dict[str, Any]] = {}
        for parts in itertools.product(*axes):
            values = {name: value for part in parts for name, value in part.items()}
            if any(_matches(values, left_out) for left_out in self.exclude):
                continue
            name = cell_name(values)
            if name in found:
                raise ValueError(f"cell {name} comes twice; name every value once")
            found[name] = values
        if not found:
            raise ValueError("every cell is excluded; exclude fewer")
        return found

    def configs(self, base: MarketConfig | None = None) -> dict[str, MarketConfig]:
        """The market of every cell, checked."""
        found = {}
        for name, values in self.cells().items():
            try:
                found[name] = configured(base, {**self.fields, **values})
            except (TypeError, ValueError) as error:
                raise type(error)(f"cell {name}: {error}") from None
        return found

    def all_seeds(self) -> range:
        """The seeds of every cell."""
        return range(self.first_seed, self.first_seed + self.seeds)

    def with_seeds(self, seeds: int | None, first_seed: int | None) -> SweepPlan:
        """The same with other seeds, as far as they are given."""
        return replace(
            self,
            seeds=self.seeds if seeds is None else seeds,
            first_seed=self.first_seed if first_seed is None else first_seed,
        )


def cell_name(values: Mapping[str, Any]) -> str:
    """How a cell is called."""
    return ",".join(f"{name}={value_name(value)}" for name, value in values.items()) or "market"


def value_name(value: Any) -> str:
    """A value as it stands in the name of a cell."""
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, Mapping):
        return "+".join(f"{_name(key)}:{value_name(inner)}" for key, inner in value.items()) or "{}"
    if isinstance(value, type) or (not isinstance(value, int | float | None) and hasattr(value, "name")):
        return _name(value)
    return json.dumps(plain(value), separators=(";", ":")) if not isinstance(value, float) else f"{value:.12g}"


def read_plan(path: Path) -> SweepPlan:
    """Read a plan from a TOML file with the sections ``fields``, ``grid``, ``zip``, ``exclude`` and ``seeds``.

    Raises
    ------
    ValueError
        If it is no TOML, or has other sections.
    """
    content = read_toml(path)
    for name in content:
        one_of(f"section of {path}", name, SECTIONS)
    renamed = {"zipped" if name == "zip" else name: value for name, value in content.items()}
    return SweepPlan(**renamed)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, or say what is wrong with it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML ({error}); see docs/scaling.md for an example") from None


def runs_of(cells: Iterable[str], seeds: Iterable[int]) -> Iterator[tuple[str, str, int]]:
    """Key, cell and seed of every run; seed by seed, so that what is there first says something of all cells."""
    names = list(cells)
    return ((run_key(cell, seed), cell, seed) for seed in seeds for cell in names)


def run_key(cell: str, seed: int) -> str:
    """How a run is called."""
    return f"{cell},seed={seed}"


def _matches(values: Mapping[str, Any], left_out: Mapping[str, Any]) -> bool:
    return all(
        values[name] == given or (isinstance(given, list | tuple) and values[name] in given)
        for name, given in left_out.items()
    )


def _name(value: Any) -> str:
    if isinstance(value, type):
        return strategy_name(value) if hasattr(value, "name") else value.__name__
    return str(getattr(value, "name", value))
