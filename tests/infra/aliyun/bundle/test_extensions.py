from __future__ import annotations

import struct
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.aliyun.bundle.extensions import strip_below, stripped

LINUX_X86 = sys.platform == "linux" and sysconfig.get_platform().endswith("x86_64")


def elf(*segments: tuple[int, int], size: int) -> bytes:
    """Return a file like an ELF: a header, program headers for these (offset, size), and junk everywhere else."""
    content = bytearray(b"\xaa" * size)
    content[:16] = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    struct.pack_into("<HHIQQQIHHHHHH", content, 16, 3, 62, 1, 0, 64, size - 64, 0, 64, 56, len(segments), 64, 1, 0)
    for number, (offset, length) in enumerate(segments):
        struct.pack_into("<IIQQQQQQ", content, 64 + number * 56, 1, 5, offset, offset, offset, length, length, 4096)
    return bytes(content)


def test_what_lies_behind_the_last_segment_goes() -> None:
    content = elf((0, 300), (400, 100), size=2_000)

    small = stripped(content)

    assert len(small) == 500
    assert small[64:300] == content[64:300]
    assert small[400:500] == content[400:500]


def test_what_lies_between_segments_becomes_zeros() -> None:
    small = stripped(elf((0, 300), (400, 100), size=2_000))

    assert small[300:400] == bytes(100)


def test_no_section_headers_are_named_any_more() -> None:
    small = stripped(elf((0, 300), size=2_000))

    assert struct.unpack_from("<Q", small, 40) == (0,)
    assert struct.unpack_from("<3H", small, 58) == (0, 0, 0)


def test_to_strip_again_changes_nothing() -> None:
    once = stripped(elf((0, 300), (400, 100), size=2_000))

    assert stripped(once) == once


def test_other_files_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(b"no ELF")
    (tmp_path / "b.txt").write_bytes(elf((0, 300), size=2_000))

    assert strip_below(tmp_path) == 0
    assert (tmp_path / "b.txt").stat().st_size == 2_000


@pytest.mark.skipif(not LINUX_X86, reason="extensions of this machine are of another format")
def test_a_stripped_extension_still_loads(tmp_path: Path) -> None:
    spec = find_spec("httptools")
    assert spec is not None
    assert spec.origin is not None
    real = Path(spec.origin).parent
    package = tmp_path / "httptools"
    package.mkdir()
    for file in real.rglob("*"):
        if file.is_file() and file.suffix in (".py", ".so"):
            target = package / file.relative_to(real)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())

    assert strip_below(tmp_path) > 0
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import httptools; print(httptools.parse_url(b'/a?b').path)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "b'/a'\n"
