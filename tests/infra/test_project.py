"""Pulumi.yaml and what it leads to."""

from __future__ import annotations

import yaml

from tests.support.serving import ROOT


def test_the_packages_of_the_programs_are_found_where_pulumi_install_looks() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    beside_the_program = ROOT / project["main"] / "requirements.txt"  # else it installs nothing, and does not say so
    (line,) = [line for line in beside_the_program.read_text().splitlines() if not line.startswith("#")]

    assert (beside_the_program.parent / line.removeprefix("-r ")).resolve() == ROOT / "requirements" / "infra.txt"
