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
    dingtalk, feishu = settings.alerts_dingtalk_url, settings.alerts_feishu_url
    slack, webhook = settings.alerts_slack_url, settings.alerts_webhook_url
    if dingtalk:
        configured.append(DingTalk(client, dingtalk.get_secret_value(), _secret_value(settings.alerts_dingtalk_secret)))
    if feishu:
        configured.append(Feishu(client, feishu.get_secret_value(), _secret_value(settings.alerts_feishu_secret)))
    if slack:
        configured.append(Slack(client, slack.get_secret_value()))
    if webhook:
        configured.append(Webhook(client, webhook.get_secret_value(), _secret_value(settings.alerts_webhook_secret)))
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
