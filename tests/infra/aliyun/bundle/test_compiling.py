from __future__ import annotations

import marshal
import sys
from pathlib import Path, PurePosixPath

import pytest

from infra.aliyun.bundle import compiling
from infra.aliyun.bundle.compiling import compile_folder
from infra.aliyun.bundle.errors import CompileFailed
from infra.aliyun.bundle.interpreters import Interpreter, find_python
from tests.support.bundles import THIS_PYTHON


def folder(tmp_path: Path, name: str) -> Path:
    made = tmp_path / name
    (made / "sub").mkdir(parents=True)
    (made / "__init__.py").write_text('"""A package."""\n')
    (made / "sub" / "one.py").write_text("import os\n\ndef where():\n    return os.curdir\n")
    (made / "data.txt").write_text("data")
    return made


def test_modules_are_replaced_and_data_stays(tmp_path: Path) -> None:
    made = folder(tmp_path, "a")

    compile_folder(made, PurePosixPath("/code/app"), find_python(THIS_PYTHON), ours=True)

    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    assert files == ["__init__.pyc", "data.txt", "sub/one.pyc"]
    code = marshal.loads((made / "sub" / "one.pyc").read_bytes()[16:])
    assert code.co_filename == "/code/app/sub/one.py"


def test_the_folder_and_the_environment_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = folder(tmp_path, "a"), folder(tmp_path, "another folder")
    place, interpreter = PurePosixPath("/code/app"), find_python(THIS_PYTHON)

    compile_folder(one, place, interpreter, ours=True)
    monkeypatch.setenv("PYTHONHASHSEED", "99")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    compile_folder(other, place, interpreter, ours=True)

    assert [file.read_bytes() for file in sorted(one.rglob("*.pyc"))] == [
        file.read_bytes() for file in sorted(other.rglob("*.pyc"))
    ]


def test_columns_are_left_out(tmp_path: Path) -> None:
    made = folder(tmp_path, "a")

    compile_folder(made, PurePosixPath("/code"), find_python(THIS_PYTHON), ours=True)

    code = marshal.loads((made / "sub" / "one.pyc").read_bytes()[16:])
    assert {position[2] for position in code.co_positions()} == {None}
    assert sys.version_info >= (3, 11)


def test_an_error_in_the_app_names_its_file(tmp_path: Path) -> None:
    made = folder(tmp_path, "a")
    (made / "sub" / "two.py").write_text("def :\n")

    with pytest.raises(CompileFailed, match=r"nothing was changed: /code/app/sub/two.py: invalid syntax"):
        compile_folder(made, PurePosixPath("/code/app"), find_python(THIS_PYTHON), ours=True)


def test_a_python_that_does_not_run_or_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, place = folder(tmp_path, "a"), PurePosixPath("/code/app")
    gone, endless = tmp_path / "gone", tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    endless.chmod(0o755)
    monkeypatch.setattr(compiling, "_LIMIT_S", 0.2)

    with pytest.raises(CompileFailed, match=r"nothing was changed: .*/gone does not run \(FileNotFoundError\)"):
        compile_folder(made, place, Interpreter(str(gone), "3.12.1"), ours=True)
    with pytest.raises(CompileFailed, match=r"nothing was changed: no end after 0\.2 s"):
        compile_folder(made, place, Interpreter(str(endless), "3.12.1"), ours=True)
