"""Where the settings say alerts go, and what is wrong with what they say."""

from __future__ import annotations

import httpx
from pydantic import SecretStr

from app.alerts.delivery import Target
from app.alerts.mail import PORTS, Mail
from app.alerts.targets import DingTalk, Feishu, Slack, Webhook, webhook_key
from app.errors import InvalidSettings
from app.settings.fields import Settings
from app.settings.values import SmtpSecurity


def check_targets(settings: Settings) -> None:
    """Raise InvalidSettings with everything that is missing or left over where alerts go."""
    wrong = [
        f"ALERTS_{name}_SECRET: there is no ALERTS_{name}_URL it belongs to"
        for name in ("DINGTALK", "FEISHU", "WEBHOOK")
        if getattr(settings, f"alerts_{name.lower()}_secret") and not getattr(settings, f"alerts_{name.lower()}_url")
    ]
    if settings.alerts_webhook_secret is not None:
        try:
            webhook_key(settings.alerts_webhook_secret.get_secret_value())
        except ValueError as error:
            wrong.append(f"ALERTS_WEBHOOK_SECRET: {error}")
    mail = {
        "ALERTS_EMAIL_TO": settings.alerts_email_to,
        "ALERTS_EMAIL_FROM": settings.alerts_email_from,
        "ALERTS_SMTP_HOST": settings.alerts_smtp_host,
    }
    missing = [name for name, value in mail.items() if not value]
    if 0 < len(missing) < len(mail):
        wrong.append(f"e-mail needs {', '.join(missing)} as well")
    if bool(settings.alerts_smtp_user) != bool(settings.alerts_smtp_password):
        wrong.append("ALERTS_SMTP_USER and ALERTS_SMTP_PASSWORD: set both or neither")
    if settings.alerts_smtp_password and settings.alerts_smtp_security is SmtpSecurity.OFF:
        wrong.append("ALERTS_SMTP_SECURITY: got 'off', takes starttls or tls where a password is sent")
    if wrong:
        raise InvalidSettings(f"{len(wrong)} wrong setting{'s' if len(wrong) > 1 else ''}: " + "; ".join(wrong))


def targets(settings: Settings, client: httpx.AsyncClient) -> list[Target]:
    """Return every target the settings name."""
    found: list[Target] = []
    dingtalk, feishu = settings.alerts_dingtalk_url, settings.alerts_feishu_url
    slack, webhook = settings.alerts_slack_url, settings.alerts_webhook_url
    if dingtalk:
        found.append(DingTalk(client, dingtalk.get_secret_value(), _value(settings.alerts_dingtalk_secret)))
    if feishu:
        found.append(Feishu(client, feishu.get_secret_value(), _value(settings.alerts_feishu_secret)))
    if slack:
        found.append(Slack(client, slack.get_secret_value()))
    if webhook:
        found.append(Webhook(client, webhook.get_secret_value(), _value(settings.alerts_webhook_secret)))
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
