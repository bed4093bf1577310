"""The command line ``market-sim``. Every command imports the floors it needs when it runs, so that help is instant."""

from __future__ import annotations

import linecache
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from scenarios.commands.answer import Answer


PACKAGES = ("agents", "market_sim", "analysis", "scenarios")


class ErrorHandlingGroup(TyperGroup):
    """Turns errors into one line: exit code 2 for what was refused, 1 for what went wrong, 130 for an interruption.

    Refused is what a module of the house raised itself, and whatever the file system refuses; any other error is a
    bug. The option ``--debug``, or FL_MARKET_DEBUG in the environment, shows where it came from.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            saved = str(interruption) or "nothing was written"
            typer.echo(f"market-sim: interrupted; {saved}", err=True)
            raise typer.Exit(130) from None
        except Exception as error:
            # What the parser of the command line raises, its ways to leave included, is its own business.
            if type(error).__module__.partition(".")[0] in ("typer", "click"):
                raise
            if ctx.params.get("debug") or os.environ.get("FL_MARKET_DEBUG"):
                typer.echo(traceback.format_exc(), err=True, nl=False)
            said, code = _said(error)
            typer.echo(f"market-sim: {said}", err=True)
            raise typer.Exit(code) from None


app = typer.Typer(
    cls=ErrorHandlingGroup,
    add_completion=False,
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


Seed = Annotated[int, typer.Option(help="Every random stream of a run is derived from it.")]
Out = Annotated[Path | None, typer.Option(help="Directory to write; never one that holds something else.")]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")]


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="One out of `market-sim list`.")],
    seed: Seed = 0,
    out: Out = None,
    data: Annotated[str | None, typer.Option(help="Directory of the task's files, for scenarios that take it.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of MarketConfig, for scenarios that take them."),
    ] = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option("--strategy", metavar="NAME=SHARE", help="Share of the owners who bid so; shares sum to 1."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a scenario: it asks one question of the market and prints the answer."""
    from agents.checks import seed_number
    from scenarios.commands.catalogue import load_scenario
    from scenarios.commands.settings import further, market_fields

    play = load_scenario(scenario)
    seed_number("seed", seed)
    given = further(scenario, play, market_fields(settings or [], strategies or [], data))
    target = out or Path("runs") / f"{scenario}-seed{seed}"
    _print(play(seed=seed, out=target, progress=sys.stderr.isatty(), **given), as_json)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="The auction to train, e.g. sequential-menu.")],
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
    further, progress = market_fields(settings or [], [], None), sys.stderr.isatty()
    _print(
        train_auction(name, path, seed=seed, steps=steps, progress=progress, device=device, settings=further), as_json
    )


@app.command()
def evaluate(
    names: Annotated[
        list[str] | None, typer.Argument(help="Auctions: names or checkpoint paths. All-in is always added.")
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
    as_json: Json = False,
) -> None:
    """Compare auctions: error bound, spend, violations and regret found, beside the first best."""
    from agents.prior import BUDGETS
    from analysis.evaluate import FACTORS
    from scenarios.commands.evaluation import SIZES_SAID, Questions, evaluate_auctions, every_auction

    chosen = [*(names or []), *(every_auction() if every else [])]
    if not chosen:
        raise typer.BadParameter("name at least one auction, or pass --all")
    questions = Questions(
        sizes=_several(sizes, SIZES_SAID),
        budgets=_several(budgets, BUDGETS),
        owners=tuple(owners or (10,)),
        factors=tuple(factors or FACTORS),
        profiles=profiles,
        seed=seed,
        first_best=first_best,
        second_best=second_best,
        regret_profiles=regret_profiles,
        queries=queries,
    )
    _print(evaluate_auctions(chosen, questions, out=out, progress=sys.stderr.isatty()), as_json)


@app.command()
def audit(
    name: Annotated[str, typer.Argument(help="The auction: a name, or a checkpoint's path.")],
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
    owners: Annotated[int, typer.Option(help="Bidders in each.")] = 10,
    queries: Annotated[int, typer.Option(help="Lies told by each, for all attackers together.")] = 300,
    finalists: Annotated[int, typer.Option(help="Owners with the most found gain, who meet the slow attackers.")] = 200,
    attackers: Annotated[
        list[str] | None, typer.Option("--attacker", help="Only this one (again for several); all by default.")
    ] = None,
    controls: Annotated[bool, typer.Option(help="Audit the positive controls too.")] = True,
    jobs: Annotated[int, typer.Option(help="Processes; their number changes no figure.")] = 2,
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Audit the incentives of an auction: how much does a liar gain, at least? Interrupted, it goes on where it was."""
    from agents.checks import seed_number
    from agents.population_prior import PopulationPrior
    from scenarios.commands.audit import audit_auction

    seed_number("seed", seed)
    answer = audit_auction(
        name,
        None if population is None else PopulationPrior.read(population),
        threats=threats or [],
        out=out or Path("runs") / f"audit-{Path(name).stem}-seed{seed}",
        progress=sys.stderr.isatty(),
        profiles=profiles,
        owners=owners,
        queries=queries,
        finalists=finalists,
        attackers=attackers or None,
        controls=controls,
        jobs=jobs,
        seed=seed,
    )
    _print(answer, as_json)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories; a scenario's stands for all runs in it.")],
    out: Annotated[
        Path | None, typer.Option(help="Page to write (.html); one run's goes into its directory otherwise.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one self-contained page about a run, or about several side by side."""
    from scenarios.commands.report import write_report

    _print(write_report(runs, out, progress=sys.stderr.isatty()), as_json)


@app.command("app")
def page(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets others in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8765,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open it in a browser.")] = True,
) -> None:
    """Serve the interactive page: play a market, change it, watch who gains. It needs no internet."""
    from scenarios.app.serve import command, serve

    words = command(host, port, open_browser=open_browser)
    typer.echo(f"The market's page: http://{host}:{port} (Ctrl-C stops it)", err=True)
    serve(words)


@app.command("list")
def list_() -> None:
    """List the auctions and what they promise, strategies, tasks, perturbations, weights and scenarios."""
    from rich.console import Console

    from scenarios.commands.inventory import sections

    console = Console()
    for heading, table in sections().items():
        console.print(heading, style="bold")
        console.print(table)


def _several(said: list[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return what was said, all that there is for ``all``, and the first if nothing was."""
    if not said:
        return known[:1]
    return known if "all" in said else tuple(said)


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        typer.echo(answer.json())
    else:
        answer.show()


def _said(error: Exception) -> tuple[str, int]:
    """What to tell of an error, and the exit code."""
    if isinstance(error, OSError) or (isinstance(error, ValueError | TypeError) and _raised_by_house(error)):
        return _one_line(error), 2
    if isinstance(error, ArithmeticError) and _raised_by_house(error):
        return _one_line(error), 1
    if isinstance(error, MemoryError):
        return "out of memory: fewer owners, profiles or records need less", 1
    return f"this is a bug, please report it: {type(error).__name__}: {_one_line(error)} (--debug shows where)", 1


def _raised_by_house(error: Exception) -> bool:
    """Whether the error comes from a ``raise`` of our own, and did not befall one of our lines or a library's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    home = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
    line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    return home in PACKAGES and line.lstrip().startswith("raise")


def _one_line(refusal: Exception) -> str:
    """Return the message, without the quotes and numbers that the system puts around a path."""
    if isinstance(refusal, OSError) and refusal.filename is not None and refusal.strerror:
        return f"{refusal.filename}: {refusal.strerror}"
    return " ".join(str(refusal).split())


if __name__ == "__main__":
    app()
