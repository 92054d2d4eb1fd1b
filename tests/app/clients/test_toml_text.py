"""TOML files: our table goes in and out, and every other character stays."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients.jsonc_reading import BOM, NotEditable
from app.clients.toml_text import TomlText
from tests.support.clients import CODEX

PATH = ("mcp_servers", "memory")
ENTRY = {"command": "/opt/bin/claude-memory", "args": ["stdio"], "env": {"MEMORY_DATA_DIR": "/däta"}}
OURS = '[mcp_servers.memory]\ncommand = "/opt/bin/claude-memory"\nargs = ["stdio"]\n'

TEXTS = {
    "a real file": CODEX,
    "other line ends": CODEX.replace("\n", "\r\n"),
    "a byte order mark": BOM + CODEX,
    "comments alone": "# nothing yet\n",
    "dotted names": 'mcp_servers.a.command = "x"\n\n[tui]\na = 1\n',
    "the table of servers itself": '[mcp_servers]\n\n[mcp_servers.a]\ncommand = "x"\n\n# last\n',
    "tables between those of a list": '[[x]]\na = 1\n[mcp_servers.a]\ncommand = "q"\n[[x]]\na = 2\n',
    "a quoted header": '[ "mcp_servers" . "a b" ]\ncommand = "x" # [mcp_servers.memory]\n',
    "a header in a list": 'a = [\n  ["mcp_servers"],\n]\n',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_in_and_out_is_nothing(text: str) -> None:
    document = TomlText(text).put(PATH, ENTRY)

    assert document.text.startswith(text)
    assert tomllib.loads(document.text.removeprefix(BOM))["mcp_servers"]["memory"] == ENTRY
    assert document.remove(PATH).text == text


def test_the_line_ends_are_those_of_the_file() -> None:
    text = TomlText(TEXTS["other line ends"]).put(PATH, ENTRY).text

    assert text.count("\n") == text.count("\r\n")


def test_what_follows_our_table_stays_when_it_is_removed() -> None:
    text = "a = 1\n\n" + OURS + '\n# of the next one\n[mcp_servers.other]\ncommand = "x"\n'

    assert TomlText(text).remove(PATH).text == 'a = 1\n\n# of the next one\n[mcp_servers.other]\ncommand = "x"\n'


def test_tables_below_ours_go_with_it() -> None:
    text = OURS + '[mcp_servers.memory.env]\nA = "1"\n[mcp_servers.memory.tools.search]\napproval_mode = "approve"\n'

    assert TomlText(text).remove(PATH).text == ""


def test_only_the_statements_that_differ_are_written_again() -> None:
    text = (
        "[mcp_servers.memory] # ours\n"
        "command = '/old/claude-memory' # where it was\n"
        'args = [\n    "stdio", # no port\n]\n'
        "startup_timeout_sec = 20.0   # slow disk\n\n"
        '[mcp_servers.memory.env]\nMEMORY_DATA_DIR = "/old"\nLOG_LEVEL = "DEBUG" # noisy\n\n[tui]\n'
    )
    document = TomlText(text)
    entry = {**document.get(PATH), "command": "/new/claude-memory"}

    assert document.put(PATH, entry).text == text.replace("'/old/claude-memory' # where it was", '"/new/claude-memory"')
    entry = {**document.get(PATH), "env": {"LOG_LEVEL": "DEBUG"}}
    assert document.put(PATH, entry).text == text.replace('MEMORY_DATA_DIR = "/old"\n', "")
    entry = {**document.get(PATH), "env": {"LOG_LEVEL": "DEBUG", "A": "1"}, "enabled": True}
    assert document.put(PATH, entry).get(PATH) == entry
    assert 'LOG_LEVEL = "DEBUG" # noisy\nA = "1"\n' in document.put(PATH, entry).text
    del entry["env"]
    assert document.put(PATH, entry).get(PATH) == entry


def test_an_inline_environment_is_replaced() -> None:
    document = TomlText(OURS.rstrip("\n")).put(PATH, ENTRY)

    assert document.text == OURS + 'env = { MEMORY_DATA_DIR = "/däta" }\n'
    assert document.put(PATH, {**ENTRY, "env": {}}).text == OURS + "env = {}\n"


@pytest.mark.parametrize(
    "text",
    [
        'mcp_servers = { a = { command = "x" } }\n',
        'mcp_servers = "none"\n',
        '[[mcp_servers]]\nname = "a"\n',
    ],
)
def test_servers_that_are_not_tables_are_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(NotEditable, match=r"mcp_servers is not (written as tables; write each|a table)"):
        TomlText(text).put(PATH, ENTRY)


def test_a_text_that_looks_like_our_table_is_not_cut() -> None:
    text = f'note = """\n{OURS}"""\nmcp_servers.memory = {{ command = "x" }}\n'

    with pytest.raises(NotEditable):
        TomlText(text).remove(PATH)


words: Any = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.dictionaries(words, words | st.booleans() | st.integers(-9, 9) | st.lists(words, max_size=2), max_size=3))
def test_every_value_is_read_as_it_was_written(entry: dict[str, Any]) -> None:
    document = TomlText(CODEX).put(PATH, entry)

    assert tomllib.loads(document.text)["mcp_servers"]["memory"] == entry
    assert document.remove(PATH).text == CODEX


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("a = " + "[" * 100_000, "nested too deeply", id="depth"),
        pytest.param(".".join(["a"] * 100_000) + " = 1", "nested too deeply", id="dots"),
        pytest.param(f"[{'.'.join(['a'] * 3_000)}]\n", "nested too deeply", id="dots of a table"),
        pytest.param("a = " + "9" * 5_000, "not valid TOML, exceeds the limit", id="a long number"),
        pytest.param("#" * 2_000_000, "it is over 1,048,576 characters", id="length"),
    ],
)
def test_what_takes_too_much_is_refused(text: str, says: str) -> None:
    with pytest.raises(NotEditable, match=says):
        TomlText(text)
