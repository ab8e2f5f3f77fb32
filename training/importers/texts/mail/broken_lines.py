"""Lines that a mail program broke are one line again."""

from collections.abc import Sequence

_NARROWEST, _WIDEST = 60, 80  # columns at which programs break the lines of a mail
_SENTENCE_ENDS = (".", "!", "?", ":", "…")


def join_flowed(lines: Sequence[str]) -> list[str]:
    """Join the lines that go on (RFC 3676); a blank at the beginning of a line is of the transport."""
    joined, goes_on = list[list[str]](), False
    for line in lines:
        line = line.removeprefix(" ")
        if goes_on and line.strip():
            joined[-1].append(line)
        else:
            joined.append([line])
        goes_on = line.endswith(" ") and bool(line.strip())
    return ["".join(parts).rstrip() for parts in joined]


def join_broken(lines: Sequence[str]) -> list[str]:
    """Join the lines that a program broke: the next word had no room in the width of the longest line."""
    width = max((len(line) for line in lines if "://" not in line), default=0)
    if not _NARROWEST <= width <= _WIDEST:
        return [line.rstrip() for line in lines]
    joined, goes_on = list[list[str]](), False
    for at, line in enumerate(lines):
        if goes_on:
            joined[-1].append(line.strip())
        else:
            joined.append([line.rstrip()])
        following = lines[at + 1] if at + 1 < len(lines) else ""
        word = following[:_WIDEST].partition(" ")[0]
        goes_on = word[:1].isalnum() and _is_broken(line.rstrip(), len(word), width)
    return [" ".join(parts) for parts in joined]


def _is_broken(line: str, next_word: int, width: int) -> bool:
    return " " in line and not line.endswith(_SENTENCE_ENDS) and len(line) + 1 + next_word > width
