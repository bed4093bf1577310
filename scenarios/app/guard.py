"""What stands before the app: who may ask, for what, and what a browser may do with the answer.

Every web site that somebody has open can make her browser ask this server something. Its own pages name themselves in
``Host`` and ``Origin``; whoever names something else is refused, over HTTP and over the websocket.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
CHANNELS = "/jupyter/api/kernels/"
REFUSED = "This address does not answer to other web sites. To reach it under a name, start it with --allow-host NAME."
MAX_REPORTED = 50
"""Different refusals that are said; a site that asks without end fills no disk."""
FULL = 1013
"""Close code of a websocket: try again later."""
FOREIGN = 1008
"""Close code of a websocket: against the policy."""

POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'nonce-{nonce}' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' ws://{host} wss://{host}",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""Content-Security-Policy of the app.

Two of its permissions are solara's doing: ``unsafe-eval``, because Vue compiles templates in the browser, and
``unsafe-inline`` of styles, because Vuetify writes its theme into the page. Inline scripts need the answer's nonce.
"""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def allowed_hosts(host: str, names: Iterable[str]) -> frozenset[str]:
    """Names under which the app answers: those of this machine's loopback, ``host`` if it is one address, ``names``."""
    given = {name.strip("[]").lower().rstrip(".") for name in (host, *names)}
    return LOOPBACK | {name for name in given if not is_every_address(name)}


def is_every_address(host: str) -> bool:
    """Whether a server that listens there listens on every address of the machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return not host


class Guard:
    """Refuse foreign hosts and origins, and visitors beyond the number that there is room for.

    Parameters
    ----------
    app : ASGIApp
        What is guarded.
    hosts : frozenset of str
        Names it answers to (``allowed_hosts``).
    named : frozenset of str
        Those of them that were given by name: an ``Origin`` of theirs is admitted under any port, as behind a proxy.
    max_visitors : int
        Sessions at once.
    visitors : callable
        Returns the ids of the sessions that there are.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: frozenset[str],
        named: frozenset[str] = frozenset(),
        max_visitors: int,
        visitors: Callable[[], Iterable[str]],
    ) -> None:
        self._app, self._hosts, self._named = app, hosts, named
        self._max_visitors, self._visitors = max_visitors, visitors
        self._connecting: dict[str, int] = {}
        self._reported: set[str] = set()

    @property
    def full(self) -> bool:
        """Whether there is no room for another visitor."""
        return len(self._ids()) >= self._max_visitors

    def admits(self, headers: MutableMapping[str, list[str]]) -> bool:
        """Whether a request with these headers comes from the app's own page, or from no page at all."""
        host, origin = headers.get("host", []), headers.get("origin", [])
        if len(host) != 1 or len(origin) > 1:
            return False
        here = _place(f"http://{host[0]}")
        if here is None or here[0] not in self._hosts:
            return False
        # Scripts and pictures that another site embeds carry no Origin, but browsers say whose they are.
        embedded = headers.get("sec-fetch-site", ["none"])[-1] not in ("none", "same-origin")
        if embedded and headers.get("sec-fetch-mode", [""])[-1] != "navigate":
            return False
        if not origin:
            return True
        there = _place(origin[0])
        if there is None:
            return False
        here = _place(f"{urlsplit(origin[0]).scheme}://{host[0]}")
        return there[0] in self._named or (here is not None and _same(here, there))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif not self.admits(headers := _headers(scope)):
            self._report(headers)
            await _refuse(scope, receive, send, FOREIGN)
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _report(self, headers: Mapping[str, list[str]]) -> None:
        """Say once on the server's output who was refused, so that whoever runs it knows what to allow."""
        given = (f"{name} {ascii(value[0])[:100]}" for name, value in headers.items() if name in ("host", "origin"))
        said = f"Refused: {', '.join(given) or 'a request without a host'}\n"
        if said not in self._reported and len(self._reported) < MAX_REPORTED:
            self._reported.add(said)
            sys.stderr.write(said)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        visitor = scope["path"].removeprefix(CHANNELS).partition("/")[0]
        if self.full and visitor not in self._ids():
            await _refuse(scope, receive, send, FULL)
            return
        self._connecting[visitor] = self._connecting.get(visitor, 0) + 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._connecting[visitor] -= 1
            if not self._connecting[visitor]:
                del self._connecting[visitor]

    def _ids(self) -> set[str]:
        return {*self._visitors(), *self._connecting}


def policy(nonce: str, host: str) -> str:
    """Content-Security-Policy for an answer whose inline scripts carry ``nonce``, asked for under ``host``."""
    return "; ".join(f"{name} {value.format(nonce=nonce, host=host)}" for name, value in POLICY.items())


def _place(address: str) -> tuple[str, int] | None:
    """Host and port of an address; None if it has none."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.scheme not in DEFAULT_PORTS or parts.username is not None or parts.path:
        return None
    return parts.hostname.rstrip("."), DEFAULT_PORTS[parts.scheme] if port is None else port


def _same(one: tuple[str, int], other: tuple[str, int]) -> bool:
    """Whether two places are one; all names of the loopback are."""
    return one[1] == other[1] and (one[0] == other[0] or {one[0], other[0]} <= LOOPBACK)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


async def _refuse(scope: Scope, receive: Receive, send: Send, code: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": code, "reason": ""})
    else:
        await PlainTextResponse(REFUSED, status_code=403)(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    """Add the headers that every answer has; one that brings no policy of its own may do nothing at all."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            missing = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] += [each for each in missing if each[0].lower() not in there]
        await send(message)

    return send_with_headers
