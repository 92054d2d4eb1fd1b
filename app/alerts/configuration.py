"""Builds the targets of alerts from the settings."""

from __future__ import annotations

import httpx
from pydantic import SecretStr

from app.alerts.delivery import AlertTarget
from app.alerts.mail import PORTS, Mail
from app.alerts.targets import DingTalk, Feishu, Slack, Webhook
from app.settings.fields import Settings


def targets(settings: Settings, client: httpx.AsyncClient) -> list[AlertTarget]:
    """Return every target that the settings name."""
    configured: list[AlertTarget] = []
    if url := _secret_value(settings.alerts_dingtalk_url):
        configured.append(DingTalk(client, url, _secret_value(settings.alerts_dingtalk_secret)))
    if url := _secret_value(settings.alerts_feishu_url):
        configured.append(Feishu(client, url, _secret_value(settings.alerts_feishu_secret)))
    if url := _secret_value(settings.alerts_slack_url):
        configured.append(Slack(client, url))
    if url := _secret_value(settings.alerts_webhook_url):
        configured.append(Webhook(client, url, _secret_value(settings.alerts_webhook_secret)))
    if settings.alerts_smtp_host and settings.alerts_email_from:
        security = settings.alerts_smtp_security
        configured.append(
            Mail(
                host=settings.alerts_smtp_host,
                port=settings.alerts_smtp_port or PORTS[security],
                security=security,
                sender=settings.alerts_email_from,
                recipients=tuple(settings.alerts_email_to),
                user=settings.alerts_smtp_user,
                password=_secret_value(settings.alerts_smtp_password),
            )
        )
    return configured


def _secret_value(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
