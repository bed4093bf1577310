"""The interactive page, as solara runs it: ``market-sim app`` starts it, or ``solara run scenarios.app.main``."""

from __future__ import annotations

import gc

import torch

from scenarios.app.layout import MarketPage

__all__ = ["Page"]

Page = MarketPage

torch.set_num_threads(1)
# What was imported stays for good; looking through all of it for garbage would hold up every third picture.
gc.collect()
gc.freeze()
