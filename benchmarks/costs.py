"""What texts cost: every shape of `benchmarks/shapes.py` sent to a running server, and the worst of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from benchmarks.client import HOST, Connection, run
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_most
from benchmarks.servers import Running, heartbeat_server, temporary_folder
from benchmarks.shapes import PLACES, RAW, UNITS, Shape, raw, shape

STALL_MS = 50.0
CPU_S_A_MILLION = 1.0
SHOWN = 25
# A request costs something besides its texts: shapes with less than this count as if they had as much.
LEAST_CHARACTERS = 100_000
_TIMEOUT_S = 120.0
# In these places the unit makes no difference but for what is normalised.
_SELDOM = ("too many tags", "unknown arguments", "names too long")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Which shapes are sent: units in places, and what is no such shape."""

    units: tuple[str, ...] = UNITS
    places: tuple[str, ...] = tuple(PLACES)
    raw: tuple[str, ...] = tuple(RAW)


FULL = Sizes()
QUICK = Sizes(
    units=("prose", "falling marks", "any characters"),
    places=("text", "roles, names and ids", "question", "name too long"),
    raw=("1,000,000 empty lists", "1,000,000 lists in each other"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a shape cost. cpu_s: of the server's process, until the index has what was stored."""

    shape: str
    characters: int
    stall_ms: float
    cpu_s: float
    status: int

    @property
    def cpu_s_a_million(self) -> float:
        """CPU seconds for each million characters."""
        return self.cpu_s * 1_000_000 / max(self.characters, LEAST_CHARACTERS)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Send every shape, one after the other, and report the worst."""
    with temporary_folder() as folder, heartbeat_server(folder / "data") as (server, beat_port):
        server.wait_ready()
        costs = run(_costs(server, beat_port, list(_shapes(sizes)), steps))
    return report(costs)


def _shapes(sizes: Sizes) -> Iterator[tuple[str, str] | str]:
    for place, unit in product(sizes.places, sizes.units):
        if place not in _SELDOM or sizes.units.index(unit) % 5 == 0:
            yield unit, place
    yield from sizes.raw


async def _costs(server: Running, beat_port: int, shapes: Iterable[tuple[str, str] | str], steps: Steps) -> list[Cost]:
    first = shape("prose", "contents")  # reads tables and rules, compiles patterns
    await _cost(server, beat_port, first)
    costs = []
    for wanted in steps.over(shapes, "shapes"):
        sent = raw(wanted) if isinstance(wanted, str) else shape(*wanted)
        costs.append(await _cost(server, beat_port, sent))
    return costs


async def _cost(server: Running, beat_port: int, sent: Shape) -> Cost:
    search = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_memory","arguments":{"query":"w"}}}'
    )
    before = await _figures(beat_port)
    status = await _send(server, sent.body)
    await _send(server, search)  # brings the index up to date
    after = await _figures(beat_port)
    return Cost(sent.name, sent.characters, after["stall_s"] * 1_000, after["cpu_s"] - before["cpu_s"], status)


async def _send(server: Running, body: bytes) -> int:
    connection = await Connection.open(server.port)
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: {HOST}:{server.port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return (await connection.exchange(head.encode() + body)).status
    finally:
        connection.close()


async def _figures(port: int) -> dict[str, float]:
    reader, writer = await asyncio.open_connection(HOST, port)
    figures: dict[str, float] = json.loads(await reader.readline())
    writer.close()
    return figures


def report(costs: list[Cost]) -> Report:
    """Return the worst costs of both kinds."""
    made = Report(
        name="costs",
        title="What texts cost",
        how=f"{len(costs)} shapes, one after the other: a unit repeated in one place of a request, and JSON as no "
        "client sends it. A heartbeat in the server's event loop measures its longest stall, of which only the CPU "
        "time of the process counts. CPU seconds are those of the server's process until the index has what was "
        f"stored, for each million characters (shapes with fewer than {LEAST_CHARACTERS:,} count as that many).",
    )
    by_stall = sorted(costs, key=lambda cost: -cost.stall_ms)
    by_cpu = sorted(costs, key=lambda cost: -cost.cpu_s_a_million)
    made.rows.append(at_most("longest stall", by_stall[0].stall_ms, "ms", STALL_MS))
    made.rows += [Row(what=f"… {cost.shape}", figure=cost.stall_ms, unit="ms") for cost in by_stall[:SHOWN]]
    made.rows.append(at_most("most CPU for a million characters", by_cpu[0].cpu_s_a_million, "s", CPU_S_A_MILLION))
    made.rows += [Row(what=f"… {cost.shape}", figure=cost.cpu_s_a_million, unit="s") for cost in by_cpu[:SHOWN]]
    return made
