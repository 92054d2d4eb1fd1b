"""What a stack's file, Pulumi.STACK.yaml, says: settings, and which secrets it has. Their values only Pulumi reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra import pulumi_cli
from infra.command_errors import CannotDo

PROJECT = "claude-memory"  # its name in Pulumi.yaml
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class StackFile:
    """values: of the project's keys, without namespace, as text. secrets: keys whose values are encrypted.

    parts: the keys that have parts of their own, such as lists.
    """

    stack: str
    path: Path
    values: dict[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether there is such a file."""
        return self.path.exists()

    @property
    def settings(self) -> dict[str, str]:
        """The app's settings that it gives in clear: keys in capitals."""
        return {key: value for key, value in self.values.items() if key.isupper()}

    def key_of(self, name: str) -> str | None:
        """Return the key under which it has a secret variable: ADMIN_TOKEN or adminToken; None if it has none."""
        first, *rest = name.lower().split("_")
        camel = first + "".join(part.title() for part in rest)
        return next((key for key in (name, camel) if key in self.secrets), None)

    def put_secret(self, key: str, value: str) -> None:
        """Let Pulumi encrypt a value into the file. Raises CannotDo."""
        pulumi_cli.answer(self.path.parent, self.stack, "config", "set", "--secret", key, value=value)

    def secret(self, key: str) -> str:
        """Let Pulumi decrypt a value. Raises CannotDo."""
        return pulumi_cli.answer(self.path.parent, self.stack, "config", "get", key).rstrip("\n")


def project_folder(start: Path) -> Path:
    """Return the nearest folder with a Pulumi.yaml, at `start` or above it, or this repository's."""
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").exists():
            return folder
    return REPOSITORY


def read(folder: Path, stack: str) -> StackFile:
    """Read a stack's file; one that is not there says nothing. Raises CannotDo."""
    import yaml

    name = stack.rpartition("/")[2]
    path = folder / f"Pulumi.{name}.yaml"
    if not path.exists():
        return StackFile(stack, path)
    try:
        config = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("config") or {}
        items = list(config.items())
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError) as error:
        raise CannotDo(f"{path.name} cannot be read ({type(error).__name__})") from None
    own = {str(key).removeprefix(f"{PROJECT}:"): value for key, value in items if str(key).startswith(f"{PROJECT}:")}
    secrets = {key for key, value in own.items() if isinstance(value, dict) and "secure" in value}
    return StackFile(
        stack,
        path,
        {key: _text(value) for key, value in own.items() if key not in secrets and not isinstance(value, dict | list)},
        frozenset(secrets),
        {key: value for key, value in own.items() if key not in secrets and isinstance(value, dict | list)},
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
