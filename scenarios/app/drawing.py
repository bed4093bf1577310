"""A figure on the page, drawn again only when what it depends on has changed."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable
from typing import Any

import solara
from matplotlib.figure import Figure

DOTS_PER_INCH = 130
_MATPLOTLIB_LOCK = threading.Lock()


def as_png(figure: Figure) -> bytes:
    """Return the figure as a PNG, compressed for speed rather than size."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, pil_kwargs={"compress_level": 1})
    return picture.getvalue()


@solara.component
def Drawing(draw: Callable[[], Figure], depends_on: tuple[Any, ...], description: str) -> None:
    """Show the figure that ``draw`` returns.

    Parameters
    ----------
    draw : callable
        Draws it.
    depends_on : tuple
        Whatever the figure depends on; it is drawn anew when one of these is another than before.
    description : str
        What is to be seen, for those who do not see it.
    """

    def source() -> str:
        # Matplotlib is not thread-safe: it shares fonts and text between figures, and each visitor has a thread.
        with _MATPLOTLIB_LOCK:
            picture = as_png(draw())
        return f"data:image/png;base64,{base64.b64encode(picture).decode()}"

    src = solara.use_memo(source, list(depends_on))
    solara.HTML(tag="img", attributes={"src": src, "alt": description}, classes=["drawing"])
