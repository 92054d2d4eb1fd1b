"""Where the settings say alerts go."""

from __future__ import annotations

from typing import Any

import pytest

from app.access.exposure import UnsafeBind
from app.alerts.configuration import check_targets, targets
from app.alerts.mail import Mail
from app.alerts.server import check_bind
from app.alerts.targets import http_client
from app.errors import InvalidSettings
from app.settings.fields import Settings
from app.settings.loading import load_settings

MAIL = {"alerts_email_to": "a@b.c, d@e.f", "alerts_email_from": "m@b.c", "alerts_smtp_host": "mail"}
TOKEN = "made-up-" + "token-of-tests"


def given(settings: Settings, **more: Any) -> Settings:
    return Settings(**(settings.model_dump(exclude_unset=True) | more), _env_file=None)


async def test_every_target_that_is_set_is_used(plain_settings: Settings) -> None:
    urls = {
        f"alerts_{name}_url": f"https://{name}.example.org/key" for name in ("dingtalk", "feishu", "slack", "webhook")
    }
    settings = given(plain_settings, **urls, **MAIL)
    check_targets(settings)
    async with http_client() as client:
        found = targets(settings, client)
        assert targets(plain_settings, client) == []

    assert [one.name for one in found] == ["dingtalk", "feishu", "slack", "webhook", "email"]
    assert "key" not in repr(found)
    assert isinstance(found[-1], Mail)
    assert (found[-1].recipients, found[-1].port) == (("a@b.c", "d@e.f"), 587)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("off", 25)])
async def test_the_port_follows_the_encryption(plain_settings: Settings, security: str, port: int) -> None:
    async with http_client() as client:
        [mail] = targets(given(plain_settings, **MAIL, alerts_smtp_security=security), client)
        [other] = targets(given(plain_settings, **MAIL, alerts_smtp_security=security, alerts_smtp_port=2525), client)
    assert isinstance(mail, Mail)
    assert isinstance(other, Mail)
    assert (mail.port, other.port) == (port, 2525)


def test_everything_wrong_comes_in_one_message(plain_settings: Settings) -> None:
    wrong = given(
        plain_settings,
        alerts_dingtalk_secret="SEC",
        alerts_webhook_secret="whsec_!",
        alerts_email_to="a@b.c",
        alerts_smtp_user="me",
        alerts_smtp_security="off",
    )
    with pytest.raises(InvalidSettings) as error:
        check_targets(wrong)

    assert str(error.value) == (
        "5 wrong settings: ALERTS_DINGTALK_SECRET: there is no ALERTS_DINGTALK_URL it belongs to;"
        " ALERTS_WEBHOOK_SECRET: there is no ALERTS_WEBHOOK_URL it belongs to;"
        " ALERTS_WEBHOOK_SECRET: takes whsec_ and Base64;"
        " e-mail needs ALERTS_EMAIL_FROM, ALERTS_SMTP_HOST as well;"
        " ALERTS_SMTP_USER and ALERTS_SMTP_PASSWORD: set both or neither"
    )


def test_no_password_goes_in_clear(plain_settings: Settings) -> None:
    with pytest.raises(InvalidSettings, match="takes starttls or tls where a password is sent"):
        check_targets(
            given(plain_settings, **MAIL, alerts_smtp_security="off", alerts_smtp_user="a", alerts_smtp_password="b")
        )


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


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"alerts_host": "localhost"},
        {"alerts_host": "[::1]"},
        {"alerts_host": "0.0.0.0", "alerts_token": TOKEN},
        {"alerts_host": "0.0.0.0", "auth": "off"},
        {"auth": "required", "alerts_token": TOKEN},
        {"host": "0.0.0.0"},
    ],
)
def test_it_listens_where_nobody_unknown_comes_in(plain_settings: Settings, settings: dict[str, str]) -> None:
    check_bind(given(plain_settings, **settings))


@pytest.mark.parametrize("settings", [{"alerts_host": "0.0.0.0"}, {"alerts_host": "alerts"}, {"auth": "required"}])
def test_it_refuses_to_listen_where_anybody_could(plain_settings: Settings, settings: dict[str, str]) -> None:
    with pytest.raises(UnsafeBind, match="set ALERTS_TOKEN"):
        check_bind(given(plain_settings, **settings))
