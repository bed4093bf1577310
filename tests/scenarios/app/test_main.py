"""What solara is told to run."""

from __future__ import annotations

import gc
import importlib

from scenarios.app.layout import MarketPage


def test_it_is_the_page(monkeypatch):
    monkeypatch.setattr(gc, "freeze", lambda: None)
    assert importlib.import_module("scenarios.app.main").Page is MarketPage
