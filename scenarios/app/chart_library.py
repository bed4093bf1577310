"""The library that draws charts in the browser: one script for all of them, served by the app's own server."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

ADDRESS = f"/charts/vega-{version('vl-convert-python')}.js"
"""It holds the version, so that browsers keep the script for good."""


@cache
def script() -> bytes:
    """Vega, Vega-Lite and their embedding as one module, without anything that is fetched from elsewhere."""
    import vl_convert

    # Without a snippet it leaves vegaEmbed at the window; the stub wants one.
    return vl_convert.javascript_bundle().encode()  # type: ignore[call-arg]
