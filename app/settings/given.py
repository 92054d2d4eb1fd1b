"""Reads the settings given by flags, environment, secret files and `.env`, without pydantic.

`app.settings.loading` reads the same, in the same order; a test compares them. Standard library only:
`app.process.boot` uses it before the port is open.
"""

from __future__ import annotations

import os

from app.settings.forms import is_certain
from app.settings.function_compute import port_of
from app.settings.table import TABLE

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Mapping

DOTENV = ".env"
_FILE = "_FILE"
# Characters that a `.env` takes literally: no quotes, no escapes, no references to other names.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !%&()*+,-./:;<=>?@[]^_{|}~")
_QUOTES = ("'", '"')


class GivenTexts:
    """The settings that were given, as texts by their names in capitals.

    certain: True when `app.settings.loading` would certainly read the same and find every value valid.
    """

    def __init__(self, texts: dict[str, str], *, certain: bool) -> None:
        self.texts, self.certain = texts, certain


def given(flags: Mapping[str, str | None]) -> GivenTexts:
    """Return the given settings. flags: by the names of the fields they override; None means not given."""
    texts, certain = _dotenv()
    for name, path in os.environ.items():
        setting = name.removesuffix(_FILE)
        if setting != name and path and setting in TABLE and TABLE[setting][1]:
            try:
                with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes 5 ms to import
                    texts[setting] = file.read().rstrip("\r\n")
            except (OSError, ValueError):  # ValueError: not text, or not a path
                certain = False
    texts.update({name.upper(): value for name, value in os.environ.items() if value})
    texts.update({name.upper(): value for name, value in flags.items() if value is not None})
    texts = {name: text for name, text in texts.items() if name in TABLE}
    if "PORT" not in texts and (port := port_of(texts)):
        texts["PORT"] = port
    return GivenTexts(texts, certain=certain and all(is_certain(TABLE[name][2], text) for name, text in texts.items()))


def with_defaults(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of all settings, "" for one without a value."""
    return {name: texts.get(name, row[0]) for name, row in TABLE.items()}


def _dotenv() -> tuple[dict[str, str], bool]:
    """Return the settings in `.env` by their names in capitals, and whether it could be read."""
    try:
        with open(DOTENV, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes 5 ms to import
            text = file.read()
    except (FileNotFoundError, IsADirectoryError):
        return {}, True
    except (OSError, UnicodeDecodeError):
        return {}, False
    values = _plain_lines(text)
    if values is None:
        from dotenv import dotenv_values  # takes 7 ms to import; only for lines that are not plain

        values = dotenv_values(DOTENV, encoding="utf-8")
    return {name.upper(): value for name, value in values.items() if value}, True


def _plain_lines(text: str) -> Mapping[str, str | None] | None:
    """Read the lines of a `.env`; None when a line is not just a name, = and a plain value."""
    values: dict[str, str | None] = {}
    for line in map(str.strip, text.split("\n")):
        if not line or (line.startswith("#") and "\r" not in line):
            continue
        name, equals, value = (part.strip() for part in line.removeprefix("export ").partition("="))
        if len(value) > 1 and value[0] in _QUOTES and value[0] == value[-1]:
            value = value[1:-1]
        if not (equals and name.isascii() and name.isidentifier() and _PLAIN.issuperset(value)):
            return None
        values[name] = value
    return values
