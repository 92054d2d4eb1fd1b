from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from infra.aliyun.bundle import build as building
from infra.aliyun.bundle import sizes
from infra.aliyun.bundle.build import FOLDER, KEPT, Bundle, BundleOptions, Dependencies, build
from infra.aliyun.bundle.errors import BundleTooLarge
from infra.aliyun.bundle.lock import LOCK
from tests.support.bundles import THIS_PYTHON
from tests.support.serving import ROOT

Make = Callable[..., Bundle]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with a small app."""
    (tmp_path / "app" / "store").mkdir(parents=True)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("")
    (tmp_path / "app" / "store" / "one.sql").write_text("select 1;\n")
    (tmp_path / LOCK).write_text("a==1 \\\n    --hash=sha256:00\n")
    (tmp_path / "requirements" / "app.in").write_text("a\n")
    return tmp_path


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Installs a package without pip; the list has the locks that were installed."""
    seen: list[str] = []

    def install(lock: str, python: str, target: Path, pip: Sequence[str]) -> None:
        seen.append(lock)
        (target / "a" / "tests").mkdir(parents=True)
        (target / "a" / "__init__.py").write_text("x = 1\n")
        (target / "a" / "tests" / "test_a.py").write_text("")

    monkeypatch.setattr(building, "install", install)
    return seen


@pytest.fixture
def make(root: Path, installs: list[str]) -> Make:
    def make(dependencies: Dependencies = "bundled", lines: list[str] | None = None) -> Bundle:
        progress = (lambda line: None) if lines is None else lines.append
        return build(root, BundleOptions(THIS_PYTHON, dependencies), progress)

    return make


def names(root: Path, path: str) -> list[str]:
    with zipfile.ZipFile(root / path) as packed:
        return packed.namelist()


def test_a_bundle_has_the_app_its_start_its_lock_and_its_dependencies(root: Path, make: Make) -> None:
    bundle = make()

    assert bundle.layer is None
    assert names(root, bundle.code.path) == [
        "app/__init__.pyc",
        "app/store/one.sql",
        "mcp_server.py",
        "python/a/__init__.pyc",
        "requirements.txt",
        "requirements/app.in",
    ]


def test_as_a_layer_the_dependencies_are_in_a_folder_of_their_own(root: Path, make: Make) -> None:
    bundle = make("layer")

    assert bundle.layer is not None
    assert names(root, bundle.layer.path) == ["claude-memory/a/__init__.pyc"]
    assert not [name for name in names(root, bundle.code.path) if name.startswith("python/")]


def test_an_archive_is_below_build_and_named_by_its_content(root: Path, make: Make) -> None:
    bundle = make()

    assert bundle.code.path == f"{FOLDER}/code-{bundle.code.sha256[:16]}.zip"
    assert (root / bundle.code.path).stat().st_size == bundle.code.bytes


def test_the_same_inputs_are_built_once(make: Make, installs: list[str]) -> None:
    first, lines = make(), list[str]()

    assert make(lines=lines) == first
    assert lines == []
    assert len(installs) == 1


def test_a_change_of_code_installs_nothing(root: Path, make: Make, installs: list[str]) -> None:
    first = make()
    (root / "app" / "new.py").write_text("")

    assert make().code.sha256 != first.code.sha256
    assert len(installs) == 1


def test_another_lock_is_installed(root: Path, make: Make, installs: list[str]) -> None:
    make()
    (root / LOCK).write_text("a==2 \\\n    --hash=sha256:00\n")
    make()

    assert len(installs) == 2


def test_an_archive_that_was_damaged_is_built_again(root: Path, make: Make) -> None:
    first = make()
    (root / first.code.path).write_bytes(b"half")

    assert make() == first
    assert (root / first.code.path).stat().st_size == first.code.bytes


def test_a_checkout_of_windows_gives_the_same_bytes(root: Path, make: Make) -> None:
    first = make()
    (root / "app" / "store" / "one.sql").write_bytes(b"select 1;\r\n")

    assert make().code == first.code


def test_private_files_beside_the_code_stay_out(root: Path, make: Make) -> None:
    for name in (".env", "notes.txt", "Dockerfile", "dump.json"):
        (root / "app" / name).write_text("secret")

    assert not [name for name in names(root, make().code.path) if "." not in name or "env" in name or "dump" in name]


def test_the_app_has_no_other_files_than_those_it_takes() -> None:
    others = {
        path.name
        for path in (ROOT / "app").rglob("*")
        if path.is_file() and path.suffix not in (*building.APP_FILES, ".pyc")
    }

    assert others == {"Dockerfile"}


def test_old_bundles_are_removed(root: Path, make: Make) -> None:
    for number in range(KEPT + 3):
        (root / "app" / "__init__.py").write_text(f"x = {number}\n")
        last = make()

    kept = list((root / FOLDER).glob("code-*.zip"))
    assert len(kept) == KEPT
    assert root / last.code.path in kept


def test_a_failed_build_leaves_nothing(root: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(building, "compile_folder", fail)
    with pytest.raises(RuntimeError):
        make()

    assert list((root / FOLDER).iterdir()) == []


def test_a_bundle_over_the_limit_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "ZIPPED_BYTES", 100)

    with pytest.raises(BundleTooLarge):
        make()


def test_each_step_is_told(make: Make) -> None:
    lines: list[str] = []
    make(lines=lines)

    assert [line.split()[0] for line in lines] == ["installing", "compiling", "compiling"]


def test_what_a_killed_build_left_is_removed(root: Path, make: Make) -> None:
    left = root / FOLDER / "making-left" / "packages"
    left.mkdir(parents=True)
    make()

    assert list((root / FOLDER).glob("making-*")) == []
