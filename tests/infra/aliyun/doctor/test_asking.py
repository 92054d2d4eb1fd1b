"""A function is asked from outside; errors are answers, too."""

from __future__ import annotations

from infra.aliyun.doctor.asking import ask
from tests.support.aliyun_answers import answering
from tests.support.aliyun_stack import TOKEN
from tests.support.serving import Server


def test_the_real_app_is_well_and_its_stream_begins_with_the_endpoint(memory: Server) -> None:
    answers = ask(memory.url, TOKEN)

    assert (answers.health.status, answers.sse.status) == (200, 200)
    assert answers.first.startswith("event: endpoint\ndata: /messages/?session_id=")
    assert answers.sse.seconds < 5


def test_without_a_token_the_stream_is_refused(memory: Server) -> None:
    answers = ask(memory.url, "cm_wrong")

    assert (answers.health.status, answers.sse.status, answers.first) == (200, 401, "")


def test_function_computes_own_errors_have_their_code() -> None:
    with answering(412, b'{"Code": "CAExited", "Message": "The function either\\ncannot be started"}') as url:
        answers = ask(url, None)

    assert (answers.health.status, answers.health.code) == (412, "CAExited")
    assert answers.sse.said == "The function either cannot be started"


def test_an_error_without_json_has_none() -> None:
    with answering(412, b"<html>") as url:
        assert ask(url, None).sse.code == ""


def test_a_host_that_does_not_answer_has_no_status() -> None:
    answers = ask("http://127.0.0.1:9", None)

    assert (answers.health.status, answers.health.said) == (0, "ConnectionError")
