"""A log that writes to memory."""

import logging
import sys
import threading
from collections.abc import Iterator
from io import StringIO

import pytest

from bot.config import LogSettings
from bot.log import set_up_logging
from tests.bot.log_records import CONFIGURED, Begin, Format


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
