"""The words of a piece of HTML, as posts, mails and old chats hold it. Nothing is fetched or run."""

import html
import re

_MARK = re.compile(
    r"<!--(?:[^-]|-(?!->))*+(?:-->)?+"
    r"|<(?P<close>/?+)(?P<name>[A-Za-z][\w:-]*+)(?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+>"
)
_LINES = frozenset("br p div li ul ol tr table blockquote pre hr h1 h2 h3 h4 h5 h6".split())
_PARAGRAPHS = frozenset(("p", "blockquote", "pre"))
_UNSPOKEN = frozenset(("script", "style", "head", "title"))
_EMPTY = frozenset("br hr img input meta link wbr".split())  # they have no end
_SPACES, _BLANKS = re.compile(r"[ \t\r\n\f]+"), re.compile(r" {2,}")
_GAPS = re.compile(r" ?\n ?")
_MANY = re.compile(r"\n{3,}")
# above every character: int() refuses thousands of digits, and html.unescape calls it
_HUGE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?+")


def unescape(text: str) -> str:
    """Return a text with the characters that its HTML references name; U+FFFD for one of too many digits."""
    return html.unescape(_HUGE.sub("\ufffd", text))


def html_words(source: str, without: frozenset[str] = frozenset()) -> str:
    """Return the words of a piece of HTML; `without` names elements that are left out.

    An empty line stands between paragraphs. A tag that does not close is kept as words, and an element that
    does not close is left out to the end. Takes linear time.
    """
    words: list[str] = []
    unspoken, depth, inside, at = _UNSPOKEN | without, 0, "", 0
    for mark in _MARK.finditer(source):
        if not depth:
            words.append(_SPACES.sub(" ", source[at : mark.start()]))
        at = mark.end()
        name = (mark["name"] or "").lower()
        if depth:
            is_inner = name == inside and not mark[0].endswith("/>")
            depth += 0 if not is_inner else -1 if mark["close"] else 1
        elif name in unspoken and not mark["close"] and name not in _EMPTY and not mark[0].endswith("/>"):
            depth, inside = 1, name
        elif name in _LINES:
            words.append("\n\n" if name in _PARAGRAPHS else "\n")
    if not depth:
        words.append(_SPACES.sub(" ", source[at:]))
    text = _GAPS.sub("\n", _BLANKS.sub(" ", unescape("".join(words))))
    return _MANY.sub("\n\n", text).strip()
