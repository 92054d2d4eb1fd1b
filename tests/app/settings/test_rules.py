"""Each rule that ties settings together: when it is broken, what it says, and whom it does not concern."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidSettings, UnsafeBind
from app.settings.fields import Settings
from app.settings.given import with_defaults
from app.settings.loading import check_given, load_settings
from app.settings.rules import (
    ALERTS,
    BACKUP,
    DAEMON,
    INIT,
    JOBS,
    REINDEX,
    RULES,
    SERVE,
    WAL,
    WORKER,
    broken_rules,
    modes_meant,
)
from app.settings.table import TABLE

ROOT = Path(__file__).resolve().parents[3]
MODES = (SERVE, DAEMON, WORKER, JOBS, ALERTS, INIT, REINDEX, BACKUP, WAL)
DATABASE = {"DATABASE_URL": "postgresql://me@host/name"}
MEMU = {"MEMORY_BACKEND": "memu", "MEMU_API_KEY": "made-up"}
BOTH = {**MEMU, "MEMORY_BACKEND": "both"}
OPENID = {
    "PUBLIC_URL": "https://memory.example",
    "AUTH": "required",
    "OPENID_ISSUER": "https://accounts.example",
    "OPENID_CLIENT_ID": "us",
    "OPENID_ALLOWED_USERS": "@example.com",
}
MAIL = {"ALERTS_EMAIL_TO": "a@b.c", "ALERTS_EMAIL_FROM": "m@b.c", "ALERTS_SMTP_HOST": "mail"}
TOKEN = "made-up-" + "token-of-tests"

# Settings that break one rule: (the process, what is set, what is said).
BROKEN: list[tuple[str, str, dict[str, str], str]] = [
    *(
        ("access from outside", SERVE, {"HOST": host}, "set AUTH=required and create a token .*token create")
        for host in ("0.0.0.0", "::", "[::]", "192.0.2.1", "memory.example")
    ),
    ("events from outside", JOBS, {"HOST": "0.0.0.0"}, "events need no token; listen on 127.0.0.1, or run a worker"),
    ("sign-in asks for a token", SERVE, {"PUBLIC_URL": "https://memory.example"}, "AUTH=auto.* set AUTH=required"),
    ("sign-in asks for a token", DAEMON, {**OPENID, "AUTH": "off"}, "AUTH=off.* set AUTH=required"),
    ("OpenID provider", SERVE, {**OPENID, "PUBLIC_URL": ""}, "OPENID_ISSUER also needs PUBLIC_URL:"),
    ("OpenID provider", SERVE, {**OPENID, "OPENID_ALLOWED_USERS": ""}, "also needs OPENID_ALLOWED_USERS"),
    ("OpenID provider", DAEMON, {**OPENID, "OPENID_CLIENT_ID": ""}, "also needs OPENID_CLIENT_ID"),
    ("metrics port", SERVE, {"METRICS_PORT": "8000"}, "METRICS_PORT: got 8000, takes a port other than PORT"),
    ("metrics port", SERVE, {"METRICS_PORT": "9", "PORT": "9"}, "METRICS_PORT: got 9"),
    *(
        ("database of a worker", WORKER, given, "DATABASE_URL is not set.* its server does that work")
        for given in ({}, BOTH)
    ),
    (
        "database's role",
        INIT,
        {**DATABASE, "DATABASE_URL": "postgresql://host/name", "ADMIN_DATABASE_URL": "postgresql://root@host"},
        "DATABASE_URL: got no user, takes a URL that names the role to create",
    ),
    *(
        (
            "key of memU",
            mode,
            {**DATABASE, "MEMORY_BACKEND": backend},
            f"got '{backend}', but memU needs a key; set MEMU_API_KEY, or MEMORY_BACKEND=local",
        )
        for mode in (SERVE, DAEMON, WORKER, INIT, REINDEX)
        for backend in ("memu", "both")
    ),
    *(
        (
            "embedding key",
            mode,
            {**DATABASE, "EMBEDDING_MODEL": "m", **address},
            "EMBEDDING_MODEL: got 'm', but DashScope needs a key; set DASHSCOPE_API_KEY, or EMBEDDING_BASE_URL",
        )
        for mode, address in (
            (SERVE, {}),
            (WORKER, {"DASHSCOPE_BASE_URL": "http://gateway/v1"}),
            (REINDEX, {"EMBEDDING_BASE_URL": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"}),
        )
    ),
    *(
        (
            "rerank key",
            mode,
            {"RERANK_MODEL": "m", **address},
            "RERANK_MODEL: got 'm', but DashScope needs a key; set DASHSCOPE_API_KEY, or RERANK_URL",
        )
        for mode, address in (
            (SERVE, {}),
            (DAEMON, {"DASHSCOPE_BASE_URL": "http://gateway/v1"}),
            (SERVE, {"RERANK_URL": "https://dashscope-intl.aliyuncs.com/compatible-api/v1/reranks"}),
        )
    ),
    *(
        (
            "copies in Qdrant",
            mode,
            {**DATABASE, "QDRANT_URL": "http://q", "QDRANT_WRITE_CONSISTENCY_FACTOR": "2"},
            "QDRANT_WRITE_CONSISTENCY_FACTOR: got 2, but there are only QDRANT_REPLICATION_FACTOR=1 copies",
        )
        for mode in (SERVE, WORKER, INIT)
    ),
    (
        "keys of the backups' store",
        WORKER,
        {**DATABASE, "BACKUP_S3_ACCESS_KEY_ID": "key"},
        "BACKUP_S3_SECRET_ACCESS_KEY is not set, and BACKUP_S3_ACCESS_KEY_ID is",
    ),
    (
        "keys of the backups' store",
        BACKUP,
        {"BACKUP_S3_SECRET_ACCESS_KEY": "secret"},
        "BACKUP_S3_ACCESS_KEY_ID is not set, and BACKUP_S3_SECRET_ACCESS_KEY is",
    ),
    ("log archive", WAL, {}, "WAL_ARCHIVE_TO is not set"),
    ("log archive", WAL, {"WAL_ARCHIVE_TO": "s3://bucket/log"}, "BACKUP_PASSPHRASE is not set"),
    *(
        ("disk on Render", mode, {"RENDER": "true", **given}, f"{lost} would go with them; set DATABASE_URL, or attach")
        for mode in (SERVE, DAEMON)
        for given, lost in (({}, "all memories"), (MEMU, "what memU does not have yet"), (BOTH, "all memories"))
    ),
    ("disk on Render", WORKER, {"RENDER": "true", **MEMU}, "what memU does not have yet would go with them"),
    *(
        ("token of the alert receiver", ALERTS, given, "set ALERTS_TOKEN")
        for given in ({"ALERTS_HOST": "0.0.0.0"}, {"ALERTS_HOST": "alerts"}, {"AUTH": "required"})
    ),
    *(
        (f"{room} secret", ALERTS, {f"ALERTS_{room}_SECRET": "s"}, f"the ALERTS_{room}_URL it belongs to is not")
        for room in ("DINGTALK", "FEISHU", "WEBHOOK")
    ),
    (
        "signature of the webhook",
        ALERTS,
        {"ALERTS_WEBHOOK_URL": "https://h/k", "ALERTS_WEBHOOK_SECRET": "whsec_!"},
        "ALERTS_WEBHOOK_SECRET: takes whsec_ and Base64",
    ),
    (
        "alerts by e-mail",
        ALERTS,
        {"ALERTS_EMAIL_TO": "a@b.c"},
        "e-mail also needs ALERTS_EMAIL_FROM, ALERTS_SMTP_HOST",
    ),
    ("sign-in at the mail server", ALERTS, {**MAIL, "ALERTS_SMTP_USER": "me"}, "set both or neither"),
    (
        "password to the mail server",
        ALERTS,
        {**MAIL, "ALERTS_SMTP_SECURITY": "off", "ALERTS_SMTP_USER": "a", "ALERTS_SMTP_PASSWORD": "b"},
        "takes starttls or tls when a password is sent",
    ),
]

# Settings that break none of a process's rules.
WHOLE: list[tuple[str, dict[str, str]]] = [
    *((mode, {}) for mode in MODES if mode not in (WORKER, WAL)),
    (WAL, {"WAL_ARCHIVE_TO": "s3://bucket/log", "BACKUP_PASSPHRASE": "made-up-passphrase"}),
    (WORKER, DATABASE),
    *((SERVE, {"HOST": host}) for host in ("127.0.0.1", "127.0.0.2", "::1", "[::1]", "localhost")),
    *((SERVE, {"HOST": "0.0.0.0", "AUTH": auth}) for auth in ("off", "required")),
    (SERVE, OPENID),
    *((JOBS, {"HOST": "0.0.0.0", name: "jobs"}) for name in ("FC_FUNCTION_NAME", "FC_INSTANCE_ID")),
    (SERVE, {"AUTH": "off", "OPENID_CLIENT_ID": "us"}),
    *((SERVE, {"METRICS_PORT": "0", "PORT": port}) for port in ("0", "8000")),
    (SERVE, {"METRICS_PORT": "8000", "FC_SERVER_PORT": "9000"}),
    (WORKER, {**DATABASE, "METRICS_PORT": "8000"}),
    (INIT, {**DATABASE, "ADMIN_DATABASE_URL": "postgresql://root@host"}),
    (INIT, {"DATABASE_URL": "postgresql://host/name"}),
    (SERVE, {"EMBEDDING_MODEL": "m", "DASHSCOPE_API_KEY": "k"}),
    (SERVE, {"EMBEDDING_MODEL": "m", "EMBEDDING_API_KEY": "k"}),
    (SERVE, {"EMBEDDING_MODEL": "m", "EMBEDDING_BASE_URL": "http://localhost/v1"}),
    (SERVE, {"EMBEDDING_MODEL": "m", "EMBEDDING_BASE_URL": "https://aliyuncs.com.evil.example/v1"}),
    (SERVE, {"EMBEDDING_BASE_URL": "https://dashscope.aliyuncs.com/v1"}),
    (SERVE, {"RERANK_MODEL": "m", "DASHSCOPE_API_KEY": "k"}),
    (SERVE, {"RERANK_MODEL": "m", "RERANK_API_KEY": "k"}),
    (SERVE, {"RERANK_MODEL": "m", "RERANK_URL": "http://localhost/v1/rerank"}),
    (SERVE, {"RERANK_URL": "https://dashscope.aliyuncs.com/compatible-api/v1/reranks"}),
    (WORKER, {**DATABASE, "RERANK_MODEL": "m"}),
    (SERVE, {"QDRANT_WRITE_CONSISTENCY_FACTOR": "2"}),
    (
        SERVE,
        {"QDRANT_URL": "http://q", "QDRANT_WRITE_CONSISTENCY_FACTOR": "2", "QDRANT_REPLICATION_FACTOR": "2"},
    ),
    *((mode, MEMU) for mode in (SERVE, DAEMON, WORKER)),
    *((mode, {**BOTH, **DATABASE}) for mode in (SERVE, DAEMON, WORKER)),
    *((mode, {"RENDER": "true", **MEMU, "MEMORY_DATA_DIR": "/var/data/memory"}) for mode in (SERVE, DAEMON, WORKER)),
    (SERVE, {"RENDER": "true", **MEMU, "API_MODE": "health"}),
    (SERVE, {"RENDER": "opengl", **MEMU}),
    *((mode, {"RENDER": "true", **DATABASE}) for mode in MODES if mode != WAL),
    (BACKUP, {"BACKUP_S3_ACCESS_KEY_ID": "key", "BACKUP_S3_SECRET_ACCESS_KEY": "secret"}),
    (ALERTS, {"ALERTS_HOST": "localhost"}),
    (ALERTS, {"ALERTS_HOST": "[::1]"}),
    (ALERTS, {"ALERTS_HOST": "0.0.0.0", "ALERTS_TOKEN": TOKEN}),
    (ALERTS, {"ALERTS_HOST": "0.0.0.0", "AUTH": "off"}),
    (ALERTS, {"AUTH": "required", "ALERTS_TOKEN": TOKEN}),
    (ALERTS, {"HOST": "0.0.0.0"}),
    (ALERTS, {"ALERTS_WEBHOOK_URL": "https://h/k", "ALERTS_WEBHOOK_SECRET": "whsec_bWFkZSB1cA=="}),
    (ALERTS, {"ALERTS_DINGTALK_URL": "https://h/k", "ALERTS_DINGTALK_SECRET": "SEC"}),
    (ALERTS, MAIL),
    (ALERTS, {**MAIL, "ALERTS_SMTP_USER": "me", "ALERTS_SMTP_PASSWORD": "p"}),
    (SERVE, {"ALERTS_HOST": "0.0.0.0", "ALERTS_EMAIL_TO": "a@b.c", "ALERTS_SMTP_USER": "me"}),
]


@pytest.mark.parametrize(("rule", "mode", "given", "said"), BROKEN)
def test_a_broken_rule_is_told_with_its_remedy(rule: str, mode: str, given: dict[str, str], said: str) -> None:
    checked = check_given(given, (mode,))

    assert checked.wrong == []
    assert [broken.rule.name for broken in checked.broken] == [rule]
    assert re.search(said, checked.broken[0].sentence), checked.broken[0].sentence


@pytest.mark.parametrize(("mode", "given"), WHOLE)
def test_settings_that_go_together_break_none(mode: str, given: dict[str, str]) -> None:
    checked = check_given(given, (mode,))

    assert (checked.wrong, [broken.sentence for broken in checked.broken]) == ([], [])


def test_every_rule_has_a_case_of_its_own() -> None:
    assert [rule.name for rule in RULES if rule.name not in {case[0] for case in BROKEN}] == [], "add one to BROKEN"
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_rules_read_what_they_say_and_nothing_else() -> None:
    class Noting(dict[str, str]):
        def __init__(self, values: dict[str, str]) -> None:
            super().__init__(values)
            self.read: set[str] = set()

        def __getitem__(self, name: str) -> str:
            self.read.add(name)
            return super().__getitem__(name)

    cases = [case[2] for case in BROKEN] + [case[1] for case in WHOLE]
    for rule in RULES:
        assert set(rule.modes) <= set(MODES)
        read: set[str] = set()
        for given in cases:
            values = Noting(with_defaults(given))
            rule.check(values)
            read |= values.read
        assert read == set(rule.settings), rule.name
        assert read <= TABLE.keys()


def test_a_process_without_rules_takes_everything() -> None:
    assert broken_rules(with_defaults({"HOST": "0.0.0.0", "PUBLIC_URL": "https://x.example"}), ()) == []


@pytest.mark.parametrize(
    ("given", "left_out"),
    [
        ({}, {WORKER, ALERTS, JOBS, WAL}),
        (DATABASE, {ALERTS, JOBS, WAL}),
        ({"ALERTS_TOKEN": TOKEN}, {WORKER, JOBS, WAL}),
        ({**DATABASE, "ALERTS_EMAIL_TO": "a@b.c"}, {JOBS, WAL}),
        ({**DATABASE, "FC_FUNCTION_NAME": "jobs", "BACKUP_TO": "s3://bucket"}, {ALERTS, WAL}),
        ({**DATABASE, "WAL_ARCHIVE_TO": "s3://bucket/log"}, {ALERTS, JOBS}),
    ],
)
def test_a_worker_and_a_receiver_are_meant_where_something_is_set_for_them(
    given: dict[str, str], left_out: set[str]
) -> None:
    assert set(MODES) - set(modes_meant(with_defaults(given))) == left_out


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        for form in (name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(form, raising=False)
    return monkeypatch


def test_all_broken_rules_come_in_one_message_with_wrong_values(clean: pytest.MonkeyPatch) -> None:
    for name, value in {"LOG_LEVEL": "LOUD", "METRICS_PORT": "8000", "PUBLIC_URL": "https://x.example"}.items():
        clean.setenv(name, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings({"host": "0.0.0.0", "port": None}, SERVE)

    message = str(caught.value)
    assert message.startswith("4 wrong settings: LOG_LEVEL: got 'LOUD'")
    for said in ("0.0.0.0 can be reached", "PUBLIC_URL is set", "METRICS_PORT: got 8000"):
        assert said in message
    assert "\n" not in message


def test_a_rule_that_reads_a_wrong_value_says_nothing(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("AUTH", "maybe")
    clean.setenv("FC_SERVER_PORT", "x")
    clean.setenv("METRICS_PORT", "8000")
    with pytest.raises(InvalidSettings, match=r"^2 wrong settings: FC_SERVER_PORT: .*; AUTH: got 'maybe'"):
        load_settings({"host": "0.0.0.0"}, SERVE)


@pytest.mark.parametrize(
    ("given", "error", "status"),
    [
        ({"host": "0.0.0.0"}, UnsafeBind, 1),
        ({"host": "0.0.0.0", "metrics_port": "8000"}, InvalidSettings, 2),
        ({"metrics_port": "8000"}, InvalidSettings, 2),
    ],
)
def test_strangers_alone_are_an_unsafe_bind(
    clean: pytest.MonkeyPatch, given: dict[str, Any], error: type[InvalidSettings | UnsafeBind], status: int
) -> None:
    with pytest.raises(error) as caught:
        load_settings(given, SERVE)
    assert caught.value.exit_status == status


@pytest.mark.parametrize("mode", [None, DAEMON, ALERTS, BACKUP])
def test_rules_of_other_processes_stop_none(clean: pytest.MonkeyPatch, mode: str | None) -> None:
    assert load_settings({"host": "0.0.0.0", "metrics_port": "8000"}, mode).host == "0.0.0.0"


def test_settings_are_refused_in_one_place_alone() -> None:
    """A pair that is checked elsewhere would be told late, and missing in `doctor` and `pulumi up`."""
    raising = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id in ("InvalidSettings", "UnsafeBind")
    }

    assert raising == {
        "app/settings/loading.py",
        "app/serve/token_check.py",  # only the database knows
    }
