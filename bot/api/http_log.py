"""The log of aiohttp's server: faults of the program alone, since those of a request quote it."""

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError


def http_logger() -> logging.Logger:
    """Return the logger, which leaves out requests that are no HTTP."""
    log = logging.getLogger(f"{__name__}.aiohttp")
    log.addFilter(_is_own_fault)
    return log


def _is_own_fault(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)
