"""Keeps what others wrote from acting on a terminal: controls, and characters that turn text around, are escaped.

A command's stdout and stderr are `CleanStream`s, so that nothing that it prints has to remember. What colours its text
itself prints with a console of ours (`console`), whose texts are cleaned before their colours are added. Escapes have
the form of JSON, so JSON stays JSON. Standard library only, and nothing slow: every process loads it.
"""

from __future__ import annotations

import contextlib
import sys

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from typing import Any, TextIO

    from rich.console import Console

# C0 without line end and tab, C1, Unicode's Bidi_Control, the separators of lines that are no controls, and lone
# surrogates, which no terminal can show.
_OBEYED = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff%s]"
_ALSO = {"lines": "", "a line": r"\t\n"}
_patterns: dict[str, re.Pattern[str]] = {}
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_TAB = 8


def printable(text: str) -> str:
    """Return a text with what a terminal would obey, or cannot show, escaped; line ends and tabs stay."""
    return text if text.replace("\n", "").isprintable() else _pattern("lines").sub(_escaped, text)


def on_one_line(text: str) -> str:
    """Return a text with what a terminal would obey escaped, line ends and tabs as well."""
    return text if text.isprintable() else _pattern("a line").sub(_escaped, text)


def _pattern(where: str) -> re.Pattern[str]:
    if where not in _patterns:
        import re  # with the compiling it takes 12 ms, which a start has no use for before its port is open

        _patterns[where] = re.compile(_OBEYED % _ALSO[where])
    return _patterns[where]


def _escaped(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"


class CleanStream:
    """A text stream that cleans what is written to it; on a terminal, tabs become blanks. For bytes: its `buffer`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text, cleaned; return the length of what was given."""
        clean = printable(text)
        self.stream.write(clean.expandtabs(_TAB) if "\t" in clean and self.stream.isatty() else clean)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write texts, cleaned."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def clean(stream: Any) -> Any:
    """Return a stream that cleans what is written to it. stream: None in a process without one."""
    return stream if stream is None or isinstance(stream, CleanStream) else CleanStream(stream)


@contextlib.contextmanager
def clean_output() -> Iterator[None]:
    """Clean what the block prints."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = clean(sys.stdout), clean(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def console(*, stderr: bool = False, **options: Any) -> Console:
    """Return a console of rich that cleans the texts it shows. options: those of rich."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class CleanConsole(Console):
        """Cleans texts where they are still apart from their colours and from the cursor's movements."""

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterator[Segment]:  # rich declares an Iterable and yields
            for segment in super().render(renderable, options):
                yield segment if segment.control else segment._replace(text=printable(segment.text))

    stream = sys.stderr if stderr else sys.stdout
    return CleanConsole(file=stream.stream if isinstance(stream, CleanStream) else stream, **options)
