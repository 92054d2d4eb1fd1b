"""Custom domains, beyond the life of every type."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.programs import image_web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed


def test_an_apex_brings_its_www_which_is_no_affair_of_the_program(stack: Engine, render: Server) -> None:
    stack.up(image_web())
    domain = {"serviceId": stack.resources["web"].id, "name": "example.com"}
    program = image_web() | {"domain": ("render:index:CustomDomain", domain)}

    stack.up(program)
    stack.refresh()

    [service] = render.state.services.values()
    assert sorted(one["name"] for one in service.domains) == ["example.com", "www.example.com"]
    assert ("same", "domain") in stack.steps


def test_a_domain_that_the_service_has_already_is_the_one(stack: Engine, render: Server, api: RenderApi) -> None:
    stack.up(image_web())
    service = stack.resources["web"].id
    api.domains.create(service, "memory.example.com")

    domain = {"serviceId": service, "name": "memory.example.com"}
    stack.up(image_web() | {"domain": ("render:index:CustomDomain", domain)})

    assert stack.resources["domain"].id == f"{service}/memory.example.com"
    assert stack.resources["domain"].values["verificationStatus"] == "unverified"


def test_an_id_of_another_form_is_told_the_form(stack: Engine) -> None:
    with pytest.raises(StepFailed, match="it has the form SERVICE/NAME, such as srv-1"):
        stack.import_("domain", "render:index:CustomDomain", "cdm-1")
