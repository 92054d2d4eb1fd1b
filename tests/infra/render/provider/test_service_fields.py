"""Properties of services between a program and the API."""

from __future__ import annotations

import pytest

from infra.render.provider.fields import Text, canonical
from infra.render.provider.service_fields import image_alike, scaling_decoded, scaling_encoded, trigger_decoded


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("example/app", "docker.io/example/app:latest"),
        ("ghcr.io/example/app:1", "ghcr.io/example/app:1"),
        ("registry:5000/app", "registry:5000/app:latest"),
        ("nginx@sha256:00", "docker.io/library/nginx@sha256:00"),
    ],
)
def test_an_image_is_written_out_as_render_does(written: str, full: str) -> None:
    assert image_alike(written) == full
    assert canonical(Text(alike=image_alike), written) == full


@pytest.mark.parametrize(
    "scaling",
    [
        {"min": 1, "max": 3, "cpuPercent": 60},
        {"min": 2, "max": 2, "memoryPercent": 90},
        {"min": 1, "max": 100, "cpuPercent": 1, "memoryPercent": 90},
    ],
)
def test_autoscaling_survives_the_way_to_the_api_and_back(scaling: dict[str, int]) -> None:
    sent = scaling_encoded(scaling)

    assert set(sent["criteria"]) == {"cpu", "memory"}, "the API wants both"
    assert scaling_decoded(sent) == scaling


@pytest.mark.parametrize("off", [None, {}, {"enabled": False, "min": 1, "max": 1, "criteria": {}}])
def test_autoscaling_that_is_off_is_none(off: dict[str, object] | None) -> None:
    assert scaling_decoded(off) is None


@pytest.mark.parametrize(
    ("answer", "trigger"),
    [
        ({"autoDeploy": "yes", "autoDeployTrigger": "checksPass"}, "checksPass"),
        ({"autoDeploy": "no"}, "off"),
        ({"autoDeploy": "yes"}, "commit"),
    ],
)
def test_an_older_answer_tells_only_whether_a_service_deploys_by_itself(answer: dict[str, str], trigger: str) -> None:
    assert trigger_decoded(answer) == trigger
