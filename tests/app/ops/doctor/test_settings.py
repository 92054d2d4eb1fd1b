"""What `claude-memory doctor` reports of settings."""

from __future__ import annotations

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


def test_a_rule_whose_sentence_has_no_remedy_names_the_settings_to_change(machine: Machine) -> None:
    code, checks = run_doctor(machine, METRICS_PORT="8000", PORT="8000")

    assert code == 1
    assert checks["settings: metrics port"]["found"] == "METRICS_PORT: got 8000, takes a port other than PORT"
    assert checks["settings: metrics port"]["mend"] == "change METRICS_PORT or PORT"
