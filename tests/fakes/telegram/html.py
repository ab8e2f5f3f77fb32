"""Telegram's HTML, with the error texts of tdlib's parser; offsets count bytes of UTF-8."""

import re
from dataclasses import dataclass
from typing import NoReturn

from tests.fakes.telegram.links import link
from tests.fakes.telegram.refusal import Json, Refusal
from tests.fakes.telegram.text import units

KINDS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("tg-spoiler", "span"), "spoiler"),
    **{
        "a": "text_link",
        "code": "code",
        "pre": "pre",
        "blockquote": "blockquote",
        "tg-emoji": "custom_emoji",
    },
}
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_ENTITY = re.compile(r"&(?:(lt|gt|amp|quot)|#(\d+)|#[xX]([0-9a-fA-F]+));?")
_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"\s*([^\s=>]*)\s*(?:(=)\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9.-]+)?)?")
_INVALID = (
    "Text contains invalid Unicode characters after decoding HTML entities, "
    "check for unmatched surrogate code units"
)


@dataclass(slots=True)
class _Open:
    tag: str
    kind: str
    offset: int
    start: int
    attributes: dict[str, str]


class _Reader:
    """Reads one text from its beginning to its end."""

    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0
        self.out: list[str] = []
        self.size = 0
        self.open: list[_Open] = []
        self.entities: list[Json] = []

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        place = "" if at is None else f" at byte offset {len(self.source[:at].encode())}"
        raise Refusal(400, f"can't parse entities: {reason}{place}")

    def put(self, text: str) -> None:
        self.out.append(text)
        self.size += units(text)

    def read(self) -> tuple[str, list[Json]]:
        while self.at < len(self.source):
            if self.source.startswith("</", self.at):
                self.end_tag()
            elif self.source[self.at] == "<":
                self.start_tag()
            else:
                self.character()
        if self.open:
            self.fail(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        text = "".join(self.out)
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            self.fail(_INVALID)
        return text, joined(sorted(self.entities, key=lambda e: (e["offset"], -e["length"])))

    def character(self) -> None:
        named = _ENTITY.match(self.source, self.at)
        decoded = named and decode(named)
        self.put(decoded or self.source[self.at])
        self.at = named.end() if named and decoded else self.at + 1

    def start_tag(self) -> None:
        begin = self.at
        name = _NAME.match(self.source, begin + 1)
        if name is None or name.end() >= len(self.source):
            self.fail("Unclosed start tag", begin)
        tag = name[0].lower()
        if tag not in KINDS:
            self.fail(f'Unsupported start tag "{tag}"', begin)
        self.at = name.end()
        attributes = self.attributes(tag, begin)
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            self.fail('Tag "span" must have class "tg-spoiler"', begin)
        expandable = tag == "blockquote" and "expandable" in attributes
        kind = "expandable_blockquote" if expandable else KINDS[tag]
        self.open.append(_Open(tag, kind, self.size, len(self.out), attributes))

    def attributes(self, tag: str, begin: int) -> dict[str, str]:
        """Read up to and over the closing bracket."""
        found: dict[str, str] = {}
        while True:
            self.at += len(self.source[self.at :]) - len(self.source[self.at :].lstrip())
            if self.at >= len(self.source):
                self.fail("Unclosed start tag", begin)
            if self.source[self.at] == ">":
                self.at += 1
                return found
            self.attribute(tag, begin, found)

    def attribute(self, tag: str, begin: int, found: dict[str, str]) -> None:
        match = _ATTRIBUTE.match(self.source, self.at)
        if match is None or not match[1]:
            self.fail(f'Empty attribute name in the tag "{tag}"', begin)
        if match[2] and match[3] is None:
            quoted = self.source[match.end() : match.end() + 1] in ('"', "'")
            self.fail("Unclosed start tag" if quoted else f'Unclosed start tag "{tag}"', begin)
        value = match[3] or ""
        bare = bool(value) and value[0] not in "\"'"
        if bare and self.source[match.end() : match.end() + 1] not in (">", " ", "\n", "\t"):
            self.fail("Unexpected end of name token", match.start(3))
        plain = value if bare else value[1:-1]
        found[match[1].lower()] = _ENTITY.sub(lambda entity: decode(entity) or entity[0], plain)
        self.at = match.end()

    def end_tag(self) -> None:
        begin = self.at
        if not self.open:
            self.fail("Unexpected end tag", begin)
        close = re.compile(r"</([^\s>]*)\s*(>?)").match(self.source, begin)
        if close is None or not close[2]:
            self.fail("Unclosed end tag", begin)
        opened, tag = self.open.pop(), close[1].lower()
        if tag and tag != opened.tag:
            self.fail(
                f"Unmatched end tag at byte offset {len(self.source[:begin].encode())}, "
                f'expected "</{opened.tag}>", found "</{tag}>"'
            )
        self.at = close.end()
        self.close(opened)

    def close(self, opened: _Open) -> None:
        entity = shape(opened, "".join(self.out[opened.start :]))
        if entity and self.size > opened.offset:
            self.entities.append({**entity, "offset": opened.offset, "length": self.size - opened.offset})


def shape(opened: _Open, inside: str) -> Json | None:
    """The entity of a tag without its place."""
    if opened.tag == "a":
        return link(opened.attributes.get("href", inside))
    if opened.tag == "tg-emoji":
        return {"type": "custom_emoji", "custom_emoji_id": opened.attributes.get("emoji-id", "")}
    language = opened.attributes.get("class", "")
    if opened.tag in ("code", "pre") and language.startswith("language-") and language != "language-":
        return {"type": opened.kind, "language": language.removeprefix("language-")}
    return {"type": opened.kind}


def joined(entities: list[Json]) -> list[Json]:
    """<pre><code class="language-x"> over the same text is one entity; a language elsewhere is dropped."""
    kept: list[Json] = []
    for entity in entities:
        same = [e for e in kept if (e["offset"], e["length"]) == (entity["offset"], entity["length"])]
        pair = next((e for e in same if {e["type"], entity["type"]} == {"pre", "code"}), None)
        language = entity.get("language") or (pair or {}).get("language")
        if pair and language:
            pair |= {"type": "pre", "language": language}
        else:
            kept.append(dict(entity))
    for entity in kept:
        if entity["type"] == "code":
            entity.pop("language", None)
    return kept


def decode(entity: re.Match[str]) -> str | None:
    """The character that an HTML entity stands for, None for what is none."""
    if entity[1]:
        return NAMED[entity[1]]
    code = int(entity[2] or entity[3], 10 if entity[2] else 16)
    return chr(code) if 0 < code < 0x10FFFF else None


def parse_html(text: str) -> tuple[str, list[Json]]:
    """Plain text and entities, or a refusal that begins with "can't parse entities"."""
    return _Reader(text).read()
