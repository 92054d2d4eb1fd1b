"""Searching: exactly what fits, best first, within the asker's own memories."""

from __future__ import annotations

from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import pytest

from app.errors import IndexUnavailable
from app.index.follower import Follower
from app.memory import requests
from app.memory.ports import Domain
from app.memory.requests import checked
from app.memory.search import search_across_projects
from app.memory.types import Scope, SearchResult
from app.store.postgres import PostgresStore
from tests.support.domain import change, converse, domain_on, erase, look_for, memorize, minutes, texts_for


def texts(found: SearchResult) -> list[str]:
    return [one.memory.text for one in found.results]


async def across(domain: Domain, scope: Scope, query: str, **more: Any) -> SearchResult:
    return await search_across_projects(domain, scope, checked(requests.SearchAcrossProjects, {"query": query, **more}))


class TestRanking:
    async def test_the_memory_with_more_of_the_questions_words_comes_first(self, domain: Domain, alice: Scope) -> None:
        await memorize(domain, alice, "The garden has apples.")
        await memorize(domain, alice, "The garden has apples and pears.")
        await memorize(domain, alice, "The house has a door.")

        assert await texts_for(domain, alice, "pears and apples in the garden") == [
            "The garden has apples and pears.",
            "The garden has apples.",
        ]

    async def test_a_rare_word_counts_more_than_a_common_one(self, domain: Domain, alice: Scope) -> None:
        for number in range(10):
            await memorize(domain, alice, f"report {number}")
        await memorize(domain, alice, "zebra sighting")

        assert (await texts_for(domain, alice, "zebra report"))[0] == "zebra sighting"

    async def test_scores_fall_and_are_never_negative(self, domain: Domain, alice: Scope) -> None:
        await converse(domain, alice, [f"apple {n}?" for n in range(10)])

        scores = [one.score for one in (await look_for(domain, alice, "apple")).results]
        assert scores == sorted(scores, reverse=True)
        assert min(scores) >= 0

    async def test_the_answer_is_found_by_the_words_of_the_question_before_it(
        self, domain: Domain, alice: Scope
    ) -> None:
        await converse(domain, alice, ["What is your favourite fruit?", "Mangoes, always.", "Good to know."])
        await memorize(domain, alice, "The favourite of the race was a horse.")

        assert "Mangoes, always." in (await texts_for(domain, alice, "favourite fruit"))[:2]

    async def test_the_speaker_named_in_the_question_is_preferred(self, domain: Domain, alice: Scope) -> None:
        await converse(
            domain,
            alice,
            [
                {"role": "user", "name": "Ann", "content": "I bought a bicycle."},
                {"role": "user", "name": "Ben", "content": "I bought a bicycle."},
            ],
        )

        found = await look_for(domain, alice, "Did Ben buy a bicycle?")
        assert found.results[0].memory.name == "Ben"

    async def test_the_month_named_in_the_question_is_preferred(self, domain: Domain, alice: Scope) -> None:
        await converse(
            domain,
            alice,
            [
                {
                    "role": "user",
                    "content": "We went hiking.",
                    "time": f"2026-{month:02}-10T12:00:00Z",
                    "id": str(month),
                }
                for month in (3, 5, 9)
            ],
        )

        assert (await look_for(domain, alice, "When did they go hiking in May 2026?")).results[
            0
        ].memory.message_id == "5"

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            pytest.param("他昨天在公园散步", "公园", id="Chinese"),
            pytest.param("他昨天在公園散步", "公园", id="traditional by simplified"),
            pytest.param("Der Äpfel wegen", "apfel", id="accents"),
            pytest.param("ＦＵＬＬ width", "full", id="full width"),
            pytest.param("see app/memory/search.py", "search.py", id="path"),
            pytest.param("running shoes", "run", id="stem"),
        ],
    )
    async def test_words_are_found_in_other_forms_and_scripts(
        self, domain: Domain, alice: Scope, text: str, query: str
    ) -> None:
        await memorize(domain, alice, text)

        assert await texts_for(domain, alice, query) == [text]


