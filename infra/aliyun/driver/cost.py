"""`cost`: what the function costs a month, on demand and with provisioned instances."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import asdict
from typing import Any

from infra.aliyun.cost.model import Use, costs
from infra.aliyun.cost.prices import AS_OF, CURRENCY
from infra.aliyun.driver.session import Session, add_command
from infra.command_errors import CannotDo
from infra.command_line import Commands, add_json, print_json
from infra.tables import print_table

_REQUESTS, _MEAN_MS, _SSE_HOURS = 1_000, 150.0, 2.0
_MEMORY_MB, _CPU, _DISK_MB, _PROVISIONED = 2048, 1.0, 512, 1


def add(commands: Commands[Any]) -> None:
    """Declare `cost`."""
    parser = add_command(commands, "cost", "Estimate a month of the function: on demand against provisioned instances.")
    parser.add_argument("--requests", type=_whole, default=_REQUESTS, metavar="N", help=f"A day ({_REQUESTS}).")
    parser.add_argument("--mean-ms", type=_number, default=_MEAN_MS, metavar="MS", help=f"Of a request ({_MEAN_MS:g}).")
    parser.add_argument(
        "--sse-hours",
        type=_number,
        default=_SSE_HOURS,
        metavar="H",
        help=f"A day with at least one SSE stream open ({_SSE_HOURS:g}); 0 with clients of /mcp.",
    )
    parser.add_argument("--memory-mb", type=_whole, metavar="MB", help=f"Default: the stack's, or {_MEMORY_MB}.")
    parser.add_argument("--cpu", type=_number, metavar="N", help=f"Default: the stack's, or {_CPU:g}.")
    parser.add_argument("--disk-mb", type=_whole, metavar="MB", help=f"Default: the stack's, or {_DISK_MB}.")
    parser.add_argument("--provisioned", type=_whole, metavar="N", help=f"Default: the stack's, or {_PROVISIONED}.")
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Print each way's compute units and price."""
    use = _use(session)
    found = costs(use)
    if session.args.json:
        told = {"use": asdict(use), "currency": CURRENCY, "prices": AS_OF, "month": [asdict(one) for one in found]}
        print_json(told)
        return 0
    rows = [(one.how, f"{one.cu:,.0f}", f"{one.price:,.2f}", one.cold_starts) for one in found]
    print_table(("a month", "CU", CURRENCY, "clients wait for a start"), rows)
    print(
        f"{use.requests:,} requests a day of {use.mean_ms:g} ms, streams open {use.sse_hours:g} h a day,"
        f" {use.memory_mb} MB, {use.cpu:g} CPU. List prices of {AS_OF}; no free quota, no traffic, no database."
    )
    return 0


def _use(session: Session) -> Use:
    """Return what is given, else what the stack's file says, else the program's defaults."""
    args, file = session.args, session.stack_file
    if args.stack is not None and not file.exists:
        raise CannotDo(
            f"there is no {file.path.name}; make the stack with `pulumi stack init {args.stack}`, or leave out --stack"
        )
    parts = file.parts
    function, provisioned = parts.get("function") or {}, parts.get("provisioned") or {}

    def first(given: Any, stack: Any, default: Any) -> Any:
        return given if given is not None else stack if stack is not None else default

    return Use(
        requests=args.requests,
        mean_ms=args.mean_ms,
        sse_hours=min(24.0, args.sse_hours),
        memory_mb=int(first(args.memory_mb, function.get("memoryMb"), _MEMORY_MB)),
        cpu=float(first(args.cpu, function.get("cpu"), _CPU)),
        disk_mb=int(first(args.disk_mb, function.get("diskMb"), _DISK_MB)),
        provisioned=int(first(args.provisioned, provisioned.get("instances"), _PROVISIONED)),
    )


def _whole(value: str) -> int:
    if not value.isdecimal():
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a whole number from 0 on")
    return int(value)


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a number from 0 on")
    return number
