"""Reads notifications: Alertmanager's webhook (version 4), or any JSON object with a list `alerts`.

Only `status` is required; unknown fields are ignored. The format is that of
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config; the tests have a recorded one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app.errors import InvalidInput, MemoryServerError, shown

NEVER = "0001-01-01T00:00:00Z"  # how Go writes a time that is not set
_FNV_OFFSET, _FNV_PRIME, _FNV_SEPARATOR = 14_695_981_039_346_656_037, 1_099_511_628_211, b"\xff"


class InvalidNotification(MemoryServerError):
    """The body is not a notification; none of it was stored."""

    code = InvalidInput.code
    status = 400


def _time(value: str) -> str | None:
    """Check an ISO 8601 time and return its text: Alertmanager's have nanoseconds, which datetime cannot hold."""
    if value in ("", NEVER):
        return None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("takes an ISO 8601 time") from None
    return value


def _none_as_empty(value: Any) -> Any:
    return {} if value is None else value


Labels = Annotated[dict[str, str], BeforeValidator(_none_as_empty)]
Time = Annotated[str, Field(max_length=64), AfterValidator(_time)] | None


class Alert(BaseModel):
    """One alert. Its fields have our names in Python and Alertmanager's names in JSON."""

    model_config = ConfigDict(populate_by_name=True)

    status: Literal["firing", "resolved"]
    labels: Labels = Field(default_factory=dict)
    annotations: Labels = Field(default_factory=dict)
    starts_at: Time = Field(None, alias="startsAt")
    ends_at: Time = Field(None, alias="endsAt")
    generator_url: str = Field("", alias="generatorURL")
    fingerprint: str = Field("", max_length=200)

    @model_validator(mode="after")
    def _identify(self) -> Alert:
        self.fingerprint = self.fingerprint or fingerprint(self.labels)
        return self

    @property
    def name(self) -> str:
        """The label `alertname`, which every Prometheus rule sets."""
        return self.labels.get("alertname", "alert without a name")


class Notification(BaseModel):
    """One call of the webhook: alerts that belong together."""

    alerts: list[Alert]
    receiver: str = ""


def fingerprint(labels: dict[str, str]) -> str:
    """Return the fingerprint Alertmanager gives a set of labels: 64-bit FNV-1a over the sorted names and values.

    From prometheus/common, model/fnv.go and model/signature.go (labelSetToFingerprint).
    """
    value = _FNV_OFFSET
    for name in sorted(labels):
        for part in (name, labels[name]):
            for byte in part.encode() + _FNV_SEPARATOR:
                value = (value ^ byte) * _FNV_PRIME % 2**64
    return f"{value:016x}"


def read_notification(body: bytes) -> Notification:
    """Parse a body. Raises InvalidNotification, which names the first wrong field."""
    try:
        return Notification.model_validate_json(body)
    except ValidationError as error:
        raise InvalidNotification(_first_wrong(error)) from None


def _first_wrong(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return "body: not valid JSON, takes an object such as Alertmanager's webhook sends"
    where = ".".join(map(str, first["loc"])) or "body"
    if first["type"] == "missing":
        return f"{where}: missing, takes " + ("a list of alerts" if where == "alerts" else "firing or resolved")
    takes = {
        "model_type": "a JSON object",
        "literal_error": "firing or resolved",
        "list_type": "a list of alerts",
        "dict_type": "an object of texts",
        "string_type": "a text",
    }.get(first["type"], first["msg"].removeprefix("Value error, takes "))
    return f"{where}: got {shown(first['input'])}, takes {takes}"
