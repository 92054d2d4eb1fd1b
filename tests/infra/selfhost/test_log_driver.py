"""Where the logs of containers go: what a stack may name, and what each container is given."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from infra.selfhost.log_driver import Logging, log_arguments
from tests.support.components import CONTAINER
from tests.support.stacks import selfhost_plan

SYSLOG = {"driver": "syslog", "address": "udp://10.77.0.9:514"}
LOKI = {"driver": "loki", "address": "https://loki.example.org/loki/api/v1/push"}


@pytest.mark.parametrize(
    ("driver", "address"),
    [
        ("syslog", "udp://10.77.0.9:514"),
        ("syslog", "udp://[fd00::9]:514"),
        ("gelf", "udp://127.0.0.1:12201"),
        ("loki", "https://loki.example.org/loki/api/v1/push"),
    ],
)
def test_an_address_that_keeps_no_container_from_starting_is_taken(driver: str, address: str) -> None:
    assert Logging.model_validate({"driver": driver, "address": address}).address == address


@pytest.mark.parametrize(
    ("driver", "address", "why"),
    [
        ("syslog", "tcp://10.77.0.9:514", "no container starts while that server"),
        ("syslog", "tcp+tls://10.77.0.9:6514", "A relay at udp://127"),
        ("syslog", "udp://logs.example.org:514", "a name to look up"),
        ("syslog", "udp://10.77.0.999:514", "with an IP address"),
        ("gelf", "udp://10.77.0.9:70000", "takes udp://ADDRESS:PORT"),
        ("gelf", None, "gelf takes udp://"),
        ("loki", None, "takes the URL"),
        ("loki", "https://loki.example.org", "/loki/api/v1/push"),
        ("loki", "https://me:made-up@loki.example.org/loki/api/v1/push", "would show its password"),
        ("json-file", "udp://10.77.0.9:514", "goes with another driver"),
    ],
)
def test_any_other_address_is_refused_with_the_reason(driver: str, address: str | None, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Logging.model_validate({"driver": driver, "address": address})


@pytest.mark.parametrize("given", [SYSLOG, LOKI, {**SYSLOG, "driver": "gelf"}], ids=lambda given: given["driver"])
def test_a_driver_that_sends_blocks_no_container_and_keeps_the_last_lines_within_limits(given: dict[str, str]) -> None:
    options = log_arguments(Logging.model_validate(given))["log_opts"]

    assert options["mode"] == "non-blocking"
    kept = "" if given["driver"] == "loki" else "cache-"
    assert (options[f"{kept}max-size"], options[f"{kept}max-file"]) == ("10m", "3")
    assert given["address"] in options.values()


def test_every_container_that_runs_sends_its_logs_there() -> None:
    ran = [
        one.inputs for one in selfhost_plan(logging=SYSLOG).of_type(CONTAINER).values() if one.inputs.get("start", True)
    ]

    assert {one["logDriver"] for one in ran} == {"syslog"}
    assert {one["logOpts"]["syslog-address"] for one in ran} == {SYSLOG["address"]}
