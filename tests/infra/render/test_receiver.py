"""The alert receiver."""

from __future__ import annotations

import pulumi

from infra.render.app_settings import AppSettings
from infra.render.receiver import Receiver, ReceiverArgs
from infra.render.services import PROGRAM
from tests.support.render_plan import CODE, PLACE, built, of_kind


def test_a_receiver_keeps_its_log_on_a_disk_and_its_token_secret() -> None:
    def declare() -> object:
        settings = AppSettings(plain={"PORT": "8081"}, secrets={"ALERTS_TOKEN": pulumi.Output.secret("made-up")})
        return Receiver("alerts", ReceiverArgs(place=PLACE, code=CODE, plan="starter", settings=settings))

    [service] = of_kind(built(declare), "PrivateService").values()
    assert service.inputs["name"] == "claude-memory-alerts"
    assert service.inputs["dockerCommand"] == f"{PROGRAM} alerts"
    assert service.inputs["disk"] == {"name": "data", "mountPath": "/var/data", "sizeGB": 1}
    assert service.inputs["envVars"]["ALERTS_TOKEN"] == {"value": "made-up", "writeOnly": True}
    assert service.secrets == {"envVars"}
