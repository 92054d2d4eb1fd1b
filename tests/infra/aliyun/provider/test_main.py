"""Pulumi runs the provider's folder, from wherever the program is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.serving import ROOT

FOLDER = ROOT / "infra" / "aliyun" / "provider"


def test_run_as_a_folder_it_finds_its_modules_and_prints_its_port(tmp_path: Path) -> None:
    command = [sys.executable, "-u", str(FOLDER), "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = process.stdout.readline()
        process.terminate()

    assert 0 < int(port) < 65_536
