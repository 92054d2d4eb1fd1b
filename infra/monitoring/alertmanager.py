"""Alertmanager: its configuration and its command line, the same on every target.

Critical alerts go out at once, warnings in groups, and no warning while a critical alert of its topic fires.
"""

from __future__ import annotations

from typing import Any

import yaml

from infra.monitoring.prometheus import external_arguments
from infra.monitoring.rule import Severity

PORT = 9093
MAIN_FILE, TOKEN_FILE = "alertmanager.yml", "token"
_PEOPLE, _OUTSIDE = "people", "outside"


def configuration(receiver: str, watchdog_url: str | None = None) -> str:
    """Return alertmanager.yml, which expects TOKEN_FILE in the same folder.

    receiver: host:port of our alert receiver. watchdog_url: of a service outside, which is called as long as alerting
    works, and notifies people when the calls stop. It takes any POST; who knows the URL can call it, so it is a secret.
    """
    webhook: dict[str, Any] = {
        "url": f"http://{receiver}/webhook",
        "send_resolved": True,
        "http_config": {"authorization": {"credentials_file": TOKEN_FILE}},
    }
    receivers = [{"name": _PEOPLE, "webhook_configs": [webhook]}]
    if watchdog_url is not None:
        # not url_file, which Alertmanager knows from 0.26 on
        receivers.append({"name": _OUTSIDE, "webhook_configs": [{"url": watchdog_url, "send_resolved": False}]})
    return str(
        yaml.safe_dump(
            {
                "route": _routes(outside=watchdog_url is not None),
                "inhibit_rules": [
                    {
                        "source_matchers": [f'severity="{Severity.CRITICAL}"'],
                        "target_matchers": [f'severity="{Severity.WARNING}"'],
                        "equal": ["topic", "instance", "mountpoint"],
                    }
                ],
                "receivers": receivers,
            },
            sort_keys=False,
        )
    )


def _routes(outside: bool) -> dict[str, Any]:
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
        "routes": [critical, *([{**watchdog, "receiver": _OUTSIDE, "continue": True}] if outside else []), watchdog],
    }


def arguments(files: str, data: str, external_url: str | None = None) -> list[str]:
    """Return the command line.

    files: the folder with the configuration; data: the folder for silences. external_url: where people find its pages.
    """
    return [
        f"--config.file={files}/{MAIN_FILE}",
        f"--storage.path={data}",
        f"--web.listen-address=0.0.0.0:{PORT}",
        "--cluster.listen-address=",
        *external_arguments(external_url),
    ]
