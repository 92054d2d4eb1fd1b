"""The bill of materials lists the lock, with hashes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci.errors import CiError
from ci.release.identity import ROOT
from ci.release.sbom import sbom
from tests.ci.release.test_identity import OURS

LOCK = ROOT / "requirements" / "local.txt"


def test_every_package_of_the_lock_is_in_it_with_version_and_hashes() -> None:
    bill = sbom(OURS)

    locked = set(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)", LOCK.read_text(), re.M))
    assert {(one["name"], one["version"]) for one in bill["components"]} == locked
    for one in bill["components"]:
        assert one["purl"] == f"pkg:pypi/{one['name'].lower()}@{one['version']}"
        assert one["externalReferences"][0]["hashes"][0]["alg"] == "SHA-256"


def test_it_is_about_this_version_and_the_same_each_time() -> None:
    bill = sbom(OURS)

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/claude-memory@1.2.3"
    [root] = [one for one in bill["dependencies"] if one["ref"] == "pkg:pypi/claude-memory@1.2.3"]
    assert len(root["dependsOn"]) == len(bill["components"])
    assert sbom(OURS) == bill


def test_a_lock_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CiError, match=r"no bill of materials was made of nothing\.txt"):
        sbom(OURS, tmp_path / "nothing.txt")
