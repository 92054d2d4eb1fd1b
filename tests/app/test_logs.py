"""Log lines: their form, and what must never be in them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from app import logs
from app.logs import JsonFormatter, Redactor, TextFormatter
from app.settings.fields import Settings, secret_names

SECRET = "-".join(["made", "up", "for", "this", "test"])
TOKEN = "cm_" + "a1_-" * 10 + "xyz"


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    levels = {name: logging.getLogger(name).level for name in logs._CHATTY}
    yield
    root.handlers[:], root.level = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger("app.calls").setLevel(logging.NOTSET)


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def record(message: str, *args: Any, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("app.test", logging.INFO, "file", 1, message, args, more.pop("exc_info", None))
    made.fields = more
    return made


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_call_says_who_what_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(settings(log_format="json"))
    token = logs.request_id.set("abc")
    try:
        logs.call_log("search_memory", "ann", "ok", 0.01234, results=3)
    finally:
        logs.request_id.reset(token)

    [line] = written(capsys)
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "app.calls",
        "message": "call",
        "tool": "search_memory",
        "user": "ann",
        "outcome": "ok",
        "duration_ms": 12.34,
        "results": 3,
        "request_id": "abc",
    }


def test_a_failed_call_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(settings(log_format="json", log_level="WARNING"))
    logs.call_log("memorize", "ann", "ok", 0.1)
    logs.call_log("memorize", "ann", "invalid_input", 0.1)

    assert [line["outcome"] for line in written(capsys)] == ["invalid_input"]


def test_text_has_the_same_fields_on_one_line() -> None:
    line = TextFormatter(Redactor()).format(record("call\nforged INFO line", tool="a b", count=3, none=None))

    assert "\n" not in line
    assert line.endswith('INFO app.test call ⏎ forged INFO line tool="a b" count=3')


@pytest.mark.parametrize("name", secret_names())
def test_the_value_of_every_secret_setting_is_masked(name: str) -> None:
    value, hidden = SECRET, SECRET
    if name.endswith("DATABASE_URL"):
        value = f"postgresql://u:{SECRET}@h/d"
    if name == "ADMIN_TOKEN":  # which has a form of its own
        value = hidden = f"cm_{SECRET:-<43}"
    if name.startswith("ALERTS_") and name.endswith("_URL"):
        value = f"https://h/{SECRET}"
    redactor = Redactor.of(settings(**{name.lower(): value}))

    for formatter in (TextFormatter(redactor), JsonFormatter(redactor)):
        line = formatter.format(record("connecting with %s", value, setting=value, nested={"a": [value]}))
        assert hidden not in line


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:my%2Fpass%40@h/d", "postgresql://h/d?user=u&password=my%2Fpass%40"],
)
def test_the_password_inside_the_database_url_is_masked_by_itself(url: str) -> None:
    redactor = Redactor.of(settings(database_url=url))

    assert redactor.clean("my/pass@ and my%2Fpass%40 were wrong") == "*** and *** were wrong"


def test_text_obeys_no_control_character() -> None:
    odd = "\x1b[2Jgone\x00\x9b1m\x7f\ttab"
    made = record(odd, exc_info=(ValueError, ValueError(odd), None), field=odd, name="\x9b1m")
    line = TextFormatter(Redactor()).format(made)

    assert all(character == "\n" or character.isprintable() for character in line)
    assert r" \u001b[2Jgone\u0000\u009b1m\u007f\ttab " in line


def test_an_unexpected_error_is_one_safe_line() -> None:
    error = RuntimeError(f"no postgresql://me:{SECRET}@db/x\nfor Bearer {TOKEN}\x1b[2J")

    assert logs.unexpected(error) == r"RuntimeError: no postgresql://me:***@db/x for Bearer ***\u001b[2J"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"token {TOKEN} seen", "token *** seen"),
        ("Authorization: Bearer abcdef.ghi-jkl", "Authorization: Bearer ***"),
        ("authorization: basic dTpwYXNz", "authorization: basic ***"),
        ("postgresql://me:hunter2@db:5432/x?a=b", "postgresql://me:***@db:5432/x?a=b"),
        ("https://example.org/path@here", "https://example.org/path@here"),
        ("the bearer of news", "the bearer of news"),
    ],
)
def test_what_is_shaped_like_a_secret_is_masked(text: str, clean: str) -> None:
    assert Redactor().clean(text) == clean


def test_tracebacks_are_masked_too() -> None:
    try:
        int(SECRET)
    except ValueError:
        made = record("failed", exc_info=sys.exc_info())

    for formatter in (TextFormatter(Redactor([SECRET])), JsonFormatter(Redactor([SECRET]))):
        line = formatter.format(made)
        assert "ValueError" in line
        assert SECRET not in line


def test_a_secret_that_begins_another_leaves_nothing_of_it() -> None:
    assert Redactor([SECRET, SECRET + "-longer"]).clean(SECRET + "-longer") == "***"


def test_chatty_libraries_are_quiet_and_never_log_messages(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(settings(log_level="DEBUG", log_format="json"))
    logging.getLogger("mcp.server.sse").debug("Received JSON: the text of a memory")
    logging.getLogger("mcp.server.streamable_http").info("Terminating session: None")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("mcp.server.sse").warning("something is wrong")

    assert [line["message"] for line in written(capsys)] == ["something is wrong"]


def test_a_client_fills_no_log_with_warnings_of_the_sdk(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(settings(log_format="json"))
    for number in range(100):
        logging.getLogger("mcp.server.sse").warning("Could not find session for ID: %d", number)
        logging.getLogger("mcp.server.sse").error("broken")

    assert [line["level"] for line in written(capsys)].count("WARNING") == 1


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_a_client_that_goes_away_is_one_line_at_debug(capsys: pytest.CaptureFixture[str], level: str) -> None:
    logs.setup(settings(log_level=level))

    for name in ("app.serve.dispatch", "mcp.server.streamable_http", "uvicorn.error"):
        for gone in (ClientDisconnect(), ExceptionGroup("several", [ClientDisconnect()])):
            logging.getLogger(name).error("POST %s failed", "/token", exc_info=gone)
    logging.getLogger("app.serve.dispatch").error("failed", exc_info=ValueError("kept"))

    gone_lines, error = capsys.readouterr().err.split("Z ERROR ")
    assert gone_lines.count("\n") == (4 if level == "DEBUG" else 0)
    assert gone_lines.count("DEBUG") == gone_lines.count("POST /token failed: the client went away")
    assert "ValueError: kept" in error


def test_no_line_of_a_log_looks_like_another_one(capsys: pytest.CaptureFixture[str]) -> None:
    forged = "x\n2026-11-21T12:00:00.123Z INFO app.calls forged\r\x85\u2028\u202e"
    for form in ("text", "json"):
        logs.setup(settings(log_format=form))
        logging.getLogger("app.test").error(forged, exc_info=ValueError(forged), extra={"fields": {"name": forged}})

    lines = capsys.readouterr().err.split("\n")
    assert sum(line.startswith("2026-11-21T12") for line in lines) == 0
    assert all(line.isprintable() for line in lines)
    assert json.loads(lines[-2])["name"] == forged
