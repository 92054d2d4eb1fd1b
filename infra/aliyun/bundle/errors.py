"""Why a bundle cannot be built. All come before anything is created."""

from __future__ import annotations

from infra.errors import InfraError


class BundleError(InfraError):
    """Base of all of them."""


class BundleTooLarge(BundleError):
    """An archive exceeds a limit of the service."""

    def __init__(self, what: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"{what} is {in_mb(size_bytes)}, Function Compute takes {in_mb(limit_bytes)}; nothing was changed. "
            "Remove what the app no longer needs from requirements/app.in and run ./dev lock"
        )


class PythonMissing(BundleError):
    """No Python of the function's version is here, so nothing can be compiled for it."""

    def __init__(self, version: str, tried: list[str]) -> None:
        super().__init__(
            f"compiling for the function takes Python {version}, and none is here ({', '.join(tried)}); "
            f"nothing was changed. Install Python {version} so that `python{version}` runs on PATH, "
            "or choose the version of a Python that is here"
        )


class PipMissing(BundleError):
    """No Python at hand can run pip."""

    def __init__(self, tried: list[str]) -> None:
        super().__init__(
            f"the function's dependencies are installed with pip, which runs on none of {', '.join(tried)}; "
            "nothing was changed. Install it: python3 -m ensurepip, on Debian apt-get install python3-pip"
        )


class InstallFailed(BundleError):
    """The function's dependencies could not be installed; pip's last lines say why."""

    def __init__(self, said: str) -> None:
        listed = "".join(f"\n  {line}" for line in said.strip().splitlines()[-5:])
        super().__init__(
            "pip did not install the function's dependencies; nothing was changed. Its last lines:"
            f"{listed or ' (it printed nothing)'}\n"
            "Check the network and pip's own settings (PIP_INDEX_URL, PIP_PROXY, PIP_CERT), then run this again"
        )


class CompileFailed(BundleError):
    """A file of the app could not be compiled for the function's Python."""

    def __init__(self, version: str, said: str) -> None:
        last = (said.strip().splitlines() or ["it printed nothing"])[-1]
        super().__init__(f"compiling with Python {version} failed; nothing was changed: {last}")


class LockUnreadable(BundleError):
    """The app's lock has a line that names no single version."""

    def __init__(self, line: str) -> None:
        super().__init__(
            f"requirements/app.txt: {line[:100]!r} is no pinned package; nothing was changed. Run ./dev lock"
        )


def in_mb(size_bytes: int) -> str:
    """Return a size as people read it, in MB of 1,000,000 bytes."""
    return f"{size_bytes / 1_000_000:,.1f} MB"
