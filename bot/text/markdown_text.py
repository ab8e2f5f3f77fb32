"""Markdown as plain text with spans, for platforms that format by entities."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bot.text.blocks import Block, read_blocks
from bot.text.formatted_text import FormattedText, TextSpan, join_formatted, nested_spans
from bot.text.growing import hold_back
from bot.text.inline import parse_inline
from bot.text.tables import format_table
from bot.text.visibility import is_visible


def parse_markdown(text: str, *, is_growing: bool = False) -> FormattedText:
    """Return the text without its marks, and its spans; a text of marks alone stays as it is.

    Of a text that still grows, marks that may be half written are held back, and open ones count as closed.
    """
    source = hold_back(text) if is_growing else text
    blocks = list(read_blocks(source))
    pieces = [_format(block, len(source), is_growing and block is blocks[-1]) for block in blocks]
    whole = join_formatted(_with_line_ends(pieces))
    return whole if is_growing or is_visible(whole.text) or not is_visible(text) else FormattedText(text)


def _with_line_ends(pieces: list[FormattedText]) -> Iterator[FormattedText]:
    for number, piece in enumerate(pieces):
        if number:
            yield FormattedText("\n")
        yield piece


def _format(block: Block, whole: int, is_growing: bool) -> FormattedText:
    if block.kind == "fence":
        if not block.content.strip():
            return FormattedText("" if is_growing else block.source)
        return _whole(block.content, "pre", block.language)
    if block.kind == "table":
        return _whole(format_table(block, partial(cell_text, is_growing=is_growing), whole), "pre")
    if block.kind == "heading":
        inner = parse_inline(block.content, is_growing=is_growing)
        return _over(inner, TextSpan("bold", 0, len(inner.text)))
    if block.kind == "quote":
        pieces = [_in_quote(inner, whole, is_growing) for inner in read_blocks(block.content)]
        inner = join_formatted(_with_line_ends(pieces))
        return _over(inner, TextSpan("blockquote", 0, len(inner.text)))
    return parse_inline(block.content, is_growing=is_growing)


def _in_quote(block: Block, whole: int, is_growing: bool) -> FormattedText:
    """Return a block of a quote; a quote within a quote is its words, since no platform nests them."""
    return parse_inline(block.content) if block.kind == "quote" else _format(block, whole, is_growing)


def _whole(text: str, kind: str, argument: str = "") -> FormattedText:
    span = TextSpan(kind, 0, len(text), argument)  # type: ignore[arg-type]
    return FormattedText(text, (span,) if text.strip() else ())


def _over(inner: FormattedText, span: TextSpan) -> FormattedText:
    return replace(inner, spans=nested_spans(inner.text, [*inner.spans, span]))


def cell_text(cell: str, *, is_growing: bool = False) -> str:
    """Return a cell without its marks; the address of a link stands behind the link's words."""
    parsed = parse_inline(cell, is_growing=is_growing)
    text = parsed.text
    for span in reversed([span for span in parsed.spans if span.kind == "text_link"]):
        text = f"{text[: span.end]} ({span.argument}){text[span.end :]}"
    return text
