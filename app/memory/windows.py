"""The stored vectors of many turns at once, equal to those of `bm25.window_vector` to the last bit.

With dictionaries a turn of a conversation takes some 40 µs, with arrays of many turns a third of that. Sums are made in
the order of `window_vector`, since the order changes their last bit. Imported only by what needs numpy anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np

from app.memory import bm25
from app.memory.ordering import Array, begins, order_of, ranges

OWN = 0x8000  # the bit of a weight for a term of the memory itself; weights are below 6.6 × 512
_TERM_BITS = np.uint64(32)


class Window(Mapping[int, float]):
    """The stored vector of a turn.

    terms: u4, ascending. weights: u2, in whole steps with the bit OWN. own: the number of terms of the turn itself.
    """

    def __init__(self, terms: Array, weights: Array, own: int) -> None:
        self.terms, self.weights, self.own = terms, weights, own

    @cached_property
    def _as_dict(self) -> dict[int, float]:
        own = self.weights >= OWN
        order = np.concatenate([np.flatnonzero(own), np.flatnonzero(~own)])
        weights = (self.weights[order] & (OWN - 1)) / bm25.STORED_STEPS
        return dict(zip(self.terms[order].tolist(), weights.tolist(), strict=True))

    def __getitem__(self, term: int) -> float:
        return self._as_dict[term]

    def __iter__(self) -> Iterator[int]:
        return iter(self._as_dict)

    def __len__(self) -> int:
        return len(self.terms)


class _Turns(NamedTuple):
    """n turns with e distinct terms. lengths: n, in terms. starts: n + 1, where a turn's distinct terms begin.

    term, times: e, in the order in which they come first; times: how often.
    """

    lengths: Array
    starts: Array
    term: Array
    times: Array


class _Block(NamedTuple):
    """What turns get of others, or of themselves: pairs of a turn and a term, and how often the other has the term.

    wide, near: by what factor it counts among all that is around, and among what is near; None if it does not.
    """

    turn: Array
    term: Array
    times: Array
    wide: Array | None = None
    near: Array | None = None


def windows(terms: Sequence[Sequence[int]], asks: Sequence[bool], slots: Sequence[int]) -> list[Window]:
    """Return the vectors of turns.

    terms: of each turn, as often as they occur. slots: their places, ascending; turns whose places are up to NEIGHBOURS
    apart are neighbours.
    """
    turns, places = _counted(terms), np.array(slots, "i8")
    pairs = [*_blocks(turns, places), _asked(turns, np.array(asks, bool), places)]
    keys, order = order_of(
        np.concatenate([one.turn for one in pairs]).astype("u8") << _TERM_BITS
        | np.concatenate([one.term for one in pairs]).astype("u8")
    )
    starts = begins(keys)
    place = np.empty(len(keys), np.intp)  # of each pair among the distinct ones
    place[order] = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    keys = keys[starts[:-1]]
    weights = _weights(turns, pairs, place, (keys >> _TERM_BITS).astype(np.intp))
    ends = [0, *np.searchsorted(keys, np.arange(1, len(terms) + 1, dtype="u8") << _TERM_BITS).tolist()]
    distinct, own = keys.astype("u4"), np.diff(turns.starts).tolist()
    return [
        Window(distinct[first:last], weights[first:last], count)
        for first, last, count in zip(ends[:-1], ends[1:], own, strict=True)
    ]


def _counted(terms: Sequence[Sequence[int]]) -> _Turns:
    lengths = np.fromiter(map(len, terms), "i8", len(terms))
    flat = np.fromiter(chain.from_iterable(terms), "u8", int(lengths.sum()))
    turn = np.repeat(np.arange(len(terms), dtype="u8"), lengths)
    keys, order = order_of(turn << _TERM_BITS | flat)
    starts = begins(keys)
    first = order[starts[:-1]]
    by_first = np.argsort(first)
    first = first[by_first]
    distinct = np.bincount(turn[first].astype(np.intp), minlength=len(terms))
    return _Turns(
        lengths, np.concatenate([[0], np.cumsum(distinct)]), flat[first], np.diff(starts)[by_first].astype("f8")
    )


def _blocks(turns: _Turns, slots: Array) -> list[_Block]:
    """Return what turns get from themselves, and from the turns before and after them, in the order of adding."""
    distinct, everyone = np.diff(turns.starts), np.arange(len(slots))
    ones = np.ones(len(turns.term))
    blocks = [_of_others(turns, everyone, everyone)._replace(wide=ones, near=ones)]
    may = (turns.lengths > 0) & (turns.lengths <= bm25.LONGEST_NEIGHBOUR)
    bounded = np.minimum(1.0, bm25.NEIGHBOUR_TERMS / np.maximum(turns.lengths, 1))
    for step, weights in ((-1, bm25.NEAR_BEFORE), (1, bm25.NEAR_AFTER)):
        for distance, weight in enumerate(bm25.WIDE, 1):
            at, other = _beside(slots, step * distance)
            at, other = at[may[other]], other[may[other]]
            block = _of_others(turns, at, other)._replace(wide=np.repeat(weight * bounded[other], distinct[other]))
            if distance <= len(weights):
                block = block._replace(near=np.repeat(weights[distance - 1] * bounded[other], distinct[other]))
            blocks.append(block)
    return blocks


def _asked(turns: _Turns, asks: Array, slots: Array) -> _Block:
    """Return what turns get from the question right before them."""
    at, other = _beside(slots, -1)
    return _of_others(turns, at[asks[other]], other[asks[other]])


def _beside(slots: Array, step: int) -> tuple[Array, Array]:
    """Return the turns that have one so many places further, and that one."""
    other = np.minimum(np.searchsorted(slots, slots + step), len(slots) - 1)
    at = np.flatnonzero(slots[other] == slots + step)
    return at, other[at]


def _of_others(turns: _Turns, at: Array, other: Array) -> _Block:
    distinct = np.diff(turns.starts)[other]
    places = ranges(turns.starts[other], distinct)
    return _Block(np.repeat(at, distinct), turns.term[places], turns.times[places])


def _weights(turns: _Turns, pairs: Sequence[_Block], place: Array, turn: Array) -> Array:
    """Return the weight of each distinct pair of a turn and a term. place: of all pairs. turn: of distinct ones."""
    ends = np.cumsum([len(one.term) for one in pairs])
    places = np.split(place, ends[:-1])
    own, before = np.zeros(len(turn)), np.zeros(len(turn))
    own[places[0]], before[places[-1]] = pairs[0].times, pairs[-1].times
    near = [(at, one.near * one.times) for one, at in zip(pairs, places, strict=True) if one.near is not None]
    wide = [(at, one.wide * one.times) for one, at in zip(pairs, places, strict=True) if one.wide is not None]
    previous = np.concatenate([[0], turns.lengths[:-1]])  # the turn right before is the one before in the array
    total = _of_part(bm25.NEAR, *_added(near, turn, len(turns.lengths)))
    total += _of_part(bm25.OWN, own, turns.lengths[turn])
    total += _of_part(bm25.AROUND, *_added(wide, turn, len(turns.lengths)))
    total += _of_part(bm25.ASKED_BEFORE, before, previous[turn])
    steps: Array = np.maximum(np.rint(total * bm25.STORED_STEPS), 1.0).astype("u2")
    steps[own > 0] |= OWN
    return steps


def _of_part(part: bm25.Part, counts: Array, length: Array) -> Array:
    """Return what `Part.add` adds; nothing where a text does not have a term."""
    flat = bm25.SATURATION * (1 - part.share + part.share * length / part.terms)
    most = part.weight * (1 + bm25.SATURATION)
    added: Array = most * counts / (counts + flat)
    return added


def _added(texts: Sequence[tuple[Array, Array]], turn: Array, turns: int) -> tuple[Array, Array]:
    """Return the counts of the distinct pairs, and the length of each one's text.

    texts: places among the distinct pairs, and what is added there. Lengths are summed in the order of the terms.
    """
    counts = np.zeros(len(turn))
    for at, more in texts:
        counts[at] += more
    places = np.concatenate([at for at, _ in texts])
    entries = np.arange(len(places))
    first = np.empty(len(turn), np.intp)
    first[places[::-1]] = entries[::-1]  # of several, the last assignment stays
    places = places[first[places] == entries]
    return counts, np.bincount(turn[places], counts[places], turns)[turn]
