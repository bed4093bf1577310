"""Starting the page: the server is solara's, told to stay on this machine and to call nobody."""

from __future__ import annotations

import errno
import importlib.util
import os
import socket
import sys
from collections.abc import Mapping

from agents.checks import whole

NEEDED = ("solara", "solara_assets", "ipyvuetify", "altair")
"""What the page is made with; ``solara_assets`` is what spares the browser the internet."""

MAX_PORT = 65535

ENVIRONMENT: Mapping[str, str] = {
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
    "SOLARA_THEME_SHOW_BANNER": "false",
    "OMP_NUM_THREADS": "1",
}
"""No statistics to solara's makers, no banner over the panels, one thread of arithmetic per visitor."""


def command(host: str, port: int, *, open_browser: bool) -> list[str]:
    """Return the command line that serves the page.

    Raises
    ------
    ValueError
        If something it needs is not installed, or the port is out of range or taken.
    """
    missing = [name.replace("_", "-") for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"the page needs {', '.join(missing)}: pip install 'fl-market[viz]', or `make app`")
    whole("--port", port, minimum=1, maximum=MAX_PORT)
    _require_free(host, port)
    shown = ["--open" if open_browser else "--no-open", "--no-check-version", "--production"]
    place = ["--host", host, "--port", str(port)]
    return [sys.executable, "-m", "solara", "run", "scenarios.app.main", *place, *shown]


def serve(words: list[str]) -> None:
    """Become the server: whoever stops this process stops the page."""
    os.execve(words[0], words, {**os.environ, **ENVIRONMENT})


def _require_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            other = f"--port {port + 1 if port < MAX_PORT else port - 1}"
            remedy = other if error.errno in (errno.EADDRINUSE, errno.EACCES) else "--host 127.0.0.1"
            raise ValueError(
                f"--host {host} --port {port}: {error.strerror or error}; pass another, e.g. {remedy}"
            ) from None
