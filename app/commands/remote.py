"""Options for asking a server elsewhere: its address, and the file with its token."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path


def server_url(value: str) -> str:
    """Check the address of a server."""
    from app.settings.values import http_url

    try:
        return http_url(value)
    except ValueError as error:
        raise ArgumentTypeError(f"got {value[:80]!r}, {error}" if "@" not in value else str(error)) from None


def add_token_file(parser: ArgumentParser) -> None:
    """Declare --token-file."""
    parser.add_argument("--token-file", metavar="FILE", help="Holds the token for URL (default: MEMORY_TOKEN).")


def token_of(args: Namespace) -> str | None:
    """Return the token in --token-file, if that is given. Raises InvalidInput."""
    from app.errors import InvalidInput

    file = args.token_file
    if file is None:
        return None
    try:
        text = Path(file).read_text(encoding="ascii").strip()
    except OSError as error:
        raise InvalidInput("--token-file", file, f"a file with a token: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or " " in text:  # it becomes a header
        raise InvalidInput("--token-file", file, "a file with a token and nothing else")
    return text
