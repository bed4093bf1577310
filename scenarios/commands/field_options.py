"""``market-sim run``: an option for every field of a market, and help that speaks of the scenario it is asked about."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from market_sim.config_fields import FieldDescription, described_fields
from scenarios.commands.settings import value_of

GROUPS: dict[str, tuple[str, ...]] = {
    "Size": ("owners", "bidders", "rounds", "buyers"),
    "Owners": ("population", "sizes", "privacy_budget", "lifetime_allowance", "network", "network_options"),
    "Strategies": ("strategy_options",),
    "Auction and money": ("auction", "budgets", "budget_factor", "wallet", "value_of_accuracy", "first_best"),
    "Learning and privacy": (),
}
"""Fields by heading, in the order of the help; whatever no heading names stands under the last one."""

SET_OTHERWISE = ("strategies", "data")
"""Fields with options of their own: ``--strategy`` and ``--data``."""

MAPPINGS = {
    "network_options": ("--network-option", "OPTION=VALUE"),
    "task_options": ("--task-option", "OPTION=VALUE"),
    "model_options": ("--model-option", "OPTION=VALUE"),
    "partition_options": ("--partition-option", "OPTION=VALUE"),
    "strategy_options": ("--strategy-option", "STRATEGY.OPTION=VALUE"),
}
"""Fields that are mappings: the option that sets one entry, and may be given again, and how an entry is written."""


def with_field_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every field of ``MarketConfig``; it gets those that were set as ``fields``."""

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        texts = {name: given.pop(name) for name in fields}
        command(**given, fields=chosen_fields(texts))

    fields = {name: field for name, field in described_fields().items() if name not in SET_OTHERWISE}
    own = [kept for kept in inspect.signature(command, eval_str=True).parameters.values() if kept.name != "fields"]
    ours = [_parameter(field) for field in fields.values()]
    wrapped.__signature__ = inspect.Signature([*own, *ours])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *ours)}
    return wrapped


def chosen_fields(texts: Mapping[str, str | Sequence[str] | None]) -> dict[str, Any]:
    """Return the fields that were set, by name.

    Parameters
    ----------
    texts : mapping of str to str or sequence of str
        By name what was typed; of mappings, all entries. None and no entry stand for a field that was left out.

    Raises
    ------
    ValueError
        If an entry is not written as it should be, or comes twice.
    """
    chosen: dict[str, Any] = {}
    for name, text in texts.items():
        if isinstance(text, str):
            chosen[name] = value_of(text)
        elif text:
            chosen[name] = _mapping(name, text)
    return chosen


class RunCommand(TyperCommand):
    """A command whose help is in groups, and for ``SCENARIO --help`` that of the scenario."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line, or say what the scenario named in it asks, takes and lasts."""
        if "--help" in args:
            from scenarios.commands.catalogue import scenario_questions

            known = scenario_questions()
            asked = next((word for word in args if word in known), None)
            if asked is not None:
                from scenarios.commands.scenario_help import scenario_help

                typer.echo(scenario_help(asked, self._options_as_text(ctx)))
                raise typer.Exit(0)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options of a market in groups, behind those of every scenario."""
        grouped = {name for group in GROUPS.values() for name in group}
        fields = set(described_fields()) - set(SET_OTHERWISE)
        options = {param.name: param for param in self.get_params(ctx)}
        _section(formatter, "Options", [option for name, option in options.items() if name not in fields], ctx)
        for heading, names in GROUPS.items():
            group = names or tuple(name for name in options if name in fields - grouped)
            title = f"{heading} (of scenarios that take the fields of a market)"
            _section(formatter, title, [options[name] for name in group], ctx)

    def _options_as_text(self, ctx: Any) -> str:
        formatter = ctx.make_formatter()
        self.format_options(ctx, formatter)
        return str(formatter.getvalue())


def _parameter(field: FieldDescription) -> inspect.Parameter:
    flag, form = MAPPINGS.get(field.name, (f"--{field.name.replace('_', '-')}", "VALUE"))
    default = f" [default: {field.default}]" if field.default not in ("None", "{}") else ""
    option = typer.Option(flag, metavar=form, help=f"{field.meaning} Takes: {field.values}.{default}")
    kind = list[str] | None if field.name in MAPPINGS else str | None
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )


def _mapping(name: str, entries: Sequence[str]) -> dict[str, Any]:
    """Entries of a mapping, and for strategies of a mapping of mappings."""
    option, form = MAPPINGS[name]
    nested = name == "strategy_options"
    found: dict[str, Any] = {}
    for entry in entries:
        key, equals, text = entry.partition("=")
        outer, _, inner = key.rpartition(".") if nested else ("", "", key)
        if not (equals and inner and bool(outer) == nested):
            raise ValueError(f"{option} {entry}: write {form}")
        target = found.setdefault(outer, {}) if nested else found
        if inner in target:
            raise ValueError(f"{option} {entry}: {key!r} is given twice; give it once")
        target[inner] = value_of(text)
    return found


def _section(formatter: Any, heading: str, params: Sequence[Any], ctx: Any) -> None:
    rows = [row for param in params if (row := param.get_help_record(ctx)) is not None]
    if rows:
        with formatter.section(heading):
            formatter.write_dl(rows)
