"""Patterns that are compiled late: they do what others do, and only when they are used."""

from __future__ import annotations

import re

import pytest

from app.memory.patterns import late


@pytest.mark.parametrize("text", ["", "one", "one two", "12 One"])
def test_a_late_pattern_finds_what_a_pattern_finds(text: str) -> None:
    source, flags = r"([a-z]+)", re.IGNORECASE
    pattern, given = late(source, flags), re.compile(source, flags)

    assert pattern.findall(text) == given.findall(text)
    assert pattern.sub(r"<\1>", text) == given.sub(r"<\1>", text)
    assert pattern.split(text) == given.split(text)
    assert [found.span() for found in pattern.finditer(text)] == [found.span() for found in given.finditer(text)]
    for look in ("match", "search", "fullmatch"):
        found, wanted = getattr(pattern, look)(text), getattr(given, look)(text)
        assert (found and found.span()) == (wanted and wanted.span())
    assert pattern.pattern == source


def test_nothing_is_compiled_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    real = re.compile

    def noted(source: str, flags: int = 0) -> re.Pattern[str]:
        compiled.append(source)
        return real(source, flags)

    monkeypatch.setattr(re, "compile", noted)
    pattern = late("a+")
    assert compiled == []

    assert pattern.search("baa")
    assert pattern.search("b") is None
    assert compiled == ["a+"]


def test_a_wrong_source_shows_at_the_first_use() -> None:
    pattern = late("(")

    with pytest.raises(re.error):
        pattern.search("")
