"""A real browser that reaches nothing but this machine, a server of the app, and a place for pictures."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
PATIENCE = 60_000
"""Milliseconds to wait for what takes less than one on a machine that does nothing else."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's chromium (or the one that CHROMIUM names), driven by playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'browser'")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium: apt install chromium, or name yours in CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots are kept: FL_MARKET_SCREENSHOTS, or runs/screenshots."""
    folder = Path(os.environ.get("FL_MARKET_SCREENSHOTS", "runs/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., str]]:
    """Start the app as ``market-sim app`` does; returns its address once it has said where it listens."""
    servers: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = [sys.executable, "-m", "scenarios.commands.cli", "app", "--port", str(port), "--no-open", *options]
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        servers.append(server)
        said = server.stderr.readline()
        assert said == f"The market's app: http://127.0.0.1:{port} (Ctrl-C stops it)\n", said + server.stderr.read()
        return f"http://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.terminate()
        server.wait(timeout=20)
        server.stderr.close()


@pytest.fixture(scope="session")
def address(serve) -> str:
    """The app that most tests share."""
    return serve()


class Visitor:
    """Somebody with a browser of her own."""

    def __init__(self, browser: Any, address: str, search: str = "", **looks: Any) -> None:
        self.address = address
        self.context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, **looks})
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(PATIENCE)
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("websocket", lambda socket: self.asked.append(socket.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.tab.goto(f"{address}/{search}")
        self.tab.locator(".layout h1").wait_for()

    def press(self, label: str) -> None:
        """Press a button whose name begins so."""
        self.tab.get_by_role("button", name=re.compile(f"^{re.escape(label)}")).first.click()

    def says(self, words: str) -> None:
        """Wait until the page says so."""
        self.tab.get_by_text(words).first.wait_for()

    def answers(self, verdict: str) -> None:
        """Wait until this is the answer."""
        self.tab.locator(".badge", has_text=re.compile(f"^{verdict}$")).first.wait_for()

    def at_round(self, number: int) -> None:
        """Wait until this round is shown."""
        self.tab.locator(".player label", has_text=re.compile(f"^Round {number} of")).wait_for()

    def chart(self, place: str) -> Any:
        """Wait until a chart is drawn at this place."""
        drawn = self.tab.locator(f"{place} .plot svg").first
        drawn.wait_for()
        return drawn

    def pick(self, label: str, value: str) -> None:
        """Pick from a list."""
        self.tab.get_by_label(label, exact=True).select_option(value)

    @property
    def hosts(self) -> set[str | None]:
        """Every host that was asked for anything."""
        return {urlsplit(url).hostname for url in self.asked if not url.startswith(("data:", "blob:"))}


@pytest.fixture
def visit(browser, address):
    """Open the app; whatever browsers were opened are closed, and none may have complained."""
    visitors: list[Visitor] = []

    def make(search: str = "", at: str | None = None, **looks: Any) -> Visitor:
        visitors.append(Visitor(browser, at or address, search, **looks))
        return visitors[-1]

    yield make
    errors = [error for visitor in visitors for error in visitor.errors]
    for visitor in visitors:
        visitor.context.close()
    assert errors == []
