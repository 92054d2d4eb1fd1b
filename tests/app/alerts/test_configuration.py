"""Where the settings say alerts go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.alerts.configuration import targets
from app.alerts.mail import Mail
from app.alerts.targets import http_client
from app.errors import InvalidSettings
from app.settings.fields import Settings
from app.settings.given import with_defaults
from app.settings.loading import load_settings
from app.settings.rules import ALERTS, modes_meant

MAIL = {"alerts_email_to": "a@b.c, d@e.f", "alerts_email_from": "m@b.c", "alerts_smtp_host": "mail"}

URLS = [name for name in Settings.model_fields if name.startswith("alerts_") and name.endswith("_url")]
PAGE = Path(__file__).parents[3] / "docs" / "alerts.md"


def given(settings: Settings, **more: Any) -> Settings:
    return Settings(**(settings.model_dump(exclude_unset=True) | more), _env_file=None)


async def test_every_target_that_is_set_is_used(plain_settings: Settings) -> None:
    rooms = [name.removesuffix("_url").removeprefix("alerts_") for name in URLS]
    settings = given(plain_settings, **{name: f"https://{name}.example.org/key" for name in URLS}, **MAIL)
    async with http_client() as client:
        found = targets(settings, client)
        assert targets(plain_settings, client) == []

    assert [one.name for one in found] == [*rooms, "email"]
    assert "slack" in rooms
    assert "key" not in repr(found)
    assert isinstance(found[-1], Mail)
    assert (found[-1].recipients, found[-1].port) == (("a@b.c", "d@e.f"), 587)


@pytest.mark.parametrize("name", [*URLS, "alerts_email_to"])
def test_a_receiver_is_meant_where_a_target_is_set(name: str) -> None:
    assert ALERTS in modes_meant(with_defaults({name.upper(): "set"}))


def test_the_page_names_the_settings_of_every_target() -> None:
    named = PAGE.read_text(encoding="utf-8")
    others = ("alerts_host", "alerts_port")  # the receiver's own address

    settings = [name.upper() for name in Settings.model_fields if name.startswith("alerts_") and name not in others]
    assert [name for name in settings if f"`{name}`" not in named] == []


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("off", 25)])
async def test_the_port_follows_the_encryption(plain_settings: Settings, security: str, port: int) -> None:
    async with http_client() as client:
        [mail] = targets(given(plain_settings, **MAIL, alerts_smtp_security=security), client)
        [other] = targets(given(plain_settings, **MAIL, alerts_smtp_security=security, alerts_smtp_port=2525), client)
    assert isinstance(mail, Mail)
    assert isinstance(other, Mail)
    assert (mail.port, other.port) == (port, 2525)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERTS_TOKEN", "short"),
        ("ALERTS_SLACK_URL", "hooks.slack.com/key"),
        ("ALERTS_SLACK_URL", "https:///key"),
        ("ALERTS_EMAIL_TO", "a@b.c,nobody"),
        ("ALERTS_EMAIL_FROM", "a@b.c\nBcc: d@e.f"),
        ("ALERTS_EMAIL_FROM", "Me <a@b.c>"),
    ],
)
def test_wrong_values_are_refused_without_showing_secrets(
    plain_settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=f"1 wrong setting: {name}: ") as error:
        load_settings()
    assert value not in str(error.value)
