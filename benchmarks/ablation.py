"""Ablation: what each part of the ranking is worth, by leaving it out, on our chats, LoCoMo's and BEAM's; no server."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid5

from app.memory import bm25
from app.memory.analysis import analyse, analyse_question
from app.memory.ranking import LEXICAL, Weights, rank
from app.memory.types import Candidate, Corpus, Traits
from benchmarks.chats import BEAM, LOCOMO, Chat, beam, chinese, locomo
from benchmarks.progress import Steps
from benchmarks.report import Report, Row

AT = (5, 10)  # the ranks at which recall is told
_UNDATED = datetime.fromtimestamp(0, UTC)
CANDIDATES = 100  # as many as a search takes from the index
_IDS = UUID("5b1f3a52-3c1c-4f5e-9a44-6f1f3f0d8f2a")


class _LeftOut(bm25.Part):
    """A part that adds nothing, not even a weight of 0, which is stored as the smallest one."""

    def add(self, counts: Mapping[int, float], length: float, total: bm25.Vector) -> None:
        """Do nothing."""


_NO_PART = _LeftOut(0.0, 1.0, 0.0)
# Parts of the stored weights: what stands in for each in app/memory/bm25.py when it is left out.
STORED: dict[str, dict[str, Any]] = {
    "the turn alone": {"OWN": _NO_PART},
    "near neighbours": {"NEAR_BEFORE": (), "NEAR_AFTER": ()},
    "all that was said around it": {"AROUND": _NO_PART},
    "the question before it": {"ASKED_BEFORE": _NO_PART},
    "long neighbours count less": {"NEIGHBOUR_TERMS": 10**9, "LONGEST_NEIGHBOUR": 10**9},
}
CUES = {
    "speaker": "the speaker whom the question names",
    "first_person": "… who speaks of themselves",
    "asks": "a turn that asks",
    "assistant": "an assistant's answer",
    "when": "a time where one is asked for",
    "date": "the month or day asked for",
    "number": "a number",
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Where the chats are; what is not there is left out."""

    locomo: Path = LOCOMO
    beam: Path = BEAM


FULL = QUICK = Sizes()


class Searched:
    """A chat as the index has it: postings of the stored weights, and the traits of each message."""

    def __init__(self, chat: Chat) -> None:
        self.ids: dict[UUID, str] = {}
        self.traits: dict[UUID, Traits] = {}
        self.postings: dict[int, list[tuple[UUID, float]]] = defaultdict(list)
        self.questions = chat.questions
        self.holding: Counter[int] = Counter()
        self.speakers = sorted({message.name for session in chat.sessions for message in session if message.name})
        for session in chat.sessions:
            analyses = [analyse(message.text) for message in session]
            counts = [Counter(analysis.terms) for analysis in analyses]
            asks = [analysis.asks for analysis in analyses]
            for at, (message, found) in enumerate(zip(session, analyses, strict=True)):
                id_ = uuid5(_IDS, f"{chat.name}/{message.id}")
                self.ids[id_] = message.id
                self.traits[id_] = Traits(
                    id=id_,
                    role=message.role,
                    name=message.name,
                    at=message.at or _UNDATED,
                    asks=found.asks,
                    tells_time=found.tells_time,
                    tells_number=found.tells_number,
                    first_person=found.first_person,
                )
                self.holding.update(counts[at].keys())
                for term, weight in bm25.window_vector(counts, asks, at).items():
                    self.postings[term].append((id_, weight))

    def best(self, text: str, weights: Weights, limit: int) -> list[str]:
        """Return the ids of the best messages for a question."""
        question = analyse_question(text)
        corpus = Corpus(memories=len(self.ids), holding=self.holding, speakers=tuple(self.speakers))
        scores: dict[UUID, float] = defaultdict(float)
        for term, asked in bm25.query_weights(question, corpus, bm25.speaker_terms(self.speakers)).items():
            for id_, stored in self.postings.get(term, ()):
                scores[id_] += asked * stored
        found = sorted(scores.items(), key=lambda one: -one[1])[:CANDIDATES]
        candidates = [Candidate(id_, score) for id_, score in found]
        ranked = rank(question, candidates, self.traits, self.speakers, weights=weights)
        return [self.ids[scored.id] for scored in ranked[:limit]]


def recalls(chats: Sequence[Searched], weights: Weights = LEXICAL, at: Sequence[int] = AT) -> tuple[float, ...]:
    """Return the mean recall at some ranks over all questions: the share of a question's evidence that is found."""
    shares = []
    for chat in chats:
        for question in chat.questions:
            best = chat.best(question.text, weights, max(at))
            shares.append([len(question.evidence.intersection(best[:k])) / len(question.evidence) for k in at])
    return tuple(map(fmean, zip(*shares, strict=True)))


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Leave out one part after the other."""
    report = Report(
        name="ablation",
        title="What each part of the ranking is worth",
        how="Recall as under Retrieval, in one process without a server, with one part left out at a time. "
        "A figure below that of all parts says what the part is worth.",
    )
    there: dict[str, tuple[list[Chat], Sequence[int]]] = {"Chinese": ([chinese()], (3, 10))}
    if sizes.locomo.exists():
        there["LoCoMo"] = locomo(sizes.locomo), AT
    if sizes.beam.exists():
        there["BEAM"] = beam(sizes.beam), AT
    missing = [str(place) for place in (sizes.locomo, sizes.beam) if not place.exists()]
    if missing:
        report.notes.append(f"without {' and '.join(missing)}; benchmarks/chats.py says what belongs there")
    for name, (chats, at) in there.items():
        for what, values in steps.over([("all parts", {}), *STORED.items()], f"{name}, stored weights"):
            searched = searched_with(chats, values)
            report.rows += _rows(f"{name}: {_without(what)}", recalls(searched, at=at), at)
            if not values:
                whole = searched
        for cue, what in steps.over(CUES.items(), f"{name}, cues"):
            found = recalls(whole, replace(LEXICAL, **{cue: 0.0}), at)
            report.rows += _rows(f"{name}: {_without(what)}", found, at)
    return report


def searched_with(chats: Sequence[Chat], values: Mapping[str, Any]) -> list[Searched]:
    """Return chats as an index would have them with other values in app/memory/bm25.py."""
    with patch.multiple(bm25, **values) if values else nullcontext():
        return [Searched(chat) for chat in chats]


def _without(what: str) -> str:
    return what if what == "all parts" else f"without {what.removeprefix('… ')}"


def _rows(what: str, recalled: Sequence[float], at: Sequence[int]) -> list[Row]:
    return [Row(what=f"{what}, R@{k}", figure=figure, unit="") for k, figure in zip(at, recalled, strict=True)]
