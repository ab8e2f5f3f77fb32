"""The log: one line an event, its facts as fields, no secret and no word of a message at any level.

Libraries log messages of people, so their levels have floors. Below INFO no library is logged:
discord.gateway, discord.http and discord.webhook log whole payloads, aiosqlite the parameters of every
statement, asyncio the arguments of callbacks. telegram, httpx and httpcore are not logged below WARNING:
they log updates, and addresses that hold the token. Errors of telegram, discord.ui and asyncio quote the
value that could not be handled; the log shows the library's words without the value.
"""

import json
import logging
import math
import re
import sys
import threading
import traceback
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType
from typing import TextIO

from bot.config import LogSettings
from bot.text.redaction import Redactor

FLOORS = {  # the lowest level that is logged, by logger and its children; others: INFO
    "bot": logging.DEBUG,
    "training": logging.DEBUG,
    "telegram": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
}
QUOTING = ("telegram", "discord.ui", "asyncio")  # loggers whose errors quote messages of people
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
LONGEST_FIELD, LONGEST_TRACE = 2_000, 20_000  # characters
Value = str | int | float | bool | None

log = logging.getLogger(__name__)


def set_up_logging(settings: LogSettings, secrets: Collection[str], stream: TextIO) -> None:
    """Log every record, warning and uncaught error to the stream, in place of an earlier set-up."""
    root, level = logging.getLogger(), logging.getLevelName(settings.level.upper())
    for old in [handler for handler in root.handlers if isinstance(handler, _Lines)]:
        root.removeHandler(old)
    root.addHandler(_Lines(_Formatter(settings.format == "json", Redactor(secrets)), stream))
    root.setLevel(max(level, logging.INFO))
    for name in ("bot", "training"):
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda left: _uncaught(left.exc_type, left.exc_value, left.exc_traceback)


def settings_for_terminal(settings: LogSettings) -> LogSettings:
    """Return the settings of a conversation in the terminal, whose lines INFO would interrupt."""
    return settings.model_copy(update={"level": "warning"}) if settings.level == "info" else settings


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        log.critical("uncaught_exception", exc_info=error)
    elif kind is not SystemExit:
        sys.__excepthook__(kind, error or kind(), trace)


class _Lines(logging.Handler):
    """Writes records and never fails. An unreadable record is logged by its place in the code."""

    def __init__(self, formatter: logging.Formatter, stream: TextIO) -> None:
        super().__init__()
        self.formatter, self._stream = formatter, stream

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged; a library may have set its logger's level below the floor."""
        names = record.name.split(".")
        floors = (FLOORS.get(".".join(names[:end])) for end in range(len(names), 0, -1))
        return record.levelno >= next((floor for floor in floors if floor is not None), logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # a value whose str() fails, or values that do not fit the message
            line = self.format(_unshown(record))
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # the stream is closed
            return


def _unshown(record: logging.LogRecord) -> logging.LogRecord:
    event = f"unreadable_record {PurePath(record.pathname).name}:{record.lineno}"
    return logging.LogRecord(record.name, record.levelno, record.pathname, record.lineno, event, (), None)


class _Formatter(logging.Formatter):
    """Formats a record as `time level name event key=value ...`, or as one object of JSON.

    In text, a traceback follows in lines that begin with a bar, so that only a record begins with a time.
    """

    def __init__(self, as_json: bool, redact: Redactor) -> None:
        super().__init__()
        self._as_json, self._redact = as_json, redact

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        level, name = record.levelname.lower(), self._redact(record.name)
        event = _cut(self._redact(_event(record)), LONGEST_FIELD)
        fields = {self._redact(key): self._field(value) for key, value in _extras(record).items()}
        trace = _cut(self._redact(_trace(record)), LONGEST_TRACE)
        if self._as_json:
            known = {"time": time, "level": level, "name": name, "event": event}
            return json.dumps(known | {key: fields[key] for key in fields if key not in known} | _if(trace))
        shown = [f"{_plain(key)}={_quoted(value)}" for key, value in fields.items()]
        lines = [" ".join([time, level, _plain(name), _plain(event), *shown])]
        lines += [f"  | {_plain(line)}" for line in trace.splitlines()]
        return self._redact("\n".join(lines))

    def _field(self, value: object) -> Value:
        """Return None, numbers and booleans unchanged, and any other value or likely secret as text."""
        text = str(value)
        kept = value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        redacted = self._redact(text)
        return value if kept and redacted == text else _cut(redacted, LONGEST_FIELD)  # type: ignore[return-value]


def _cut(text: str, limit: int) -> str:
    """Return a text whose middle is left out where it is too long: errors tell most at both ends."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} [{len(text) - 2 * half:,} characters] {text[-half:]}"


def _event(record: logging.LogRecord) -> str:
    if not record.name.startswith(QUOTING):
        return record.getMessage()
    first = str(record.msg).partition("\n")[0]
    return re.sub(r"\(.*", "(...)", first)  # asyncio puts the arguments of a callback here


def _extras(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields of the program's own records; fields of libraries may hold anything."""
    own = record.name.partition(".")[0] in ("bot", "training")
    return {key: value for key, value in vars(record).items() if own and key not in _STANDARD}


def _trace(record: logging.LogRecord) -> str:
    """Return the traceback with those of its causes, then the stack."""
    error = record.exc_info and record.exc_info[1]
    causes = "".join(traceback.format_exception(error)) if error else ""
    return causes + (record.stack_info or "")


def _if(trace: str) -> dict[str, str]:
    return {"trace": trace} if trace else {}


def _plain(text: str) -> str:
    """Return text on one line, with escapes for characters that do not print."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _quoted(value: Value) -> str:
    text = str(value)
    bare = re.fullmatch(r"[^\s\"=\\]+", text) and text.isprintable()
    return text if bare else _plain(json.dumps(text, ensure_ascii=False))
