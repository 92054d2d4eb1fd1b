"""Alertmanager: its configuration and its command line, the same on every target.

Critical alerts go out at once, warnings in groups, and no warning while a critical alert of its topic fires.
"""

from __future__ import annotations

from typing import Any

import yaml

from infra.monitoring.rule import Severity

PORT = 9093
MAIN_FILE, TOKEN_FILE = "alertmanager.yml", "token"
_PEOPLE = "people"


def configuration(receiver: str) -> str:
    """Return alertmanager.yml, which expects TOKEN_FILE in the same folder.

    receiver: host:port of our alert receiver.
    """
    webhook: dict[str, Any] = {
        "url": f"http://{receiver}/webhook",
        "send_resolved": True,
        "http_config": {"authorization": {"credentials_file": TOKEN_FILE}},
    }
    return str(
        yaml.safe_dump(
            {
                "route": _routes(),
                "inhibit_rules": [
                    {
                        "source_matchers": [f'severity="{Severity.CRITICAL}"'],
                        "target_matchers": [f'severity="{Severity.WARNING}"'],
                        "equal": ["topic", "instance", "mountpoint"],
                    }
                ],
                "receivers": [{"name": _PEOPLE, "webhook_configs": [webhook]}],
            },
            sort_keys=False,
        )
    )


def _routes() -> dict[str, Any]:
    critical = {
        "matchers": [f'severity="{Severity.CRITICAL}"'],
        "receiver": _PEOPLE,
        "group_by": ["alertname", "instance"],
        "group_wait": "0s",
        "group_interval": "10s",
        "repeat_interval": "1h",
    }
    watchdog = {
        "matchers": [f'severity="{Severity.NONE}"'],
        "receiver": _PEOPLE,
        "group_wait": "0s",
        "group_interval": "1m",
        "repeat_interval": "5m",
    }
    return {
        "receiver": _PEOPLE,
        "group_by": ["alertname"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "12h",
        "routes": [critical, watchdog],
    }


def arguments(files: str, data: str) -> list[str]:
    """Return the command line. files: the folder with the configuration; data: the folder for silences."""
    return [
        f"--config.file={files}/{MAIN_FILE}",
        f"--storage.path={data}",
        f"--web.listen-address=0.0.0.0:{PORT}",
        "--cluster.listen-address=",
    ]
