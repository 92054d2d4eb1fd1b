"""Where the settings say alerts go."""

from __future__ import annotations

import httpx
from pydantic import SecretStr

from app.alerts.delivery import Target
from app.alerts.mail import PORTS, Mail
from app.alerts.targets import DingTalk, Feishu, Slack, Webhook
from app.settings.fields import Settings


def targets(settings: Settings, client: httpx.AsyncClient) -> list[Target]:
    """Return every target the settings name."""
    found: list[Target] = []
    if url := _value(settings.alerts_dingtalk_url):
        found.append(DingTalk(client, url, _value(settings.alerts_dingtalk_secret)))
    if url := _value(settings.alerts_feishu_url):
        found.append(Feishu(client, url, _value(settings.alerts_feishu_secret)))
    if url := _value(settings.alerts_slack_url):
        found.append(Slack(client, url))
    if url := _value(settings.alerts_webhook_url):
        found.append(Webhook(client, url, _value(settings.alerts_webhook_secret)))
    if settings.alerts_smtp_host and settings.alerts_email_from:
        security = settings.alerts_smtp_security
        found.append(
            Mail(
                host=settings.alerts_smtp_host,
                port=settings.alerts_smtp_port or PORTS[security],
                security=security,
                sender=settings.alerts_email_from,
                recipients=tuple(settings.alerts_email_to),
                user=settings.alerts_smtp_user,
                password=_value(settings.alerts_smtp_password),
            )
        )
    return found


def _value(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
