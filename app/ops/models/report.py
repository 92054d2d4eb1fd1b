"""Reports which models there are, which one a server here uses, and how far it has come."""

from __future__ import annotations

from typing import Any

from rich.filesize import decimal

from app.datadir.lock import holder
from app.embedding.local.catalogue import MODELS
from app.embedding.local.folder import LocalModel, place
from app.ops.status import progress, status
from app.runtime.composition import vectors_from
from app.settings.fields import Settings


def known(settings: Settings) -> list[dict[str, Any]]:
    """Return every model that can be added, and whether it is."""
    return [
        {
            "name": model.name,
            "about": model.about,
            "package": f"{model.package}=={model.version}",
            "download_bytes": model.download_bytes,
            "added": place(settings.data_dir, model).folder.is_dir(),
        }
        for model in MODELS.values()
    ]


def rows_of_known(models: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the models as rows for people."""
    return [
        (one["name"], "yes" if one["added"] else "no", decimal(one["download_bytes"]), one["package"], one["about"])
        for one in models
    ]


def in_use(settings: Settings) -> dict[str, Any]:
    """Return what gives vectors here, where it is, and how many memories have one; a running server knows the last."""
    source = vectors_from(settings)
    local = isinstance(source, LocalModel)
    kind = None if source is None else "model" if local else "service"
    values: dict[str, Any] = {
        "vectors": source.name if source is not None else None,
        "from": kind,
        "model": source.model.name if isinstance(source, LocalModel) else None,
        "folder": str(source.folder) if isinstance(source, LocalModel) else None,
        "server_running": holder(settings.data_dir) is not None,
        "memories": None,
        "memories_with_vector": None,
        "problem": None,
    }
    if values["server_running"]:
        found = status(settings.data_dir)
        component = (found.get("components") or {}).get("embeddings") or {}
        values |= {name: found.get(name) for name in ("memories", "memories_with_vector")}
        values["problem"] = component.get("detail")
    return values


def rows_in_use(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the same as rows for people."""
    if values["from"] is None:
        return [("search", "by words; claude-memory model add e5-small adds meaning")]
    where = values["folder"] or "the service of EMBEDDING_MODEL"
    rows = [("search", f"by words and meaning: {values['vectors']}"), ("from", where)]
    if values["memories_with_vector"] is not None:
        rows.append(("found by meaning", progress(values["memories_with_vector"], values["memories"])))
    elif values["server_running"]:
        rows.append(("found by meaning", "none: the server that runs does not use it yet; restart it"))
    else:
        rows.append(("found by meaning", "unknown while no server runs"))
    if values["problem"]:
        rows.append(("problem", values["problem"]))
    return rows
