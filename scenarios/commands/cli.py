"""The command line ``market-sim``. Every command imports what it needs when it runs, so that help is instant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.commands.errors import ErrorHandlingGroup
from scenarios.commands.field_options import RunCommand, with_field_options

if TYPE_CHECKING:
    from scenarios.commands.answer import Answer


app = typer.Typer(
    cls=ErrorHandlingGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A market in which data owners sell privacy and may lie about its price.",
)


@app.callback()
def main(
    debug: Annotated[bool, typer.Option("--debug", help="Show where errors come from (or FL_MARKET_DEBUG=1).")] = False,
) -> None:
    """Read what concerns every command; ``ErrorHandlingGroup`` looks it up."""


def _complete_scenario(incomplete: str) -> list[str]:
    from scenarios.commands.catalogue import scenario_questions

    return [name for name in scenario_questions() if name.startswith(incomplete)]


def _complete(kind: str) -> Callable[[str], list[str]]:
    """Names of one kind that begin as what was typed, found without importing any."""

    def completed(incomplete: str) -> list[str]:
        from scenarios.commands.completion import names_of

        return [name for name in names_of(kind) if name.startswith(incomplete)]

    return completed


Seed = Annotated[int, typer.Option(help="Every random stream of a run is derived from it.")]
Out = Annotated[Path | None, typer.Option(help="Directory to write; never one that holds something else.")]
Jobs = Annotated[
    int | None, typer.Option(help="Processes at a time; one per core by default. Their number changes no figure.")
]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A running Dask cluster: tcp://HOST:PORT, or its scheduler file."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")]


@app.command(cls=RunCommand)
@with_field_options
def run(
    scenario: Annotated[
        str,
        typer.Argument(
            help="One out of `market-sim list scenarios`; with --from, the key of a run.",
            autocompletion=_complete_scenario,
        ),
    ],
    seed: Annotated[int | None, typer.Option(help="Every random stream of a run is derived from it (0).")] = None,
    out: Out = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Fields of a market: a TOML file, or the config.json of a run, its seed included."),
    ] = None,
    sweep_directory: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Repeat one run of this sweep.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Directory of the task's files, for scenarios that take it.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of MarketConfig, for scenarios that take them."),
    ] = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            metavar="NAME=SHARE",
            help="Share of the owners who bid so; shares sum to 1.",
            autocompletion=_complete("strategies"),
        ),
    ] = None,
    checkpoint_rounds: Annotated[
        int | None,
        typer.Option(help="Rounds between checkpoints of `market`'s run; by default one every half a minute."),
    ] = None,
    as_json: Json = False,
    *,
    fields: dict[str, Any],
) -> None:
    """Run a scenario: it asks one question of the market and prints the answer.

    `market-sim run SCENARIO --help` says what it asks, what it takes and how long that lasts.
    `market` goes on where it was stopped.
    """
    from agents.checks import seed_number
    from scenarios.commands.catalogue import load_scenario
    from scenarios.commands.settings import (
        checkpoint_kwargs,
        config_fields,
        market_fields,
        scenario_kwargs,
        workers_kwargs,
    )

    if sweep_directory is not None:
        from scenarios.commands.sweep import repeat_run

        target = out or Path("runs") / scenario.replace("/", "-")
        _print(repeat_run(sweep_directory, scenario, target, progress=True), as_json)
        return
    run_scenario = load_scenario(scenario)
    kept, kept_seed = config_fields(config) if config is not None else ({}, None)
    seed = seed_number("seed", seed if seed is not None else kept_seed or 0)
    chosen = {**kept, **market_fields(settings or [], strategies or [], data, options=fields)}
    kwargs = scenario_kwargs(scenario, run_scenario, chosen)
    kwargs |= workers_kwargs(scenario, run_scenario, jobs, cluster)
    if checkpoint_rounds is not None:
        kwargs |= checkpoint_kwargs(scenario, run_scenario, checkpoint_rounds)
    target = out or Path("runs") / f"{scenario}-seed{seed}"
    _print(run_scenario(seed=seed, out=target, progress=True, **kwargs), as_json)


sweep_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
app.add_typer(sweep_app, name="sweep")


@sweep_app.callback()
def sweep(
    context: typer.Context,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE,VALUE",
            help="Values that a field of MarketConfig takes; one is the same in all runs. [0.1, 2] is one value.",
        ),
    ] = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option("--strategy", metavar="NAME=SHARE", help="Share of the owners who bid so, in all runs."),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Directory of the task's files.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with fields, grid, zip, exclude, seeds (docs/scaling.md).")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Runs of every cell (10); all cells have the same seeds.")] = None,
    first_seed: Annotated[int | None, typer.Option(help="The first of them (0).")] = None,
    out: Out = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many runs, how long, how much disk.")] = False,
    as_json: Json = False,
) -> None:
    """Play a market under many settings and seeds, into one data set.

    The same command goes on where it was stopped; with more values or seeds it plays what is new.
    """
    if context.invoked_subcommand is not None:
        return
    from market_sim.campaign.workers import Workers
    from scenarios.commands import sweep as command

    plan = command.plan_of(settings or [], strategies or [], data, config, seeds, first_seed)
    workers = Workers(jobs, cluster)
    if dry_run:
        _print(command.dry_run(plan, out, workers=workers), as_json)
        return
    if out is None:
        raise typer.BadParameter("pass --out DIR, where the runs are kept")
    _print(command.sweep_command(plan, out, workers=workers, progress=True), as_json)


@sweep_app.command("status")
def sweep_status(
    directory: Annotated[Path, typer.Argument(help="The --out of a sweep.")], as_json: Json = False
) -> None:
    """Say where a sweep stands: done, failed and why."""
    from scenarios.commands.sweep import status

    _print(status(directory), as_json)


@app.command()
def train(
    name: Annotated[
        str,
        typer.Argument(help="The auction to train, e.g. sequential-menu.", autocompletion=_complete("auctions")),
    ],
    seed: Seed = 0,
    steps: Annotated[int | None, typer.Option(help="Fewer or more training steps than the recipe's.")] = None,
    device: Annotated[str, typer.Option(help="Where to train: cpu or cuda.")] = "cpu",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Another field of the recipe, e.g. regret_target=0.01."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Checkpoint to write (.safetensors); its card goes beside it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a learned auction from the prior; the same command goes on with an interrupted training."""
    from agents.checks import seed_number
    from scenarios.commands.settings import market_fields
    from scenarios.commands.training import train_auction

    seed_number("seed", seed)
    path = out or Path("runs") / "checkpoints" / f"{name}-seed{seed}.safetensors"
    fields = market_fields(settings or [], [], None)
    _print(train_auction(name, path, seed=seed, steps=steps, progress=True, device=device, settings=fields), as_json)


