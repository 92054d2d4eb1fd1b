"""Which folder may import which, read from the code: late imports and those for types count too."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each folder may import, beside itself and the modules of FACTS. A folder that is not here fails a test.
MAY_IMPORT: dict[str, set[str]] = {
    "app/memory": {"app/memory/credentials"},
    "app/memory/credentials": set(),
    "app/datadir": set(),
    "app/access": {"app/memory"},
    "app/settings": {"app/datadir"},
    "app/store": {"app/access", "app/index", "app/memory"},
    "app/store/embedded": {"app/datadir"},
    "app/embedding": {"app/embedding/local", "app/memory"},
    "app/embedding/local": {"app/datadir"},
    "app/memu": {"app/memory"},
    "app/reranking": set(),
    "app/index": {"app/memory"},
    "app/index/embedded": {"app/datadir", "app/index", "app/memory"},
    "app/index/qdrant": {"app/index", "app/memory"},
    "app/bridge": {"app/datadir"},
    "app/clients": {"app/bridge", "app/datadir"},
    "app/process": {"app/bridge", "app/datadir", "app/store/embedded"},
    "app/http": {"app/process"},
    "app/runtime": {
        "app/datadir",
        "app/embedding",
        "app/embedding/local",
        "app/index",
        "app/index/embedded",
        "app/index/qdrant",
        "app/memory",
        "app/memu",
        "app/process",
        "app/reranking",
        "app/store",
        "app/store/embedded",
    },
    "app/serve/mcp": {"app/access", "app/http", "app/memory", "app/memu", "app/runtime"},
    "app/serve/oauth": {"app/access", "app/http", "app/runtime", "app/store"},
    "app/serve": {
        "app/access",
        "app/bridge",
        "app/datadir",
        "app/http",
        "app/memory",
        "app/process",
        "app/runtime",
        "app/serve/mcp",
        "app/serve/oauth",
    },
    "app/alerts": {"app/datadir", "app/http", "app/process"},
    "app/ops": {
        "app/access",
        "app/bridge",
        "app/datadir",
        "app/index",
        "app/memory",
        "app/runtime",
        "app/store",
    },
    "app/ops/doctor": {
        "app/bridge",
        "app/clients",
        "app/datadir",
        "app/ops",
        "app/runtime",
        "app/serve",
        "app/serve/mcp",
        "app/store/embedded",
    },
    "app/ops/models": {"app/datadir", "app/embedding/local", "app/ops", "app/runtime"},
    "app/ops/backup": {"app/memory", "app/ops", "app/runtime", "app/store"},
    "app/ops/importing": {"app/datadir", "app/memory", "app/memu", "app/ops", "app/runtime", "app/store"},
    "app/worker": {
        "app/http",
        "app/ops",
        "app/ops/backup",
        "app/process",
        "app/runtime",
        "app/store",
    },
    "app/wal": {"app/http", "app/ops/backup", "app/process", "app/runtime"},
    "app/commands": {
        "app/access",
        "app/alerts",
        "app/bridge",
        "app/clients",
        "app/datadir",
        "app/embedding/local",
        "app/memory",
        "app/ops",
        "app/ops/backup",
        "app/ops/doctor",
        "app/ops/importing",
        "app/ops/models",
        "app/process",
        "app/runtime",
        "app/store",
        "app/wal",
        "app/worker",
    },
    "app": {
        "app/access",
        "app/alerts",
        "app/bridge",
        "app/clients",
        "app/commands",
        "app/embedding/local",
        "app/http",
        "app/memory",
        "app/process",
        "app/serve",
        "app/serve/mcp",
        "app/store",
    },
    "ci": set(),
    "ci/github": set(),
    "ci/checks": {"app/memory"},
    "ci/release": set(),
    "infra": set(),
    "infra/plan": {"infra", "infra/monitoring", "policies"},
    "infra/monitoring": set(),
    "infra/render": {"infra", "infra/monitoring", "infra/render/api", "infra/render/deployed", "infra/render/driver"},
    "infra/render/api": set(),
    "infra/render/provider": {"infra/render/api"},
    "infra/render/blueprint": {"infra", "infra/plan", "infra/render/deployed"},
    "infra/render/deployed": {"infra", "infra/render/api"},
    "infra/render/doctor": {"infra", "infra/render/api", "infra/render/deployed"},
    "infra/render/rotation": {"infra", "infra/render/api", "infra/render/deployed"},
    "infra/render/driver": {
        "infra",
        "infra/render/api",
        "infra/render/blueprint",
        "infra/render/deployed",
        "infra/render/doctor",
        "infra/render/rotation",
    },
    "infra/aliyun": {
        "infra",
        "infra/aliyun/api",
        "infra/aliyun/bundle",
        "infra/aliyun/driver",
        "infra/aliyun/provider",
        "infra/monitoring",
    },
    "infra/aliyun/api": set(),
    "infra/aliyun/bundle": {"app"},
    "infra/aliyun/cost": set(),
    "infra/aliyun/deployed": {"infra", "infra/aliyun/api"},
    "infra/aliyun/doctor": {"infra", "infra/aliyun/api"},
    "infra/aliyun/recovery": {"infra", "infra/aliyun/api", "infra/aliyun/deployed"},
    "infra/aliyun/driver": {
        "infra",
        "infra/aliyun/api",
        "infra/aliyun/bundle",
        "infra/aliyun/cost",
        "infra/aliyun/deployed",
        "infra/aliyun/doctor",
        "infra/aliyun/recovery",
    },
    "infra/aliyun/provider": {"infra/aliyun/api"},
    "infra/selfhost": {"infra", "infra/monitoring", "infra/plan"},
    # They judge what programs declare, and compare it with the facts that stand there.
    "policies": {
        "infra",
        "infra/aliyun",
        "infra/monitoring",
        "infra/render",
        "infra/render/deployed",
        "infra/render/provider",
    },
}

# Facts and helpers that stand once and any module may import; what they import themselves, a test says.
FACTS = {
    "app",
    "app.backoff",
    "app.counted",
    "app.durable",
    "app.endpoints",
    "app.errors",
    "app.logs",
    "app.measuring",
    "app.metrics",
    "app.own_file",
    "app.terminal",
    "app.fair_loop",
    "app.turns",
    "ci.errors",
    "infra.errors",
}
FACTS_FOLDER = "app/settings"

# The one import that goes up: the port is open before the server's modules are loaded.
UPWARD = ("app.process.boot", "app.serve.server")


def name_of(file: Path) -> str:
    """Return a file's name as a module."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FOLDERS = ("app", "ci", "infra", "policies")
