"""Rules for what comes back by itself, and so shows in no outage: restarts, kills for memory, reboots.

No exporter knows containers. Most processes tell when they were started; the others, Qdrant and PostgreSQL, are seen
going away: Docker waits longer at each restart in a row, and a scrape falls into the gap.
"""

from __future__ import annotations

from infra.monitoring.rule import MINUTE_S, Rule, Severity

_WINDOW_M, _STARTS = 30, 2  # an update starts each process once
_REBOOT_TOLD_S = 15 * MINUTE_S

HOSTS = (
    Rule(
        name="ClaudeMemoryRestarting",
        topic="restarts",
        expression=" or ".join(
            (
                f"changes(process_start_time_seconds[{_WINDOW_M}m]) > {_STARTS}",
                f"changes(pg_up[{_WINDOW_M}m]) > {2 * _STARTS}",
                f"changes(up[{_WINDOW_M}m]) > {2 * _STARTS}",
            )
        ),
        for_s=60,
        severity=Severity.WARNING,
        summary="A process starts over and over",
        description=(
            f"{{{{ $labels.job }}}} on {{{{ $labels.instance }}}} started, or went away and came back, more than "
            f"{_STARTS} times within {_WINDOW_M} min."
        ),
        runbook=f"""
            Warning: a process started, or went away and came back, more than {_STARTS} times within {_WINDOW_M}
            minutes. Each time its container is started again, so no outage lasts long enough to be told.

            ```sh
            services
            docker inspect --format '{{{{.RestartCount}}}} {{{{.State.OOMKilled}}}} {{{{.State.ExitCode}}}}' "$(at app-1)"
            docker logs --tail 50 "$(at app-1)"
            ```

            - `true`, or status 137: [ClaudeMemoryOutOfMemory](#claudememoryoutofmemory).
            - Any other status: the last lines before each start say why.
            - The count is 0: the host, or Docker, was restarted, several updates followed each other, or the network
              between hosts was away now and then. It passes by itself.
        """,  # noqa: E501 - commands to paste
    ),
    Rule(
        name="ClaudeMemoryOutOfMemory",
        topic="oom",
        expression="increase(node_vmstat_oom_kill[15m]) > 0",
        for_s=0,
        severity=Severity.WARNING,
        summary="The kernel killed a process for memory",
        description=(
            "On {{ $labels.instance }} a process was killed because its container, or the host, had no memory left."
        ),
        runbook="""
            Warning: within the last 15 minutes the kernel killed a process of the host, since its container reached its
            limit or the host has no memory left. What was killed is started again; no acknowledged write is lost.

            ```sh
            docker ps -aq | xargs docker inspect --format '{{.Name}} {{.State.OOMKilled}} {{.HostConfig.Memory}}'
            docker stats --no-stream
            free -m
            ```

            - A container of the stack says `true`: raise its kind in `limits`, `pulumi up -s selfhost`. For PostgreSQL
              raise `memoryMb` of its host instead, if the host has it.
            - None does: the host ran out. [ClaudeMemoryMemoryHigh](#claudememorymemoryhigh).
        """,
    ),
    Rule(
        name="ClaudeMemoryHostRebooted",
        topic="reboot",
        expression=f"time() - node_boot_time_seconds < {_REBOOT_TOLD_S}",
        for_s=0,
        severity=Severity.WARNING,
        summary="A host was started",
        description="{{ $labels.instance }} was started {{ $value | humanizeDuration }} ago.",
        runbook=f"""
            Warning, for {_REBOOT_TOLD_S // MINUTE_S} minutes: a host was started. If no one did that, its provider or
            its kernel did. All containers start again with Docker.

            ```sh
            services
            last -x -n 5 reboot shutdown
            journalctl -b -1 -n 50 --no-pager
            ```

            - A container cannot bind to the private address: Docker was started before WireGuard, see
              [selfhost.md](selfhost.md).
            - `last` shows no `shutdown` before the `reboot`: it crashed, or lost power; `journalctl` shows its last
              lines.
        """,
    ),
)
