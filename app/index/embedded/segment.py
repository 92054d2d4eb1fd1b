"""An immutable part of one user's index: memories with their traits, and the postings from terms to them.

Rows are in the order of their ids, so an id is found by bisection. A posting is a row and the stored weight of the term
in it, in whole steps of 1 / STORED_STEPS; its highest bit says whether the memory itself has the term or a neighbour.
Names of projects, kinds, roles, conversations and tags are only compared, so their 64-bit hashes are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import TypeAlias
from uuid import UUID

import numpy as np

from app.index.engine import Point
from app.memory.bm25 import STORED_STEPS
from app.memory.cues import FIRST_PERSON_LIMIT
from app.memory.ordering import Array, begins
from app.memory.types import Traits
from app.memory.windows import OWN, Window

ASKS, TELLS_TIME, TELLS_NUMBER = 1, 2, 4  # bits of `cues`
_ASKS_AND_TELLS = [(bool(cues & ASKS), bool(cues & TELLS_TIME), bool(cues & TELLS_NUMBER)) for cues in range(8)]
NO_NAME = 0xFFFF_FFFF
NO_OFFSET = -0x8000
NO_VALUE = 0  # the hash of None
_GONE = np.uint32(0xFFFF_FFFF)
_WEIGHT_BITS = 16
_POSTINGS_AT_ONCE = 200_000  # some 10 ms of work, between which other threads get their turn
_VECTORS_AT_ONCE = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """n rows, t terms, p postings, g tags of all rows together.

    names: of speakers and roles; `name` and `roles` have places in it. at: microseconds since 1970. offset: minutes.
    tag_starts, starts: where the tags of a row and the postings of a term begin, with the end of the last. vectors: of
    `model`, n × their size.
    """

    names: tuple[str, ...]
    model: str
    ids: Array  # S16, n
    at: Array  # i8, n
    project: Array  # u8, n
    kind: Array  # u8, n
    role: Array  # u8, n
    conversation: Array  # u8, n
    name: Array  # u4, n
    roles: Array  # u4, n: places in `names` of the roles as they are written
    cues: Array  # u1, n
    first_person: Array  # u1, n
    offset: Array  # i2, n
    tag_starts: Array  # u4, n + 1
    tags: Array  # u8, g
    terms: Array  # u4, t, ascending
    starts: Array  # u4, t + 1
    rows: Array  # u4, p
    weights: Array  # u2, p
    has_vector: Array  # u1, n
    vectors: Array  # f2, n × size

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.ids)

    @property
    def postings(self) -> int:
        """The number of postings."""
        return len(self.rows)

    def find(self, ids: Collection[UUID]) -> Array:
        """Return the rows of those ids that are here."""
        if not self.size or not ids:
            return np.zeros(0, np.intp)
        wanted = np.array([id_.bytes for id_ in ids], "S16")
        rows = np.minimum(np.searchsorted(self.ids, wanted), self.size - 1)
        found: Array = rows[self.ids[rows] == wanted]
        return found

    def of_term(self, term: int) -> tuple[Array, Array]:
        """Return the rows that have a term, and its weights in them with the bit OWN."""
        place = int(np.searchsorted(self.terms, np.uint32(term)))
        if place == len(self.terms) or self.terms[place] != term:
            return self.rows[:0], self.weights[:0]
        part = slice(int(self.starts[place]), int(self.starts[place + 1]))
        return self.rows[part], self.weights[part]

    def with_tag(self, tag: str) -> Array:
        """Return a mask of the rows that have a tag."""
        has = np.zeros(self.size, bool)
        places = np.flatnonzero(self.tags == number(tag))
        has[np.searchsorted(self.tag_starts, places, side="right") - 1] = True
        return has

    def id(self, row: int) -> UUID:
        """Return the id of a row."""
        return UUID(bytes=bytes(self.ids[row]).ljust(16, b"\0"))  # numpy strips NUL bytes at the end

    def traits(self, rows: Array) -> Iterator[Traits]:
        """Yield the traits of rows."""
        ids = [UUID(bytes=id_.ljust(16, b"\0")) for id_ in self.ids[rows].tolist()]
        columns = (self.roles, self.name, self.at, self.cues, self.first_person, self.offset)
        for id_, role, name, at, cues, first_person, offset in zip(
            ids, *(column[rows].tolist() for column in columns), strict=True
        ):
            asks, tells_time, tells_number = _ASKS_AND_TELLS[cues]
            yield Traits(
                id_,
                None if role == NO_NAME else self.names[role],
                None if name == NO_NAME else self.names[name],
                _EPOCH + timedelta(0, 0, at),
                asks,
                tells_time,
                tells_number,
                first_person,
                None if offset == NO_OFFSET else offset,
            )

    def speakers(self, scope: Array | None) -> set[str]:
        """Return the names of the speakers of rows. scope: a mask of them; None for all."""
        places = np.unique(self.name if scope is None else self.name[scope])
        return {self.names[place] for place in places.tolist() if place != NO_NAME}


COLUMNS = tuple(field.name for field in fields(Segment) if field.name not in ("names", "model"))
# One value for each row, so that merging only puts them in another order.
_PLAIN = ("ids", "at", "project", "kind", "role", "conversation", "cues", "first_person", "offset")


def micros(at: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)
def number(value: str | None) -> int:
    """Return the number that a name is compared by."""
    if value is None:
        return NO_VALUE
    digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def build(points: Iterable[Point], model: str = "") -> Segment:
    """Return the segment of points; of several with one id, the last counts. model: of their vectors."""
    by_id = {point.id.bytes: point for point in points}
    ordered = [by_id[id_] for id_ in sorted(by_id)]
    payloads = [point.payload for point in ordered]
    names: dict[str, int] = {}

    def place(name: str | None) -> int:
        return NO_NAME if name is None else names.setdefault(name, len(names))

    def column(values: Iterable[int], kind: str) -> Array:
        return np.fromiter(values, kind, len(ordered))

    vectors = _vectors([point.dense for point in ordered])
    tags = [sorted({number(tag) for tag in payload.tags}) for payload in payloads]
    speakers = column((place(payload.name) for payload in payloads), "u4")
    roles = column((place(payload.role) for payload in payloads), "u4")
    return Segment(
        names=tuple(names),
        model=model,
        ids=np.array([point.id.bytes for point in ordered], "S16"),
        at=column((micros(payload.at) for payload in payloads), "i8"),
        project=column((number(payload.project) for payload in payloads), "u8"),
        kind=column((number(payload.kind) for payload in payloads), "u8"),
        role=column((number(payload.role) for payload in payloads), "u8"),
        conversation=column((number(payload.conversation) for payload in payloads), "u8"),
        name=speakers,
        roles=roles,
        cues=column(
            (
                ASKS * payload.asks + TELLS_TIME * payload.tells_time + TELLS_NUMBER * payload.tells_number
                for payload in payloads
            ),
            "u1",
        ),
        first_person=column((min(payload.first_person, FIRST_PERSON_LIMIT) for payload in payloads), "u1"),
        offset=column((NO_OFFSET if payload.offset is None else payload.offset for payload in payloads), "i2"),
        tag_starts=_starts([len(some) for some in tags]),
        tags=np.fromiter(chain.from_iterable(tags), "u8"),
        has_vector=column((point.dense is not None for point in ordered), "u1"),
        vectors=vectors,
        **_postings(ordered),
    )


def _postings(points: Sequence[Point]) -> dict[str, Array]:
    lengths = np.fromiter((len(point.window) for point in points), np.intp, len(points))
    windows = [point.window for point in points]
    made = [window for window in windows if isinstance(window, Window)]
    if made and len(made) == len(windows):
        terms = np.concatenate([window.terms for window in made])
        weights = np.concatenate([window.weights for window in made])
    else:
        terms, weights = _of_mappings(points, lengths)
    terms, rows, weights = _by_term(terms, np.repeat(np.arange(len(points), dtype="u4"), lengths), weights)
    starts = begins(terms)
    return {"terms": terms[starts[:-1]], "starts": starts.astype("u4"), "rows": rows, "weights": weights}


def _of_mappings(points: Sequence[Point], lengths: Array) -> tuple[Array, Array]:
    """Return the terms of all points, and the weights with the bit OWN."""
    own = np.fromiter((point.own for point in points), np.intp, len(points))
    total = int(lengths.sum())
    terms = np.fromiter(chain.from_iterable(point.window for point in points), "u4", total)
    windows = chain.from_iterable(point.window.values() for point in points)
    weights = np.rint(np.fromiter(windows, "f4", total) * np.float32(STORED_STEPS)).astype("u2")
    within = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    weights |= np.where(within < np.repeat(own, lengths), OWN, 0).astype("u2")
    return terms, weights


def _by_term(terms: Array, rows: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return postings in the order of their terms, and mostly of their rows.

    Whole postings are sorted as numbers where they fit in 64 bits, which takes a tenth of the time.
    """
    row_bits = int(rows.max()).bit_length() if len(rows) else 0
    if not len(rows) or int(terms.max()).bit_length() + row_bits + _WEIGHT_BITS > 64:
        order = np.argsort(terms, kind="stable")
        return terms[order], rows[order], weights[order]
    bits = np.uint64(row_bits + _WEIGHT_BITS)
    whole = terms.astype("u8") << bits | rows.astype("u8") << np.uint64(_WEIGHT_BITS) | weights
    whole.sort()
    rows = whole >> np.uint64(_WEIGHT_BITS) & np.uint64((1 << row_bits) - 1)
    return (whole >> bits).astype("u4"), rows.astype("u4"), whole.astype("u2")


