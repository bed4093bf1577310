"""Who is let in, by what a browser says of itself; and what every answer forbids."""

from __future__ import annotations

import asyncio

import pytest

from scenarios.app.guard import FOREIGN, FULL, REFUSED, Guard, allowed_hosts, policy

HERE = "127.0.0.1:8765"


def asked(
    *, kind: str = "http", path: str = "/", listens: str = "127.0.0.1", names=(), visitors=(), most: int = 3, **headers
) -> list[dict]:
    """What a guarded app answers to one request."""
    sent: list[dict] = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    guard = Guard(
        app,
        hosts=allowed_hosts(listens, names),
        named=frozenset(names),
        max_visitors=most,
        visitors=lambda: visitors,
    )
    pairs = [
        (name.replace("_", "-").encode(), value.encode())
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    asyncio.run(guard({"type": kind, "path": path, "headers": pairs}, None, send))
    return sent


def admitted(**how) -> bool:
    first = asked(**how)[0]
    return first.get("status") == 200


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "right"),
    [
        ({"host": HERE}, True),
        ({"host": HERE, "origin": f"http://{HERE}"}, True),
        ({"host": "localhost:8765", "origin": "http://localhost:8765"}, True),
        ({"host": HERE, "origin": "http://localhost:8765"}, True),
        ({"host": "[::1]:8765", "origin": "http://[::1]:8765"}, True),
        ({"host": "LOCALHOST:8765"}, True),
        ({"host": "evil.example"}, False),
        ({"host": "evil.example:8765", "origin": "http://evil.example:8765"}, False),
        ({"host": "localhost.evil.example"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": "me@127.0.0.1"}, False),
        ({"host": ""}, False),
        ({"host": [HERE, "evil.example"]}, False),
        ({}, False),
        ({"host": HERE, "origin": "http://evil.example"}, False),
        ({"host": HERE, "origin": "http://127.0.0.1:3000"}, False),
        ({"host": HERE, "origin": "http://127.0.0.1"}, False),
        ({"host": HERE, "origin": "http://127.0.0.1:8765.evil.example"}, False),
        ({"host": HERE, "origin": "null"}, False),
        ({"host": HERE, "origin": "file://"}, False),
        ({"host": HERE, "origin": ""}, False),
        ({"host": HERE, "origin": [f"http://{HERE}", "http://evil.example"]}, False),
        ({"host": HERE, "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, True),
        ({"host": HERE, "sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, False),
        ({"host": HERE, "sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"}, True),
    ],
)
def test_only_its_own_pages_are_answered(kind, headers, right):
    assert admitted(kind=kind, **headers) is right


def test_it_answers_to_the_address_it_listens_on_and_to_names_it_was_given():
    assert admitted(listens="192.0.2.7", host="192.0.2.7:8765", origin="http://192.0.2.7:8765")
    assert allowed_hosts("192.0.2.7", []) == {"192.0.2.7", "localhost", "127.0.0.1", "::1"}
    assert allowed_hosts("0.0.0.0", []) == allowed_hosts("::", []) == {"localhost", "127.0.0.1", "::1"}
    assert "market.example" in allowed_hosts("0.0.0.0", ["Market.Example"])


@pytest.mark.parametrize("host", ["market.example", HERE])
def test_a_name_it_was_given_is_admitted_behind_a_proxy_that_speaks_https(host):
    assert admitted(names=["market.example"], host=host, origin="https://market.example")
    assert not admitted(host=host, origin="https://market.example")
    assert not admitted(names=["market.example"], host=host, origin="https://other.example")


def test_a_refusal_says_the_remedy_and_not_what_was_asked():
    start, body = asked()[:2]
    assert (start["status"], body["body"].decode()) == (403, REFUSED)
    assert asked(kind="websocket") == [{"type": "websocket.close", "code": FOREIGN, "reason": ""}]


def test_a_refusal_is_said_on_the_servers_output_without_what_could_break_its_lines(capsys):
    asked(host="evil.example\r\nMarket: fine")
    assert capsys.readouterr().err == "Refused: host 'evil.example\\r\\nMarket: fine'\n"


def test_when_all_places_are_taken_only_those_who_have_one_connect():
    def connects(visitor: str, visitors: list[str]) -> bool:
        path = f"/jupyter/api/kernels/{visitor}/channels"
        first = asked(kind="websocket", path=path, visitors=visitors, most=2, host=HERE)[0]
        assert first.get("code", FULL) == FULL
        return "code" not in first

    assert connects("a", [])
    assert connects("b", ["a"])
    assert not connects("c", ["a", "b"])
    assert connects("b", ["a", "b"])


def test_every_answer_forbids_to_be_framed_and_to_be_guessed_at():
    (start,) = asked(host=HERE)
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_page_s_policy_names_no_place_but_its_own():
    said = policy("once", HERE)
    assert said.startswith("default-src 'none'; script-src 'self' 'nonce-once' 'unsafe-eval'; ")
    assert f"connect-src 'self' ws://{HERE} wss://{HERE};" in said
    assert "http:" not in said
    assert "*" not in said
    assert "'unsafe-inline'" not in said.partition("script-src")[2].partition(";")[0]
