"""Role markers of textual templates: they are broken in content, so that nobody writes another's turn.

Markers with a control token need no care, since content never contains one. The others are plain text:
"Mara:" on a line of its own in `plain`, "答：" at the start of a line in `cutegpt`, "[/INST]".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.prompt.chat_template import Role
from bot.prompt.renderer import PromptFormat, PromptPart, Turn

LINE_BREAK = "\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]"  # as `str.splitlines` has it
BREAK = "\u200b"  # an invisible space: what it divides has other token ids, and reads as before
_WRITTEN = ("message", "quote")  # kinds of parts that people, or the persona, have written
_COLON = re.compile("[:：]")


@dataclass(frozen=True, slots=True)
class RoleMarkers:
    """The patterns of a template's textual markers; each match is the text before the place of a break.

    `separator` is a blank text behind an assistant's turn, which only the assistant's words are kept from.
    """

    markers: tuple[re.Pattern[str], ...]
    separator: re.Pattern[str] | None = None

    def break_turn(self, turn: Turn) -> Turn:
        """Return a turn with every marker in its written parts broken; different words stay different."""
        if not self.markers and self.separator is None:
            return turn
        patterns = (*self.markers, self.separator) if turn.role == "assistant" else self.markers
        return replace(turn, parts=tuple(_broken(part, patterns) for part in turn.parts))


def _broken(part: PromptPart, patterns: tuple[re.Pattern[str] | None, ...]) -> PromptPart:
    """Break the markers in a part.

    Breaks that the author wrote are doubled first, so that a single one is never the author's.
    """
    if part.kind not in _WRITTEN:
        return part
    text = part.text.replace(BREAK, 2 * BREAK)
    for pattern in filter(None, patterns):
        text = pattern.sub(rf"\g<0>{BREAK}", text)
    return replace(part, text=text)


@lru_cache(maxsize=64)
def role_markers(reader: PromptFormat) -> RoleMarkers:
    """Return the textual markers around the turns of a format's template."""
    template, tokenizer = reader.template, reader.tokenizer
    roles: list[Role] = ["system", "user", "assistant", "user"]
    pieces = template.segments(roles if template.system else roles[1:], answer=True)
    begin = dict(template.special).get("bos_token", "")  # no marker: it stands before the first one
    textual = [
        (template.named(piece if number else piece.removeprefix(begin)), number == 0)
        for number, piece in enumerate(pieces)
        if isinstance(piece, str)
    ]
    textual = [
        (text, is_first)
        for text, is_first in textual
        if not tokenizer.control.intersection(tokenizer.encode_template(text))
    ]
    markers = dict.fromkeys(pattern for piece, is_first in textual for pattern in _markers(piece, is_first))
    after = template.after
    is_blank = after and not after.strip() and (after, False) in textual
    return RoleMarkers(
        tuple(re.compile(marker) for marker in markers),
        re.compile(f"{re.escape(after[0])}(?={re.escape(after[1:])})") if is_blank else None,
    )


def begun_part(begun: str, reader: PromptFormat) -> PromptPart | None:
    """Return the beginning of a reply as a part that holds no other turn; None for an empty beginning."""
    turn = role_markers(reader).break_turn(Turn("assistant", (PromptPart("message", begun),)))
    return turn.parts[0] if begun else None


def _markers(piece: str, is_first: bool) -> Iterator[str]:
    """Yield a pattern for each line of a template's text that has words.

    A marker that begins a line of the template is one only there, and so is one that ends a line.
    """
    lines = piece.split("\n")
    for number, line in enumerate(lines):
        word = line.strip()
        if not word:
            continue
        begins = rf"(?:\A|{LINE_BREAK})[ \t]*" if number or is_first else ""
        ends = rf"[ \t]*(?:{LINE_BREAK}|\Z)" if number < len(lines) - 1 else ""
        rest = _COLON.sub("[:：]", re.escape(word[1:]))
        yield f"{begins}{re.escape(word[0])}(?={rest}{ends})"
