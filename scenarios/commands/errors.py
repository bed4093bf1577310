"""Errors of the command line as one line and an exit code."""

from __future__ import annotations

import linecache
import os
import select
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

READER_GONE = 128 + 13
"""Exit code of a process that SIGPIPE ended."""

PACKAGES = ("agents", "market_sim", "analysis", "scenarios")


class ErrorHandlingGroup(TyperGroup):
    """Turns errors into one line: exit code 2 for what was refused, 1 for what went wrong, 130 for an interruption.

    Refused is what one of ``PACKAGES`` raised itself, and whatever the file system refuses; any other error is a bug.
    The option ``--debug``, or FL_MARKET_DEBUG in the environment, shows where it came from.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; if whoever reads its output has gone, end as the system's own tools do, silently."""
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                sys.stdout.flush()
        except (BrokenPipeError, SystemExit):
            if not _reader_has_gone():
                raise
            # What is still to be written goes nowhere; the interpreter would complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            os._exit(READER_GONE)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; a scenario that is typed in its place is told how it is run."""
        if args and self.get_command(ctx, args[0]) is None:
            from scenarios.commands.catalogue import scenario_questions

            if args[0] in scenario_questions():
                ctx.fail(f"{args[0]!r} is a scenario, which `market-sim run {args[0]}` plays")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; SIGTERM and SIGHUP end it as Ctrl-C does."""
        from market_sim.campaign.interruption import like_ctrl_c

        try:
            with like_ctrl_c():
                return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            saved = str(interruption) or "nothing was written"
            typer.echo(f"market-sim: interrupted; {saved}", err=True)
            raise typer.Exit(130) from None
        except Exception as error:
            if isinstance(error, BrokenPipeError) and _reader_has_gone():
                raise
            # What the parser of the command line raises, its ways to leave included, is its own business.
            if type(error).__module__.partition(".")[0] in ("typer", "click"):
                raise
            if ctx.params.get("debug") or os.environ.get("FL_MARKET_DEBUG"):
                typer.echo(traceback.format_exc(), err=True, nl=False)
            message, code = _format_error(error)
            place = _place_in_own_code(error) or _place_in_own_code(error.__cause__)
            message = "; ".join([message, *getattr(error, "__notes__", []), *filter(None, [place])])
            typer.echo(f"market-sim: {message}", err=True)
            raise typer.Exit(code) from None


def _reader_has_gone() -> bool:
    """Whether standard output is a pipe that nobody reads any more."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
    except (AttributeError, OSError, ValueError):  # no file, or a system without poll
        return False
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _format_error(error: Exception) -> tuple[str, int]:
    """Return the one line that says what went wrong, and the exit code."""
    if isinstance(error, OSError) or (isinstance(error, ValueError | TypeError) and _raised_by_project(error)):
        return _one_line(error), 2
    if isinstance(error, ArithmeticError) and _raised_by_project(error):
        return _one_line(error), 1
    if type(error).__name__ == "JobsFailedError":
        return _one_line(error), 1
    if _place_in_own_code(error):
        return f"{type(error).__name__}: {_one_line(error)} (--debug shows where)", 1
    if isinstance(error, MemoryError):
        return "out of memory: fewer owners, profiles or records need less", 1
    return f"this is a bug, please report it: {type(error).__name__}: {_one_line(error)} (--debug shows where)", 1


def _raised_by_project(error: Exception) -> bool:
    """Whether the error comes from a ``raise`` statement of this project, not a failing expression or a library."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    package = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
    line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    return package in PACKAGES and line.lstrip().startswith("raise")


def _place_in_own_code(error: BaseException | None) -> str | None:
    """File and line of the user's own code, called by this project, that raised an error; None if it was not hers."""
    trace, called, place = getattr(error, "__traceback__", None), False, None
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        file = trace.tb_frame.f_code.co_filename
        ours = name.partition(".")[0] in PACKAGES
        if called and not ours and not _installed(file):
            place = f"{Path(file).name}, line {trace.tb_lineno}"
        called |= ours
        trace = trace.tb_next
    return place


def _installed(file: str) -> bool:
    """Whether a file is Python's or an installed package's."""
    return any(Path(file).is_relative_to(place) for place in {*sysconfig.get_paths().values()}) or file.startswith("<")


def _one_line(error: Exception) -> str:
    """Return the message, without the quotes and numbers that the system puts around a path."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
