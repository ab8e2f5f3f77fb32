"""Pages of Markdown as tests read them: code, tables, links and figures, section by section."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEADING = re.compile(r"(#+) ")
_FENCE = "```"
_COMMENT = re.compile(r"\s+#(?: .*)?$")
_SPAN = re.compile(r"`+([^`]+)`+")
_LINK = re.compile(r"\]\(([^)]+)\)")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_MARKER = re.compile(r"<!--.*?-->")


@dataclass(slots=True)
class Section:
    """The facts of a heading and what stands below it, up to the next heading.

    `blocks` are code blocks without comments, `spans` inline code, `shape` the kinds of paragraphs and list
    items and the cells of each row of a table, in order.
    """

    level: int
    blocks: list[tuple[str, ...]] = field(default_factory=list)
    spans: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    links: Counter[str] = field(default_factory=Counter)
    shape: list[str] = field(default_factory=list)


def read_sections(page: str) -> list[Section]:
    """Return the sections of a page, the first of which is what stands above all headings."""
    sections = [Section(0)]
    for kind, lines in _parts(page):
        if kind == "heading":
            sections.append(Section(len(lines[0].split()[0])))
        if kind == "code":
            sections[-1].blocks.append(tuple(_COMMENT.sub("", line) for line in lines))
        else:
            _add_prose(sections[-1], " ".join(lines))
        sections[-1].shape.append(kind)
    return sections


def code_lines(page: str) -> Iterator[str]:
    """Yield each line of code of a page without its comment, and each inline code, with single blanks."""
    for section in read_sections(page):
        yield from (line for block in section.blocks for line in block)
        yield from section.spans


def code_blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^{_FENCE}{language}\n(.*?)^{_FENCE}$", page, re.MULTILINE | re.DOTALL)


def table_rows(page: str) -> list[list[str]]:
    """Return the cells of each row of each table, but the rules below the heads."""
    rows = [line for kind, (line, *_) in _parts(page) if kind.startswith("row")]
    return [_cells(row) for row in rows if not set(row) <= set("|-: ")]


def spans_of(text: str) -> list[str]:
    """Return the inline code of a text."""
    return [_plain(span) for span in _SPAN.findall(text)]


def _add_prose(section: Section, text: str) -> None:
    text = _MARKER.sub(lambda marker: f"`{marker[0]}`", text)
    section.spans.update(spans_of(text))
    text = _SPAN.sub("`", text)
    section.links.update(_LINK.findall(text))
    text = _LINK.sub("]", text)
    section.figures.update(figure.replace(",", "") for figure in _FIGURE.findall(text))


def _parts(page: str) -> Iterator[tuple[str, list[str]]]:
    """Yield headings, rows, code blocks, list items and paragraphs, each with its kind and its lines."""
    lines, kind = list[str](), ""
    for line in page.splitlines():
        begun = _kind(line, kind)
        if kind == "code" and begun == "code":
            lines.append(line)
            continue
        if begun == kind == "paragraph" or (begun == "paragraph" and kind == "item"):
            lines.append(line.strip())
            continue
        if kind:
            yield kind, [*lines, line] if begun == "end" else lines
        lines, kind = [line], "" if begun == "end" else begun
    if kind:
        yield kind, lines


def _kind(line: str, inside: str) -> str:
    """Return what a line is; "end" for the fence that closes a code block, and "" for a blank line."""
    if line.startswith(_FENCE):
        return "end" if inside == "code" else "code"
    if inside == "code":
        return "code"
    if not line.strip():
        return ""
    if _HEADING.match(line):
        return "heading"
    if line.startswith("|"):
        return f"row of {len(_cells(line))}"
    return "item" if line.startswith("- ") else "paragraph"


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]]


def _plain(code: str) -> str:
    return " ".join(code.split())