class TestScope:
    async def test_another_users_memories_are_never_found(self, domain: Domain, alice: Scope, bob: Scope) -> None:
        await memorize(domain, alice, "apple of alice")
        await memorize(domain, bob, "apple of bob")

        assert await texts_for(domain, alice, "apple") == ["apple of alice"]
        assert await texts_for(domain, bob, "apple") == ["apple of bob"]

    async def test_another_users_memories_do_not_move_the_scores(
        self, domain: Domain, alice: Scope, bob: Scope
    ) -> None:
        await memorize(domain, alice, "apple and pear")
        await memorize(domain, alice, "apple and plum")
        before = [(one.memory.id, one.score) for one in (await look_for(domain, alice, "apple pear")).results]

        for number in range(10):
            await memorize(domain, bob, f"pear {number}")

        after = [(one.memory.id, one.score) for one in (await look_for(domain, alice, "apple pear")).results]
        assert after == before


class TestLimits:
    @pytest.mark.parametrize("limit", [1, 3, 8])
    async def test_the_limit_is_kept_and_truncated_says_whether_there_was_more(
        self, domain: Domain, alice: Scope, limit: int
    ) -> None:
        for number in range(5):
            await memorize(domain, alice, f"apple {number}")

        found = await look_for(domain, alice, "apple", limit=limit)

        assert len(found.results) == min(limit, 5)
        assert found.truncated == (limit < 5)

    async def test_a_hundred_results_can_be_had(self, domain: Domain, alice: Scope) -> None:
        await converse(domain, alice, [{"role": "user", "content": f"apple {n}", "id": str(n)} for n in range(120)])

        found = await look_for(domain, alice, "apple", limit=100)
        assert len({one.memory.id for one in found.results}) == 100

    @pytest.mark.parametrize("query", ["the of and", "?!", "unheard", "🍎", "x" * 4_000, "apple " * 600])
    async def test_a_question_without_any_known_word_finds_nothing_and_is_no_error(
        self, domain: Domain, alice: Scope, query: str
    ) -> None:
        await memorize(domain, alice, "apple")

        assert await texts_for(domain, alice, query) == (["apple"] if "apple" in query else [])

    async def test_nothing_is_found_where_nothing_is(self, domain: Domain, alice: Scope) -> None:
        assert await texts_for(domain, alice, "apple") == []


