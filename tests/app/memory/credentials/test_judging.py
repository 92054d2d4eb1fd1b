from __future__ import annotations

import base64

import pytest

from app.memory.credentials.judging import is_name_and_password, is_uuid, looks_chosen, looks_random, speaks_of_itself


@pytest.mark.parametrize("value", ["q7Zt2mKf9Lr0Xw3T", "0f3e9c21ab7745d0", "k4zq8m2xv9t3hw7c6r5j"])
def test_generated_values_look_random(value: str) -> None:
    assert looks_random(value)


@pytest.mark.parametrize(
    "value",
    [
        "AccessTokenProviderFactoryBuilder",
        "my-long-service-name-v2",
        "path/to/File2.txt",
        "accessKeyId",
        "2026-01-01T00:00:00Z",
    ],
)
def test_names_paths_and_times_do_not(value: str) -> None:
    assert not looks_random(value)


def test_a_password_chosen_with_care_has_digits_and_capitals_or_signs() -> None:
    assert looks_chosen("Tr0ub4dor")
    assert looks_chosen("tr0ub4dor!")
    assert not any(map(looks_chosen, ["hunter2", "required", "Required", "12345678!", "correcthorse9"]))


def test_examples_say_so() -> None:
    for value in (
        "AKIAIOSFODNN7EXAMPLE",
        "your-token-1",
        "xxxxxxxx",
        "***",
        "<key>",
        "SK0123456789abcdef",
        "my-secret-1",
    ):
        assert speaks_of_itself(value), value


def test_name_and_password_in_base64_are_told_from_other_base64() -> None:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    assert is_name_and_password(encoded("ann:x9#kL2"))
    assert is_name_and_password(encoded("ann:x9#kL2").rstrip("="))
    assert not any(
        map(is_name_and_password, [encoded("no colon here"), encoded("ann:password"), "%%%", encoded("a:b")])
    )


def test_a_uuid_is_one_alone() -> None:
    assert is_uuid("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
    assert not is_uuid("6ba7b810-9dad-41d1-80b4-00c04fd430c8a")
