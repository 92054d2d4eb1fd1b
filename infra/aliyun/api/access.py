"""Keys to Alibaba Cloud's APIs, found the same way by the provider and by `python -m infra.aliyun`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.errors import InfraError

# Names that the provider reads, the newest first. Source: pulumi-alicloud 4.0.0.
ID_VARIABLES = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALICLOUD_ACCESS_KEY_ID", "ALICLOUD_ACCESS_KEY")
SECRET_VARIABLES = ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALICLOUD_ACCESS_KEY_SECRET", "ALICLOUD_SECRET_KEY")
TOKEN_VARIABLES = ("ALIBABA_CLOUD_SECURITY_TOKEN", "ALICLOUD_SECURITY_TOKEN")
# Other ways in which the provider finds credentials by itself; it reports what is wrong with them.
OTHER_WAYS = (
    "ALICLOUD_PROFILE",
    "ALIBABA_CLOUD_PROFILE",
    "ALICLOUD_ECS_ROLE_NAME",
    "ALIBABA_CLOUD_ECS_METADATA",
    "ALIBABA_CLOUD_CREDENTIALS_URI",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
)


class NoKeys(InfraError):
    """There are no keys to Alibaba Cloud's APIs."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """A key pair. token: of temporary keys."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def find_keys(configured: tuple[str, str] | None = None, environment: Mapping[str, str] | None = None) -> Keys | None:
    """Return the keys to use; None when the provider finds its credentials in another way. Raises NoKeys.

    configured: id and secret of the stack's own configuration, which go before the environment's.
    """
    environment = os.environ if environment is None else environment
    if configured is not None:
        return Keys(id=configured[0], secret=configured[1])
    id_, secret, token = (_first(environment, names) for names in (ID_VARIABLES, SECRET_VARIABLES, TOKEN_VARIABLES))
    if id_ and secret:
        return Keys(id=id_, secret=secret, token=token or None)
    if any(environment.get(name) for name in OTHER_WAYS):
        return None
    raise NoKeys(
        "no keys to Alibaba Cloud: make a pair for a RAM user in the console under AccessKey, then set"
        f" {ID_VARIABLES[0]} and {SECRET_VARIABLES[0]}, or run `pulumi config set --secret accessKeyId` and"
        " `pulumi config set --secret accessKeySecret`"
    )


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environment[name].strip() for name in names if environment.get(name, "").strip()), "")
