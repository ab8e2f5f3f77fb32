"""The log writes each event as one line, and no text forges a line and no record breaks it."""

import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import LogSettings
from bot.log import LONGEST_FIELD, LONGEST_TRACE, set_up_logging, settings_for_terminal
from bot.text.redaction import Redactor
from tests.bot.log_records import CONFIGURED, DISCORD, FORMATS, TELEGRAM, WAYS, Begin, Format, log


def test_an_event_is_a_line_with_its_facts_as_fields(begin: Begin) -> None:
    out = begin()
    log.info(
        "answered",
        extra={"place": "discord/1/2", "seconds": 0.25, "parts": 3, "rule": "its name", "of": None},
    )
    time, _, rest = out.getvalue().partition(" ")
    assert rest == 'info bot.tests answered place=discord/1/2 seconds=0.25 parts=3 rule="its name" of=None\n'
    assert len(time) == len("2026-11-05T12:34:56.789+00:00")


def test_an_event_is_an_object_of_json_if_asked_for(begin: Begin) -> None:
    out = begin(form="json")
    log.warning("given up after %d tries", 3, extra={"place": "telegram/1/-2", "seconds": 0.25, "late": True})
    event = json.loads(out.getvalue())
    assert event.pop("time")
    assert event == {
        "level": "warning",
        "name": "bot.tests",
        "event": "given up after 3 tries",
        "place": "telegram/1/-2",
        "seconds": 0.25,
        "late": True,
    }


@pytest.mark.parametrize(
    ("level", "heard"),
    [("debug", "diwe"), ("info", "iwe"), ("warning", "we"), ("error", "e")],
)
def test_the_level_is_that_of_the_settings(begin: Begin, level: str, heard: str) -> None:
    out = begin(level)
    for number, event in zip((10, 20, 30, 40), "diwe", strict=True):
        log.log(number, event)
    assert "".join(line.split()[-1] for line in out.getvalue().splitlines()) == heard


@pytest.mark.parametrize(
    ("level", "in_the_terminal"),
    [("debug", "debug"), ("info", "warning"), ("warning", "warning"), ("error", "error")],
)
def test_the_terminal_is_not_told_what_is_usual(level: str, in_the_terminal: str) -> None:
    assert settings_for_terminal(LogSettings.model_validate({"level": level})).level == in_the_terminal


def test_a_second_set_up_replaces_the_first(begin: Begin) -> None:
    first, second = begin(), begin()
    log.info("once")
    assert (first.getvalue(), len(second.getvalue().splitlines())) == ("", 1)


def test_warnings_uncaught_errors_and_those_of_threads_are_records(begin: Begin) -> None:
    out = begin()
    warnings.showwarning(f"old {TELEGRAM}", UserWarning, "x.py", 1)
    error = ValueError(DISCORD)
    sys.excepthook(ValueError, error, None)
    threading.excepthook(threading.ExceptHookArgs((ValueError, error, None, None)))
    lines = out.getvalue().splitlines()
    assert [line.split()[1:3] for line in lines if not line.startswith("  | ")] == [
        ["warning", "py.warnings"],
        ["critical", "bot.log"],
        ["critical", "bot.log"],
    ]
    assert lines.count("  | ValueError: [redacted]") == 2
    assert TELEGRAM not in out.getvalue()


class Unspeakable:
    """Something that cannot be shown."""

    def __str__(self) -> str:
        raise ZeroDivisionError("no")

    __repr__ = __str__


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "call",
    [
        lambda: log.info("%s", Unspeakable()),
        lambda: log.info(Unspeakable()),
        lambda: log.info("x", extra={"y": Unspeakable()}),
        lambda: log.info("%d", "one"),
        lambda: log.info("%s %s", "one"),
        lambda: log.info("none", "one"),
        lambda: log.info("%(one)s", {"two": 2}),
    ],
)
def test_a_record_that_cannot_be_shown_is_named_and_raises_nothing(
    begin: Begin, capsys: pytest.CaptureFixture[str], form: Format, call: Callable[[], None]
) -> None:
    out = begin(form=form)
    call()
    (line,) = out.getvalue().splitlines()
    assert "unreadable_record test_log.py:" in line
    assert capsys.readouterr() == ("", "")


def test_an_exception_that_cannot_be_shown_is_logged(begin: Begin) -> None:
    out = begin()
    log.error("failed", exc_info=ValueError(Unspeakable()))
    assert out.getvalue().splitlines()[-1] == "  | ValueError: <exception str() failed>"


def test_a_stream_that_is_closed_raises_nothing(begin: Begin) -> None:
    begin().close()
    log.error("nobody hears it")


FORGED = "2026-11-05T12:34:56.789+00:00 critical bot.chat.chat everything is lost"
BREAKS = [
    "\n",
    "\r",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\x1b[2K\r",
    "\x08",
    "\u202e",
    "\0",
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", BREAKS)
def test_nobody_forges_a_line(begin: Begin, way: str, end: str) -> None:
    out = begin()
    WAYS[way](f"x{end}{FORGED}")
    lines = out.getvalue().split("\n")[:-1]
    assert [line for line in lines if not line.startswith("  | ")] == lines[:1]
    assert not lines[0].startswith(FORGED)
    assert all(line.isprintable() for line in lines)


def test_nobody_forges_a_field(begin: Begin) -> None:
    out = begin()
    log.info("left", extra={"name_of": 'Ana" rule="owner', "place": "a rule=owner"})
    assert out.getvalue().endswith(' left name_of="Ana\\" rule=\\"owner" place="a rule=owner"\n')


FACTS = st.dictionaries(
    st.text(max_size=6).map(lambda name: f"x{name}"),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2),
    max_size=4,
)


def refuse(constant: str) -> None:
    raise AssertionError(constant)


@settings(deadline=None)
@given(st.text(st.characters()), FACTS, st.none() | st.text(st.characters()))
def test_every_record_is_one_line_of_valid_json(
    event: str, facts: dict[str, object], failure: str | None
) -> None:
    out = StringIO()
    root = logging.getLogger()
    handlers, hooks = list(root.handlers), (sys.excepthook, threading.excepthook)
    set_up_logging(LogSettings(format="json"), CONFIGURED, out)
    own = next(handler for handler in root.handlers if handler not in handlers)
    root.handlers[:] = handlers
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
    record = logging.LogRecord("bot.x", 20, "x.py", 1, event, (), None)
    record.exc_info = (ValueError, ValueError(failure), None) if failure is not None else None
    vars(record).update(facts)
    own.handle(record)
    (line,) = out.getvalue().splitlines()
    read = json.loads(line, parse_constant=refuse)
    assert read["event"] == Redactor(CONFIGURED)(event)
    assert set(read) == {
        "time",
        "level",
        "name",
        "event",
        *facts,
        *(["trace"] if failure is not None else []),
    }


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_field_an_event_and_a_traceback_show_is_bounded(begin: Begin, form: Format) -> None:
    out = begin(form=form)
    log.warning("e" * 100_000, extra={"reason": "r" * 100_000, "number": 7})
    assert len(out.getvalue()) < 2 * LONGEST_FIELD + 300
    assert "[98,000 characters]" in out.getvalue()
    try:
        raise ValueError("v" * 1_000_000)
    except ValueError:
        log.exception("failed")
    assert len(out.getvalue()) < 2 * LONGEST_FIELD + LONGEST_TRACE + 600
