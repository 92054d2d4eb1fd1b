"""YAML files: our mapping goes in and out, and every other character stays."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.clients.jsonc_reading import BOM, NotEditable
from app.clients.yaml_text import YamlText
from tests.support.clients import GOOSE

PATH = ("extensions", "memory")
ENTRY = {"enabled": True, "type": "stdio", "cmd": "/opt/bin/claude-memory", "args": ["stdio"], "envs": {"A": "dä: #"}}

TEXTS = {
    "a real file": GOOSE,
    "other line ends": GOOSE.replace("\n", "\r\n"),
    "a byte order mark": BOM + GOOSE,
    "wider indents": "a: 1\nextensions:\n    dev:\n        enabled: true\n\n# after\nlast: 1\n",
    "a text in lines at the end": "extensions:\n  dev:\n    text: |\n      one\n      two\nlast: 1\n",
    "an anchor": "extensions:\n  a: &x\n    b: 1\n  c: *x\n",
    "in braces": "extensions: {a: {b: 1}}\n",
    "nothing in braces": "extensions: {} \nlast: 1\n",
    "a list of lists at the end": "extensions:\n  dev:\n    args:\n    - - a\n    - b # last\nlast: 1\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_in_and_out_changes_nothing_else(text: str) -> None:
    document = YamlText(text).put(PATH, ENTRY)

    value = yaml.safe_load(document.text.removeprefix(BOM))
    assert value["extensions"].pop("memory") == ENTRY
    assert value == yaml.safe_load(text.removeprefix(BOM))
    assert document.remove(PATH).text.replace("{} ", "{}") == text.replace("{} ", "{}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'extensions:\n  memory:\n    cmd: "x"\n'),
        ("# mine", '# mine\nextensions:\n  memory:\n    cmd: "x"\n'),
        ("a: 1", 'a: 1\nextensions:\n  memory:\n    cmd: "x"\n'),
        ("extensions:\nb: 1\n", 'extensions:\n  memory:\n    cmd: "x"\nb: 1\n'),
        ("extensions: # none\n", 'extensions: # none\n  memory:\n    cmd: "x"\n'),
        ("extensions: null # none\nb: 1\n", 'extensions: # none\n  memory:\n    cmd: "x"\nb: 1\n'),
        ("extensions: ~", 'extensions:\n  memory:\n    cmd: "x"\n'),
        ("a: 1\n...\n", 'a: 1\nextensions:\n  memory:\n    cmd: "x"\n...\n'),
    ],
)
def test_where_there_are_no_servers_ours_is_the_first(text: str, expected: str) -> None:
    document = YamlText(text).put(PATH, {"cmd": "x"})

    assert document.text == expected
    assert document.remove(PATH).get(("extensions",)) == {}


def test_only_what_differs_is_written_again() -> None:
    text = (
        "extensions:\n  memory:   # ours\n    cmd: /old/claude-memory # where it was\n    args:\n    - stdio\n"
        "    envs:\n      LOG_LEVEL: DEBUG # noisy\n      MEMORY_DATA_DIR: /old\n    timeout: 60 # slow\n"
    )
    document = YamlText(text)
    entry = {**document.get(PATH), "cmd": "/new/claude-memory"}

    assert document.put(PATH, entry).text == text.replace("/old/claude-memory", '"/new/claude-memory"')
    entry = {**document.get(PATH), "envs": {"LOG_LEVEL": "DEBUG"}}
    assert document.put(PATH, entry).text == text.replace("      MEMORY_DATA_DIR: /old\n", "")
    entry = {**document.get(PATH), "envs": {}}
    assert document.put(PATH, entry).get(PATH) == entry
    entry = {**document.get(PATH), "envs": None, "args": ["a", "stdio"], "more": {"x": [1]}}
    assert document.put(PATH, entry).get(PATH) == entry


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n", "the whole file is not a mapping"),
        ("extensions: 3\n", "extensions is not a mapping"),
        ("extensions:\n- a\n", "extensions is not a mapping"),
        ("extensions: {}\nextensions: {}\n", "extensions is there 2 times"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: \x00\n", "not valid YAML"),
    ],
)
def test_what_cannot_be_changed_safely_is_refused(text: str, says: str) -> None:
    with pytest.raises(NotEditable, match=says):
        YamlText(text).put(PATH, ENTRY)


words: Any = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn"), exclude_characters="\ufeff"), max_size=6
)


@given(st.dictionaries(words, words | st.booleans() | st.integers(-9, 9) | st.lists(words, max_size=2), max_size=3))
def test_every_value_is_read_as_it_was_written(entry: dict[str, Any]) -> None:
    document = YamlText(GOOSE).put(PATH, entry)

    assert yaml.safe_load(document.text)["extensions"]["memory"] == entry
    assert document.remove(PATH).text == GOOSE


NINE = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(NINE, "mean more values than can be held", id="nine lines that mean a billion values"),
        pytest.param(NINE.replace("[", "{<<: [").replace("]", "]}"), "mean more", id="merged"),
        pytest.param("a: &a [*a]\n", "mean more values", id="one that holds itself"),
        pytest.param("a: " + "[" * 5_000, "nested too deeply", id="depth"),
        pytest.param("a: " + "9" * 5_000, "not valid YAML", id="a long number"),
        pytest.param("a: " + "x" * 70_000, "it is over 65,536 characters", id="length"),
    ],
)
def test_what_takes_too_much_is_refused(text: str, says: str) -> None:
    with pytest.raises(NotEditable, match=says):
        YamlText(text)


def test_aliases_of_a_person_are_read() -> None:
    assert YamlText("a: &a {b: 1}\nc:\n  <<: *a\n").value == {"a": {"b": 1}, "c": {"b": 1}}
