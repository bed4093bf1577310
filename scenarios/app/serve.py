"""Starting the app: solara's server, on this machine only and without telemetry."""

from __future__ import annotations

import errno
import importlib.util
import os
import socket
import sys
from collections.abc import Mapping

from agents.checks import whole

REQUIRED_PACKAGES = ("solara", "solara_assets", "ipyvuetify", "altair")
"""With ``solara_assets`` the browser needs no internet."""

MAX_PORT = 65535

ENVIRONMENT: Mapping[str, str] = {
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
    "SOLARA_THEME_SHOW_BANNER": "false",
    "OMP_NUM_THREADS": "1",
}
"""No telemetry, no banner over the panels, one thread of arithmetic per visitor."""


def command(host: str, port: int, *, open_browser: bool) -> list[str]:
    """Return the command line that serves the app.

    Raises
    ------
    ValueError
        If something it needs is not installed, or the port is out of range or taken.
    """
    missing = [name.replace("_", "-") for name in REQUIRED_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"the page needs {', '.join(missing)}: pip install 'fl-market[viz]', or `make app`")
    whole("--port", port, minimum=1, maximum=MAX_PORT)
    _check_port_free(host, port)
    options = ["--open" if open_browser else "--no-open", "--no-check-version", "--production"]
    place = ["--host", host, "--port", str(port)]
    return [sys.executable, "-m", "solara", "run", "scenarios.app.main", *place, *options]


def serve(arguments: list[str]) -> None:
    """Exec the server in place of this process: stopping it stops the app."""
    os.execve(arguments[0], arguments, {**os.environ, **ENVIRONMENT})


def _check_port_free(host: str, port: int) -> None:
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
