"""One file changed and given back, also when others have changed it since."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients.catalogue import CLIENTS
from app.clients.editing import Action
from app.clients.install import InstallRequest, Machine, install, uninstall
from app.clients.jsonc_reading import BOM
from tests.support.clients import (
    FILES,
    actions,
    document,
    originals,
    tree,
)
from tests.support.jsonc import documents


def test_what_was_written_since_stays(machine: Machine) -> None:
    install(InstallRequest(clients=("claude-code",)), machine)
    file = machine.home / ".claude.json"
    value = json.loads(file.read_text(encoding="utf-8"))  # as Claude Code does: read, change, write all of it
    value["numStartups"] += 1
    value["mcpServers"]["later"] = {"type": "stdio", "command": "later"}
    file.write_text(json.dumps(value, indent=2), encoding="utf-8")

    report, hooks = uninstall(InstallRequest(clients=("claude-code",)), machine)

    assert hooks.action is Action.ABSENT
    del value["mcpServers"]["memory"]
    assert report.action is Action.REMOVED
    assert file.read_text(encoding="utf-8") == json.dumps(value, indent=2, ensure_ascii=True)
    assert report.backup is not None, "what is not restored from a backup is kept in one"


def test_two_names_come_out_one_by_one(machine: Machine) -> None:
    before = originals(machine.home)
    install(InstallRequest(clients=("zed",)), machine)
    install(InstallRequest(clients=("zed",), name="second"), machine)

    uninstall(InstallRequest(clients=("zed",)), machine)
    assert document("zed", machine).get(["context_servers"]).keys() == {"postgres", "second"}
    uninstall(InstallRequest(clients=("zed",), name="second"), machine)
    assert originals(machine.home) == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"mcpServers": {', "not valid JSON, line 1"),
        (b'{"mcpServers": []}', "mcpServers is a list, not an object"),
        (b'{"mcpServers": "x"}', "mcpServers is a text, not an object"),
        (b'{"mcpServers": {}, "mcpServers": {}}', "mcpServers is there 2 times"),
        (b"[]", "the whole file is a list, not an object"),
        (b'// mine\n{"mcpServers": {}}', "comments or trailing commas, which this client does not read"),
        ('{"a": "ä"}'.encode("latin-1"), "not UTF-8 text"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 text"),
        (b"\x00\x01", "not valid JSON"),
    ],
)
def test_a_file_that_is_not_understood_stays_and_the_others_are_done(
    machine: Machine, text: bytes, reason: str
) -> None:
    file = machine.home / FILES["claude-desktop"][0]
    file.write_bytes(text)

    reports = install(InstallRequest(), machine)

    assert actions(reports) == {**dict.fromkeys(CLIENTS, Action.ADDED), "claude-desktop": Action.FAILED}
    [failed] = [report for report in reports if report.reason]
    assert reason in (failed.reason or "")
    assert file.read_bytes() == text
    assert [path.name for path in file.parent.iterdir()] == [file.name], "no backup, nothing left half written"


@pytest.mark.parametrize("text", ["", "\n", BOM, f"{BOM}\r\n "])
def test_an_empty_file_holds_no_settings(machine: Machine, text: str) -> None:
    file = machine.home / FILES["vscode"][0]
    file.write_bytes(text.encode())

    assert actions(install(InstallRequest(clients=("vscode",)), machine)) == {"vscode": Action.ADDED}
    assert document("vscode", machine).get(["servers", "memory"])
    uninstall(InstallRequest(clients=("vscode",)), machine)
    assert file.read_bytes() == text.encode()


values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
layouts = st.sampled_from(
    [
        {"indent": 2},
        {"indent": "\t"},
        {"indent": 4, "ensure_ascii": False},
        {"separators": (",", ":")},
        {"indent": 0},
        {},
    ]
)


@given(
    value=st.dictionaries(st.text(max_size=4), values, max_size=3),
    servers=st.none() | st.dictionaries(st.text(max_size=4), values, max_size=2),
    hooks=st.none() | st.fixed_dictionaries({}, optional={"SessionStart": st.lists(values, max_size=2)}),
    layout=layouts,
    newline=st.sampled_from(["\n", "\r\n"]),
    ends=st.sampled_from([("", ""), ("", "\n"), (BOM, "\n\n"), (" \n", " ")]),
)
def test_in_and_out_is_nothing_for_any_file(
    tmp_path_factory: pytest.TempPathFactory,
    value: dict[str, Any],
    servers: dict[str, Any] | None,
    hooks: dict[str, Any] | None,
    layout: dict[str, Any],
    newline: str,
    ends: tuple[str, str],
) -> None:
    home = tmp_path_factory.mktemp("home")
    machine = Machine("linux", home, {}, home)
    (home / ".claude").mkdir()
    held = {
        **value,
        **({} if servers is None else {"mcpServers": servers}),
        **({} if hooks is None else {"hooks": hooks}),
    }
    text = ends[0] + json.dumps(held, **layout).replace("\n", newline) + ends[1]
    for name in (".claude.json", ".claude/settings.json"):
        (home / name).write_bytes(text.encode())

    assert {report.action for report in install(InstallRequest(hooks=True), machine)} == {Action.ADDED}
    assert {report.action for report in install(InstallRequest(hooks=True), machine)} == {Action.THERE}
    assert {report.action for report in uninstall(InstallRequest(), machine)} == {Action.REMOVED}
    assert originals(home) == {name: text.encode() for name in (".claude.json", ".claude/settings.json")}


@given(text=documents(loose=True))
def test_in_and_out_is_nothing_with_comments_either(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.mktemp("home")
    machine = Machine("linux", home, {}, home)
    for path in (path for client, (path, _) in FILES.items() if "JSON" in CLIENTS[client].format):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(text.encode())
    before = tree(home)

    for report in install(InstallRequest(), machine):
        changed = report.path.read_bytes() != text.encode()
        assert changed is (report.action is Action.ADDED), report
    uninstall(InstallRequest(), machine)

    assert originals(home) == before
