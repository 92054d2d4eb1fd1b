"""Things that are at Alibaba Cloud and in no note of Pulumi's: their making was answered, and the answer was lost.

The provider then asks once more, gets a refusal since the thing exists, and Pulumi takes it for not made. What the
program would create, with its secrets encrypted, is in the plan of a preview.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.aliyun.recovery.engine import Engine
from infra.aliyun.recovery.ids import BY_NAME
from infra.aliyun.recovery.recovery import Found, Outcome, read_again
from infra.aliyun.recovery.state import Json, Pending, State

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # what Pulumi writes for a value that is known only later
_KEPT = ("parent", "provider", "protect", "dependencies", "propertyDependencies", "additionalSecretOutputs")


def adopt(engine: Engine) -> list[Found]:
    """Take into the state what the program would create, and is there under its unique name. Return what was taken.

    Raises CannotDo. Whoever asks for this has to know that no other stack has it.
    """
    taken: list[Found] = []
    while True:
        state = State(json.loads(engine.exported()))
        ids = {}
        for resource in _would_create(engine, state):
            one = Pending(resource["urn"], resource["type"], resource["inputs"])
            ids[one.urn] = BY_NAME[one.type].format_map(one.inputs)
            state.expect(resource)
        if not ids:
            return taken
        state.take_over(ids)
        engine.put(json.dumps(state.exported))
        found = [one for one in read_again(engine, state) if one.outcome is Outcome.TAKEN_OVER]
        if not found:
            return taken
        taken += found  # what depends on it may be there as well


def _would_create(engine: Engine, state: State) -> Iterator[Json]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        engine.plan(file)
        plans: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["resourcePlans"]
    for urn, plan in plans.items():
        goal = plan.get("goal") or {}
        if goal.get("type") not in BY_NAME or plan.get("steps") != ["create"]:
            continue
        inputs = (goal.get("inputDiff") or {}).get("adds") or {}
        resource = {name: goal[name] for name in _KEPT if goal.get(name)}
        resource |= {"urn": urn, "type": goal["type"], "custom": True, "inputs": inputs}
        if _UNKNOWN not in json.dumps(resource) and state.has_all_of(resource):
            yield resource
