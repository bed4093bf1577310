"""The interactive app, as solara runs it: ``market-sim app`` starts it."""

from __future__ import annotations

import gc

import solara
import torch

from scenarios.app.elements import text
from scenarios.app.layout import MarketPage
from scenarios.app.problems import in_words

__all__ = ["Page"]


@solara.component
def Page() -> None:
    """The page, or, where it cannot be drawn, a sentence that says so."""
    error, _ = solara.use_exception()
    if error is None:
        MarketPage()
    else:
        sentence = solara.use_memo(lambda: in_words(error), [id(error)])
        text("p", sentence, "notice", "wrong")
        solara.v.Html(tag="a", children=["Open the page anew"], attributes={"href": "/"})


torch.set_num_threads(1)
# Imported modules are never freed; without freezing, the collector scans them and delays every third picture.
gc.collect()
gc.freeze()