def _vectors(packed: Sequence[bytes | None]) -> Array:
    size = max((len(one) for one in packed if one is not None), default=0)
    if not size:
        return np.zeros((len(packed), 0), "<f2")
    whole = b"".join(one if one is not None else bytes(size) for one in packed)
    return np.frombuffer(whole, "<f2").reshape(len(packed), -1)


def _lengths(starts: Array) -> Array:
    lengths: Array = starts[1:] - starts[:-1]  # np.diff takes five times as long for short ones
    return lengths


def _starts(lengths: Sequence[int] | Array) -> Array:
    starts = np.zeros(len(lengths) + 1, "u4")
    np.cumsum(lengths, out=starts[1:])
    return starts


Part: TypeAlias = tuple[Segment, Array]  # with a mask of the rows that are still to be found


def merged(parts: Sequence[Part], model: str = "") -> Segment:
    """Return one segment of the rows that are still there. No id may be in two parts.

    model: whose vectors are kept.
    """
    kept = [np.flatnonzero(alive) for _, alive in parts]
    segments = [segment for segment, _ in parts]
    ids = np.concatenate([segment.ids[rows] for segment, rows in zip(segments, kept, strict=True)])
    order = np.argsort(ids, kind="stable")
    place = np.empty(len(order), "u4")
    place[order] = np.arange(len(order), dtype="u4")
    moved, first = [], 0  # the new row of each old one
    for segment, rows in zip(segments, kept, strict=True):
        to = np.full(segment.size, _GONE, "u4")
        to[rows] = place[first : first + len(rows)]
        moved.append(to)
        first += len(rows)

    def column(name: str) -> Array:
        whole = np.concatenate([getattr(segment, name)[rows] for segment, rows in zip(segments, kept, strict=True)])
        return whole[order]

    names, speakers, roles = _names(segments, kept)
    tag_starts, tags = _tags(segments, kept, order)
    return Segment(
        names=names,
        name=speakers[order],
        roles=roles[order],
        tag_starts=tag_starts,
        tags=tags,
        model=model,
        **_merged_vectors(segments, kept, order, model),
        **{name: column(name) for name in _PLAIN},
        **_merged_postings(segments, moved),
    )


