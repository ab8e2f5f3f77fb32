"""The place of a fault in a JSON file, and the fault in plain words, for sentences to the user."""

import re
from json import JSONDecodeError

_BYTE = re.compile(r" \(byte (\d{1,18})\)$")  # the end of an error of msgspec
_WORDS = {
    "Expecting value": "a value is missing",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Unterminated string starting at": "a text has no closing quote",
    "Extra data": "something stands behind the end",
    "Invalid control character at": "a text holds a line's end or another control character",
    "Illegal trailing comma before end of object": "a comma stands before the end",
    "Illegal trailing comma before end of array": "a comma stands before the end",
    "Unexpected UTF-8 BOM (decode using utf-8-sig)": "a byte order mark stands there",
    "Input data was truncated": "it ends in the middle",
}


def json_fault(content: bytes | str, error: Exception) -> str:
    """Return line, column and fault of JSON that `json` or msgspec could not decode, for brackets.

    Errors without a place, such as those of a value of another type, are told without one.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if isinstance(error, JSONDecodeError):
        words = _WORDS.get(error.msg, f"{error.msg[:1].lower()}{error.msg[1:]}")
        return f"line {error.lineno:,}, column {error.colno:,}: {words}"
    if isinstance(error, UnicodeDecodeError):
        return f"{place_of(data, error.start)}: it is not UTF-8 text"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return _told_by_msgspec(data, str(error))


def line_fault(line: bytes, error: Exception) -> str:
    """Return column and fault of a line of JSON Lines, whose number the sentence has already."""
    return json_fault(line, error).removeprefix("line 1, ")


def fault_byte(error: Exception) -> int:
    """Return the byte at which msgspec met a fault; 0 where its error has none."""
    found = _BYTE.search(str(error))
    return int(found[1]) if found else 0


def place_of(content: bytes, at: int) -> str:
    """Return the line and the column of a byte of UTF-8 text."""
    before = content[:at]
    begin = before.rfind(b"\n") + 1
    return place_text(before.count(b"\n") + 1, len(before[begin:].decode("utf-8", "replace")) + 1)


def place_text(line: int, column: int) -> str:
    return f"line {line:,}, column {column:,}"


def _told_by_msgspec(content: bytes, text: str) -> str:
    found = _BYTE.search(text)
    words = _BYTE.sub("", text).removeprefix("JSON is malformed: ")
    words = _WORDS.get(words, words)
    if words == "it ends in the middle":
        return f"{place_of(content, len(content))}: {words}"
    return f"{place_of(content, int(found[1]))}: {words}" if found else words
