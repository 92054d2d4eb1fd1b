"""What `serve` has begun before the server is imported: signals, flags, and undoing it all."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from app.process.begun import DEFAULT_HOST, Boot, Flags, Signals, StopRequested
from app.process.timeline import Timeline
from app.settings.fields import Settings


@pytest.fixture
def signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signals = Signals()
    signals.install()
    yield signals
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = Settings(_env_file=None)

    assert settings.host == DEFAULT_HOST


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_at_once(signals: Signals, number: int) -> None:
    with pytest.raises(StopRequested):
        signal.raise_signal(number)


def test_one_that_comes_while_something_begins_waits_for_it(signals: Signals) -> None:
    signals.hold()
    signal.raise_signal(signal.SIGTERM)

    with pytest.raises(StopRequested):
        signals.release()
    assert signals.requested == 1


def test_while_all_is_undone_no_signal_counts(signals: Signals) -> None:
    signals.ignore()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("flags", "host", "given"),
    [
        (Flags(), DEFAULT_HOST, {"host": None, "port": None, "memory_data_dir": None}),
        (Flags(), "::1", {"host": "::1", "port": None, "memory_data_dir": None}),
        (Flags(port="0", data_dir="/d"), DEFAULT_HOST, {"host": None, "port": 5, "memory_data_dir": "/d"}),
        (Flags(daemon=True), DEFAULT_HOST, {"host": DEFAULT_HOST, "port": None, "memory_data_dir": None}),
    ],
)
def test_flags_go_over_settings_as_they_are_in_fact(flags: Flags, host: str, given: dict[str, object]) -> None:
    boot = Boot(flags, Timeline(), Signals())
    boot.host, boot.port = host, 5

    assert boot.setting_flags == given


def test_closing_what_was_never_begun_is_fine() -> None:
    boot = Boot(Flags(), Timeline(), Signals())
    boot.close()
    boot.close()