FILES = {name_of(file): file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))}


@cache
def imports(module: str) -> frozenset[str]:
    """Return the modules of ours that a module imports anywhere in its file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide who is used"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in FILES else str(node.module))
    return frozenset(found & FILES.keys() - {module})


def folder_of(module: str) -> str:
    """Return the folder of a module's file, such as app/store."""
    return FILES[module].parent.relative_to(ROOT).as_posix()


def is_fact(module: str) -> bool:
    """Whether any module may import this one."""
    return module in FACTS or folder_of(module) == FACTS_FOLDER


def crossing() -> dict[tuple[str, str], set[str]]:
    """Return (folder, imported folder): the imports between them, as `a -> b`."""
    found: dict[tuple[str, str], set[str]] = {}
    for module in FILES:
        for other in imports(module):
            pair = (folder_of(module), folder_of(other))
            if pair[0] != pair[1] and not is_fact(other) and (module, other) != UPWARD:
                found.setdefault(pair, set()).add(f"{module} -> {other}")
    return found


def test_every_folder_has_its_line() -> None:
    assert {folder_of(module) for module in FILES} == set(MAY_IMPORT)


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    seen = {pair: lines for pair, lines in crossing().items() if pair[0] == folder}

    assert not {pair[1]: lines for pair, lines in seen.items() if pair[1] not in MAY_IMPORT[folder]}


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_nothing_is_allowed_that_is_not_used(folder: str) -> None:
    assert not MAY_IMPORT[folder] - {pair[1] for pair in crossing() if pair[0] == folder}


def test_no_two_folders_import_each_other() -> None:
    pairs = set(crossing())

    assert not {pair for pair in pairs if (pair[1], pair[0]) in pairs}


def test_the_facts_import_no_folder_but_where_the_data_directory_is() -> None:
    outside = {other for module in FILES if is_fact(module) for other in imports(module) if not is_fact(other)}

    assert outside == {"app.datadir.folder"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: {other for other in imports(module) if (module, other) != UPWARD} for module in FILES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_the_import_that_goes_up_is_there() -> None:
    assert UPWARD[1] in imports(UPWARD[0]), "without it the exception has to go"
