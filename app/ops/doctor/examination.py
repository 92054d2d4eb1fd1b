"""Runs all checks of this machine."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

from app.bridge.protocol import ask
from app.datadir.lock import holder
from app.logs import Redactor
from app.ops.checks import Check, State
from app.ops.doctor.clients import check_clients
from app.ops.doctor.data_directory import (
    check_data_directory,
    check_holder,
    check_postgres_user,
    check_space,
)
from app.ops.doctor.remedies import Remedies
from app.ops.doctor.running import check_running
from app.ops.doctor.settings import check_embeddings, check_memu, check_names, check_rerank, check_rules
from app.ops.doctor.trial import try_out
from app.runtime.composition import index_setup
from app.settings.fields import Settings
from app.settings.loading import broken_of

_ASK_TIMEOUT_S = 5.0


async def examine(settings: Settings) -> list[Check]:
    """Run all checks; those of a running server go through its socket."""
    redactor = Redactor.of(settings)
    data_dir = settings.data_dir
    status = await asyncio.to_thread(ask, os.fspath(data_dir), "status", _ASK_TIMEOUT_S)
    broken = broken_of(settings)
    checks = [*check_rules(broken), *check_data_directory(data_dir)]
    keeps_data = settings.database_url is None or index_setup(settings).folder is not None
    if keeps_data and data_dir.exists():
        checks.append(check_space(data_dir))
    if settings.database_url is None and (user := check_postgres_user(data_dir)) is not None:
        checks.append(user)
    checks.append(check_holder(data_dir, status, keeps_data=keeps_data))
    if status is not None:
        checks += await check_running(data_dir, Remedies.of(settings, status.get("mode")))
    elif holder(data_dir) is None and not broken:
        checks += await try_out(settings)
    if not broken:
        checks.append(await check_embeddings(settings))
        checks += await check_rerank(settings)
        checks += await check_memu(settings)
    checks += [check_clients(), *check_names()]
    return [replace(check, found=redactor.clean(check.found)) for check in checks]


def failed(checks: list[Check]) -> bool:
    """Whether any check failed."""
    return any(check.state is State.FAILED for check in checks)


def to_json(checks: list[Check]) -> dict[str, Any]:
    """Return the checks as JSON values."""
    return {"ok": not failed(checks), "checks": [check.to_json() for check in checks]}
