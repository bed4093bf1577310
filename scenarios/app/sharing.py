"""Taking a market away: its address, the command that repeats it, its tables, its report."""

from __future__ import annotations

import base64
import io
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import solara

from market_sim.tables import TABLES
from scenarios.app.choices import command_line
from scenarios.app.elements import CopyButton, DownloadButton, text
from scenarios.app.market import Market
from scenarios.app.visit import Visit

REPORTS = threading.Lock()
"""One report is written at a time: it plays the market once more with everybody truthful."""


@solara.component
def Sharing(visit: Visit) -> None:
    """The command, and what can be kept."""
    main = visit.pair.value.main
    with solara.v.Html(tag="section", class_="sharing"):
        text("h2", "Take it away")
        text("p", "This command plays the same market in a terminal, all its rounds:")
        CopyButton(label="Copy the command", content=command_line(main.choices))
        with solara.Div(classes=["downloads"]):
            CopyButton(label="Copy the address", content="", address=True)
            _Download(visit, "Run (Parquet)", "run.zip", parquet)
            _Download(visit, "Tables (CSV)", "tables.zip", csv)
            _Download(visit, "Report (HTML)", "report.html", report)


@solara.component
def _Download(visit: Visit, label: str, name: str, write: Callable[[Market], bytes]) -> None:
    file: solara.Reactive[dict[str, str] | None] = solara.use_reactive(None)

    def ask(_: Any) -> None:
        market = visit.pair.value.main
        if not market.rounds:
            file.value = None
            raise ValueError("There is nothing to keep before the first round")
        content = base64.b64encode(write(market)).decode()
        kind = "text/html" if name.endswith(".html") else "application/zip"
        file.value = {"name": f"fl-market-{name}", "type": kind, "content": content, "round": str(market.rounds)}

    DownloadButton(label=label, file=file.value, event_ask=visit.doing(ask))


def parquet(market: Market) -> bytes:
    """The run's directory, as ``run_market(out=...)`` writes it, as a zip."""
    with tempfile.TemporaryDirectory() as folder:
        written = market.results().save(Path(folder) / "run")
        return _zip({f"run/{file.name}": file.read_bytes() for file in sorted(written.iterdir())})


def csv(market: Market) -> bytes:
    """The run's tables as CSV, in a zip."""
    results = market.results()
    tables = {name: getattr(results, name) for name in TABLES}
    return _zip({f"{name}.csv": table.to_csv(index=False).encode() for name, table in tables.items() if len(table)})


def report(market: Market) -> bytes:
    """The report on the run, as ``market-sim report`` writes it."""
    from scenarios.commands.report import write_report

    with REPORTS, tempfile.TemporaryDirectory() as folder:
        run = market.results().save(Path(folder) / "run")
        write_report([run], None, progress=False)
        return (run / "report.html").read_bytes()


def _zip(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return content.getvalue()
