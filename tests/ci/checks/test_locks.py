"""The versions that are locked."""

from __future__ import annotations

from pathlib import Path

from ci.checks.locks import locked

LOCK = """\
aiohttp==3.1.0 \\
    --hash=sha256:aa
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:bb
Typing_Extensions==4.0
"""


def test_all_versions_of_all_locks_are_read(tmp_path: Path) -> None:
    (tmp_path / "app.txt").write_text(LOCK)
    (tmp_path / "dev.txt").write_text("aiohttp==3.2.0\n")

    assert locked(tmp_path) == {
        "aiohttp": {"3.1.0", "3.2.0"},
        "colorama": {"0.4.6"},
        "typing-extensions": {"4.0"},
    }


def test_what_another_platform_gets_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "app.txt").write_text(LOCK.replace("'win32'", "'another'"))

    assert "colorama" not in locked(tmp_path, here=True)


def test_our_own_locks_are_understood() -> None:
    assert len(locked()) > 100
