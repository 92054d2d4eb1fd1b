"""What is known of a function is read leniently, and holds secrets that are not shown."""

from __future__ import annotations

from infra.aliyun.api.logs import Record
from infra.aliyun.doctor.asking import Answer, Answers
from infra.aliyun.doctor.evidence import Evidence
from tests.support.aliyun_cloud import function

WELL = Answers(Answer(200, 0.1), Answer(200, 0.1), "event: endpoint\ndata: /messages/?session_id=1")


def test_the_parts_of_a_function_are_read() -> None:
    evidence = Evidence(WELL, function())

    assert evidence.affinity["sseEndpointPath"] == "/sse"
    assert evidence.runtime_config["port"] == 8000
    assert (evidence.variable("PORT"), evidence.variable("OTHER")) == ("8000", None)


def test_a_function_without_them_or_with_others_is_no_error() -> None:
    assert Evidence(WELL).affinity == {}
    assert Evidence(WELL, {"sessionAffinityConfig": "not JSON"}).affinity == {}
    assert Evidence(WELL, {"sessionAffinityConfig": "[1]"}).affinity == {}
    assert Evidence(WELL, {}).variable("PORT") is None


def test_failures_are_found_in_logs_and_in_answers() -> None:
    refused = Answers(Answer(412, 1.0, "CAExited", "exited"), Answer(412, 1.0), "")
    records = [Record(1, {"message": "ModuleNotFoundError: No module named 'x'"})]

    assert set(Evidence(refused, records=records).failures) == {"missing module", "exited at the start"}


def test_the_functions_secrets_are_not_shown() -> None:
    assert "made-up" not in repr(Evidence(WELL, function()))
