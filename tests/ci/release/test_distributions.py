"""What would be uploaded to PyPI is really built, and checked as PyPI and the MCP registry check it."""

from __future__ import annotations

import dataclasses
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from ci.errors import CiError
from ci.release.distributions import build, check
from ci.release.identity import ROOT, identity

METADATA = """Metadata-Version: 2.4
Name: claude-memory
Version: {version}
Description-Content-Type: text/markdown

<!-- mcp-name: io.github.YOU/claude-memory -->
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return build(tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("work"))


def made(folder: Path, metadata: str) -> list[Path]:
    """Files as those of a release, with other metadata."""
    version = identity().version
    wheel = folder / f"claude_memory-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as content:
        content.writestr(f"claude_memory-{version}.dist-info/METADATA", metadata)
    source = folder / f"claude_memory-{version}.tar.gz"
    with tarfile.open(source, "w:gz") as content:
        member = tarfile.TarInfo(f"claude_memory-{version}/PKG-INFO")
        member.size = len(metadata.encode())
        content.addfile(member, io.BytesIO(metadata.encode()))
    return [wheel, source]


def test_a_wheel_and_a_source_distribution_are_made_that_would_be_taken(built: list[Path]) -> None:
    check(built, identity())


def test_the_wheel_made_of_the_source_holds_all_of_the_app(built: list[Path]) -> None:
    with zipfile.ZipFile(built[0]) as content:
        names = set(content.namelist())

    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "app").rglob("*.py")} <= names
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "app").rglob("*.sql")} <= names


def test_the_checkout_stays_as_it_was(built: list[Path]) -> None:
    assert built
    assert not list(ROOT.glob("*.egg-info"))


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (METADATA.replace("Name: claude-memory\n", ""), "PyPI would refuse"),
        (METADATA.replace("{version}", "9.9.9"), "says it is version 9.9.9"),
        (METADATA.replace("text/markdown", "text/plain"), r"does not bring README\.md"),
        (METADATA.replace("YOU", "Ben"), "does not say `mcp-name"),
    ],
)
def test_what_would_be_refused_is_found_before(tmp_path: Path, metadata: str, reason: str) -> None:
    with pytest.raises(CiError, match=reason):
        check(made(tmp_path, metadata.format(version=identity().version)), identity())


def test_files_of_another_version_are_refused(built: list[Path]) -> None:
    with pytest.raises(CiError, match="is not one wheel and one source"):
        check(built, dataclasses.replace(identity(), version="9.9.9"))
