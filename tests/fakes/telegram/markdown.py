"""Telegram's MarkdownV2, with the error texts of tdlib's parser; offsets count bytes of UTF-8."""

import re
from dataclasses import dataclass
from typing import NoReturn

from tests.fakes.telegram.links import link
from tests.fakes.telegram.refusal import Json, Refusal
from tests.fakes.telegram.text import units

RESERVED = "_*[]()~`>#+-=|{}.!"
NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "pre_code": "PreCode",
    "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji",
    "blockquote": "BlockQuote",
}
MARKS = {
    "bold": "*",
    "underline": "__",
    "italic": "_",
    "strikethrough": "~",
    "spoiler": "||",
    "pre": "```",
    "pre_code": "```",
    "code": "`",
    "text_link": "]",
    "custom_emoji": "]",
}
STARTS = {"*": "bold", "__": "underline", "_": "italic", "~": "strikethrough", "||": "spoiler"}
_LANGUAGE = re.compile(r"([^\s`]+)(?=\s)")
_BREAK = re.compile(r"\r\n|\n\r|\n|\r")
_EMOJI = re.compile(r"tg:(?://)?emoji/?\?(?:[^#]*&)?id=([1-9]\d*)(?:[&#].*)?$", re.IGNORECASE)


@dataclass(slots=True)
class _Open:
    kind: str
    offset: int
    start: int
    at: int
    language: str = ""


class _Reader:
    """Reads one text from its beginning to its end."""

    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0
        self.out: list[str] = []
        self.size = 0
        self.open: list[_Open] = []
        self.entities: list[Json] = []
        self.fresh = True  # whether a line has only just begun, so that a quotation can

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        place = "" if at is None else f" at byte offset {len(self.source[:at].encode())}"
        raise Refusal(400, f"can't parse entities: {reason}{place}")

    def unended(self) -> NoReturn:
        top = self.open[-1]
        self.fail(f"Can't find end of {NAMES[top.kind]} entity", top.at)

    def ahead(self, mark: str) -> bool:
        return self.source.startswith(mark, self.at)

    @property
    def top(self) -> str:
        return self.open[-1].kind if self.open else ""

    def put(self, text: str) -> None:
        self.out.append(text)
        self.size += units(text)

    def push(self, kind: str, width: int, language: str = "") -> None:
        self.open.append(_Open(kind, self.size, len(self.out), self.at, language))
        self.at += width

    def read(self) -> tuple[str, list[Json]]:
        while self.at < len(self.source):
            self.step()
        if self.top == "blockquote":
            self.pop({"type": "blockquote"})
        if self.open:
            self.unended()
        return "".join(self.out), sorted(self.entities, key=lambda e: (e["offset"], -e["length"]))

    def step(self) -> None:
        sign, code = self.source[self.at], self.top in ("code", "pre", "pre_code")
        following = self.source[self.at + 1 : self.at + 2]
        if sign == "\\" and following and 0 < ord(following) < 127:
            self.put(following)
            self.at, self.fresh = self.at + 2, False
        elif sign not in (RESERVED if not code else "`"):
            self.plain(sign, code)
        elif not self.closed() and not (self.fresh and not code and self.quoted()):
            self.start(sign)

    def plain(self, sign: str, code: bool) -> None:
        self.put(sign)
        self.at += 1
        if code:
            return
        self.fresh = sign in "\n\r"
        if sign == "\n" and any(entity.kind == "blockquote" for entity in self.open):
            self.line()

    def line(self) -> None:
        """A quotation goes on over a line break only when the next line has its mark."""
        if self.ahead(">"):
            self.at += 1
        elif self.top == "blockquote":
            self.pop({"type": "blockquote"})
        else:
            self.unended()

    def quoted(self) -> bool:
        """Begin a quotation here, if one begins."""
        width = 3 if self.ahead("**>") else 1
        if not self.ahead("**>") and not self.ahead(">"):
            return False
        self.push("blockquote", width)
        self.fresh = False
        return True

    def closed(self) -> bool:
        """End the innermost entity here, if it ends."""
        if self.top == "blockquote":
            return self.expanded()
        if not self.open or not self.ahead(MARKS[self.top]) or (self.top == "italic" and self.ahead("__")):
            return False
        opened = self.open[-1]
        self.at += len(MARKS[opened.kind])
        entity: Json | None = {"type": opened.kind}
        if opened.kind in ("text_link", "custom_emoji"):
            entity = self.linked(opened)
        elif opened.kind == "pre_code":
            entity = {"type": "pre", "language": opened.language}
        self.pop(entity)
        return True

    def expanded(self) -> bool:
        """|| behind the last word of a quotation makes it expandable."""
        after = self.source[self.at + 2 : self.at + 4]
        if not self.ahead("||") or not (after == "" or after[0] == "\n" or after == "\r\n"):
            return False
        self.at += 2
        rest = _BREAK.match(self.source, self.at)
        if rest:
            self.put(rest[0])
            self.at, self.fresh = rest.end(), True
        self.pop({"type": "expandable_blockquote"})
        return True

    def pop(self, entity: Json | None) -> None:
        opened = self.open.pop()
        if entity and self.size > opened.offset:
            self.entities.append({**entity, "offset": opened.offset, "length": self.size - opened.offset})

    def linked(self, opened: _Open) -> Json | None:
        """The address behind a text in brackets, or the text itself."""
        emoji = opened.kind == "custom_emoji"
        address = self.address("custom emoji URL" if emoji else "URL") if self.ahead("(") else None
        if not emoji:
            return link("".join(self.out[opened.start :]) if address is None else address)
        if address is None:
            self.fail("Custom emoji entity must contain a tg://emoji URL")
        found = _EMOJI.match(address)
        if not found:
            self.fail("Invalid custom emoji identifier specified")
        return {"type": "custom_emoji", "custom_emoji_id": found[1]}

    def address(self, name: str) -> str:
        begin = self.at + 1
        match = re.compile(r"((?:\\[\x01-\x7e]|[^)])*)\)").match(self.source, begin)
        if not match:
            self.fail(f"Can't find end of a {name}", begin)
        self.at = match.end()
        return re.sub(r"\\([\x01-\x7e])", r"\1", match[1])

    def start(self, sign: str) -> None:
        mark = sign * 2 if sign in "_|" and self.ahead(sign * 2) else sign
        if mark in STARTS:
            self.push(STARTS[mark], len(mark))
        elif sign == "`":
            self.code()
        elif sign == "[":
            self.push("text_link", 1)
        elif self.ahead("!["):
            self.push("custom_emoji", 2)
        else:
            self.fail(f"Character '{sign}' is reserved and must be escaped with the preceding '\\'")
        self.fresh = self.fresh and mark in STARTS

    def code(self) -> None:
        if not self.ahead("```"):
            self.push("code", 1)
            return
        language = _LANGUAGE.match(self.source, self.at + 3)
        self.push("pre_code" if language else "pre", 3, language[1] if language else "")
        self.at += len(language[1]) if language else 0
        rest = _BREAK.match(self.source, self.at)
        self.at = rest.end() if rest else self.at


def parse_markdown(text: str) -> tuple[str, list[Json]]:
    """Plain text and entities, or a refusal that begins with "can't parse entities"."""
    return _Reader(text).read()