def _names(segments: Sequence[Segment], kept: Sequence[Array]) -> tuple[tuple[str, ...], Array, Array]:
    """Return the names in use, and their places by row."""
    names: dict[str, int] = {}
    speakers: list[Array] = []
    roles: list[Array] = []
    for segment, rows in zip(segments, kept, strict=True):
        if not segment.names:
            speakers.append(segment.name[rows])
            roles.append(segment.roles[rows])
            continue
        table = np.full(len(segment.names) + 1, NO_NAME, "u4")
        used = np.unique(np.concatenate([segment.name[rows], segment.roles[rows]]))
        for place in used.tolist():
            if place != NO_NAME:
                table[place] = names.setdefault(segment.names[place], len(names))
        for column, into in ((segment.name, speakers), (segment.roles, roles)):
            into.append(table[np.minimum(column[rows], len(segment.names))])
    return tuple(names), np.concatenate(speakers), np.concatenate(roles)


def _tags(segments: Sequence[Segment], kept: Sequence[Array], order: Array) -> tuple[Array, Array]:
    lengths = np.concatenate([_lengths(segment.tag_starts)[rows] for segment, rows in zip(segments, kept, strict=True)])
    if not lengths.any():
        return np.zeros(len(order) + 1, "u4"), np.zeros(0, "u8")
    begins, base, tags = [], 0, []
    for segment, rows in zip(segments, kept, strict=True):
        begins.append(segment.tag_starts[:-1][rows].astype(np.intp) + base)
        base += len(segment.tags)
        tags.append(segment.tags)
    begin, length = np.concatenate(begins)[order], lengths[order].astype(np.intp)
    places = np.repeat(begin - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))
    return _starts(length), np.concatenate(tags)[places]


