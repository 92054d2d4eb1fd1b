"""What Render was recorded to answer, without its values: the calls in order, with ids as names.

python -m tests.standins.render.recorded FOLDER writes recorded.json from the recordings in FOLDER (*.jsonl), which are
part of Render's Terraform provider; NOTICE beside this file says whose they are. An answer is kept as its shape: the
keys, the types, the order of lists, ids by name, and those values that tell how Render behaves.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUMMARY = Path(__file__).with_name("recorded.json")

ID = re.compile(r"\b(srv|crn|dpg|red|evg|dsk|cdm|prj|evm|dep)-[0-9a-v]{20}(-[a-f])?\b")
NAME = re.compile(r"<(\w+)>")
# Values that are kept: they show what Render makes of what was sent.
KEPT = {
    "autoDeploy",
    "autoDeployTrigger",
    "branch",
    "dockerContext",
    "dockerfilePath",
    "domainType",
    "env",
    "generation",
    "highAvailabilityEnabled",
    "imagePath",
    "key",
    "maxmemoryPolicy",
    "name",
    "networkIsolationEnabled",
    "notificationsToSend",
    "notifyOnFail",
    "numInstances",
    "persistenceMode",
    "plan",
    "preDeployCommand",
    "previewNotificationsEnabled",
    "protectedStatus",
    "pullRequestPreviewsEnabled",
    "region",
    "rootDir",
    "runtime",
    "schedule",
    "setting",
    "sizeGB",
    "suspended",
    "trigger",
    "type",
}
# Of whoever recorded it.
DROPPED = {"owner", "ownerId"}


@dataclass(frozen=True)
class Call:
    """A recorded call, the shape of its answer, and the limit it counted against (calls in a period)."""

    method: str
    path: str
    request: Any
    status: int
    shape: Any
    limit: int


class Names:
    """Names for the ids and cursors of one recording, in the order they came up: srv1, dpg1, dpg1-b, cursor1."""

    def __init__(self, cursors: set[str]) -> None:
        self._cursors = cursors
        self._names: dict[str, str] = {}

    def named(self, text: str) -> str:
        """Return a text with the names in place of ids and cursors."""
        for cursor in self._cursors & {text, *re.findall(r"cursor=([^&]+)", text)}:
            text = text.replace(cursor, f"<{self._name(cursor, 'cursor')}>")
        return ID.sub(lambda found: f"<{self._id(found)}>", text)

    def _id(self, found: re.Match[str]) -> str:
        end = found[2] or ""
        return self._name(found[0].removesuffix(end), found[1]) + end.replace("-", "_").replace("_a", "")

    def _name(self, value: str, kind: str) -> str:
        if value not in self._names:
            number = sum(name.rstrip("0123456789") == kind for name in self._names.values()) + 1
            self._names[value] = f"{kind}{number}"
        return self._names[value]


def shape(value: Any, named: Callable[[str], str], key: str = "") -> Any:
    """Return the shape of an answer: "…" for a text, "#" for a number, "?" for true or false, and what is kept."""
    if isinstance(value, dict):
        return {name: shape(one, named, name) for name, one in sorted(value.items()) if name not in DROPPED}
    if isinstance(value, list):
        return [shape(one, named) for one in value]
    if value is None or key in KEPT:
        return value
    if isinstance(value, str):
        name = named(value)
        return name if NAME.fullmatch(name) else "…"
    return "?" if isinstance(value, bool) else "#"


def _without_secrets(value: Any, known: dict[str, str]) -> Any:
    """Return a request whose values of variables and contents of files are v1, v2 and so on."""
    if isinstance(value, dict):
        return {
            name: known.setdefault(one, f"v{len(known) + 1}")
            if name in ("value", "content") and isinstance(one, str)
            else _without_secrets(one, known)
            for name, one in value.items()
        }
    return [_without_secrets(one, known) for one in value] if isinstance(value, list) else value


def derive(recordings: Path) -> dict[str, Any]:
    """Return the summary of all recordings: each distinct path, request and shape once, calls as their numbers."""
    paths: dict[str, int] = {}
    requests: dict[str, int] = {}
    shapes: dict[str, int] = {}
    calls: dict[str, list[list[int]]] = {}
    for file in sorted(recordings.glob("*.jsonl")):
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        names = Names({found for line in lines for found in re.findall(r"cursor=([^&]+)", line["path"])})
        values: dict[str, str] = {}
        calls[file.stem] = []
        for line in lines:
            path = f"{line['method']} {names.named(line['path'])}"
            request = names.named(json.dumps(_without_secrets(line["request"], values)))
            answer = json.dumps(shape(line["response"], names.named), ensure_ascii=False)
            numbers = [table.setdefault(key, len(table)) for table, key in
                       ((paths, path), (requests, request), (shapes, answer))]  # fmt: skip
            limit = int(line["headers"]["ratelimit-limit"])
            calls[file.stem].append([numbers[0], numbers[1], line["status"], numbers[2], limit])
    return {
        "paths": list(paths),
        "requests": [json.loads(one) for one in requests],
        "shapes": [json.loads(one) for one in shapes],
        "calls": calls,
    }


def load() -> dict[str, list[Call]]:
    """Return the calls of each recording, in order."""
    kept = json.loads(SUMMARY.read_text(encoding="utf-8"))

    def call(path: int, request: int, status: int, shape_: int, limit: int) -> Call:
        method, _, address = kept["paths"][path].partition(" ")
        return Call(method, address, kept["requests"][request], status, kept["shapes"][shape_], limit)

    return {name: [call(*numbers) for numbers in calls] for name, calls in kept["calls"].items()}


def written(summary: dict[str, Any]) -> str:
    """Return the summary as the text of the file: one thing a line."""
    parts = []
    for name, part in summary.items():
        texts = [json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in part]
        if isinstance(part, dict):
            texts = [f"{json.dumps(key)}: {json.dumps(one, separators=(',', ':'))}" for key, one in part.items()]
        opening, closing = "{}" if isinstance(part, dict) else "[]"
        parts.append(f'"{name}": {opening}\n' + ",\n".join(texts) + f"\n{closing}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    SUMMARY.write_text(written(derive(Path(sys.argv[1]))), encoding="utf-8")
