"""An estimate of what a stack costs in a month, from list prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra.plan import Declared, Plan
from infra.plan.prices import BY_USE, CRON, CRON_LEAST, CURRENCY, DATABASE_GB, DATED, DISK_GB, SERVICES, STORES


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a resource costs in a month: between least and most. None: its price is not in the table. note: for what."""

    resource: str
    least: float | None
    most: float | None
    note: str


def costs_of(plan: Plan) -> list[Cost]:
    """Return the cost of each resource that is paid for."""
    return [cost for one in plan.resources for cost in _costs(one)]


def _costs(one: Declared) -> Iterator[Cost]:
    inputs = one.inputs
    if one.type in SERVICES:
        yield _service(one, SERVICES[one.type].get(str(inputs.get("plan"))))
    elif one.type in STORES:
        yield _fixed(one, STORES[one.type].get(str(inputs.get("plan"))), str(inputs.get("plan")))
        if gigabytes := inputs.get("diskSizeGB"):
            yield _fixed(one, gigabytes * DATABASE_GB, f"{gigabytes:g} GB")
    elif one.type == CRON:
        yield Cost(resource=one.name, least=CRON_LEAST, most=None, note="by the minute")
    elif one.type in BY_USE:
        yield Cost(resource=one.name, least=None, most=None, note=BY_USE[one.type])
    if one.type.startswith("render:") and (disk := inputs.get("disk")):
        yield _fixed(one, disk["sizeGB"] * DISK_GB, f"a disk of {disk['sizeGB']:g} GB")


def _service(one: Declared, price: float | None) -> Cost:
    scaling: dict[str, Any] = one.inputs.get("autoscaling") or {}
    instances = one.inputs.get("numInstances", 1)
    least, most = scaling.get("min", instances), scaling.get("max", instances)
    plan = f"{one.inputs.get('plan')}" + (f", {least:g} to {most:g} instances" if most > 1 else "")
    if price is None:
        return Cost(resource=one.name, least=None, most=None, note=plan)
    return Cost(resource=one.name, least=least * price, most=most * price, note=plan)


def _fixed(one: Declared, price: float | None, note: str) -> Cost:
    return Cost(resource=one.name, least=price, most=price, note=note)


def total(costs: Sequence[Cost]) -> str:
    """Return one sentence about what all of them cost."""
    known = [cost for cost in costs if cost.least is not None]
    if not costs:
        return "Nothing in this stack has a price of its own."
    if not known:
        return f"Not estimated: {'; '.join(f'{cost.resource} is paid for {cost.note}' for cost in costs)}."
    least = sum(cost.least or 0 for cost in known)
    most = sum(cost.most if cost.most is not None else cost.least or 0 for cost in known)
    between = f"{least:.0f}" if round(least) == round(most) else f"{least:.0f} to {most:.0f}"
    rest = [cost.resource for cost in costs if cost.least is None or cost.most is None]
    more = f", and what {', '.join(dict.fromkeys(rest))} use" if rest else ""
    return f"{between} {CURRENCY} a month{more}. List prices of {DATED}, unchecked."
