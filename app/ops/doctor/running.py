"""Checks the running server, through a bridge, as a client's session would use it."""

from __future__ import annotations

from pathlib import Path

from app.clients.conversation import converse, over_bridge
from app.errors import StoreUnavailable, Unavailable
from app.ops.checks import Check, State
from app.ops.doctor.answers import check_call, check_components, check_lag, check_search
from app.ops.doctor.remedies import MEMU, Remedies
from app.ops.upkeep import upkeep


async def check_running(data_dir: Path, remedies: Remedies) -> list[Check]:
    """Ask the running server as a client does."""
    try:
        answers = await converse(over_bridge(data_dir))
    except Unavailable as error:
        remedy = remedies.postgres if f" {StoreUnavailable.code}: " in str(error) else remedies.server
        return [Check("MCP call", State.FAILED, str(error), remedy)]
    checks = [check_call(answers)]
    by_part = {"postgres": remedies.postgres, "index": remedies.index, "memu": MEMU}
    checks += check_components(answers, by_part, remedies.server)
    checks.append(check_search(answers, remedies.index))
    numbers = answers.health.get("numbers", {})
    if "index_lag_changes" in numbers:
        checks.append(check_lag(numbers, remedies.index))
    return checks + [Check.of(finding) for finding in upkeep(numbers, memu="memu" in answers.health["components"])]
