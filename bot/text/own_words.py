"""The part of a generated text that is its speaker's own: without labels, without lines of other speakers.

A line of another speaker ends the text; where it begins the text, all up to the speaker's own label is left
out. Nobody chooses what a name does to others' texts, so a line is another speaker's only where nothing else
is likely:

| the line begins with                           | where                               | it is            |
|------------------------------------------------|-------------------------------------|------------------|
| any name                                       | in fenced code, in a list that the  | a line like any  |
|                                                | line before it introduces with ":"  | other            |
| a name that tells a person ("Ann", "neo_x",    | anywhere else                       | another's        |
| "Ann (2)", "xXdarkXx")                         |                                     |                  |
| that name, behind a line such as "Note: …"     | with a label of the speaker behind  | another's        |
| that is no speaker's                           | it: the form of a script            |                  |
| another name that no list of words has         | where its bearer spoke lately, and  | another's        |
| ("kraken", "Mitochondria")                     | no line "Word: …" stands before or  |                  |
|                                                | behind it                           |                  |
|                                                | else, in a script                   | another's        |
| an ordinary word ("Note"), written as the      | the same                            | another's        |
| name; "User", "Human"                          |                                     |                  |
| any of these three                             | without any                         | like any other   |
| any name                                       | the line stands in the prompt just  | another's        |
|                                                | so, or no word follows              |                  |
| "Assistant", "AI", which nobody is called      | before all own words                | the speaker's    |
| "Assistant"                                    | behind a line that may be another's | the speaker's    |
| no name, but as prompts quote a message        | anywhere: see `bot.text.quote_lines`| another's        |
| a rule: "---", "***", "___"                    | before a line that is another's     | left out         |
"""

import re
from collections.abc import Iterable

from bot.text.kept_words import Border, KeptWords
from bot.text.line_labels import LINE_ENDS, LineLabel, Undecided, line_at, read_label
from bot.text.list_lines import ListLines, is_rule, may_be_rule
from bot.text.quote_lines import PromptLines, QuoteLines
from bot.text.speaker_kinds import SpeakerKind, Speakers

_SPACE = re.compile(r"\s*")
_NO_LABEL: tuple[LineLabel | None, SpeakerKind] = (None, "none")


