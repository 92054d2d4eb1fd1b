"""A build's folder is removed at its end, and by the next build if it was killed; never while it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.aliyun.bundle.making import making
from tests.support.serving import ROOT

_BUILD = """
import sys, time
from pathlib import Path
from infra.aliyun.bundle.making import making

with making(Path(sys.argv[1])) as made:
    (made / "file").write_text("text")
    print(made, flush=True)
    time.sleep(60)
"""


def test_the_folder_is_removed_at_the_end_and_after_an_error(tmp_path: Path) -> None:
    with making(tmp_path) as made:
        assert made.parent == tmp_path
    with pytest.raises(ValueError), making(tmp_path) as made:
        raise ValueError

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_left_is_removed_by_the_next_one_and_not_before(tmp_path: Path) -> None:
    (tmp_path / "code.zip").touch()
    with subprocess.Popen(
        [sys.executable, "-c", _BUILD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as build:
        assert build.stdout is not None
        left = Path(build.stdout.readline().strip())
        with making(tmp_path):
            assert (left / "file").exists()
        build.kill()
    assert left.exists()

    with making(tmp_path) as made:
        assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "code.zip", made])
