"""One version and one repository, from which everything published is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import __version__
from ci.errors import CiError
from ci.release.identity import Identity, check_origin, identity

OURS = Identity(owner="Ann", name="claude-memory", description="Text.", version="1.2.3")


def test_the_names_follow_from_the_repository() -> None:
    assert OURS.server == "io.github.Ann/claude-memory"
    assert OURS.image == "ghcr.io/ann/claude-memory", "an image's name has small letters only"
    assert OURS.url == "https://github.com/Ann/claude-memory"


def test_the_version_is_the_apps() -> None:
    assert identity().version == __version__


def test_the_readme_names_the_server_for_the_registry() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")

    assert f"<!-- mcp-name: {identity().server} -->" in readme


def test_a_repository_elsewhere_is_refused(checkout: Path) -> None:
    file = checkout / "pyproject.toml"
    file.write_text(file.read_text().replace("https://github.com/", "https://git.example.org/"))

    with pytest.raises(CiError, match=r"takes https://github\.com/OWNER/NAME"):
        identity(checkout)


def test_a_checkout_without_a_version_is_refused(checkout: Path) -> None:
    (checkout / "app" / "__init__.py").write_text("")

    with pytest.raises(CiError, match="has no line `__version__"):
        identity(checkout)


def test_the_tag_of_the_version_in_the_repository_may_publish() -> None:
    check_origin(OURS, "v1.2.3", "Ann/claude-memory")


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2.4", "", "v1.2.3 "])
def test_another_tag_may_not(tag: str) -> None:
    with pytest.raises(CiError, match=r"app/__init__.py says 1\.2\.3"):
        check_origin(OURS, tag, "Ann/claude-memory")


def test_another_repository_may_not() -> None:
    with pytest.raises(CiError, match=r"runs in Ben/claude-memory, but .* names Ann/claude-memory"):
        check_origin(OURS, "v1.2.3", "Ben/claude-memory")
