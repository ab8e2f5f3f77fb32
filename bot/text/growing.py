"""A growing text without the marks at its end that may be half written."""

import re

_MARKS = "*_~|`\\"  # at the end of a text each may open or close a format
_BEGUN_LINE = re.compile(r" {0,3}(?:#{1,6}[ \t]*|>[> \t]*)$")  # a heading or a quote without words
_HALF_LINK = re.compile(r"!?\[([^\[\]\n]*)(?:\](?:\([^()\s]*)?)?$")
_ROW = re.compile(r"[ \t]*\|(?!\|)")
_HALF_RULE = re.compile(r"[|:\- \t]*$")
_FENCE = re.compile(r"^ {0,3}```", re.MULTILINE)


def newest_text(text: str, longest: int) -> str:
    """Return the end of a growing text, of at most so many characters and half as many at least.

    It begins with a line, where lines are not longer than that, and with a fence where that line is code. Its
    beginning stays until the text has grown by half of the length.
    """
    if len(text) <= longest:
        return text
    step = longest // 2
    at = (len(text) - 1) // step * step - step
    line = text.rfind("\n", at, at + step // 2) + 1 or at
    is_code = len(_FENCE.findall(text, 0, line)) % 2 == 1
    return "```\n" * is_code + text[line:]


def hold_back(text: str) -> str:
    """Return the beginning of a growing text that can be shown: without half a mark, link or table."""
    text = _without_half_table(text)
    bare = text.rstrip(_MARKS)
    while (shown := _without_begun_line(bare)) != text:
        text, bare = shown, shown.rstrip(_MARKS)
    link = _HALF_LINK.search(text, max(0, text.rfind("[") - 1))
    if not link or link.end() != len(text) or _is_in_code(text):
        return text
    return text[: link.start()] + link[1]


def _is_in_code(text: str) -> bool:
    line = text.rfind("\n") + 1
    return text.count("```") % 2 == 1 or text.count("`", line) % 2 == 1


def _without_begun_line(text: str) -> str:
    start = text.rfind("\n") + 1
    return text[:start] if _BEGUN_LINE.match(text, start) else text


def _without_half_table(text: str) -> str:
    """Return the text without the first rows of what may become a table."""
    start = text.rfind("\n") + 1
    before = text.rfind("\n", 0, max(0, start - 1)) + 1
    if not _ROW.match(text, start):
        return text
    if start and _ROW.match(text, before):
        is_rule = _HALF_RULE.match(text, start) is not None and before < start
        earlier = text.rfind("\n", 0, max(0, before - 1)) + 1
        follows_row = before > 0 and _ROW.match(text, earlier) is not None
        return text[:before] if is_rule and not follows_row else text
    return text[:start]
