"""The site in a real browser with the network off: nothing is asked of other sites, formulas and pictures show."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))

pytestmark = pytest.mark.whole


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built without a warning."""
    for package in ("sphinx", "myst_nb", "numpydoc", "pydata_sphinx_theme", "latex2mathml"):
        pytest.importorskip(package, reason="needs the extra 'docs'")
    out = tmp_path_factory.mktemp("site")
    words = ["-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "-b", "html", "docs", str(out)]
    built = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, ""), built.stderr
    return out


@pytest.fixture(scope="module")
def served(site) -> Iterator[str]:
    """Its address on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Links(HTMLParser):
    """What a page links to and loads, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note."""
        found = dict(attrs)
        self.places |= {str(found[name]) for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        if found.get("src"):
            self.loads.append(str(found["src"]))
        if tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload", "shortcut icon"):
            self.loads.append(str(found.get("href")))


def test_every_link_and_every_anchor_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    files = (path for path in site.rglob("*.html") if "_static" not in path.parts)
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in files}
    assert len(pages) > 100
    for path, page in pages.items():
        for target in (*page.links, *page.loads):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                assert target not in page.loads or parts.scheme == "data", f"{path.relative_to(site)} loads {target}"
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert file.is_file(), f"{path.relative_to(site)}: {target}"
            anchor = unquote(parts.fragment)
            assert not anchor or file not in pages or anchor in pages[file].places, (
                f"{path.relative_to(site)}: {target}"
            )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_itself_without_a_network(browser, served, pictures, name):
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    tab, asked, said = context.new_page(), [], []
    tab.set_default_timeout(60_000)
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    tab.goto(f"{served}/{name}.html")
    assert tab.locator("h1").first.is_visible()
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(served).netloc}
    assert said == []
    for picture in tab.locator("article img").all():
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0"), picture.get_attribute("src")
    tab.screenshot(path=pictures / f"site-{name}.png", full_page=False)
    context.close()


def test_formulas_are_drawn_by_the_browser(browser, served):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{served}/how_it_works.html")
    assert tab.locator("math").count() > 5
    box = tab.locator("math[display=block]").first.bounding_box()
    assert box["height"] > 20
    assert box["width"] > 150
    assert "$" not in tab.locator("article").inner_text()
    context.close()


def test_searching_needs_no_other_site(browser, served):
    context = browser.new_context()
    tab, asked = context.new_page(), []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{served}/search.html?q=batch_run")
    tab.locator("#search-results li").first.wait_for(timeout=60_000)
    assert re.search("Mesa", tab.locator("#search-results").inner_text())
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(served).netloc}
    context.close()
