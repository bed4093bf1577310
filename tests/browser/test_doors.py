"""The app's doors: who is let in, what is read of what she sends, and when her place is free again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

websockets = pytest.importorskip("websockets", reason="needs the extra 'viz'")
refused = pytest.importorskip("websockets.exceptions").InvalidStatus


class Client:
    """A program that talks to the app's websocket as its page would."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.session = socket, str(uuid.uuid4())
        self.models: dict[str, dict[str, Any]] = {}
        self.finished = False

    async def send(self, kind: str, content: dict[str, Any]) -> None:
        header = {"msg_id": str(uuid.uuid4()), "username": "x", "session": self.session, "msg_type": kind}
        header |= {"version": "5.2", "date": "2026-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await self.socket.send(json.dumps({**message, "channel": "shell", "buffers": []}))

    async def run(self) -> None:
        """Open the page."""
        control = str(uuid.uuid4())
        await self.send("comm_open", {"comm_id": control, "target_name": "solara.control", "data": {}})
        how = {"path": "", "appName": None, "themes": {"light": {}, "dark": {}}, "dark": False}
        await self.send("comm_msg", {"comm_id": control, "data": {"method": "run", "args": how}})
        await self.listen(60, until_finished=True)
        await self.listen(2)

    async def update(self, model: str, state: dict[str, Any]) -> None:
        data = {"method": "update", "state": state, "buffer_paths": []}
        await self.send("comm_msg", {"comm_id": model, "data": data})

    async def listen(self, seconds: float, until_finished: bool = False) -> None:
        async def hear() -> None:
            while not (until_finished and self.finished):
                self.feed(await self.socket.recv())

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hear(), seconds)

    def feed(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            count = struct.unpack("!I", message[:4])[0]
            place = struct.unpack(f"!{count}I", message[4 : 4 + 4 * count])
            message = message[place[0] : place[1] if count > 1 else None].decode()
        told = json.loads(message)
        kind, content = told.get("header", {}).get("msg_type"), told.get("content", {})
        data = content.get("data", {})
        if kind == "comm_open":
            self.models[content["comm_id"]] = dict(data.get("state", {}))
        elif kind == "comm_msg" and data.get("method") == "update":
            self.models.setdefault(content["comm_id"], {}).update(data.get("state", {}))
        elif kind == "comm_msg" and data.get("method") == "finished":
            self.finished = True

    def everything(self) -> str:
        """All that the page knows."""
        return json.dumps(list(self.models.values()))


def apart(what: Coroutine[Any, Any, str | None]) -> Any:
    """Run it in a thread of its own: playwright has a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, what).result()


def channel(address: str) -> str:
    """The websocket of a new session."""
    place = address.replace("http", "ws", 1)
    return f"{place}/jupyter/api/kernels/{uuid.uuid4()}/channels?session_id={uuid.uuid4()}"


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://127.0.0.1:1", "null", "https://localhost"])
def test_a_foreign_page_is_refused_at_the_websocket(address, origin):
    async def knock() -> None:
        async with websockets.connect(channel(address), origin=origin):
            pass

    with pytest.raises(refused, match="403"):
        apart(knock())


@pytest.mark.parametrize("headers", [{"Host": "elsewhere.example"}, {"Origin": "http://elsewhere.example"}])
@pytest.mark.parametrize("path", ["/", "/readyz", "/static/main-vuetify.js"])
def test_a_foreign_page_is_refused_over_http(address, headers, path):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(f"{address}{path}", headers=headers))


@pytest.mark.parametrize(
    "path", ["/resourcez", "/scenarios.app.main", "/..%2f..%2fetc%2fpasswd", "/_solara/cdn/left-pad@1.3.0/index.js"]
)
def test_nothing_else_that_solara_serves_is_served(address, path):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{address}{path}")


def test_the_page_says_what_a_browser_may_do(address):
    with urllib.request.urlopen(address) as answer:
        headers, body = answer.headers, answer.read().decode()
    policy = headers["Content-Security-Policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert len(nonce) > 16
    assert body.count("<script") == body.count(f'<script nonce="{nonce}"')
    assert "frame-ancestors 'none'" in policy
    assert "HttpOnly" in headers["Set-Cookie"]


def test_no_value_makes_the_server_read_a_file(address, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of one line\n")

    async def attack() -> str:
        async with websockets.connect(channel(address), max_size=None) as socket:
            client = Client(socket)
            await client.run()
            fields = [key for key, state in client.models.items() if "value" in state and "label" in state]
            assert len(fields) > 15
            for key in fields:
                await client.update(key, {"value": str(secret)})
            reset = next(key for key, state in client.models.items() if state.get("children") == ["Reset"])
            click = {"method": "custom", "content": {"event": "click", "data": {}}}
            await client.send("comm_msg", {"comm_id": reset, "data": click})
            await client.listen(5)
            return client.everything()

    known = apart(attack())
    assert "choose" in known
    assert "a secret" not in known
    assert "Traceback" not in known


def test_a_place_is_free_again_when_its_visitor_leaves(serve, visit):
    address = serve("--max-visitors", "1")
    first = visit(at=address)
    with pytest.raises(urllib.error.HTTPError, match="503") as refusal:
        urllib.request.urlopen(address)
    assert "There is no room for another visitor" in refusal.value.read().decode()
    first.tab.goto("about:blank")
    for _ in range(50):
        try:
            with urllib.request.urlopen(address) as answer:
                assert answer.status == 200
                return
        except urllib.error.HTTPError:
            time.sleep(0.2)
    raise AssertionError("the place was not free within ten seconds")
