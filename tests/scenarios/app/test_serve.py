"""How the app is started: on this machine, without telemetry."""

from __future__ import annotations

import errno
import importlib.util
import socket

import pytest
from typer.testing import CliRunner

from scenarios.app import serve
from scenarios.commands.cli import app


@pytest.fixture
def started(monkeypatch):
    calls = []
    monkeypatch.setattr(serve.os, "execve", lambda program, words, environment: calls.append((words, environment)))
    return calls


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_it_execs_a_server_without_telemetry(started):
    port = free_port()
    result = CliRunner().invoke(app, ["app", "--port", str(port), "--no-open", "--allow-host", "market.example"])
    assert (result.exit_code, result.stderr) == (0, ""), "the server says where it is, once it listens"
    ((words, environment),) = started
    assert words[1:3] == ["-m", "scenarios.app.server"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options == {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--max-visitors": str(serve.DEFAULT_VISITORS),
        "--allow-host": "market.example",
    }
    assert environment["SOLARA_TELEMETRY_MIXPANEL_ENABLE"] == "false"
    assert environment["SOLARA_KERNEL_CULL_TIMEOUT"] == "2m"
    assert environment["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize("name", ["http://market.example", "market.example:80", "a b", "", "*"])
def test_a_name_that_is_none_is_refused(started, name):
    result = CliRunner().invoke(app, ["app", "--port", str(free_port()), "--allow-host", name])
    assert (result.exit_code, started) == (2, [])
    assert f"--allow-host {name}: pass a name or an address alone, e.g. market.example.org" in result.stderr


def test_a_server_without_room_is_refused(started):
    result = CliRunner().invoke(app, ["app", "--port", str(free_port()), "--max-visitors", "0"])
    assert (result.exit_code, started) == (2, [])
    assert "--max-visitors = 0" in result.stderr


def test_a_port_that_is_taken_is_refused(started):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["app", "--port", str(port)])
    assert (result.exit_code, started) == (2, [])
    assert f"--port {port}: Address already in use; pass another, e.g. --port {port + 1}" in result.stderr


def test_the_last_port_is_not_answered_with_one_that_does_not_exist(started, monkeypatch):
    def taken(*_):
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(serve.socket.socket, "bind", taken)
    result = CliRunner().invoke(app, ["app", "--port", "65535"])
    assert (result.exit_code, started) == (2, [])
    assert "--port 65535: Address already in use; pass another, e.g. --port 65534" in result.stderr


def test_an_address_that_is_not_this_machine_s_is_answered_with_one_that_is(started):
    result = CliRunner().invoke(app, ["app", "--host", "192.0.2.1", "--port", str(free_port())])
    assert (result.exit_code, started) == (2, [])
    assert "pass another, e.g. --host 127.0.0.1" in result.stderr


def test_without_solara_it_says_what_to_install(started, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("solara") else find(name))
    result = CliRunner().invoke(app, ["app"])
    assert (result.exit_code, started) == (2, [])
    assert "the app needs solara, solara-assets: pip install 'fl-market[viz]', or `make app`" in result.stderr
