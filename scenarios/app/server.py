"""The app's server: solara's page and websocket behind ``Guard``, and nothing else of what solara serves.

``market-sim app`` starts it as ``python -m scenarios.app.server``, in an environment that ``serve`` prepares.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import secrets
import sys
import threading
import uuid
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from scenarios.app import chart_library
from scenarios.app.guard import Guard, allowed_hosts, is_every_address, policy

APP = "scenarios.app.main"
MAX_MESSAGE = 4 * 2**20
"""Bytes of one message from a browser; an uploaded file is the largest."""
FOREVER = "public, max-age=31536000, immutable"
"""For addresses that hold a version: what is behind them never changes."""
SCRIPT = re.compile(r"<script(?=[\s>])")
TEMPLATE = {
    # It knows no "auto" where it draws, only where it then looks which is preferred.
    '"variant": "light"': '"variant": "auto"',
    '<html lang="en"': "<html",
    "<html": '<html lang="en"',
    ", maximum-scale=1, user-scalable=no, minimal-ui": "",
}
"""What is changed in solara's template."""
FULL_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
FULL_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>FL-Market: no room</title>
<body style="font: 18px/1.5 sans-serif; max-width: 34em; margin: 15vh auto; padding: 0 1em">
<h1>There is no room for another visitor</h1>
<p>This server plays a market for each of {visitors} visitors, and all places are taken. A place becomes free a few
minutes after somebody leaves: reload the page then. Whoever runs the server can start it with a larger
<code>--max-visitors</code>.</p>"""


def main(arguments: list[str] | None = None) -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--allow-host", action="append", default=[])
    parser.add_argument("--max-visitors", required=True, type=int)
    parser.add_argument("--open", action="store_true")
    given = parser.parse_args(arguments)
    app, _ = guarded(given.host, given.allow_host, given.max_visitors)
    config = uvicorn.Config(
        app,
        host=given.host,
        port=given.port,
        loop="asyncio",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        ws_max_size=MAX_MESSAGE,
        timeout_graceful_shutdown=2,
    )
    from scenarios.app.market import SHELF
    from scenarios.app.presets import OPENING, PRESETS

    SHELF.played(PRESETS[OPENING].choices, PRESETS[OPENING].rounds)
    threading.Thread(target=_prepare, daemon=True).start()
    _Server(config, lambda: _announce(given.host, given.port, given.allow_host, given.open)).run()


def guarded(host: str, names: list[str], max_visitors: int) -> tuple[Guard, Starlette]:
    """Return the app as it is served, and the same without its guard."""
    os.environ["SOLARA_APP"] = APP
    from solara.server import kernel_context, server, settings, starlette

    settings.main.mode, settings.main.root_path = "production", ""

    async def page(request: Request) -> Response:
        if guard.full:
            return HTMLResponse(
                FULL_PAGE.format(visitors=max_visitors), status_code=503, headers={"Retry-After": "120"}
            )
        nonce = secrets.token_urlsafe(16)
        content = await asyncio.to_thread(server.read_root, "/", "")
        for before, after in TEMPLATE.items():
            content = content.replace(before, after)
        headers = {"Content-Security-Policy": policy(nonce, request.headers["host"]), "Cache-Control": "no-store"}
        answer = HTMLResponse(SCRIPT.sub(f'<script nonce="{nonce}"', content), headers=headers)
        session = request.cookies.get(server.COOKIE_KEY_SESSION_ID) or str(uuid.uuid4())
        answer.set_cookie(server.COOKIE_KEY_SESSION_ID, session, samesite="strict", httponly=True)
        return answer

    async def close(request: Request) -> Response:
        context = kernel_context.contexts.get(request.path_params["kernel_id"])
        page_id = request.query_params.get("session_id", "")
        if (
            context is not None
            and page_id in context.page_status
            and context.session_id == request.cookies.get(server.COOKIE_KEY_SESSION_ID)
        ):
            await asyncio.to_thread(context.page_close, page_id)
        return Response()

    async def charts(request: Request) -> Response:
        if request.url.path != chart_library.ADDRESS:
            return Response(status_code=404)
        content = await asyncio.to_thread(chart_library.script)
        return Response(content, media_type="text/javascript", headers={"Cache-Control": FOREVER})

    async def ready(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/", page),
        Route("/readyz", ready),
        Route("/charts/{name}", charts),
        WebSocketRoute("/jupyter/api/kernels/{kernel_id}/channels", starlette.kernel_connection),
        Route("/_solara/api/close/{kernel_id}", close, methods=["POST"]),
        Mount("/_solara/cdn", _Versioned(directory=Path(settings.assets.proxy_cache_dir))),
        Mount("/static/assets", starlette.StaticAssets()),
        Mount("/jupyter/nbextensions", starlette.StaticNbFiles()),
        Mount("/static", StaticFiles(directory=server.solara_static)),
    ]
    app = Starlette(routes=routes, lifespan=starlette.lifespan, exception_handlers={Exception: _failed})
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    hosts = allowed_hosts(host, names)
    named = allowed_hosts("", names) - allowed_hosts("", [])
    guard = Guard(
        app, hosts=hosts, named=named, max_visitors=max_visitors, visitors=lambda: list(kernel_context.contexts)
    )
    return guard, app


class _Versioned(StaticFiles):
    """Files whose addresses hold their versions; one that is not there is not fetched from elsewhere either."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if answer.status_code in (200, 304):
            answer.headers["Cache-Control"] = FOREVER
        return answer


class _Server(uvicorn.Server):
    """Says where it is when it listens, not before."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._listening()


def _prepare() -> None:
    """What visitors will ask for, made before they do."""
    from scenarios.app.market import SHELF

    chart_library.script()
    SHELF.fill()


async def _failed(_: Request, __: Exception) -> Response:
    return PlainTextResponse("Something went wrong; the server's output says what.", status_code=500)


def _announce(host: str, port: int, names: list[str], open_browser: bool) -> None:
    shown = "127.0.0.1" if is_every_address(host) else host
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
    sys.stderr.write(f"The market's app: {address} (Ctrl-C stops it)\n")
    if is_every_address(host):
        known = ", ".join(names) or "localhost alone; name this machine with --allow-host NAME to let others in"
        sys.stderr.write(f"It listens on every address of this machine and answers to {known}.\n")
    sys.stderr.flush()
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


if __name__ == "__main__":
    main()