@app.command()
def evaluate(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Auctions: names, checkpoints, or your own as module:Class. All-in is always added.",
            autocompletion=_complete("auctions"),
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every auction of `market-sim list` but planted ones.")] = False,
    owners: Annotated[list[int] | None, typer.Option(help="Bidders per profile (again for several; 10).")] = None,
    sizes: Annotated[
        list[str] | None, typer.Option(help="paper (the default), equal, zipf, dirichlet or all (again for several).")
    ] = None,
    budgets: Annotated[
        list[str] | None, typer.Option(help="tied to true costs (the default), independent, or all.")
    ] = None,
    factors: Annotated[
        list[str] | None,
        typer.Option("--factor", help="Budget factor (again for several); by default six."),
    ] = None,
    profiles: Annotated[int, typer.Option(help="Fresh profiles per budget factor.")] = 2000,
    regret_profiles: Annotated[
        int, typer.Option(help="Profiles of ten owners on which lies are tried; 0 for none.")
    ] = 100,
    queries: Annotated[int, typer.Option(help="Lies tried per owner.")] = 300,
    seed: Seed = 2022,
    first_best: Annotated[bool, typer.Option(help="Search for the first best too (takes a while).")] = True,
    second_best: Annotated[
        bool, typer.Option(help="Also what virtual costs would buy: an estimate of the best truthful auction.")
    ] = False,
    out: Out = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    as_json: Json = False,
) -> None:
    """Compare auctions: error bound, spend, violations and regret found, beside the first best."""
    from agents.prior import BUDGETS
    from analysis.evaluation import FACTORS
    from market_sim.campaign.workers import Workers
    from scenarios.commands.evaluation import SIZE_NAMES, EvaluationRequest, evaluate_auctions, every_auction

    chosen = [*(names or []), *(every_auction() if every else [])]
    if not chosen:
        raise typer.BadParameter("name at least one auction, or pass --all")
    request = EvaluationRequest(
        sizes=_expand(sizes, SIZE_NAMES),
        budgets=_expand(budgets, BUDGETS),
        owners=tuple(owners or (10,)),
        factors=tuple(factors or FACTORS),
        profiles=profiles,
        seed=seed,
        first_best=first_best,
        second_best=second_best,
        regret_profiles=regret_profiles,
        queries=queries,
    )
    workers = Workers(jobs, cluster)
    _print(evaluate_auctions(chosen, request, out=out, workers=workers, progress=True), as_json)