def _merged_vectors(segments: Sequence[Segment], kept: Sequence[Array], order: Array, model: str) -> dict[str, Array]:
    with_vectors = [segment.vectors.shape[1] for segment in segments if model and segment.model == model]
    width = max(with_vectors, default=0)
    whole, has = np.zeros((len(order), width), "<f2"), np.zeros(len(order), "u1")
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    first = 0
    for segment, rows in zip(segments, kept, strict=True):
        if width and segment.model == model and segment.vectors.shape[1] == width:
            for some in range(0, len(rows), _VECTORS_AT_ONCE):
                part = rows[some : some + _VECTORS_AT_ONCE]
                to = place[first + some : first + some + len(part)]
                whole[to], has[to] = segment.vectors[part], segment.has_vector[part]
        first += len(rows)
    return {"vectors": whole, "has_vector": has}


def _merged_postings(segments: Sequence[Segment], moved: Sequence[Array]) -> dict[str, Array]:
    """Merge the postings, some terms at a time."""
    terms, starts, rows, weights = [], [], [], []
    total = 0
    for low, high in _term_ranges(segments):
        some = [_postings_between(segment, to, low, high) for segment, to in zip(segments, moved, strict=True)]
        term, row, weight = _by_term(*(np.concatenate(column) for column in zip(*some, strict=True)))
        begin = begins(term)[:-1]
        terms.append(term[begin])
        starts.append(begin + total)
        rows.append(row)
        weights.append(weight)
        total += len(term)

    def joined(columns: list[Array], kind: str) -> Array:
        return np.concatenate(columns).astype(kind, copy=False) if columns else np.zeros(0, kind)

    return {
        "terms": joined(terms, "u4"),
        "starts": np.append(joined(starts, "u4"), np.uint32(total)),
        "rows": joined(rows, "u4"),
        "weights": joined(weights, "u2"),
    }


def _term_ranges(segments: Sequence[Segment]) -> Iterator[tuple[int, int]]:
    """Yield ranges of terms with some 200,000 postings each; a single term may have more."""
    terms = np.concatenate([segment.terms for segment in segments])
    if not len(terms):
        return
    if sum(segment.postings for segment in segments) <= _POSTINGS_AT_ONCE:
        yield 0, int(terms.max()) + 1
        return
    counts = np.concatenate([_lengths(segment.starts) for segment in segments])
    order = np.argsort(terms, kind="stable")
    terms, total = terms[order], np.cumsum(counts[order], dtype="i8")
    low = 0
    for border in range(_POSTINGS_AT_ONCE, int(total[-1]), _POSTINGS_AT_ONCE):
        high = int(terms[np.searchsorted(total, border)])
        if high > low:
            yield low, high
            low = high
    yield low, int(terms[-1]) + 1


def _postings_between(segment: Segment, moved: Array, low: int, high: int) -> tuple[Array, Array, Array]:
    """Return the terms, new rows and weights of the postings of terms from `low` to below `high`."""
    first, last = np.searchsorted(segment.terms, np.array([low, high], "u4")).tolist()
    starts = segment.starts[first : last + 1]
    part = slice(int(starts[0]), int(starts[-1]))
    rows, weights = moved[segment.rows[part]], segment.weights[part]
    terms = np.repeat(segment.terms[first:last], _lengths(starts))
    there = rows != _GONE
    return terms[there], rows[there], weights[there]


def nothing_dead(segment: Segment) -> Array:
    """Return the mask of a segment whose rows are all there."""
    return np.ones(segment.size, bool)
