"""What the app costs a visitor and its server, measured in a real browser: bytes, seconds, memory.

Run with ``pytest -s --override-ini python_files=bench_*.py tests/browser`` (-s prints the figures). Bytes of the
websocket are those of its messages, and, in brackets, of the same compressed in one stream as browsers have it sent.
"""

from __future__ import annotations

import os
import statistics
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Any

import pytest

LARGE = "?owners=2000&bidders=500&task=synthetic&network=small-world"
LARGEST = "?owners=2000&bidders=1000&task=synthetic&network=small-world&first_best=yes"
TWO_HUNDRED = "?owners=200&bidders=50"
VISITS = 200
STEPS = 8


class Meter:
    """Counts what a tab is sent, over HTTP and over its websocket."""

    def __init__(self, tab: Any) -> None:
        self.http, self.websocket, self.messages, self.compressed = 0, 0, 0, 0
        self._stream = zlib.compressobj(6, wbits=-15)
        session = tab.context.new_cdp_session(tab)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._loaded)
        session.on("Network.webSocketFrameReceived", self._framed)

    def _loaded(self, event: Any) -> None:
        self.http += max(0, int(event["encodedDataLength"]))

    def _framed(self, event: Any) -> None:
        content = event["response"]["payloadData"].encode()
        self.websocket += len(content)
        self.compressed += len(self._stream.compress(content)) + len(self._stream.flush(zlib.Z_SYNC_FLUSH))
        self.messages += 1

    @property
    def total(self) -> int:
        return self.http + self.websocket


def opened(tab: Any, address: str) -> float:
    """Open the app and wait for its first chart; seconds until it is drawn, as the page itself counts them."""
    tab.goto(address)
    tab.wait_for_function("window.firstChart", timeout=120_000)
    return float(tab.evaluate("window.firstChart")) / 1000


def press(tab: Any, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).click()


def round_of(tab: Any) -> int:
    return int(tab.locator(".player label").first.inner_text().split()[1].replace(",", ""))


def wait_for_round(tab: Any, number: int) -> None:
    tab.wait_for_function(
        "number => { const said = document.querySelector('.player label'); "
        "return said && Number(said.innerText.split(' ')[1].replace(',', '')) >= number; }",
        arg=number,
        timeout=300_000,
    )


def server_of(address: str) -> int:
    """The process that listens there."""
    port = int(address.rpartition(":")[2])
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "scenarios.app.server" in words and str(port) in words:
            return int(folder.name)
    raise AssertionError("the server's process was not found")


def megabytes(process: int) -> float:
    """Resident memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture(scope="module")
def fresh(serve) -> str:
    """A server of its own, whose presets are played."""
    address = serve("--max-visitors", "500")
    time.sleep(float(os.environ.get("FL_MARKET_WARM_UP", "60")))
    return address


def test_opening(browser, fresh):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    for name in ("first opening", "opened again"):
        tab = context.new_page()
        meter = Meter(tab)
        seconds = opened(tab, fresh)
        tab.wait_for_timeout(2000)
        print(
            f"\n{name}: {meter.http / 1e3:,.0f} kB over HTTP, {meter.websocket / 1e3:,.0f} kB "
            f"[{meter.compressed / 1e3:,.0f}] over the websocket "
            f"in {meter.messages} messages; first chart after {seconds:.2f} s"
        )
        tab.close()
    context.close()


@pytest.mark.parametrize("market", [TWO_HUNDRED, LARGE])
def test_a_step_with_everything_redrawn(browser, fresh, market):
    tab = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    tab.set_default_timeout(300_000)
    meter = Meter(tab)
    opened(tab, f"{fresh}/{market}")
    wait_for_round(tab, 40)
    tab.get_by_role("button", name="Play", exact=True).wait_for()
    tab.wait_for_timeout(1500)
    seconds, traffic = [], []
    for _ in range(STEPS):
        before, start, at = meter.total, time.perf_counter(), round_of(tab)
        press(tab, "Step")
        wait_for_round(tab, at + 1)
        seconds.append(time.perf_counter() - start)
        tab.wait_for_timeout(400)
        traffic.append(meter.total - before)
    print(f"\n{market}: a step {statistics.median(seconds):.2f} s, {statistics.median(traffic) / 1e3:,.0f} kB")
    press(tab, "Play")
    wait_for_round(tab, at + 4)
    start = time.perf_counter()
    press(tab, "Pause")
    tab.get_by_role("button", name="Play", exact=True).wait_for()
    print(f"{market}: Pause acts within {time.perf_counter() - start:.2f} s")
    tab.context.close()


def test_presets(browser, fresh):
    from scenarios.app.presets import PRESETS

    tab = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    tab.set_default_timeout(300_000)
    opened(tab, fresh)
    seconds = {}
    for name, preset in [*PRESETS.items()][1:]:
        start = time.perf_counter()
        tab.locator(".preset", has_text=preset.title).click()
        tab.locator(f".preset[aria-pressed=true] >> text={preset.title}").wait_for()
        tab.locator(".player label", has_text=f"Round {preset.rounds} of").wait_for()
        seconds[name] = time.perf_counter() - start
    print("\npresets: " + ", ".join(f"{name} {each:.2f} s" for name, each in seconds.items()))
    tab.context.close()


def test_the_largest_market_of_another(browser, fresh):
    tabs = [browser.new_context(viewport={"width": 1400, "height": 1000}).new_page() for _ in range(2)]
    for tab in tabs:
        tab.set_default_timeout(300_000)
    opened(tabs[0], fresh)
    tabs[1].goto(f"{fresh}/{LARGEST}")
    seconds = []
    for _ in range(15):
        at, start = round_of(tabs[0]), time.perf_counter()
        press(tabs[0], "Step")
        wait_for_round(tabs[0], at + 1)
        seconds.append(time.perf_counter() - start)
        time.sleep(0.5)
    print(f"\nwhile another's largest market is built and played: a step {max(seconds):.2f} s at most")
    start = time.perf_counter()
    tabs[1].context.close()
    process = server_of(fresh)
    used = []
    for _ in range(40):
        stat = Path(f"/proc/{process}/stat").read_text().split()
        used.append(int(stat[13]) + int(stat[14]))
        if len(used) > 4 and used[-1] - used[-5] < 20:
            break
        time.sleep(0.25)
    print(f"she leaves: the server is idle after {time.perf_counter() - start:.1f} s")
    tabs[0].context.close()


def test_memory(browser, fresh):
    process, seen = server_of(fresh), []
    for visit in range(VISITS + 1):
        if visit % 50 == 0:
            time.sleep(5)
            seen.append(megabytes(process))
        context = browser.new_context()
        tab = context.new_page()
        tab.goto(fresh)
        tab.locator(".layout h1").wait_for(timeout=120_000)
        context.close()
    print(f"\nresident memory after 0, 50, ... visits: {', '.join(f'{each:,.0f}' for each in seen)} MB")
    with urllib.request.urlopen(f"{fresh}/readyz") as answer:
        assert answer.status == 200
