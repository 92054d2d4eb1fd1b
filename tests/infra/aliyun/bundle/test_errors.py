from __future__ import annotations

import pytest

from infra.aliyun.bundle.errors import (
    BundleError,
    BundleTooLarge,
    CompileFailed,
    InstallFailed,
    LockUnreadable,
    PipMissing,
    PythonMissing,
    in_mb,
)
from infra.errors import InfraError

ERRORS = [
    BundleTooLarge("layer, zipped", 600_000_000, 500_000_000),
    PythonMissing("3.12", ["/usr/bin/python3: 3.11.2"]),
    PipMissing(["/usr/bin/python3"]),
    InstallFailed("ERROR: it failed"),
    CompileFailed("3.12.1", "Traceback\n/code/app/x.py: invalid syntax"),
    LockUnreadable("numpy>=2"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_each_says_that_nothing_was_changed_and_is_printed_as_one_message(error: BundleError) -> None:
    assert isinstance(error, InfraError)
    assert "nothing was changed" in str(error)


@pytest.mark.parametrize("error", [one for one in ERRORS if not isinstance(one, CompileFailed)], ids=repr)
def test_each_says_what_to_do(error: BundleError) -> None:
    assert any(word in str(error) for word in ("Install", "Run ./dev lock", "run ./dev lock", "Check the network"))


def test_the_numbers_are_there() -> None:
    assert "layer, zipped is 600.0 MB, Function Compute takes 500.0 MB" in str(ERRORS[0])
    assert in_mb(54_594_808) == "54.6 MB"


def test_only_the_last_lines_of_pip_are_shown() -> None:
    shown = str(InstallFailed("\n".join(f"line {number}" for number in range(20))))

    assert "line 19" in shown
    assert "line 14" not in shown
