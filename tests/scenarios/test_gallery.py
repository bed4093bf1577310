"""The gallery: every picture is shown with its question and a command that exists."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from market_sim.campaign.workers import Workers
from scenarios import gallery
from scenarios.commands import study
from scenarios.commands.catalogue import scenario_questions
from scenarios.commands.settings import market_fields
from scenarios.gallery import AUCTIONS, MARKET, MAX_BYTES, PICTURES, gallery_page, run

ROOT = Path(__file__).parents[2]


def test_the_page_is_the_one_that_is_shown():
    """Write it anew with: python -c "from scenarios.gallery import *; print(gallery_page())" > docs/gallery.md"""
    assert (ROOT / "docs" / "gallery.md").read_text().strip() == gallery_page().strip()


def test_every_picture_is_there_and_small():
    drawn = sorted(path.stem for path in (ROOT / "docs" / "gallery").glob("*.png"))
    assert drawn == sorted(PICTURES)
    assert all((ROOT / "docs" / "gallery" / f"{name}.png").stat().st_size <= MAX_BYTES for name in PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_every_question_has_a_command_that_plays_the_same_market(name):
    assert PICTURES[name].question.endswith("?")
    for line in PICTURES[name].command.splitlines():
        program, command, *words = shlex.split(line)
        assert (program, command) in (("market-sim", "run"), ("market-sim", "report"))
        if command == "run":
            assert words[0] in scenario_questions()
        if words[0] == "market":
            typed = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
            shares = [words[i + 1] for i, word in enumerate(words) if word == "--strategy"]
            fields = market_fields(typed, shares, None)
            assert fields.pop("auction") in AUCTIONS
            assert all(getattr(MARKET, field) == value for field, value in fields.items())


def test_pictures_are_drawn_into_a_directory_of_their_own(tmp_path, monkeypatch):
    few = {name: PICTURES[name] for name in ("no-lie-pays", "auctions")}
    monkeypatch.setattr(gallery, "PICTURES", few)
    monkeypatch.setattr(gallery, "MARKET", type(MARKET)(owners=20, bidders=8, rounds=3, strategies=gallery.SHARES))
    answer = run(out=tmp_path / "out", progress=False, workers=Workers(1))
    assert sorted(answer.figures["pictures"]) == ["auctions.png", "no-lie-pays.png"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"auctions.png", "no-lie-pays.png", "scenario.json"}


def test_a_picture_that_grew_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "PICTURES", {"no-lie-pays": PICTURES["no-lie-pays"]})
    monkeypatch.setattr(gallery, "MARKET", type(MARKET)(owners=20, bidders=8, rounds=2, strategies=gallery.SHARES))
    monkeypatch.setattr(gallery, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match=r"picture 'no-lie-pays' takes .* bytes; draw fewer points or panels"):
        run(out=tmp_path / "out", progress=False, workers=Workers(1))
    # The runs are kept: the same command need not play them again.
    assert [path.name for path in tmp_path.iterdir()] == ["out.unfinished"]
    monkeypatch.setattr(gallery, "MAX_BYTES", MAX_BYTES)
    monkeypatch.setattr(study, "run_market", None)
    run(out=tmp_path / "out", progress=False, workers=Workers(1))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
