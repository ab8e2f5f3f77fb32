"""Secrets, words, every way in which a text gets into the log, and what can be read of a secret."""

import json
import logging
import warnings
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Literal

TELEGRAM = "5550001111:AAcanaryTELEGRAM-canary_canary12345x"
DISCORD = "MTE1NTUwMDAxMTExMTExMTEx.GcAnAr.canaryDISCORD_canary-canaryCANARYcanary1"
PASSWORD = 'canary "PASSWORD" with/odd+signs & blanks'
CONFIGURED = (TELEGRAM, DISCORD, PASSWORD)
WORDS = "zanzibar ziggurat"

log = logging.getLogger("bot.tests")
Begin = Callable[..., StringIO]
Format = Literal["text", "json"]
FORMATS: tuple[Format, ...] = ("text", "json")


class Shown:
    """Something whose repr is a secret."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"<Shown {self._text}>"


def caught(text: str) -> None:
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
    "exception": caught,
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
