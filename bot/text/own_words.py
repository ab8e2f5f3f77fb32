"""The part of a generated text that is its speaker's own: without labels, without lines of other speakers.

A line of another speaker ends the text; where it begins the text, all up to the speaker's own label is left
out. Nobody chooses what a name does to others' texts, so a line is another speaker's only where nothing else
is likely:

| the line begins with                           | where                               | it is            |
|------------------------------------------------|-------------------------------------|------------------|
| any name                                       | in fenced code, in a list that the  | a line like any  |
|                                                | line before it introduces with ":"  | other            |
| a name that is no ordinary word                | anywhere else                       | another's        |
| that name, behind a line such as "Note: …"     | with a label of the speaker behind  | another's        |
| that is no speaker's                           | it: the form of a script            |                  |
| an ordinary word ("Note"), written as the name | the same                            | another's        |
| either                                         | without any                         | like any other   |
| any name                                       | the line stands in the prompt just  | another's        |
|                                                | so, or no word follows              |                  |
| no name, but as prompts quote a message        | before all own words                | left out         |
|                                                | behind own words                    | another's        |
"""

import re
from collections.abc import Iterable

from bot.text.line_labels import COLONS, LINE_ENDS, LineLabel, Undecided, read_label
from bot.text.name_index import NameIndex
from bot.text.person_names import is_acronym, is_unmistakable
from bot.text.quote_lines import begins_quote, quote_end

_LINE = re.compile(f"[^{LINE_ENDS}]*(?:\r\n|[{LINE_ENDS}]|\\Z)")
_LINE_BREAKS = frozenset(LINE_ENDS)
_SPACE = re.compile(r"\s*")
_TILDES = re.compile(r" {0,3}~~~")
_MARKS = "*_`#>~ \t\r\n"
_HEADING = re.compile(f"([^\n{COLONS}]{{1,40}})(?:[{COLONS}][*_\\s]|：)")
_MOST_HEADING_WORDS = 5


