"""The log: every event on its line, no secret in any writing, none of people's words."""

import asyncio
import json
import logging
import sys
import threading
import warnings
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import LogSettings
from bot.log import set_up_logging, settings_for_terminal
from bot.text.redaction import Redactor

TELEGRAM = "5550001111:AAcanaryTELEGRAM-canary_canary12345x"
DISCORD = "MTE1NTUwMDAxMTExMTExMTEx.GcAnAr.canaryDISCORD_canary-canaryCANARYcanary1"
WEBHOOK = "canaryWEBHOOKcanaryWEBHOOK_canary-canary68"
INTERACTION = "aW50ZXJhY3Rpb246MTE1NTpjYW5hcnlDQU5BUlljYW5hcnlDQU5BUlk"
PASSWORD = 'canary "PASSWORD" with/odd+signs & blanks'
CONFIGURED = (TELEGRAM, DISCORD, PASSWORD)
WORDS = "zanzibar ziggurat"

log = logging.getLogger("bot.tests")
Begin = Callable[..., StringIO]
Format = Literal["text", "json"]
FORMATS: tuple[Format, ...] = ("text", "json")


def of_the_log(handler: logging.Handler) -> bool:
    return type(handler).__module__ == "bot.log"


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Set the log up and give what it writes; afterwards everything is as it was."""
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("bot", "training"))]
    levels = [logger.level for logger in loggers]
    hooks = (sys.excepthook, threading.excepthook)

    def start(level: str = "debug", form: Format = "text", secrets: tuple[str, ...] = CONFIGURED) -> StringIO:
        stream = StringIO()
        root.handlers[:] = [handler for handler in root.handlers if of_the_log(handler)]  # pytest's own raise
        set_up_logging(LogSettings.model_validate({"level": level, "format": form}), secrets, stream)
        return stream

    yield start
    logging.captureWarnings(False)
    root.handlers[:] = [handler for handler in root.handlers if not of_the_log(handler)]
    sys.excepthook, threading.excepthook = hooks
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


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


WRITINGS = {
    "plain": CONFIGURED,
    "without its first piece": (TELEGRAM.split(":")[1], DISCORD.split(".")[2]),
    "in a URL": tuple(quote(secret, safe="") for secret in CONFIGURED),
    "in a URL in a URL": tuple(quote(quote(secret, safe=""), safe="") for secret in CONFIGURED),
    "base64": tuple(b64encode(secret.encode()).decode() for secret in CONFIGURED),
    "base64 for URLs": tuple(urlsafe_b64encode(secret.encode()).decode() for secret in CONFIGURED),
    "base64 behind a": tuple(b64encode(f"a{secret}".encode()).decode()[2:] for secret in CONFIGURED),
    "base64 behind Bot": tuple(b64encode(f"Bot: {secret}".encode()).decode()[7:] for secret in CONFIGURED),
}
SHAPED = {  # what is written, and what of it must not be seen, though nothing is configured
    "https://api.telegram.org/bot" + TELEGRAM + "/getMe": TELEGRAM,
    "https://host/?url=bot" + TELEGRAM.replace(":", "%3A") + "%2FgetMe": TELEGRAM.split(":")[1],
    "Bot " + DISCORD: DISCORD,
    "mfa." + WEBHOOK: WEBHOOK,
    "POST https://discord.com/api/v10/webhooks/1155/" + WEBHOOK + "?wait=true": WEBHOOK,
    "/webhooks/1155/" + WEBHOOK + "/messages/@original": WEBHOOK,
    "%2Fwebhooks%2F1155%2F" + WEBHOOK: WEBHOOK,
    "/interactions/1155/" + WEBHOOK + "/callback": WEBHOOK,
    "token is " + INTERACTION: INTERACTION,
    str({"type": 2, "token": WEBHOOK}): WEBHOOK,
    json.dumps({"type": 2, "token": WEBHOOK}): WEBHOOK,
    "Authorization: Bearer " + WEBHOOK: WEBHOOK,
    str({"Authorization": "Bot " + WEBHOOK}): WEBHOOK,
    str([(b"authorization", f"Basic {WEBHOOK}".encode())]): WEBHOOK,
    "X-Telegram-Bot-Api-Secret-Token: " + WEBHOOK: WEBHOOK,
}


class Shown:
    """Something whose repr is a secret."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"<Shown {self._text}>"


