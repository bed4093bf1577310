"""The command line ``market-sim``. Every command imports the floors it needs when it runs, so that help is instant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from scenarios.answer import Answer


class Door(TyperGroup):
    """Turns what is refused at the door into one line and exit code 2, and an interruption into exit code 130."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (ValueError, TypeError, OSError) as refusal:
            typer.echo(f"market-sim: {_one_line(refusal)}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt as interruption:
            saved = str(interruption) or "nothing was written"
            typer.echo(f"market-sim: interrupted; {saved}", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Door,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A market in which data owners sell privacy and may lie about its price.",
)

Seed = Annotated[int, typer.Option(help="Every random stream of a run is derived from it.")]
Out = Annotated[Path | None, typer.Option(help="Directory to write; never one that holds something else.")]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")]


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="One out of `market-sim list`.")],
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Run a scenario: it asks one question of the market and prints the answer."""
    from agents.checks import whole
    from scenarios.catalogue import load_scenario

    play = load_scenario(scenario)
    whole("seed", seed, most=10**11)
    answer = play(seed=seed, out=out or Path("runs") / f"{scenario}-seed{seed}", progress=sys.stderr.isatty())
    _print(answer, as_json)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="The auction to train, e.g. sequential-menu.")],
    seed: Seed = 0,
    steps: Annotated[int | None, typer.Option(help="Fewer or more training steps than the recipe's.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Checkpoint to write (.safetensors); its card goes beside it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a learned auction from the prior and write its checkpoint with a model card."""
    from agents.checks import whole
    from scenarios.training import train_auction

    whole("seed", seed, most=2**63 - 2)
    path = out or Path("runs") / "checkpoints" / f"{name}-seed{seed}.safetensors"
    _print(train_auction(name, path, seed=seed, steps=steps, progress=sys.stderr.isatty()), as_json)


@app.command()
def evaluate(
    names: Annotated[list[str], typer.Argument(help="Auctions: names or checkpoint paths. All-in is always added.")],
    owners: Annotated[int, typer.Option(help="Bidders per profile.")] = 10,
    profiles: Annotated[int, typer.Option(help="Fresh profiles per budget factor.")] = 2000,
    seed: Seed = 2022,
    first_best: Annotated[bool, typer.Option(help="Search for the first best too (most of the time).")] = True,
    as_json: Json = False,
) -> None:
    """Compare auctions when everybody tells the truth: error bound, spend, violations, beside the first best."""
    from scenarios.training import evaluate_auctions

    _print(
        evaluate_auctions(
            names,
            owners=owners,
            profiles=profiles,
            seed=seed,
            with_first_best=first_best,
            progress=sys.stderr.isatty(),
        ),
        as_json,
    )


@app.command("list")
def list_() -> None:
    """List the auctions and what they promise, strategies, tasks, perturbations, weights and scenarios."""
    from rich.console import Console

    from scenarios.inventory import sections

    console = Console()
    for heading, table in sections().items():
        console.print(heading, style="bold")
        console.print(table)


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        typer.echo(answer.json())
    else:
        answer.show()


def _one_line(refusal: Exception) -> str:
    """Return the message, without the quotes and numbers that the system puts around a path."""
    if isinstance(refusal, OSError) and refusal.filename is not None and refusal.strerror:
        return f"{refusal.filename}: {refusal.strerror}"
    return " ".join(str(refusal).split())


if __name__ == "__main__":
    app()
