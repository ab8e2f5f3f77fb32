"""Blocks of Markdown: fenced code, tables, headings, quotes, and the lines between them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["text", "heading", "quote", "fence", "table"]

_FENCE = re.compile(r"( *)(`{3,}|~{3,}(?=[\w+.#-]))([^`\n]*)$")
_LANGUAGE = re.compile(r"[\w+.#-]*", re.ASCII)
_BEGINS_BLOCK = re.compile(r" {0,3}[>#]")
_RULE = re.compile(r":?-+:?")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(?=\S)")
_QUOTE = re.compile(r" {0,3}(?:>+ +(?=>))*>+ ")  # with the blank that Discord wants: ">:(" is no quote
_BLANK_QUOTE = re.compile(r" {0,3}>+$")
_CELL_END = re.compile(r"\\.|(\|)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a text, without the line end behind the last.

    `content` is without the marks of a fence, a heading or a quote. A fence has a language, and may be open:
    nothing closes it. A heading has a level, from 1 to 6.
    """

    kind: BlockKind
    lines: tuple[str, ...]
    content: str = ""
    language: str = ""
    level: int = 0
    is_open: bool = False

    @property
    def source(self) -> str:
        return "\n".join(self.lines)


def read_blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a text. Their sources, joined by line ends, are the text.

    A fence that begins or ends within a line gets a line of its own.
    """
    lines, at, plain = list(_lines(text)), 0, list[str]()
    tildes = _longest_tildes(lines)
    while at < len(lines):
        block = _block_at(lines, at, tildes)
        at += len(block.lines)
        if block.kind == "text":
            plain += block.lines
            continue
        if plain:
            yield _text(plain)
            plain = []
        yield block
    if plain:
        yield _text(plain)


def _longest_tildes(lines: list[str]) -> list[int]:
    """Return for each line the length of the longest end of a tilde fence in it or behind it.

    A fence without an end is known by it at once: a search from each opening would cost quadratic time.
    """
    longest = [0] * (len(lines) + 1)
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at].strip()
        length = 0 if not line.startswith("~") or line.strip("~") else len(line)
        longest[at] = max(longest[at + 1], length)
    return longest


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text, cut at fences that stand beside words."""
    lines, mark = text.split("\n"), ""
    last = next((number for number in range(len(lines) - 1, -1, -1) if "```" in lines[number]), 0)
    for number, line in enumerate(lines):
        cut = _behind_fence(line, mark) if mark else _before_fence(line) if number < last else None
        if cut:
            yield from cut
            mark = "" if mark else "```"
            continue
        yield line
        if mark:
            mark = mark if _closing(line, mark) is None else ""
        elif fence := _FENCE.match(line):
            mark = fence[2]


def _before_fence(line: str) -> tuple[str, str] | None:
    """Return the words before a fence that begins at the end of a line, and the fence."""
    words, mark, language = line.rstrip().rpartition("```")
    is_fence = mark and words.strip() and words[-1].isspace() and _is_closed(words)
    if not is_fence or not _LANGUAGE.fullmatch(language) or _BEGINS_BLOCK.match(line):
        return None
    return words.rstrip(), mark + language


def _is_closed(words: str) -> bool:
    """Return whether the words have no backticks but pairs around inline code."""
    return words.count("`") % 2 == 0 and "``" not in words


def _behind_fence(line: str, mark: str) -> tuple[str, str] | None:
    """Return the end of a fence, and the words behind it in its line."""
    ticks = line.strip().split(maxsplit=1)
    if len(ticks) < 2 or ticks[0].strip("`") or not ticks[0].startswith(mark) or "`" in ticks[1]:
        return None
    return ticks[0], ticks[1]


def _text(lines: Sequence[str]) -> Block:
    return Block("text", tuple(lines), "\n".join(lines))


def _block_at(lines: list[str], at: int, tildes: list[int]) -> Block:
    """Return the block that begins at a line. One of plain text ends before what may be another block.

    `tildes` has the length of the longest end of a tilde fence from each line on.
    """
    line = lines[at]
    if fence := _FENCE.match(line):
        # without its end it is no fence: tildes are ornaments too
        is_ornament = fence[2][0] == "~" and tildes[at + 1] < len(fence[2])
        return _text([line]) if is_ornament else _fence(lines, at, fence)
    if heading := _HEADING.match(line):
        return _heading(line, heading)
    if _QUOTE.match(line):
        return _quote(lines, at)
    return _table(lines, at)


def _heading(line: str, heading: re.Match[str]) -> Block:
    title = line[heading.end() :].rstrip()
    closed = title.rstrip("#")
    title = closed.rstrip() if not closed or closed[-1].isspace() else title
    return Block("heading", (line,), title, level=len(heading[1])) if title else _text([line])


def _fence(lines: list[str], at: int, fence: re.Match[str]) -> Block:
    indent, mark, info = fence.groups()
    language = _LANGUAGE.fullmatch(info.strip())
    content = [] if language else [info]
    for end in range(at + 1, len(lines)):
        last = _closing(lines[end], mark)
        if last is not None:
            content += [last] if last.strip() else []
            inner = _without_indent(content, len(indent))
            return Block("fence", tuple(lines[at : end + 1]), inner, language[0] if language else "")
        content.append(lines[end])
    inner = _without_indent(content, len(indent))
    found = language[0] if language else ""
    return Block("fence", tuple(lines[at:]), inner, found, is_open=True)


def _closing(line: str, mark: str) -> str | None:
    """Return what stands before the mark that closes a fence in this line; None if none does."""
    bare = line.rstrip()
    rest = bare.rstrip(mark[0])
    if len(bare) - len(rest) < len(mark):
        return None
    return rest if not rest.strip() or (mark[0] == "`" and "`" not in rest) else None


def _without_indent(lines: list[str], indent: int) -> str:
    """Return the lines of a fence without the blanks before its first mark."""
    return "\n".join(line[min(indent, len(line) - len(line.lstrip(" "))) :] for line in lines)


def _quote(lines: list[str], at: int) -> Block:
    """Return the quote from a line on. One without words is plain text as a whole: none is sought again."""
    inner, end = list[str](), at
    while end < len(lines) and (mark := _QUOTE.match(lines[end]) or _BLANK_QUOTE.match(lines[end])):
        inner.append(lines[end][mark.end() :])
        end += 1
    content = "\n".join(inner)
    return Block("quote", tuple(lines[at:end]), content) if content.strip() else _text(lines[at:end])


def _table(lines: list[str], at: int) -> Block:
    if "|" not in lines[at] or at + 1 == len(lines) or "-" not in lines[at + 1]:
        return _text(lines[at : at + 1])
    rule = table_cells(lines[at + 1])
    if "|" not in lines[at + 1] or len(rule) != len(table_cells(lines[at])):
        return _text(lines[at : at + 1])
    if not all(map(_RULE.fullmatch, rule)):
        return _text(lines[at : at + 1])
    end = at + 2
    while end < len(lines) and "|" in lines[end] and not _FENCE.match(lines[end]):
        end += 1
    return Block("table", tuple(lines[at:end]), "\n".join(lines[at:end]))


def table_cells(line: str) -> list[str]:
    """Return the cells of a table's row; an escaped bar is a sign of its cell."""
    cells, start = list[str](), 0
    for end in _CELL_END.finditer(line):
        if end[1]:
            cells.append(line[start : end.start()].strip().replace("\\|", "|"))
            start = end.end()
    cells.append(line[start:].strip().replace("\\|", "|"))
    cells = cells[1:] if line.lstrip().startswith("|") else cells
    return cells[:-1] if cells and not cells[-1] and line.rstrip().endswith("|") else cells
