"""What README.md shows a newcomer runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image, ImageColor

from analysis.plots.live import LOSS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)
SAID = [("error_bound", "scaled-valuation"), ("pay-as-bid: REFUTED", "ascending-menu: nothing refuted")]


@pytest.mark.parametrize(
    ("code", "said"),
    list(zip(BLOCKS, SAID, strict=True)),
)
def test_a_block_shows_what_the_page_says(code, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    for words in said:
        assert words in shown


def test_every_page_and_picture_it_points_to_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / target).is_file(), target


def test_the_picture_of_the_app_is_small_and_shows_a_market_that_has_played():
    picture = ROOT / "docs" / "app.png"
    assert picture.stat().st_size <= 300_000
    shown = {colour for _, colour in Image.open(picture).convert("RGB").getcolors(2**24)}
    badge = re.search(r"--no: (#[0-9a-f]{6})", (ROOT / "scenarios" / "app" / "app.css").read_text())[1]
    drawn = {"the answer": badge, "lies that did not pay": LOSS}
    assert [what for what, colour in drawn.items() if ImageColor.getrgb(colour) not in shown] == []