class OwnWords:
    """Reads one text as it grows, each line once; those of a quote without an end twice.

    `names` are those of its speaker, `others` those of all other speakers, `lines` the lines with labels that
    the prompt has, `recent` those of the others who spoke last; None for all.
    """

    def __init__(
        self,
        names: Iterable[str],
        others: Iterable[str] = (),
        lines: Iterable[str] = (),
        recent: Iterable[str] | None = None,
    ) -> None:
        own, others = [*names], [*others]
        self._speakers = Speakers(own, others, recent)
        self._prompt_lines = PromptLines(lines, own + others)
        self._reset()

    def _reset(self) -> None:
        self._text, self._at = "", 0  # the text that is read for good, and its length
        self._kept = KeptWords()
        self._quote = QuoteLines(self._prompt_lines)
        self._list = ListLines()
        self._is_behind_label = self._is_plain = self._is_skipping = False
        self._likely_at = 0  # the index of the line behind the border "likely"
        self._has_begun = False  # with a label or a line
        self._shown = (-1, "")  # where the growing line begins that is shown, and the line: it has no label
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
        if whole:
            self._finish()
        certain, *uncertain = self._kept.join()
        if self._is_skipping:
            return ""
        if uncertain and not whole:
            return certain.strip()
        return "".join((certain, *uncertain, rest)).strip()

    def _finish(self) -> None:
        """Decide what the end of the text decides."""
        if self._quote.is_open:
            self._quote = QuoteLines(self._prompt_lines)
            self._end_here()
        self._end_before("likely")

    def _next(self, text: str, whole: bool) -> str:
        """Read a label or a line for good; return the beginning of a line that is not whole."""
        shown_at, shown = self._shown
        if shown_at == self._at and not whole and text.startswith(shown, shown_at):
            line = line_at(text, self._at)
            if line.end() == len(text):
                return self._growing_line(line[0])
        if self._quote.is_open and self._read_quote(text, whole):
            return ""
        if not any(self._kept.pieces) and (space := _SPACE.match(text, self._at)) and space.end() > self._at:
            self._at = space.end()
            return ""
        label, kind = _NO_LABEL
        if not self._list.is_code and not self._is_plain:
            if self._read_quote(text, whole):
                return ""
            label, kind = self._read_label(text, whole)
        self._has_begun = True
        if label and self._take_label(label, kind):
            self._is_behind_label = set(LINE_ENDS).isdisjoint(text[self._at : label.start])
            self._at = label.start
            return ""
        line = line_at(text, self._at)
        if line.end() == len(text) and not whole:
            if self.ended:
                return ""
            self._shown = (-1, "") if label else (self._at, line[0])
            return self._growing_line(line[0])
        if not self.ended:
            self._take_line(line[0], label)
            self._at = line.end()
        return ""

    def _growing_line(self, line: str) -> str:
        """Return the beginning of a line that is like any other; of what may become a rule, nothing."""
        if not self._list.is_code and may_be_rule(line):
            raise Undecided
        if line.strip():
            self._kept.borders.pop("rule", None)
        return line

    def _read_label(self, text: str, whole: bool) -> tuple[LineLabel | None, SpeakerKind]:
        """Return the label here and its kind; drop a line whose label alone makes it another's."""
        label = read_label(text, self._at, self._speakers.index, whole=whole)
        if not label:
            return _NO_LABEL
        kind = self._kind_of(label)
        if label.is_bare and (self._has_begun or not self._speakers.may_be_bare(label)):
            return _NO_LABEL
        if kind != "own" and (
            label.start >= len(text) or self._prompt_lines.have(text, self._at, whole=whole)
        ):
            self._take_for_other()
        return label, kind

    def _kind_of(self, label: LineLabel) -> SpeakerKind:
        """Return the kind of a label: one of the role that answers is the speaker's own, or a word."""
        kind = self._speakers.kind_of(label)
        if kind != "role":
            return kind
        doubt = self._kept.borders.get("doubt")
        is_in_script = doubt is not None and self._speakers.settles(label)
        return "own" if is_in_script or not self._kept.has_words(doubt) else "none"

    def _read_quote(self, text: str, whole: bool) -> bool:
        """Leave out a line of a quote, which ends the own words before it; return whether one is here."""
        before = self._at
        self._at, is_certain = self._quote.read(text, before, whole=whole)
        if is_certain:
            self._end_here()
        return is_certain or self._at > before

    def _take_for_other(self) -> None:
        """Drop a line that is certainly another speaker's, and what follows, up to an own label."""
        self._end_before("likely")
        self._kept.borders.pop("doubt", None)
        self._end_here()
        self._is_skipping = not self.ended

    def _take_label(self, label: LineLabel, kind: SpeakerKind) -> bool:
        """Judge a label; return True for the speaker's own, which is left out."""
        if kind != "own":
            self._judge_other(kind)
            return False
        if self._list.is_introduced and self._list.has_items and not self._is_skipping:
            return False
        self._end_before("doubt")
        if self._is_skipping:
            self._is_skipping = False
            self._list.leave()
        self._kept.pieces.append(label.kept)
        self._is_plain = bool(label.kept)
        self._kept.borders.pop("rule", None)
        return not self.ended

    def _judge_other(self, kind: SpeakerKind) -> None:
        """Drop a line that is certainly another speaker's; note one that may be."""
        if self._is_skipping or self._list.is_introduced or self._is_behind_label or kind == "none":
            return
        is_likely = kind == "recent" and not self._list.has_definition
        is_certain = kind == "other" and not self._list.has_headings
        if is_certain or (is_likely and "likely" in self._kept.borders and self._likely_at < self._at):
            self._take_for_other()
            return
        border = self._kept.borders.get("rule", len(self._kept.pieces))
        if is_likely:
            self._kept.borders["likely"], self._likely_at = border, self._at
        self._kept.borders.setdefault("doubt", border)

    def _end_before(self, name: Border) -> None:
        """Take the line behind a border, if there is one, for another speaker's."""
        if self._kept.cut(name):
            self._end_here()

    def _end_here(self) -> None:
        """End the text before another speaker's line and a rule over it, if it has any own words."""
        self._kept.cut_rule()
        self.dropped = True
        self.ended = self._kept.has_words()

    def _take_line(self, line: str, label: LineLabel | None) -> None:
        """Read a line for good, and note what it says about the lines around it."""
        is_item, was_code = label is not None or self._is_behind_label, self._list.is_code
        self._is_behind_label = self._is_plain = False
        has_words = self._list.take(line, is_labelled=label is not None, is_item=is_item)
        if has_words and "likely" in self._kept.borders and self._likely_at < self._at:
            if label or self._list.has_definition:  # the line before is one of a list, where this one is
                del self._kept.borders["likely"]
            else:
                self._end_before("likely")
                self._is_skipping = not self.ended
        if self._is_skipping or self.ended:
            return
        if not was_code and is_rule(line):
            self._kept.borders.setdefault("rule", len(self._kept.pieces))
        elif line.strip():
            self._kept.borders.pop("rule", None)
        self._kept.pieces.append(line)