@app.command()
def audit(
    name: Annotated[
        str,
        typer.Argument(
            help="The auction: a name, a checkpoint, or your own as module:Class.", autocompletion=_complete("auctions")
        ),
    ],
    threats: Annotated[
        list[str] | None,
        typer.Option(
            "--threat",
            help="everything (the default), claimed, valuation, privacy-budget, data-size, staying-away, each of these "
            "four apart, splitting, collusion (again for several).",
        ),
    ] = None,
    population: Annotated[
        Path | None, typer.Option(help="CSV file of owners to draw bidders from; the paper's prior without.")
    ] = None,
    profiles: Annotated[int, typer.Option(help="Markets.")] = 1000,
    owners: Annotated[
        list[int] | None,
        typer.Option(help="Bidders in each (again for several that take turns); mostly 10, else 1 to 30."),
    ] = None,
    queries: Annotated[int, typer.Option(help="Lies told by each, for all attackers together.")] = 300,
    finalists: Annotated[int, typer.Option(help="Owners with the most found gain, who meet the slow attackers.")] = 200,
    attackers: Annotated[
        list[str] | None, typer.Option("--attacker", help="Only this one (again for several); all by default.")
    ] = None,
    checks: Annotated[bool, typer.Option(help="Also try to refute all that it declares, as `check` does.")] = True,
    controls: Annotated[bool, typer.Option(help="Audit the positive controls too.")] = True,
    jobs: Jobs = None,
    cluster: Cluster = None,
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Audit the incentives of an auction: how much does a liar gain, at least? Interrupted, it goes on where it was."""
    from agents.checks import seed_number
    from agents.population_prior import PopulationPrior
    from analysis.incentives.settings import MIXED, AuditSettings
    from scenarios.commands.audit import audit_auction

    seed_number("seed", seed)
    answer = audit_auction(
        name,
        None if population is None else PopulationPrior.read(population),
        AuditSettings(
            profiles, tuple(owners or MIXED), queries, finalists, checks=checks, controls=controls, seed=seed
        ),
        threats=threats or [],
        out=out or Path("runs") / f"audit-{Path(name).stem}-seed{seed}",
        progress=True,
        attackers=attackers or None,
        jobs=jobs,
        cluster=cluster,
    )
    _print(answer, as_json)


@app.command()
def check(
    name: Annotated[
        str,
        typer.Argument(
            help="The auction: a name, a checkpoint, or your own as module:Class.", autocompletion=_complete("auctions")
        ),
    ],
    profiles: Annotated[int, typer.Option(help="Random profiles; everything else grows with them.")] = 200,
    misreports: Annotated[int, typer.Option(help="Lies told by every owner of a random profile.")] = 200,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Check what an auction promises, as the market runs it; exit code 1 if something is not so."""
    from scenarios.commands.check import check as check_by_name

    answer, ok = check_by_name(name, profiles=profiles, misreports=misreports, seed=seed, progress=True)
    _print(answer, as_json)
    if not ok:
        raise typer.Exit(1)


@app.command("privacy-audit")
def privacy_audit(
    names: Annotated[
        list[str] | None, typer.Argument(help="Perturbations: names, or your own as module:Class; all without.")
    ] = None,
    losses: Annotated[
        list[float] | None,
        typer.Option("--epsilon", help="Privacy loss that is sold (again for several); by default five."),
    ] = None,
    delta: Annotated[float, typer.Option(help="For those that are not purely private.")] = 1e-6,
    draws: Annotated[
        int, typer.Option(help="Of either input, with 2 and 10 coordinates; a tenth with 650.")
    ] = 1_000_000,
    market_draws: Annotated[int, typer.Option(help="Of one owner's uploads in a market; 0 for none.")] = 100_000,
    jobs: Annotated[int, typer.Option(help="Threads; their number changes no figure.")] = 2,
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Try to tell uploads apart better than they claim; exit code 1 if a claim is refuted or our plant is missed."""
    from agents.checks import number, whole
    from analysis.privacy_audit import LOSSES, AuditSettings
    from scenarios.commands.privacy_audit import audit_privacy

    whole("draws", draws, minimum=10_000)
    for loss in losses or ():
        number("epsilon", loss, above=0.0)
    dimensions = {2: draws, 10: draws, 650: draws // 10}
    settings = AuditSettings(tuple(losses or LOSSES), dimensions, seed=seed)
    answer, kept = audit_privacy(
        names or [],
        settings,
        delta=delta,
        market_draws=whole("market_draws", market_draws),
        jobs=jobs,
        out=out,
        progress=True,
    )
    _print(answer, as_json)
    if not kept:
        raise typer.Exit(1)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories; a scenario's or a sweep's stands for all.")],
    out: Annotated[
        Path | None, typer.Option(help="Report to write (.html); one run's goes into its directory otherwise.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a self-contained HTML report about a run, or about several side by side."""
    from market_sim.sweeps.dataset import DESCRIPTION
    from scenarios.commands.report import write_report

    if len(runs) == 1 and (runs[0] / DESCRIPTION).is_file():
        from scenarios.commands.sweep import report_command

        _print(report_command(runs[0], out), as_json)
        return
    _print(write_report(runs, out, progress=True), as_json)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Directory of a run.")],
    out: Annotated[
        Path | None, typer.Option(help="Directory to write; RUN-csv beside the run's where it is left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the tables of a run as CSV files."""
    from scenarios.commands.export import export_run

    _print(export_run(run, out), as_json)


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(help="Directory of a run; a scenario's stands for all runs in it.")],
    replay: Annotated[bool, typer.Option("--replay", help="Repeat the learning too: test accuracy, loss.")] = False,
    as_json: Json = False,
) -> None:
    """Recompute a run from its configuration and compare every value, bit by bit; exit code 1 where they disagree."""
    from scenarios.commands.verify import verify_runs

    answer, ok = verify_runs(run, replay=replay, progress=True)
    _print(answer, as_json)
    if not ok:
        raise typer.Exit(1)


@app.command("app")
def serve_app(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all, see --allow-host.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8765,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open it in a browser.")] = True,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name under which others reach it (again for several)."),
    ] = None,
    max_visitors: Annotated[int, typer.Option(help="Sessions at once; whoever comes later is told so.")] = 20,
) -> None:
    """Serve the interactive app: play a market, change it, watch who gains. It needs no internet."""
    from scenarios.app.serve import command, serve

    names = allow_host or []
    serve(command(host, port, open_browser=open_browser, allow_hosts=names, max_visitors=max_visitors))


@app.command("list")
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="fields, auctions, guarantees, strategies, tasks, perturbations, aggregations or scenarios; "
            "all but fields without.",
            autocompletion=_complete("kinds"),
        ),
    ] = None,
) -> None:
    """List what a market can be made of: auctions and what they promise, strategies, tasks; the fields it has."""
    from scenarios.commands.console import fitted, output_console
    from scenarios.commands.inventory import section, sections

    console = output_console()
    for heading, table in (sections() if kind is None else section(kind)).items():
        console.print(heading, style="bold")
        console.print(fitted(table, console))


def _expand(names: list[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names given, every known one for ``all``, and the first known one where none was given."""
    if not names:
        return known[:1]
    return known if "all" in names else tuple(names)


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        typer.echo(answer.json())
    else:
        answer.show()


if __name__ == "__main__":
    app()
