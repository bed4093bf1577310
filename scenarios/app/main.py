"""The interactive app, as solara runs it: ``market-sim app`` starts it, or ``solara run scenarios.app.main``."""

from __future__ import annotations

import gc

import torch

from scenarios.app.layout import MarketPage

__all__ = ["Page"]

Page = MarketPage

torch.set_num_threads(1)
# Imported modules are never freed; without freezing, the collector scans them and delays every third picture.
gc.collect()
gc.freeze()
