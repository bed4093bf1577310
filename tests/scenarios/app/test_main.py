"""What solara is told to run, and what it shows where the page cannot be drawn."""

from __future__ import annotations

import gc
import importlib

import solara


def test_a_page_that_cannot_be_drawn_says_so_without_a_traceback(screen, monkeypatch, capsys):
    monkeypatch.setattr(gc, "freeze", lambda: None)
    main = importlib.import_module("scenarios.app.main")

    @solara.component
    def broken() -> None:
        raise OSError(2, "No such file", "/home/me/secret.txt")

    monkeypatch.setattr(main, "MarketPage", broken)
    page = screen(main.Page())
    assert "Something went wrong on the server" in page.text()
    assert "secret" not in page.text()
    assert "secret" in capsys.readouterr().err
