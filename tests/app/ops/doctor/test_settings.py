"""What `claude-memory doctor` reports of settings."""

from __future__ import annotations

from tests.standins import rerank
from tests.standins.memu import Status, memu_service
from tests.support.bridges import Machine
from tests.support.examining import SECRET, run_doctor, states


def test_a_misspelt_setting_is_a_warning(machine: Machine) -> None:
    code, checks = run_doctor(machine, EMBEDING_MODEL="made-up")

    assert (code, checks["setting names"]["state"]) == (0, "warning")
    assert "EMBEDING_MODEL (EMBEDDING_MODEL?)" in checks["setting names"]["found"]
    assert "setting names" not in run_doctor(machine)[1]


def test_an_embedding_service_that_does_not_answer_fails(machine: Machine) -> None:
    code, checks = run_doctor(
        machine, EMBEDDING_MODEL="m", EMBEDDING_API_KEY=SECRET, EMBEDDING_BASE_URL="http://127.0.0.1:9"
    )

    assert code == 1
    assert states(checks)["embeddings"] == "failed"
    assert checks["embeddings"]["mend"].startswith("check EMBEDDING_BASE_URL")


def test_a_rerank_service_is_called_when_there_is_one(machine: Machine) -> None:
    with rerank.rerank_service(key=SECRET) as service:
        address = {"RERANK_URL": service.url(), "RERANK_API_KEY": SECRET}
        given = {"RERANK_MODEL": service.model, "RERANK_SECONDS": "30", **address}
        code, checks = run_doctor(machine, **given)
        assert (code, checks["rerank"]["state"], checks["rerank"]["found"]) == (0, "ok", "127.0.0.1 orders texts")

        service.fail += [rerank.INVALID_KEY] * 9
        code, checks = run_doctor(machine, **given)
        assert (code, checks["rerank"]["state"]) == (1, "failed")
        assert checks["rerank"]["found"] == "127.0.0.1 refuses the key (401)"
        assert checks["rerank"]["mend"].startswith("check RERANK_API_KEY")
    assert "rerank" not in run_doctor(machine)[1]


def test_a_rule_whose_sentence_has_no_remedy_names_the_settings_to_change(machine: Machine) -> None:
    code, checks = run_doctor(machine, METRICS_PORT="8000", PORT="8000")

    assert code == 1
    assert checks["settings: metrics port"]["found"] == "METRICS_PORT: got 8000, takes a port other than PORT"
    assert checks["settings: metrics port"]["mend"] == "change METRICS_PORT or PORT"


def test_memu_is_called_when_the_settings_use_it(machine: Machine) -> None:
    with memu_service(key=SECRET) as service:
        memu = {"MEMORY_BACKEND": "memu", "MEMU_API_KEY": SECRET, "MEMU_BASE_URL": service.url}
        code, checks = run_doctor(machine, **memu)
        assert (code, checks["memU call"]["state"]) == (0, "ok")
        assert "speaks memU's API v3" in checks["memU call"]["found"]

        service.speaks = ("v4",)
        code, checks = run_doctor(machine, **memu)
        assert (code, checks["memU call"]["state"]) == (1, "failed")
        assert "set MEMU_API_VERSION=v4" in f"{checks['memU call']['found']} {checks['memU call']['mend']}"

        service.always = Status(401)
        code, checks = run_doctor(machine, **{**memu, "MEMORY_BACKEND": "both"})
        assert code == 1
        assert checks["memU call"]["mend"].startswith("check MEMU_API_KEY")
    assert "memU call" not in run_doctor(machine)[1]
