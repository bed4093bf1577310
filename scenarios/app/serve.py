"""Starting the app: a server on this machine only and without telemetry."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence

from agents.checks import whole

REQUIRED_PACKAGES = ("solara", "solara_assets", "ipyvuetify", "vl_convert")
"""With ``solara_assets`` the browser needs no internet."""

MAX_PORT = 65535
MAX_VISITORS = 1000
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")

DEFAULT_VISITORS = 20
"""Sessions at once; each costs some megabytes and, while it plays, a processor."""

ENVIRONMENT: Mapping[str, str] = {
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
    "SOLARA_THEME_SHOW_BANNER": "false",
    "SOLARA_THEME_TITLE": "FL-Market",
    "SOLARA_ASSETS_FONTAWESOME_ENABLED": "false",
    "SOLARA_KERNEL_CULL_TIMEOUT": "2m",
    "OMP_NUM_THREADS": "1",
}
"""No telemetry and no banner, sessions that end two minutes after their visitor has gone without a word, one thread of
arithmetic per visitor."""


def command(
    host: str,
    port: int,
    *,
    open_browser: bool,
    allow_hosts: Sequence[str] = (),
    max_visitors: int = DEFAULT_VISITORS,
) -> list[str]:
    """Return the command line that serves the app.

    Raises
    ------
    ValueError
        If something it needs is not installed, the port is out of range or taken, or a name is none.
    """
    missing = [name.replace("_", "-") for name in REQUIRED_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"the app needs {', '.join(missing)}: pip install 'fl-market[viz]', or `make app`")
    whole("--port", port, minimum=1, maximum=MAX_PORT)
    whole("--max-visitors", max_visitors, minimum=1, maximum=MAX_VISITORS)
    for name in allow_hosts:
        if not HOST_NAME.fullmatch(name):
            raise ValueError(f"--allow-host {name}: pass a name or an address alone, e.g. market.example.org")
    _check_port_free(host, port)
    options = ["--host", host, "--port", str(port), "--max-visitors", str(max_visitors)]
    options += [word for name in allow_hosts for word in ("--allow-host", name)]
    return [sys.executable, "-m", "scenarios.app.server", *options, *(["--open"] if open_browser else [])]


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
