"""Values that a user gives: from a file or standard input, never as an argument where they are secret."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path

from infra.command_errors import WrongUsage
from infra.render.deployed.app_settings import FIELDS, is_secret_name, misspelt, wrong


def read_value(name: str, file: Path | None) -> str:
    """Return a value from a file, or from standard input; a line end at its end is none of it. Raises WrongUsage."""
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise WrongUsage(f"--from-file {file}: cannot be read: {why}") from None
    elif sys.stdin.isatty():
        text = getpass(f"value of {name}: ")
    else:
        text = sys.stdin.read()
    return text.removesuffix("\n").removesuffix("\r")


def write_value(file: Path, value: str) -> None:
    """Write a value to a new file that only this user can read. Raises WrongUsage."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as open_file:
            open_file.write(f"{value}\n")
    except FileExistsError:
        raise WrongUsage(f"--to-file {file}: is there already, and is not overwritten; name another file") from None
    except OSError as error:
        raise WrongUsage(f"--to-file {file}: cannot be written: {error.strerror}") from None


def check_value(name: str, value: str) -> None:
    """Raise WrongUsage for a value that the app would refuse, or that cannot be one; the value is not told."""
    if not value.strip():
        raise WrongUsage(f"{name}: the value is empty; `env unset {name}` removes it")
    if "\0" in value or (name in FIELDS and not value.isprintable()):
        raise WrongUsage(f"{name}: the value holds characters that no setting has, such as a line end in its middle")
    if value != value.strip():
        raise WrongUsage(f"{name}: the value begins or ends with a space")
    if why := wrong(name, value):
        raise WrongUsage(f"{name}: the value is not taken: {why}")


def check_name(name: str, any_name: bool) -> None:
    """Raise WrongUsage for a name that cannot be one, or is near a setting's and is none."""
    if not name or not name.replace("_", "a").isalnum() or name[0].isdecimal() or not name.isascii():
        raise WrongUsage(f"{name[:60]!r}: takes a name of letters, digits and _")
    near = misspelt(name)
    if near and not any_name:
        raise WrongUsage(f"{name}: the app has no such setting{near} (--any-name sets it all the same)")


def split(given: str) -> tuple[str, str | None]:
    """Return (name, value or None) of NAME or NAME=VALUE. Raises WrongUsage for a secret as an argument."""
    name, is_given, value = given.partition("=")
    if is_given and is_secret_name(name):
        raise WrongUsage(
            f"{name}: is a secret, and arguments show in lists of processes and histories;"
            f" give it with --from-file FILE or on standard input, and take a new one now that this one has shown"
        )
    return name, value if is_given else None