class TestFilters:
    @pytest.fixture(autouse=True)
    async def memories(self, domain: Domain, alice: Scope) -> None:
        await memorize(domain, alice, "apple fact", kind="fact", project="p", tags=["x", "y"])
        await memorize(domain, alice, "apple note", tags=["x"])
        await converse(
            domain,
            alice,
            [{"role": "assistant", "content": "apple turn", "time": minutes(0).isoformat()}],
            conversation_id="talk",
            project="q",
        )

    @pytest.mark.parametrize(
        ("where", "found"),
        [
            pytest.param({}, {"fact", "note", "turn"}, id="none"),
            pytest.param({"project": "p"}, {"fact"}, id="project"),
            pytest.param({"project": "unknown"}, set(), id="unknown project"),
            pytest.param({"kinds": ["fact", "turn"]}, {"fact", "turn"}, id="kinds"),
            pytest.param({"tags": ["x", "y"]}, {"fact"}, id="all tags"),
            pytest.param({"role": "assistant"}, {"turn"}, id="role"),
            pytest.param({"conversation_id": "talk"}, {"turn"}, id="conversation"),
            pytest.param({"until": "2026-05-08T12:00:01Z", "since": "2026-05-08"}, {"turn"}, id="time"),
            pytest.param({"until": "2026-05-08T12:00:00Z"}, set(), id="until is exclusive"),
        ],
    )
    async def test_they_hold_with_the_index_and_without_it(
        self,
        domain: Domain,
        alice: Scope,
        where: dict[str, Any],
        found: set[Any] | set[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with_index = await look_for(domain, alice, "apple", **where)

        async def away(user: str) -> NoReturn:
            raise IndexUnavailable("away")

        monkeypatch.setattr(domain.index, "view", away)
        without = await look_for(domain, alice, "apple", **where)

        assert {one.memory.text.split()[1] for one in with_index.results} == found
        assert {one.memory.text.split()[1] for one in without.results} == found
        assert (with_index.degraded, without.degraded) == (False, True)


class TestDegraded:
    async def test_an_index_lost_in_the_middle_of_a_search_is_done_without(
        self, domain: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await memorize(domain, alice, "apple")

        async def lost(*arguments: object) -> NoReturn:
            raise IndexUnavailable("lost")

        monkeypatch.setattr(domain.index, "candidates", lost)
        found = await look_for(domain, alice, "apple")

        assert (texts(found), found.degraded) == (["apple"], True)

    async def test_the_store_alone_ranks_by_the_memories_own_words(
        self, domain: Domain, alice: Scope, bob: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await memorize(domain, alice, "apples and pears grow here")
        await memorize(domain, alice, "apples")
        await memorize(domain, bob, "apples and pears of bob")
        archived = await memorize(domain, alice, "old apples and pears")
        await change(domain, alice, archived, archived=True)

        async def away(user: str) -> NoReturn:
            raise IndexUnavailable("away")

        monkeypatch.setattr(domain.index, "view", away)
        found = await look_for(domain, alice, "pears apples")

        assert texts(found) == ["apples and pears grow here", "apples"]


class TestAcrossProjects:
    @pytest.fixture(autouse=True)
    async def memories(self, domain: Domain, alice: Scope) -> None:
        for project, text, minute in (("b", "apple apple pie", 3), ("a", "apple cake", 1), ("c", "apple tart", 2)):
            await converse(
                domain,
                alice,
                [{"role": "user", "content": text, "time": minutes(minute).isoformat()}],
                project=project,
                conversation_id=project,
            )
        await memorize(domain, alice, "apple, no project")

    async def test_all_projects_are_searched_and_memories_without_one(self, domain: Domain, alice: Scope) -> None:
        assert len((await across(domain, alice, "apple")).results) == 4

    async def test_only_the_named_projects_are_searched(self, domain: Domain, alice: Scope) -> None:
        found = await across(domain, alice, "apple", projects=["a", "c", "unknown"])

        assert {one.memory.project for one in found.results} == {"a", "c"}

    @pytest.mark.parametrize(
        ("order", "expected"),
        [("time", ["b", "c", "a"]), ("project", ["a", "b", "c"])],
    )
    async def test_the_order_asked_for(self, domain: Domain, alice: Scope, order: str, expected: list[str]) -> None:
        found = await across(domain, alice, "apple", projects=["a", "b", "c"], order=order)

        assert [one.memory.project for one in found.results] == expected

    async def test_by_score_the_best_comes_first(self, domain: Domain, alice: Scope) -> None:
        scores = [one.score for one in (await across(domain, alice, "apple pie")).results]

        assert scores == sorted(scores, reverse=True)

    async def test_the_limit_takes_the_best_before_they_are_put_in_order(self, domain: Domain, alice: Scope) -> None:
        [best] = (await across(domain, alice, "apple pie", limit=1)).results
        found = await across(domain, alice, "apple pie", limit=1, order="time")

        assert [one.memory.id for one in found.results] == [best.memory.id]
        assert found.truncated


STOP_WORDS = ["US offices open in May.", "They gave us a tour.", "Us? Who are they?", "What they are is unclear."]


class TestStopWords:
    @pytest.fixture(autouse=True)
    async def memories(self, domain: Domain, alice: Scope, bob: Scope) -> None:
        for text in STOP_WORDS:
            await memorize(domain, alice, text, project="p")
        await memorize(domain, bob, "US customs")

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            pytest.param("Who are they", [STOP_WORDS[2]], id="a phrase"),
            pytest.param("they are what?", [STOP_WORDS[3]], id="all words, in another order"),
            pytest.param("to be or not to be", [], id="words that are nowhere"),
            pytest.param("?!", [], id="no words"),
        ],
    )
    async def test_a_question_of_them_alone_is_searched_by_them(
        self, domain: Domain, alice: Scope, query: str, found: list[str]
    ) -> None:
        assert await texts_for(domain, alice, query) == found

    async def test_what_is_written_like_the_question_comes_first(self, domain: Domain, alice: Scope) -> None:
        for query, best in (("ARE THEY", None), ("IS", None), ("is", STOP_WORDS[3]), ("A", STOP_WORDS[1])):
            found = await texts_for(domain, alice, query)
            assert best is None or found[0] == best, query
        await memorize(domain, alice, "What is THEY about?", project="p")
        await memorize(domain, alice, "They said so twice.", project="p")
        assert (await texts_for(domain, alice, "THEY"))[0] == "What is THEY about?"

    async def test_filters_hold(self, domain: Domain, alice: Scope) -> None:
        assert await texts_for(domain, alice, "they", project="q") == []
        assert await texts_for(domain, alice, "they", kinds=["fact"]) == []
        assert len(await texts_for(domain, alice, "they", project="p")) == 3

    async def test_the_index_need_not_answer(
        self, domain: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(user: str) -> NoReturn:
            raise IndexUnavailable("away")

        monkeypatch.setattr(domain.index, "view", away)

        assert await texts_for(domain, alice, "Who are they") == [STOP_WORDS[2]]


async def test_times_without_an_offset_are_in_the_zone_of_the_settings(
    store: PostgresStore, follower: Follower, alice: Scope
) -> None:
    domain = domain_on(store, follower, zone=ZoneInfo("Asia/Tokyo"))
    said = [("before", "2026-02-28T14:59:59Z"), ("within", "2026-02-28T15:00:00Z"), ("after", "2026-03-01T15:00:00Z")]
    messages = [{"role": "user", "content": f"apple {word}", "time": time} for word, time in said]
    await converse(domain, alice, messages, conversation_id="talk")

    assert await texts_for(domain, alice, "apple", since="2026-03-01", until="2026-03-01T24:00") == ["apple within"]
    assert await erase(domain, alice, before="2026-03-01") == 1


async def test_the_month_named_is_that_of_the_place(store: PostgresStore, follower: Follower, alice: Scope) -> None:
    domain = domain_on(store, follower, zone=ZoneInfo("Asia/Tokyo"))
    for number, time in enumerate(["2026-05-31T20:00:00-05:00", "2026-05-31T20:00:00Z"]):
        await converse(domain, alice, [{"role": "user", "content": f"visit {number}", "time": time}])

    assert (await texts_for(domain, alice, "visit in June"))[0] == "visit 1", "in Tokyo it was June then"


async def test_archived_memories_are_found_alone_with_all_filters_and_ranked(domain: Domain, alice: Scope) -> None:
    for text in ("blue car", "blue car and red car, blue", "green boat"):
        id_ = await memorize(domain, alice, text, project="p", tags=[text.partition(" ")[0]])
        await change(domain, alice, id_, archived=True)
    await memorize(domain, alice, "a blue car that is live", project="p")

    assert await texts_for(domain, alice, "red car", archived=True) == ["blue car and red car, blue", "blue car"]
    assert await texts_for(domain, alice, "boat car", archived=True, tags=["green"]) == ["green boat"]
    assert await texts_for(domain, alice, "car", archived=True, project="q") == []
    assert await texts_for(domain, alice, "car") == ["a blue car that is live"]


async def test_empty_lists_limit_nothing(domain: Domain, alice: Scope) -> None:
    await memorize(domain, alice, "apples")

    assert texts(await look_for(domain, alice, "apples", kinds=[], tags=[])) == ["apples"]


class TestLongTexts:
    TEXT = "The weather was mild. " * 30 + "A zebra came by. " + "It rained a little. " * 30

    async def test_a_hit_has_the_part_that_answers_beside_the_whole_memory(self, domain: Domain, alice: Scope) -> None:
        await memorize(domain, alice, self.TEXT, project="p")

        for found in (await look_for(domain, alice, "zebra"), await across(domain, alice, "zebra")):
            [hit] = found.results
            assert hit.memory.text == self.TEXT
            assert hit.part is not None
            assert "mild. A zebra came by. It" in hit.part.text

    async def test_it_has_none_where_the_whole_is_asked_for_or_short(self, domain: Domain, alice: Scope) -> None:
        await memorize(domain, alice, self.TEXT)
        await memorize(domain, alice, "A quokka.")

        whole = await look_for(domain, alice, "zebra", full_text=True)
        whole_across = await across(domain, alice, "zebra", full_text=True)
        short = await look_for(domain, alice, "quokka")

        assert [hit.part for found in (whole, whole_across, short) for hit in found.results] == [None] * 3
