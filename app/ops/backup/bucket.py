"""Opens a bucket of an S3-compatible store, and tells what goes wrong there, or on a disk, in one line."""

from __future__ import annotations

import atexit
import errno
import re
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from app.ops.backup.errors import PlaceUnusable
from app.settings.fields import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import S3Store

SCHEME = "s3://"
_KEY, _SECRET = "BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"
_METADATA = re.compile(r"/latest/(api/token|meta-data/iam)")  # where obstore asks an Amazon machine for keys
_RETRY_TIMEOUT = timedelta(seconds=60)
_ANSWERS_END_IN_S = 5.0  # an answer takes a thread under a millisecond


def s3_store(settings: Settings, bucket: str) -> S3Store:
    from obstore.store import S3Store

    _let_answers_end_at_exit()
    options: dict[str, Any] = {"region": settings.backup_s3_region}
    if settings.backup_s3_endpoint is not None:
        options["endpoint"] = settings.backup_s3_endpoint
        if not settings.backup_s3_path_style:
            options["endpoint"] = in_host_name(settings.backup_s3_endpoint, bucket)
    options["virtual_hosted_style_request"] = not settings.backup_s3_path_style
    key, secret = settings.backup_s3_access_key_id, settings.backup_s3_secret_access_key
    if key is not None and secret is not None:
        options["access_key_id"] = key.get_secret_value()
        options["secret_access_key"] = secret.get_secret_value()
    return S3Store(
        bucket,
        **options,
        client_options={
            "allow_http": (settings.backup_s3_endpoint or "").startswith("http://"),
            "connect_timeout": "5s",
            "timeout": "60s",
        },
        retry_config={"max_retries": settings.max_retry_attempts, "retry_timeout": _RETRY_TIMEOUT},
    )


def in_host_name(endpoint: str, bucket: str) -> str:
    parts = urlsplit(endpoint)
    return urlunsplit(parts._replace(netloc=f"{bucket}.{parts.netloc}"))


@cache
def _let_answers_end_at_exit() -> None:
    """Register `let_answers_end`, once in a process."""
    atexit.register(let_answers_end)


def let_answers_end(at_most_s: float = _ANSWERS_END_IN_S) -> None:
    """Wait until no thread but those of Python runs Python code, for so many seconds at most.

    A thread of obstore hands an answer over by `loop.call_soon_threadsafe`, and the command can be done before that
    call returns. Python up to 3.13 ends a thread that comes back while the interpreter ends, in the middle of Rust
    code, which aborts the process (SIGABRT) though all of its work is done.
    """
    until = time.monotonic() + at_most_s
    while time.monotonic() < until:
        of_python = {thread.ident for thread in threading.enumerate()}
        if sys._current_frames().keys() <= of_python:
            return
        time.sleep(0.001)


@contextmanager
def place_errors(name: str) -> Iterator[None]:
    """Turn errors of a disk or a store into PlaceUnusable, one line. A store's can hold a whole answer: cut."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        raise PlaceUnusable(f"{name}: there is no such backup or directory") from error
    except OSError as error:
        why = {
            errno.ENOSPC: "the disk is full; free some space",
            errno.EDQUOT: "the disk quota is used up; free some space",
            errno.EFBIG: "the file would be larger than the file system or the process's limit allows",
            errno.EACCES: "permission denied; change the owner, or choose another directory",
            errno.EROFS: "the file system is read-only; choose another directory",
        }.get(error.errno or 0, str(error.strerror or error))
        raise PlaceUnusable(f"{name}: {why}") from error
    except BaseError as error:
        line = _first_line(error)
        if _METADATA.search(line):
            raise PlaceUnusable(
                f"{name}: there are no keys to the store: set {_KEY} and {_SECRET}, or AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY; none are set, and this machine provides none (instance metadata)"
            ) from error
        raise PlaceUnusable(f"{name}: the store refused: {line}") from error


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    return text if len(text) <= 300 else f"{text[:300]}…"