class OwnWords:
    """Reads one text as it grows, each line once.

    `names` are those of its speaker, `others` those of all other speakers, `lines` the lines with labels that
    the prompt has of these.
    """

    def __init__(self, names: Iterable[str], others: Iterable[str] = (), lines: Iterable[str] = ()) -> None:
        own = [*names]
        self._own, self._lines = frozenset(own), frozenset(lines)
        self._names = NameIndex([*own, *others])
        self._reset()

    def _reset(self) -> None:
        self._text, self._at = "", 0  # the text that is read for good, and its length
        self._kept: list[str] = []  # its own words
        self._doubt: int | None = None  # the number of own words before a line that may be another's
        self._fence = ""
        self._list = ""  # "introduced" by a line with a colon at its end; "headings" were in the line before
        self._has_items = False
        self._is_behind_label = self._is_plain = self._is_skipping = self._is_quoting = False
        self._has_begun = False  # with a label or a line
        self.ended = False  # by a line of another speaker
        self.dropped = False  # lines of another speaker before the first own one

    def read(self, text: str, *, whole: bool) -> str:
        """Return the own words of a text; of one that is not `whole`, those that are certain already.

        The text begins with the text of the last call. The result has no blank ends.
        """
        if not text.startswith(self._text):
            self._reset()
        rest = ""
        try:
            while not self.ended and self._at < len(text) and not rest:
                rest = self._next(text, whole)
        except Undecided:
            pass
        self._text = text[: self._at]
        certain, doubtful = self._join()
        if self._is_skipping:
            return ""
        if self._doubt is not None and not whole:
            return certain.strip()
        return (certain + doubtful + rest).strip()

    def _join(self) -> tuple[str, str]:
        """Return the own words before the line in doubt, and from there on."""
        border = len(self._kept) if self._doubt is None else self._doubt
        certain, doubtful = "".join(self._kept[:border]), "".join(self._kept[border:])
        self._kept, self._doubt = [certain, doubtful], None if self._doubt is None else 1
        return certain, doubtful

    def _next(self, text: str, whole: bool) -> str:
        """Read a label or a line for good; return the beginning of a line that is not whole."""
        if self._is_quoting and text[self._at] == " " and self._skip_quote(text, whole):
            return ""
        self._is_quoting = False
        if not any(self._kept) and (space := _SPACE.match(text, self._at)) and space.end() > self._at:
            self._at = space.end()
            return ""
        label = None
        if not self._fence and not self._is_plain:
            if self._skip_quote(text, whole):
                return ""
            label = read_label(text, self._at, self._names, whole=whole)
            if label and label.is_bare and (self._has_begun or label.name not in self._own):
                label = None
            is_other = label is not None and label.name not in self._own
            if label and is_other and (label.start >= len(text) or self._is_repeated(text, whole)):
                self._take_for_other()
        self._has_begun = True
        if label and self._take_label(label):
            self._is_behind_label = not _LINE_BREAKS.intersection(text[self._at : label.start])
            self._at = label.start
            return ""
        line = _LINE.match(text, self._at)
        assert line
        if line.end() == len(text) and not whole:
            return "" if self.ended else line[0]
        if not self.ended:
            self._take_line(line[0], label)
            self._at = line.end()
        return ""

    def _skip_quote(self, text: str, whole: bool) -> bool:
        """Leave out a quote before the own words; return whether there is one here, which ends them else."""
        is_quote = self._is_quoting or begins_quote(text, self._at)
        if is_quote is None and not whole:
            raise Undecided
        if not is_quote:
            return False
        line = _LINE.match(text, self._at)
        assert line
        if line.end() == len(text) and not whole:
            raise Undecided
        self._end_here()
        end = quote_end(line[0])
        self._is_quoting = end is None
        self._at = line.end() if end is None else self._at + end
        return True

    def _is_repeated(self, text: str, whole: bool) -> bool:
        """Return whether the line stands in the prompt just so."""
        found = _LINE.match(text, self._at)
        assert found
        line = found[0].rstrip(LINE_ENDS)
        if found.end() == len(text) and not whole and any(known.startswith(line) for known in self._lines):
            raise Undecided
        return line in self._lines

    def _take_for_other(self) -> None:
        """Drop a line that is certainly another speaker's, and what follows, up to an own label."""
        self._doubt = None
        self._end_here()
        self._is_skipping = not self.ended

    def _take_label(self, label: LineLabel) -> bool:
        """Judge a label; return True for the speaker's own, which is left out."""
        if label.name not in self._own:
            self._judge_other(label)
            return False
        if self._list == "introduced" and self._has_items and not self._is_skipping:
            return False
        self._end_before_doubt()
        if self._is_skipping:
            self._is_skipping, self._list = False, ""
        self._kept.append(label.kept)
        self._is_plain = bool(label.kept)
        return not self.ended

    def _judge_other(self, label: LineLabel) -> None:
        """Drop a line that is certainly another speaker's; note one that may be."""
        if self._is_skipping or self._list == "introduced" or self._is_behind_label:
            return
        is_sure = is_unmistakable(label.name) and not label.is_quoted and not is_acronym(label.written)
        if is_sure and self._list != "headings":
            self._take_for_other()
        elif is_sure or (label.written == label.name and label.is_separate):
            self._doubt = len(self._kept) if self._doubt is None else self._doubt

    def _end_before_doubt(self) -> None:
        """Take the line in doubt for another speaker's, since a speaker's line follows."""
        if self._doubt is not None:
            self._kept, self._doubt = self._kept[: self._doubt], None
            self._end_here()

    def _end_here(self) -> None:
        """End the text before another speaker's line, if it has any own words."""
        self.dropped = True
        self.ended = any(map(str.strip, self._kept))

    def _take_fence(self, line: str) -> None:
        """Note whether the next line is code: backticks open and close it anywhere, tildes begin a line."""
        if self._fence != "~~~" and line.count("```") % 2:
            self._fence = "" if self._fence else "```"
        elif self._fence != "```" and _TILDES.match(line):
            self._fence = "" if self._fence else "~~~"

    def _take_line(self, line: str, label: LineLabel | None) -> None:
        """Read a line for good, and note what it says about the next one."""
        self._take_fence(line)
        if not self._is_skipping:
            self._kept.append(line)
        is_item = label is not None or self._is_behind_label
        self._is_behind_label = self._is_plain = False
        words = line.strip(_MARKS)
        if not words or self._fence:
            return
        if words[-1] in COLONS:
            self._list, self._has_items = "introduced", False
        elif self._list == "introduced" and (is_item or _HEADING.match(words)):
            self._has_items = True
        else:
            self._list = "headings" if label is None and _is_heading(words) else ""


def _is_heading(words: str) -> bool:
    """Return whether a line begins with ordinary words and a colon."""
    found = _HEADING.match(words)
    if not found or len(found[1].split()) > _MOST_HEADING_WORDS:
        return False
    return not is_unmistakable(found[1].strip(_MARKS))
