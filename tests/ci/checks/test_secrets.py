"""Credentials in files are found, without being shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci.checks.secrets import allowed, check, findings
from ci.errors import CiError

KEY = "AKIA" + "QWERTZUIOPASDFGH"  # in two parts, or this file would be found
FRAME = "-----{} RSA PRIVATE KEY-----"


def written(folder: Path, text: str) -> list[Path]:
    path = folder / "settings.txt"
    path.write_text(text)
    return [path]


def test_a_key_is_found_with_its_file_line_and_kind_and_is_not_shown(tmp_path: Path) -> None:
    found = findings(tmp_path, written(tmp_path, f"first line\nkey = {KEY}\n"))

    with pytest.raises(CiError, match=r"settings\.txt:2: looks like a credential \(") as error:
        check(found, [])
    assert KEY not in str(error.value)
    assert KEY not in repr(found)


def test_a_key_of_several_lines_is_found(tmp_path: Path) -> None:
    body = "\n".join(["MIIEpAIBAAKCAQEA7bq5Zp0Cw3sD9fGhJkLmNoPqRsTuVwXyZ1234567890abcd"] * 12)
    text = f"{FRAME.format('BEGIN')}\n{body}\n{FRAME.format('END')}\n"

    assert findings(tmp_path, written(tmp_path, text)) != []


def test_a_key_of_several_lines_is_found_beside_one_of_its_kind_in_a_line(tmp_path: Path) -> None:
    made_up = f"{FRAME.format('BEGIN')}made-up-made-up-made-up{FRAME.format('END')}"
    body = "\n".join(["MIIEpAIBAAKCAQEA7bq5Zp0Cw3sD9fGhJkLmNoPqRsTuVwXyZ1234567890abcd"] * 12)
    real = f"{FRAME.format('BEGIN')}\n{body}\n{FRAME.format('END')}"
    kind = "private-key"

    found = findings(tmp_path, written(tmp_path, f"{made_up}\n\n{real}\nnot secret\n{real}\n"))

    assert [(one.line, one.kind, one.value) for one in found] == [(0, kind, ""), (0, kind, ""), (1, kind, made_up)]
    with pytest.raises(CiError, match=r"settings\.txt:0: looks like a credential"):
        check(found, [re.compile(".*made-up.*")])


def test_each_of_several_in_a_line_has_its_own_value(tmp_path: Path) -> None:
    text = "postgresql://a:firstlongpassword@h/d and postgresql://a:secondlongpassword@h/d\n"

    found = findings(tmp_path, written(tmp_path, text))

    assert [one.value for one in found] == ["firstlongpassword", "secondlongpassword"]


def test_a_value_may_be_there_when_all_of_it_is_allowed(tmp_path: Path) -> None:
    found = findings(tmp_path, written(tmp_path, f"{KEY}\n"))

    check(found, [re.compile(KEY)])
    with pytest.raises(CiError):
        check(found, [re.compile("AKIA")])


def test_a_permission_that_nothing_needs_is_reported() -> None:
    with pytest.raises(CiError, match=r"secrets\.toml: nothing is x\+; the entry can go"):
        check([], [re.compile("x+")])


def test_text_and_bytes_without_keys_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(bytes(range(256)) * 50)

    assert findings(tmp_path, [path]) == []


def test_every_permission_has_a_reason() -> None:
    assert len(allowed()) > 0
