"""Rules about secrets: forms of keys, and where values are not searched."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from random import Random

import pytest

from policies.rule import Options, Resource
from policies.secret_rules import RULES, entropy, key_form, texts
from policies.thresholds import Keys
from policies.variables import FUNCTION
from tests.policies.cases import resource

HIDDEN, MARKED, KEYS = RULES


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("cm_" + "a1B2" * 10 + "a1B", "an access token of the app"),
        ("id LTAI5tQnFu9Wq3Vb7Xk2Rz8Y", "an access key of Alibaba Cloud"),
        ("AKIAIOSFODNN7EXAMPLE", "an access key of AWS"),
        ("rnd_Abcdefghij0123456789", "a key of Render"),
        ("ghp_" + "a1" * 18, "a token of GitHub"),
        ("sk-proj-abcdefghijklmnopqrstu", "a key of a model service"),
        ("xoxb-1234567890-abc", "a token of Slack"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig", "a signed token"),
        ("postgresql://memory:hunter22@db/memory", "a password in a URL"),
        ("--token=9vQ2mKf7Lr0Xw3TzBn8YdHs5Gc1Jp6Ua", "a random key"),
        ("wJalrXUt7FEMI/K7MDENG9/bPxRfiCY2v8Kq0Zt", "a random key"),
        ("q3/Zk9+Vw1/xT7bL2mN/8cR4hJ6pD0/sF5gY==", "a random key"),
        ("https://hooks.example.org/v1/9vQ2mKf7Lr0Xw3TzBn8YdHs5Gc1Jp6Ua/send", "a random key"),
        ("memory-Alerts-9vQ2mKf7Lr0Xw3TzBn8YdHs5", "a random key"),
        ("/keys/0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c", "a key in hexadecimal digits"),
        ("key 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c", "a key in hexadecimal digits"),
    ],
)
def test_a_key_is_told_by_its_form(text: str, form: str) -> None:
    assert key_form(text, Keys()) == form


@pytest.mark.parametrize(
    "text",
    [
        "claude-memory:0.1.0",
        f"postgres@sha256:{'0f1e2d3c' * 8}",
        "acs:fc:cn-hangzhou:1730431480417716:layers/MCP-Runtime-V2/versions/1",
        "/opt/python3.12/bin:/opt/bin:/usr/local/bin:/usr/bin:/bin",
        "-----BEGIN CERTIFICATE-----",
        "postgresql://db.example.org:5432/memory",
        "278f6104d9fc633e",
        "ClaudeMemoryAlertDeliveryFailing",
        "memory-Alerts-2026-Production-EU-West1",
        "/etc/ClaudeMemory/alerts-2026/Production_EU/West1/rules",
        "https://docs.example.org/en/Monitoring2/Alerts/HighMemoryUse/runbook-V2",
    ],
)
def test_what_is_no_key_is_left_alone(text: str) -> None:
    assert key_form(text, Keys()) is None


def test_a_random_key_is_never_taken_for_a_name() -> None:
    random = Random(1)
    keys = [base64.b64encode(random.randbytes(32)).decode() for _ in range(2_000)]

    missed = [key for key in keys if key_form(key, Keys()) is None]
    assert [key for key in missed if re.search(r"\d", key)] == [], "a name without a digit looks like any other word"


def test_entropy_is_counted_per_character() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


def test_an_allowed_text_is_no_key() -> None:
    odd = Resource(type="it", name="it", stack="test", props={"build": "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"})

    assert KEYS.violations(odd, Keys())
    assert KEYS.violations(odd, Keys(allowed=("^[0-9a-f]{40}$",))) == []


def test_a_message_does_not_show_the_key() -> None:
    odd = Resource(type="it", name="it", stack="test", props={"a": [{"b": "AKIAIOSFODNN7EXAMPLE"}]})
    [found] = KEYS.violations(odd, Keys())

    assert "it has at a[0].b what looks like an access key of AWS" in found.message
    assert "AKIA" not in found.message


def test_what_the_state_never_holds_is_not_searched() -> None:
    assert list(texts({"a": {"value": "x", "writeOnly": True}, "b": "y"})) == [("b", "y")]


def test_a_function_has_to_name_its_environment_among_the_secret_outputs() -> None:
    function = resource("aliyun", "V3Function", "memory-function")

    assert MARKED.violations(function, MARKED.thresholds) == []
    [found] = MARKED.violations(replace(function, options=Options()), MARKED.thresholds)
    assert "does not name environmentVariables among its secret outputs" in found.message


def test_a_functions_environment_in_clear_is_named_setting_by_setting() -> None:
    function = replace(resource("aliyun", "V3Function", "memory-function"), secrets=frozenset())

    named = {found.message.split()[2] for found in HIDDEN.violations(function, HIDDEN.thresholds)}
    assert function.type == FUNCTION
    assert {"ADMIN_TOKEN", "DATABASE_URL"} <= named
