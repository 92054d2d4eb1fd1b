"""The program of the process that prepares long texts: reads calls from its input, and writes what they return.

A message is its length and a pickle. The process ends with its input, so it never outlives the server.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from array import array
from io import BytesIO
from typing import Any, BinaryIO

from app.memory.types import Analysis

SIZE = struct.Struct("=Q")
_NICE = 5  # whoever calls with a short text comes first


class _Pickler(pickle.Pickler):
    """Packs terms, which a tuple of numbers would make nine times as large in the server."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is not Analysis:
            return NotImplemented
        others = (value.words, value.asks, value.tells_time, value.tells_number, value.first_person)
        return _analysis, (array("i", value.terms), *others)


def _analysis(
    terms: array[int], words: int, asks: bool, tells_time: bool, tells_number: bool, first_person: int
) -> Analysis:
    return Analysis(
        terms=terms,
        words=words,
        asks=asks,
        tells_time=tells_time,
        tells_number=tells_number,
        first_person=first_person,
    )


def serve(calls: BinaryIO, replies: BinaryIO) -> None:
    """Answer calls until there are no more: each with what it returned, or the error it raised."""
    while head := calls.read(SIZE.size):
        (size,) = SIZE.unpack(head)
        reply: tuple[Any, Exception | None]
        call = pickle.loads(calls.read(size))  # noqa: S301 - from the server, which started us
        try:
            reply = call(), None
        except Exception as error:  # noqa: BLE001 - the server raises it
            reply = None, error
        packed = BytesIO()
        _Pickler(packed, protocol=pickle.HIGHEST_PROTOCOL).dump(reply)
        replies.write(SIZE.pack(packed.tell()))
        replies.write(packed.getbuffer())
        replies.flush()
        del call, reply, packed  # the next call may be long in coming


def main() -> None:
    """Serve on the standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server
    os.nice(_NICE)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that is printed may come between replies
    serve(sys.stdin.buffer, replies)
