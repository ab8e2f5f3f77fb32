r"""Line breaks that a data set writes as two characters, a backslash and an n.

Chinese-Vicuna's instruction data end lines so. Code keeps its escapes: texts in fences, backticks and quotes,
commands of LaTeX and paths of Windows (`\nabla`, `C:\new`).
"""

_BREAK, _FENCE = "\\n", "```"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")


def read_written_breaks(text: str) -> str:
    """Return a text in which a written line break is one."""
    if _BREAK not in text:
        return text
    parts = text.split(_FENCE)
    return _FENCE.join(part if number % 2 else _read_prose(part) for number, part in enumerate(parts))


def _read_prose(text: str) -> str:
    return "\n".join(map(_read_line, text.split("\n")))


def _read_line(line: str) -> str:
    first, *others = line.split(_BREAK)
    read, quotes, before = [first], _quotes(first), first[-2:]
    for piece in others:
        is_break = not quotes % 2 and _parts_lines(before, piece[:1])
        read.append(("\n" if is_break else _BREAK) + piece)
        quotes = _quotes(piece) + (0 if is_break else quotes)
        before = piece[-2:] if is_break or piece else f"{before}n"[-2:]
    return "".join(read)


def _quotes(text: str) -> int:
    return text.count('"') + text.count("`")


def _parts_lines(before: str, after: str) -> bool:
    """Return whether a break stands between these characters; a small letter behind it is code or a path."""
    if before.endswith(("\\", "'")) or after == "'":
        return False
    if after not in _LETTERS:
        return True
    ends_sentence = before.endswith(("!", "?")) or (before.endswith(".") and before[:1].isalnum())
    return ends_sentence or not before or not before[-1].isascii()
