from __future__ import annotations

from pathlib import Path

import pytest

from infra.aliyun.bundle.cuts import CUTS, cut, reason


@pytest.mark.parametrize(
    "path",
    [
        "numpy/_core/tests/test_multiarray.py",
        "numpy/tests/data/a.csv",
        "Stemmer.pyi",
        "mcp/py.typed",
        "py.typed",
        "bin/uvicorn",
        "asyncpg/protocol/protocol.pyx",
        "anyio/__pycache__/x.cpython-311.pyc",
        "httpx-0.28.1.dist-info/licenses/LICENSE.md",
        "httpx-0.28.1.dist-info/RECORD",
        "numpy/_core/include/numpy/ndarrayobject.h",
        "pygments/lexers/python.py",
        "mcp/cli/cli.py",
    ],
)
def test_what_the_function_never_reads_stays_out(path: str) -> None:
    assert reason(path)


@pytest.mark.parametrize(
    "path",
    [
        "numpy/__init__.py",
        "numpy/testing/__init__.py",
        "numpy.libs/libopenblas.so",
        "grpc/_cython/_credentials/roots.pem",
        "certifi/cacert.pem",
        "tzdata/zoneinfo/UTC",
        "opentelemetry_api-1.0.dist-info/entry_points.txt",
        "httpx2-2.0.dist-info/METADATA",
        "_cffi_backend.cpython-312-x86_64-linux-gnu.so",
        "typing_extensions.py",
    ],
)
def test_what_it_reads_stays_in(path: str) -> None:
    assert reason(path) is None


def test_every_cut_has_a_reason_and_is_there_once() -> None:
    assert all(one.why for one in CUTS)
    assert len({one.pattern for one in CUTS}) == len(CUTS)


def test_folders_that_become_empty_go_too(tmp_path: Path) -> None:
    (tmp_path / "a" / "tests" / "data").mkdir(parents=True)
    (tmp_path / "a" / "tests" / "data" / "x.csv").write_bytes(b"12345")
    (tmp_path / "a" / "b.py").write_bytes(b"")

    assert cut(tmp_path) == 5
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == ["a", "a/b.py"]
