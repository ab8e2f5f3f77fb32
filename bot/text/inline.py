"""Markdown within a paragraph: code, links, escapes and formats, read in time linear in the text."""

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

from bot.text.delimiters import Delimiter, Pair, close_open, make_delimiter, pair_delimiters
from bot.text.formatted_text import FormattedText, SpanKind, TextSpan, nested_spans
from bot.text.links import TARGET, choose_link

_TOKEN = re.compile(
    r"(?P<plain>¯\\{1,3}_\(ツ\)\\?_/¯|\*[_^-]\*|(?<=\.)__\w+__|__[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*__(?=\(|\.py))"
    r"|\\(?P<escaped>[\\`*_~|\[\]#>+\-.!<\n])"
    r"|<(?P<address>https?://[^\s<>]+)>"
    r"|(?P<url>https?://[^\s<>`\[\]\\]+)"
    r"|(?P<ticks>`+)"
    r"|(?P<bracket>!?\[|\])"
    r"|(?P<run>\*+|_+|~+|\|+)"
)
_URL_ENDS = "*_~|)\"'.,:;!?"
_LANGUAGE = re.compile(r"([\w+.#-]*)\n", re.ASCII)
_TICKS = re.compile("`+")
_SHRUG = re.compile(r"¯\\{1,3}_")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")


def parse_inline(text: str, *, is_growing: bool = False) -> FormattedText:
    """Return a paragraph's text without its marks, and its spans.

    Of a text that still grows, marks that are open at its end count as closed there.
    """
    return _Reader(text, is_growing).read()


@dataclass(slots=True)
class _Bracket:
    piece: int
    delimiters: int  # the number of delimiters before it
    is_image: bool


class _Reader:
    """Reads a text once. `pieces` joined are the text without marks; what is known by piece becomes spans."""

    def __init__(self, text: str, is_growing: bool) -> None:
        self._text, self._is_growing = text, is_growing
        self._pieces: list[str] = []
        self._found: list[tuple[SpanKind, int, int, str]] = []  # the pieces [first, last) and an argument
        self._pairs: list[Pair] = []
        self._delimiters: list[Delimiter] = []
        self._brackets: list[_Bracket] = []
        self._ticks: dict[int, list[int]] = defaultdict(list)
        for run in _TICKS.finditer(text):
            self._ticks[len(run[0])].append(run.start())
        self._ends = [end.start() for end in _PARAGRAPH_END.finditer(text)]

    def read(self) -> FormattedText:
        at = 0
        while token := _TOKEN.search(self._text, at):
            self._pieces.append(self._text[at : token.start()])
            at = self._take(token)
        self._pieces.append(self._text[at:])
        self._pair(0, self._open_from() if self._is_growing else None)
        return self._result()

    def _take(self, token: re.Match[str]) -> int:
        """Take a token; return where the text goes on."""
        if token["run"]:
            self._delimiters.append(self._delimiter(token))
        elif token["ticks"]:
            return self._code(token)
        elif token["bracket"] == "]":
            return self._link(token.end())
        elif token["bracket"]:
            self._brackets.append(_Bracket(len(self._pieces), len(self._delimiters), len(token[0]) == 2))
        elif token["url"]:
            return self._address(token)
        self._pieces.append(_plain_text(token))
        return token.end()

    def _delimiter(self, token: re.Match[str]) -> Delimiter:
        start, end = token.span()
        before, after = self._text[max(0, start - 1) : start], self._text[end : end + 1]
        return make_delimiter(len(self._pieces), token[0], before, after)

    def _address(self, token: re.Match[str]) -> int:
        """Take an address that stands for itself: none of its signs is a mark."""
        address = token[0].rstrip(_URL_ENDS)
        self._pieces.append(address)
        return token.start() + len(address)

    def _code(self, token: re.Match[str]) -> int:
        length, end = len(token[0]), self._code_end(token)
        if end is None:
            return self._take_signs(token)
        content, language = self._text[token.end() : end], ""
        is_block = length >= 3 and "\n" in content
        if is_block and (found := _LANGUAGE.match(content)):
            content, language = content[found.end() :], found[1]
        if not content.strip():
            return self._take_signs(token)
        content = content.removesuffix("\n") if is_block else _without_padding(content, length)
        self._found.append(
            ("pre" if is_block else "code", len(self._pieces), len(self._pieces) + 1, language)
        )
        self._pieces.append(content)
        return min(len(self._text), end + length)

    def _take_signs(self, token: re.Match[str]) -> int:
        self._pieces.append(token[0])
        return token.end()

    def _code_end(self, token: re.Match[str]) -> int | None:
        """Return where code ends: at as many backticks, within its paragraph if they are one or two."""
        ends = self._ticks[len(token[0])]
        number = bisect_right(ends, token.start())
        end = ends[number] if number < len(ends) else None
        if end is None and self._is_growing:
            end = len(self._text)
        paragraph = bisect_right(self._ends, token.start())
        is_torn = end is not None and paragraph < len(self._ends) and self._ends[paragraph] < end
        return None if is_torn and len(token[0]) < 3 else end

    def _link(self, at: int) -> int:
        """Take the end of a link's words; without an address behind it, a bracket is a sign."""
        self._pieces.append("]")
        if not self._brackets:
            return at
        bracket, target = self._brackets.pop(), TARGET.match(self._text, at)
        if target is None:
            return at
        first, last = bracket.piece, len(self._pieces) - 1
        address = (target[1] if target[1] is not None else target[2]).strip()
        self._pair(bracket.delimiters, None)
        link = choose_link("".join(self._pieces[first + 1 : last]), address)
        self._pieces[first], self._pieces[last] = "", link.shown
        if link.address:
            self._found.append(("text_link", first, last, link.address))
        return target.end()

    def _pair(self, start: int, open_from: int | None) -> None:
        """Pair the delimiters from number `start` on; those in pieces from `open_from` on may stay open."""
        pairs, left = pair_delimiters(self._delimiters[start:])
        if open_from is not None:
            still = [delimiter for delimiter in left if delimiter.piece >= open_from]
            pairs += close_open(still, len(self._pieces))
        for delimiter in self._delimiters[start:]:
            self._pieces[delimiter.piece] = delimiter.sign * delimiter.left
        self._pairs += pairs
        del self._delimiters[start:]

    def _open_from(self) -> int:
        """Return the first piece of the last paragraph."""
        blank = [number for number, piece in enumerate(self._pieces) if _PARAGRAPH_END.search(piece)]
        return blank[-1] + 1 if blank else 0

    def _result(self) -> FormattedText:
        starts = [0]
        for piece in self._pieces:
            starts.append(starts[-1] + len(piece))
        text = "".join(self._pieces)
        spans = [TextSpan(kind, starts[first], starts[last], more) for kind, first, last, more in self._found]
        spans += (TextSpan(p.kind, starts[p.opening + 1], starts[p.closing]) for p in self._pairs)
        return FormattedText(text, nested_spans(text, spans))


def _plain_text(token: re.Match[str]) -> str:
    if token["escaped"]:
        return token["escaped"]
    if token["plain"] and _SHRUG.match(token[0]):
        return "¯\\_(ツ)_/¯"
    return token["address"] or token[0]


def _without_padding(code: str, ticks: int) -> str:
    """Return code without the blanks that keep its own backticks from its marks."""
    is_padded = ticks > 1 and code.startswith(" ") and code.endswith(" ")
    return code[1:-1] if is_padded else code
