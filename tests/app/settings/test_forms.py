"""Without pydantic: what is certain is true, and ordinary values are certain."""

from __future__ import annotations

import pytest

from app.settings.forms import host_of, is_certain, is_loopback
from app.settings.loading import check_given
from app.settings.table import TABLE

ODD = (
    *("", " ", "0", "1", "-1", "+1", "00", "007", "1_000", "1.5", ".5", "1.", "1e3", "nan", "inf", "١", "²"),
    *("7", "8", "16", "200", "366", "500", "4096", "65535", "65536", "99999", "100000", "99999999999999999999"),
    *("on", "ON", "Off", "yes", "t", "maybe", "auto", "AUTO", "required", "off", "local", "memu", "full", "health"),
    *("text", "json", "info", "INFO", "Loud", "starttls", "tls", "UTC", "utc", "Asia/Shanghai", "../x"),
    *("a", "a b", "a,b", ",", "a\tb", "a\x00b", "a\nb", "a\x7fb", "\udcff", "Tür", "x" * 15, "x" * 100, "x" * 201),
    *("a_b-c", "a.b", "a@b.c", "a@b.c, d@e.f", "a@b,c", "Me <a@b.c>", "~/here", "~nobody-there/x", "/a/b"),
    *("http://h", "https://h", "HTTPS://h", "https://h/", "https://h//", "https://H.example:443", "https://h:x"),
    *(
        "https://h:65535/p",
        "https://h:65536",
        "https://h:",
        "https://",
        "https:///p",
        "https://[::1]:1",
        "https://[::1",
    ),
    *("https://u:p@h", "https://h/@x", "https://h?q=1", "https://h#f", "https://h/a b", "https://h/%zz", "https://ü"),
    *("http://127.0.0.1:1", "http://localhost", "http://a,http://b", "http://a, https://b:1", "http://a,,", "ftp://h"),
    *("https://-", "https://.", "https://%", "https://h%2f", "https://h/p/q?x", "//h", "h", "https://h:0"),
    *("postgresql://h", "postgres://u:p@h:1/d", "postgresql://u:p%2F@h/d?sslmode=require", "postgresql:///d?host=/s"),
    *("postgresql://u:p/x@h/d", "postgresql://u:p@x@h/d", "postgresql://u:p#x@h/d", "postgresql://u:p?x@h/d"),
    *("postgresql://h/d?foo=bar", "postgresql://h/d?sslmode=bogus", "postgresql://h/d?port=x", "postgresql://h?%73=x"),
    *("postgresql://h:x/d", "postgresql://h1,h2:1/d", "postgresql://[::1]/d", "postgresql://", "mysql://u:p@h/d"),
    *("postgresql://u:p:q@h/d", "postgresql://h/d?a@b", "postgresql://h/d#f", "postgresql://h:99999/d"),
    *("* * * * *", "0 2 * * *", "*/5 * * * 1-5", "0 0 31 2 *", "61 * * * *", "0  2 * * *", "0 0 29 2 *", "OFF"),
    *("0 0 1 1 0", "0 0 0 1 0", "0 0 1 0 0", "59 23 28 12 6", "0 0 * * 7", "@daily", "* * * *", "* * * * * *"),
    *("10.0.0.0/8", "10.0.0.1/8", "10.0.0.1", "10.0.0.1/32", "10.0.0.0/33", "10.0.0/8", "010.0.0.1", "::1", "fd00::/8"),
    *("::/0", "fe80::1%eth0", "::1/", "::1/127", "::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "1.2.3.4/08", "0.0.0.0/0"),
    *("cm_" + "x" * 43, "cm_" + "x" * 42, "cm_" + "é" * 43, "cm_" + "x" * 42 + ".", "CM_" + "x" * 43),
)


@pytest.mark.parametrize("name", TABLE)
def test_what_is_certain_is_valid(name: str) -> None:
    form = TABLE[name][2]
    wrong = [text for text in ODD if text and is_certain(form, text) and check_given({name: text}, ()).wrong]

    assert wrong == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("PORT", ["0", "8000", "65535"]),
        ("METRICS_PORT", ["8080"]),
        ("AUTH", ["auto", "required", "off"]),
        ("HOST", ["0.0.0.0", "::", "memory.example"]),
        ("ADMIN_TOKEN", ["cm_" + "a-_0" * 10 + "xyz"]),
        ("ALLOWED_HOSTS", ["a.example, b.example"]),
        ("TRUSTED_PROXIES", ["10.0.0.1", "10.0.0.0/8, 172.16.0.0/12,::1,fd00::/8"]),
        ("PUBLIC_URL", ["https://memory.example.com", "https://memory.example.com:8443/"]),
        ("OPENID_ISSUER", ["https://accounts.example.com/realms/main"]),
        (
            "DATABASE_URL",
            ["postgresql://u:p@h/d?sslmode=require&channel_binding=require", "postgresql://h/d?pgbouncer=true"],
        ),
        ("DATABASE_URL", ["postgresql://nowhere", "postgresql://me:p%2Fw@10.0.0.2:5432/memory?sslmode=require"]),
        ("QDRANT_URL", ["http://10.0.0.2:6333", "http://a:6333,http://b:6333/"]),
        ("QDRANT_COLLECTION", ["claude_memory"]),
        ("REDACT_SECRETS", ["on", "FALSE", "1"]),
        ("DRAIN_SECONDS", ["0", "2.5"]),
        ("ALERTS_GIVE_UP_HOURS", ["24", "0.5"]),
        ("LOG_LEVEL", ["debug", "WARNING"]),
        ("EMBEDDING_MODEL", ["text-embedding-v4"]),
        ("EMBEDDING_QUERY_PREFIX", ["query: "]),
        ("BACKUP_TO", ["s3://bucket/prefix", "/var/backups"]),
        ("BACKUP_SCHEDULE", ["0 2 * * *", "off", "30 4 1 * *"]),
        ("MEMORY_DATA_DIR", ["/var/lib/claude-memory"]),
        ("SCHEDULE_TIMEZONE", ["UTC"]),
    ],
)
def test_ordinary_values_are_certain(name: str, values: list[str]) -> None:
    assert [value for value in values if not is_certain(TABLE[name][2], value)] == []


def test_a_form_nobody_knows_is_never_certain() -> None:
    assert not is_certain(("unsure",), "a@b.c")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((host, True) for host in ("127.0.0.1", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1", "::1%lo", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "127.1", "127.0.0.01", "example.org", "", "1\x00", "ü")),
    ],
)
def test_only_this_machines_own_addresses_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Memory.Example:8443/a?b#c", "memory.example"),
        ("https://u:p@h", "h"),
        ("http://[::1]:80/", "::1"),
        ("https://h?x", "h"),
        ("no url", ""),
    ],
)
def test_the_host_of_a_url_is_found(url: str, host: str) -> None:
    assert host_of(url) == host
