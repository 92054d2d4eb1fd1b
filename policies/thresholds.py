"""What a policy configuration can change, typed and with defaults. The names in a configuration are in camelCase."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from infra.aliyun.config import Function


class Thresholds(BaseModel):
    """Base of all of them."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True)

    @classmethod
    def properties(cls) -> dict[str, Any]:
        """Return the JSON schema of each threshold."""
        found: dict[str, Any] = cls.model_json_schema(by_alias=True).get("properties", {})
        return found


class Nothing(Thresholds):
    """Of a rule without thresholds."""


NO_THRESHOLDS = Nothing()


class Production(Thresholds):
    """Which stacks may be less than production. Every other one is production."""

    development: tuple[str, ...] = Field(
        default=("dev", "test", "*-dev", "*-test", "*-preview"),
        description="patterns of the names of stacks for development",
    )

    def is_production(self, stack: str) -> bool:
        """Whether a stack is for production. Its name may have organisation and project before it."""
        return not any(fnmatchcase(stack.rpartition("/")[2], pattern) for pattern in self.development)


class Keys(Thresholds):
    """When a text is taken for a key. Entropy is counted per character."""

    length: Annotated[int, Field(ge=16)] = Field(
        default=24, description="characters in a row from which a text can be a key"
    )
    bits: Annotated[float, Field(gt=0, le=6)] = Field(default=4.0, description="bits of entropy from which it is one")
    allowed: tuple[str, ...] = Field(
        default=(), description="regular expressions of texts that look like keys and are none"
    )


class Memory(Thresholds):
    """The memory of the function that clients reach, in MB."""

    minimum_mb: int = Field(
        default=Function().memory_mb, description="the least memory of the server's function, in MB"
    )
    maximum_mb: int = Field(default=3072, description="the most, in MB: memory is what a function is paid by")


class Timeout(Thresholds):
    """How long a request to the server's function may take."""

    seconds: int = Field(default=Function().timeout_s, description="the timeout of the server's function")


class Instances(Thresholds):
    """How many instances a service on Render may have."""

    maximum: Annotated[int, Field(ge=1)] = Field(
        default=10, description="the most instances of a service: each is paid for"
    )


class Networks(Thresholds):
    """How wide a block of addresses may be that reaches a store from outside."""

    widest_ipv4: Annotated[int, Field(ge=0, le=32)] = Field(
        default=24, description="the shortest prefix of an IPv4 block"
    )
    widest_ipv6: Annotated[int, Field(ge=0, le=128)] = Field(
        default=48, description="the shortest prefix of an IPv6 block"
    )


class Images(Thresholds):
    """How an image is pinned."""

    digests: bool = Field(
        default=False, description="whether a digest is needed; otherwise a tag with a version is enough"
    )


class Published(Thresholds):
    """Which containers other machines may reach."""

    services: tuple[str, ...] = Field(
        default=("memory-proxy",), description="containers that may publish on every address"
    )
