"""The changelog's sections."""

from __future__ import annotations

import datetime

import pytest

from ci.errors import CiError
from ci.release.changelog import released, section

TODAY = datetime.date(2027, 1, 2)
TEXT = "# Changes\n\n## Unreleased\n\n### New\n- A thing.\n\n## 0.1.0 (2026-12-01)\n\n- The first.\n"


def test_the_unreleased_changes_become_the_versions() -> None:
    made = released(TEXT, "0.2.0", TODAY)

    assert section(made, "0.2.0") == "### New\n- A thing.\n"
    assert section(made, "0.1.0") == "- The first.\n"
    assert section(made, "Unreleased").strip() == ""
    assert made.startswith("# Changes\n\n## Unreleased\n\n## 0.2.0 (2027-01-02)\n\n### New\n")


def test_a_version_is_released_once() -> None:
    with pytest.raises(CiError, match=r"has a section 0\.1\.0 already"):
        released(TEXT, "0.1.0", TODAY)


def test_a_release_without_changes_is_refused() -> None:
    with pytest.raises(CiError, match="nothing under Unreleased"):
        released(released(TEXT, "0.2.0", TODAY), "0.3.0", TODAY)


def test_a_version_that_is_not_there_is_named() -> None:
    with pytest.raises(CiError, match=r"no section 0\.9\.0; run `./dev release 0\.9\.0`"):
        section(TEXT, "0.9.0")
