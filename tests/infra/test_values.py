"""Values that several targets have: what is taken, and what is refused with the rule."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from infra.values import Address, HostName, Image, Password

IMAGE, PASSWORD = TypeAdapter[str](Image), TypeAdapter[Any](Password)
HOST_NAME, ADDRESS = TypeAdapter[str](HostName), TypeAdapter[str](Address)


@pytest.mark.parametrize("image", ["nginx:1.27", f"ghcr.io/example/app@sha256:{'0' * 64}", "localhost:5000/app:1"])
def test_an_image_that_names_one_version_is_taken(image: str) -> None:
    assert IMAGE.validate_python(image) == image


@pytest.mark.parametrize("image", ["nginx", "ghcr.io/example/app", "app@sha256:12", "App:1"])
def test_an_image_that_can_change_at_any_time_is_refused(image: str) -> None:
    with pytest.raises(ValidationError, match="takes NAME:TAG, NAME@sha256:DIGEST or both"):
        IMAGE.validate_python(image)


@pytest.mark.parametrize("password", ["short", "with a space in it", "quote'quote'quote'q"])
def test_a_password_that_needs_quoting_or_is_short_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ValidationError, match="takes 16 or more letters") as refused:
        PASSWORD.validate_python(password)

    assert password not in str(refused.value.errors()[0]["msg"])


@pytest.mark.parametrize(
    "name", ["memory.example.org", "memory", "xn--mnchen-3ya.example", "memory.internal", "a-1.b2"]
)
def test_a_host_name_is_taken(name: str) -> None:
    assert HOST_NAME.validate_python(name) == name


def test_a_host_name_is_the_same_in_capitals() -> None:
    assert HOST_NAME.validate_python("Memory.Example.org") == "memory.example.org"


@pytest.mark.parametrize(
    "name",
    [
        *("", "https://memory.example.org", "memory.example.org/", "memory.example.org:8443", "memory example"),
        *(
            "*.example.org",
            "a..b",
            ".a",
            "a.",
            "-a.org",
            "a-.org",
            "ex_ample.org",
            "10.0.0.1",
            "{$HOME}",
            "m\u00fcnchen.de",
        ),
        *("a" * 64, ".".join(["a" * 50] * 6), "memory.example.org {\n"),
    ],
)
def test_what_no_certificate_and_no_proxy_could_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=r"takes a host name such as memory\.example\.org"):
        HOST_NAME.validate_python(name)


@pytest.mark.parametrize(
    ("given", "kept"), [("10.77.0.2", "10.77.0.2"), ("FD00::2", "fd00::2"), ("127.0.0.1", "127.0.0.1")]
)
def test_an_address_of_a_host_is_taken(given: str, kept: str) -> None:
    assert ADDRESS.validate_python(given) == kept


@pytest.mark.parametrize("given", ["", "one.example.org", "10.77.0.2/24", "10.77.0.2:5432", "010.0.0.1", "256.0.0.1"])
def test_what_docker_cannot_listen_on_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match=r"takes an IP address such as 10\.77\.0\.2"):
        ADDRESS.validate_python(given)


@pytest.mark.parametrize("given", ["0.0.0.0", "::", "224.0.0.1"])
def test_an_address_that_is_not_one_hosts_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="here everyone could reach the database"):
        ADDRESS.validate_python(given)
