"""Markdown as Discord shows it: with tables as code, and headings down to the third level."""

import re
from functools import partial

from bot.text.blocks import Block, read_blocks
from bot.text.growing import hold_back
from bot.text.markdown import unclosed_marks
from bot.text.markdown_text import cell_text
from bot.text.masked_links import show_addresses
from bot.text.tables import format_table

_DEEPEST_HEADING = 3
_STAR = re.compile(
    r"(?P<other>`+[^`]*`+|https?://\S+|\\.)|(?<=[A-Za-z0-9])\*{1,2}(?=[0-9])|(?<=[0-9])\*{1,2}(?=[A-Za-z])"
    r"|(?<=[A-Za-z])(?P<word>\*)(?=[A-Za-z])|(?P<mark>\*(?! ))"
)


def format_for_discord(text: str, *, is_growing: bool = False) -> str:
    """Return a text with what Discord lacks put in its own marks; masked links show their addresses.

    Of a text that still grows, marks that may be half written are held back, and open ones are closed.
    """
    blocks = list(read_blocks(hold_back(text) if is_growing else text))
    if is_growing and blocks and blocks[-1].is_open and not blocks[-1].content.strip():
        blocks.pop()
    formatted = [_format(block, len(text), is_growing and block is blocks[-1]) for block in blocks]
    if is_growing and blocks and blocks[-1].kind in ("text", "heading", "quote"):
        formatted[-1] = _closed(formatted[-1])
    return show_addresses("\n".join(formatted))


def _format(block: Block, whole: int, is_growing: bool) -> str:
    if block.kind == "table":
        cell = partial(cell_text, is_growing=is_growing)
        return _code(format_table(block, cell, whole).replace("```", "`\u200b`\u200b`"))
    if block.kind == "heading" and block.level > _DEEPEST_HEADING:
        return f"**{block.content.replace('**', '')}**"
    if block.kind == "fence" and (block.is_open or block.lines[0].lstrip()[0] == "~"):
        return _code(block.content, block.language) if block.content.strip() else block.source
    return block.source if block.kind == "fence" else _escape_stars(block.source)


def _escape_stars(text: str) -> str:
    """Return a text whose stars within sums and words, 2*3*4, are no marks on Discord."""
    if "*" not in text:
        return text
    has_marks = any(star["mark"] for star in _STAR.finditer(text))

    def escaped(star: re.Match[str]) -> str:
        is_kept = star["other"] or star["mark"] or (star["word"] and has_marks)
        return star[0] if is_kept else star[0].replace("*", "\\*")

    return _STAR.sub(escaped, text)


def _code(content: str, language: str = "") -> str:
    return f"```{language}\n{content}\n```"


def _closed(text: str) -> str:
    """Return a growing text with its open marks closed."""
    body = text.rstrip()
    ticks = _open_ticks(body)
    marks = unclosed_marks(body + ticks)
    return body + ticks + "".join(reversed(marks))


def _open_ticks(text: str) -> str:
    """Return the backticks that close inline code at the end of a text; "" where none is open."""
    paragraph = text.rfind("\n\n") + 1
    closed = text[paragraph:]
    return "`" if closed.count("`") % 2 and "``" not in closed else ""
