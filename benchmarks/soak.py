"""Soak: honest users of every door, for ten minutes, with 200 hostile connections from other addresses beside them."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.client import run
from benchmarks.figures import percentile
from benchmarks.honest import Server, Tally, use
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_most
from benchmarks.servers import (
    REPOSITORY,
    NotStarted,
    Running,
    app_server,
    environment,
    proportional_bytes,
    temporary_folder,
)

P99_RATIO, RSS_MB, LINES_PER_S = 3.0, 100.0, 1.0
PER_MINUTE = 300  # the limit of requests: an honest user needs 200
QUOTA_BYTES = 5_000_000  # an honest user needs a fifth; without one, what hostile users store grows the index
MORE_DESCRIPTORS = 16  # that may stay: connections to PostgreSQL, which its pool keeps for a while
HONEST, HOSTILE = ("ada", "bruno", "chen", "dalia", "emeka", "freya"), ("mallory", "trudy")
_MB = 1_000_000
_CALL = " app.calls call "  # the line that each call has


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. settle_s: how long the server has to close what attackers left, at most."""

    alone_s: float = 120.0
    attacked_s: float = 600.0
    connections: int = 200
    settle_s: float = 60.0
    sample_s: float = 2.0


FULL, QUICK = Sizes(), Sizes(alone_s=20.0, attacked_s=30.0)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Let honest users call alone, then beside the attackers, and look at what is left."""
    report = Report(
        name="soak",
        title="Under attack",
        how=f"{len(HONEST) + 1} honest users with tokens, over /mcp, /sse and a bridge on the Unix socket, write, "
        f"search and recall: {sizes.alone_s:g} s alone, which is the reference, then {sizes.attacked_s:g} s beside "
        f"{sizes.connections} hostile connections from as many loopback addresses, of all the kinds in "
        f"`benchmarks/attacks.py`, some with tokens of their own. AUTH=required, RATE_LIMIT_PER_MINUTE={PER_MINUTE}, "
        f"QUOTA_BYTES={QUOTA_BYTES}. "
        "Memory and open files are the server process's.",
    )
    if sys.platform != "linux":
        report.skipped = "other systems than Linux have one loopback address"
        return report
    with (
        temporary_folder() as folder,
        app_server(
            folder / "data",
            AUTH="required",
            ADMIN_TOKEN=f"cm_{secrets.token_urlsafe(32)}",  # a server that no one could use does not start
            RATE_LIMIT_PER_MINUTE=str(PER_MINUTE),
            QUOTA_BYTES=str(QUOTA_BYTES),
        ) as server,
    ):
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user
        server.wait_ready()
        tokens = [_token(folder / "data", name) for name in steps.over((*HONEST, *HOSTILE), "tokens")]
        where = Server(server.port, folder / "data", tuple(tokens[: len(HONEST)]))
        run(use(where, min(5.0, sizes.alone_s), 1))  # statements are prepared, modules loaded
        [alone] = [run(use(where, sizes.alone_s, 2)) for _ in steps.over([0], "honest users alone")]
        with watching(server, sizes.sample_s) as seen, attacking(server, tokens[len(HONEST) :], sizes) as attackers:
            [attacked] = [run(use(where, sizes.attacked_s, 3)) for _ in steps.over([0], "honest users under attack")]
            lives = json.loads(attackers.communicate(timeout=120)[0])
            seen.settle(sizes.settle_s)
        report.rows += rows(alone, attacked, seen)
        report.notes += notes(alone, attacked, lives, seen)
    return report


def rows(alone: Tally, attacked: Tally, seen: Seen) -> list[Row]:
    """Return the goals and what explains them."""
    before, during = (percentile(tally.all_ms or [0.0], 99) for tally in (alone, attacked))
    ratio = during / before if before else float("inf")
    return [
        at_most("failed calls of honest users", float(len(attacked.failures)), "", 0.0),
        at_most("… alone", float(len(alone.failures)), "", 0.0),
        Row(
            what="p99 of their calls",
            figure=during,
            unit="ms",
            goal=f"≤ {P99_RATIO:g} × reference",
            met=ratio <= P99_RATIO,
            reference=before,
            against=ratio,
            is_ratio=True,
        ),
        *(
            Row(
                what=f"… {percent}, {door}",
                figure=percentile(took, percent_),
                unit="ms",
                reference=(was := percentile(alone.took_ms.get(door, [0.0]), percent_)),
                against=percentile(took, percent_) / was if was else None,
                is_ratio=True,
            )
            for door, took in attacked.took_ms.items()
            for percent, percent_ in (("p50", 50), ("p99", 99))
        ),
        at_most("memory more than before, at its highest", (max(seen.rss) - seen.rss[0]) / _MB, "MB", RSS_MB),
        Row(what="… at the end", figure=(seen.rss[-1] - seen.rss[0]) / _MB, unit="MB"),
        Row(what="… of all its processes, PSS, at the end", figure=(seen.pss[-1] - seen.pss[0]) / _MB, unit="MB"),
        at_most("open files more than before, at the end", seen.files[-1] - seen.files[0], "", MORE_DESCRIPTORS),
        Row(what="… at their highest", figure=max(seen.files) - seen.files[0], unit=""),
        at_most("lines in the log, beside one for each call", seen.lines / seen.seconds, "/s", LINES_PER_S),
        at_most("tracebacks in the log", float(seen.tracebacks), "", 0.0),
    ]


def notes(alone: Tally, attacked: Tally, lives: dict[str, int], seen: Seen) -> list[str]:
    """Return what helps to judge the rows."""
    found = [
        f"{len(alone.all_ms):,} calls alone, {len(attacked.all_ms):,} under attack.",
        f"Lives of hostile connections: {', '.join(f'{kind} {count:,}' for kind, count in lives.items())}.",
        f"The open files were back after {seen.settled_s:.0f} s.",
    ]
    found += [f"{count:,} lines: {line}" for line, count in seen.kinds.most_common(8)]
    return found + [f"Failed: {failure[:300]}" for failure in [*alone.failures, *attacked.failures][:5]]


@dataclass(slots=True)
class Seen:
    """Looks at a server: bytes of its process, of all its processes, and its open files; the first is before it all."""

    server: Running
    rss: list[int] = field(default_factory=list)
    pss: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    lines: int = 0
    tracebacks: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    settled_s: float = 0.0
    seconds: float = 1.0

    def look(self, *, pss: bool = False) -> None:
        """Take one look."""
        process = psutil.Process(self.server.process.pid)
        self.rss.append(process.memory_info().rss)
        self.files.append(process.num_fds())
        if pss:
            self.pss.append(sum(proportional_bytes(one.pid) or 0 for one in self.server.tree()))

    def settle(self, limit_s: float) -> None:
        """Wait until no more files are open than before, at most so long; then look for the last time."""
        began = time.monotonic()
        while True:
            self.look()
            self.settled_s = time.monotonic() - began
            if self.files[-1] <= self.files[0] or self.settled_s > limit_s:
                break
            time.sleep(0.5)
        self.look(pss=True)

    def read_log(self, since: int) -> None:
        """Count what was logged since a size of the file."""
        with self.server.log.open("rb") as log:
            log.seek(since)
            text = log.read().decode(errors="replace")
        lines = [line for line in text.splitlines() if _CALL not in line]
        self.lines, self.tracebacks = len(lines), text.count("Traceback (most recent call last)")
        self.kinds = Counter(re.sub(r"\S*\d\S*", "…", line)[:120] for line in lines)


@contextlib.contextmanager
def watching(server: Running, every_s: float) -> Iterator[Seen]:
    """Look at a server now and then while the block lasts, and at its log at the end."""
    seen, over, since, began = Seen(server), threading.Event(), server.log.stat().st_size, time.monotonic()
    seen.look(pss=True)

    def keep_looking() -> None:
        while not over.wait(every_s):
            seen.look()

    thread = threading.Thread(target=keep_looking)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        seen.seconds = time.monotonic() - began
        seen.read_log(since)


@contextlib.contextmanager
def attacking(server: Running, tokens: list[str], sizes: Sizes) -> Iterator[subprocess.Popen[str]]:
    """Attack while the block lasts, for as long as the sizes say; the process prints the lives."""
    command = [sys.executable, "-m", "benchmarks.hostile", str(server.port), "--tokens", ",".join(tokens)]
    command += ["--connections", str(sizes.connections), "--seconds", str(sizes.attacked_s)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _token(data: Path, user: str) -> str:
    command = [sys.executable, "-m", "app", "token", "create", "--user", user, "--json", "--data-dir", str(data)]
    done = subprocess.run(command, cwd=data.parent, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotStarted(f"no token could be made: {done.stderr[-500:]}")
    token: str = json.loads(done.stdout)["token"]
    return token
