"""What the app takes from Mesa's: the counter that all panels listen to, and the line with the number of steps."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Mesa 3.3.1's own components break a rule of solara's, which says so wherever they are imported.
    warnings.simplefilter("ignore")
    from mesa.visualization.solara_viz import ShowSteps
    from mesa.visualization.utils import force_update, update_counter

__all__ = ["ShowSteps", "force_update", "update_counter"]