def _caught(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("failed")


def _chained(text: str) -> None:
    try:
        try:
            raise KeyError(text)
        except KeyError as error:
            error.add_note(text)
            raise RuntimeError("second") from ExceptionGroup(text, [error])
    except RuntimeError:
        log.exception("failed")


WAYS: dict[str, Callable[[str], None]] = {
    "message": lambda text: log.info(text),
    "argument": lambda text: log.info("failed: %s", text),
    "argument's repr": lambda text: log.info("failed: %r", Shown(text)),
    "named argument": lambda text: log.info("failed: %(what)s", {"what": text}),
    "torn by the template": lambda text: log.info(text[:20].replace("%", "%%") + "%s", text[20:]),
    "field": lambda text: log.info("failed", extra={"what": text}),
    "field's name": lambda text: log.info("failed", extra={text: 1}),
    "field of another type": lambda text: log.info("failed", extra={"what": {"deep": [Shown(text)]}}),
    "path": lambda text: log.info("failed", extra={"what": Path("/") / text}),
    "logger's name": lambda text: log.handle(
        logging.LogRecord(f"bot.{text}", 20, "x.py", 1, "failed", (), None)
    ),
    "exception": _caught,
    "chained exceptions, a group and a note": _chained,
    "library": lambda text: logging.getLogger("discord.client").error("failed: %s", text),
    "values that do not fit": lambda text: log.info("%d", text),
    "too many values": lambda text: log.info(text.replace("%", ""), text),
    "warning": lambda text: warnings.showwarning(text, UserWarning, "x.py", 1),
}


def leaks(secret: str, written: str) -> list[str]:
    """Pieces of a secret, of twelve characters, that can be read."""
    pieces = [secret[at : at + 12] for at in range(len(secret) - 11)]
    return [piece for piece in pieces if piece in written or json.dumps(piece)[1:-1] in written]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("writing", WRITINGS)
def test_no_configured_secret_leaks(begin: Begin, form: Format, way: str, writing: str) -> None:
    out = begin(form=form)
    for secret in WRITINGS[writing]:
        WAYS[way](f"before {secret} behind")
        assert out.getvalue()
        assert leaks(secret, out.getvalue()) == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_is_shaped_like_a_token_leaks(begin: Begin, form: Format, way: str) -> None:
    out = begin(form=form, secrets=())
    for text, secret in SHAPED.items():
        WAYS[way](text)
        assert leaks(secret, out.getvalue()) == []


@pytest.mark.parametrize(
    "text",
    [
        "read 512 tokens in 0.25 s",
        "2026-11-05T12:34:56.789+00:00",
        "discord/115555000111122223/115555000111122224",
        "bot.platforms.discord.py, line 120, in send",
        "https://discord.com/api/v10/channels/115555000111122223/messages",
        "a" * 500,
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor(("short", TELEGRAM))(text) == text


def test_a_traceback_is_there_and_keeps_all_that_is_no_secret(begin: Begin) -> None:
    out = begin()
    _caught(f"GET /bot{TELEGRAM}/getMe failed")
    assert out.getvalue().splitlines()[-1] == "  | ValueError: GET /bot[redacted]/getMe failed"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("logger", "level", "template", "values"),
    [
        ("discord.gateway", 10, "For Shard ID %s: WebSocket Event: %s", (0, {"content": WORDS})),
        ("discord.http", 10, "%s %s with %s has returned %s", ("POST", "/x", WORDS, 200)),
        ("discord.client", 10, "Dispatching event %s", (WORDS,)),
        ("discord.webhook.async_", 10, "Webhook ID %s with %s %s has returned %s", (1, "POST", WORDS, 200)),
        ("discord.ui.view", 40, "Ignoring exception in view %r for item %r", (WORDS, WORDS)),
        ("telegram.Bot", 10, "Calling Bot API endpoint `%s` with parameters `%s`", ("x", WORDS)),
        ("telegram.ext.Application", 10, "Processing update %s", (WORDS,)),
        ("telegram.ext.Application", 20, "Application %s", (WORDS,)),
        ("telegram.Bot", 50, "Error while parsing updates! Received data was %r", ([WORDS],)),
        ("telegram.request.BaseRequest", 40, 'Can not load invalid JSON data: "%s"', (WORDS,)),
        ("httpx", 20, 'HTTP Request: %s %s "%s"', ("GET", WORDS, "200")),
        ("httpcore.http11", 10, "send_request_body.started %s", (WORDS,)),
        ("aiosqlite", 10, "executing %s", (WORDS,)),
        ("asyncio", 10, "connected %s", (WORDS,)),
        ("asyncio", 40, f"Exception in callback say('{WORDS}')\nhandle: <Handle say('{WORDS}')>", ()),
        ("asyncio", 30, "Executing %s took %.3f seconds", (WORDS, 0.2)),
        ("somebody.else", 10, "saw %s", (WORDS,)),
    ],
)
def test_libraries_do_not_tell_what_people_said(
    begin: Begin, form: Format, logger: str, level: int, template: str, values: tuple[object, ...]
) -> None:
    out = begin(form=form)
    library = logging.getLogger(logger)
    before = library.level
    library.setLevel(logging.DEBUG)
    library.log(level, template, *values, extra={"words": WORDS})
    library.setLevel(before)
    assert "zanzibar" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == (level >= 30)


@pytest.mark.parametrize("form", FORMATS)
async def test_telegrams_library_at_debug_shows_no_token_and_no_words(begin: Begin, form: Format) -> None:
    telegram = pytest.importorskip("telegram")
    request = pytest.importorskip("telegram.request")
    httpx = pytest.importorskip("httpx")
    out = begin(form=form, secrets=())
    loggers = [logging.getLogger(name) for name in ("telegram", "telegram.Bot", "httpx", "httpcore")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)

    def answer(sent: object) -> object:
        return httpx.Response(200, text=WORDS)

    transport = httpx.MockTransport(answer)
    own = request.HTTPXRequest(httpx_kwargs={"transport": transport})
    bot = telegram.Bot(TELEGRAM, request=own, get_updates_request=own)
    log.info("bot %r, %s", bot, bot, extra={"bot": bot})
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get(f"https://api.telegram.org/bot{TELEGRAM}/getMe", headers={"Authorization": DISCORD})
    try:
        await bot.send_message(1, WORDS)
    except telegram.error.TelegramError:
        log.exception("sending failed", extra={"bot": bot})
    await own.shutdown()
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    assert "Can not load invalid JSON data" in out.getvalue()
    assert leaks(TELEGRAM, out.getvalue()) == leaks(DISCORD, out.getvalue()) == []
    assert "zanzibar" not in out.getvalue()


async def test_a_callback_that_fails_is_logged_without_what_it_was_given(begin: Begin) -> None:
    out = begin()

    def say(text: str) -> None:
        raise ValueError("cannot speak")

    asyncio.get_running_loop().call_soon(say, WORDS)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "error asyncio Exception in callback" in out.getvalue()
    assert "ValueError: cannot speak" in out.getvalue()
    assert "zanzibar" not in out.getvalue()


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
