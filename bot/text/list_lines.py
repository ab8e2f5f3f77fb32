"""Rules between lines, and lists and code, in which a line that begins with a name is like any other."""

import re

from bot.text.line_labels import COLONS
from bot.text.person_names import is_unmistakable

_TILDES = re.compile(r" {0,3}~~~")
_MARKS = "*_`#>~ \t\r\n"
_HEADING = re.compile(f"([^\n{COLONS}]{{1,40}})(?:[{COLONS}][*_\\s]|：)")
_MOST_HEADING_WORDS = 5
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}\s*\Z")
_HALF_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1)*\s*\Z")


def is_rule(line: str) -> bool:
    """Return whether a line is a rule: "---", "* * *"."""
    return _RULE.match(line) is not None


def may_be_rule(line: str) -> bool:
    """Return whether a line that grows is a rule, or may become one."""
    return _HALF_RULE.match(line) is not None


class ListLines:
    """The lists and the fenced code of a text, read line by line.

    `is_introduced`: a line with a colon at its end began the list, which `has_items` then. `has_headings`:
    the last line with words began with ordinary words and a colon, `has_definition` with any words.
    """

    def __init__(self) -> None:
        self._fence = ""
        self.is_introduced = self.has_items = self.has_headings = self.has_definition = False

    @property
    def is_code(self) -> bool:
        return bool(self._fence)

    def leave(self) -> None:
        """Begin anew behind another speaker's lines."""
        self.is_introduced = self.has_headings = self.has_definition = False

    def take(self, line: str, *, is_labelled: bool, is_item: bool) -> bool:
        """Read a whole line; return whether it has words outside of code.

        It is labelled by a known name, or an item as such a line or behind an own label.
        """
        self._take_fence(line)
        words = line.strip(_MARKS)
        if not words or self._fence:
            return False
        found = _HEADING.match(words)
        if words[-1] in COLONS:
            self.leave()
            self.is_introduced, self.has_items = True, False
        elif self.is_introduced and (is_item or found):
            self.has_items = True
        else:
            self.leave()
            if found and not is_labelled and len(found[1].split()) <= _MOST_HEADING_WORDS:
                self.has_definition = True
                self.has_headings = not is_unmistakable(found[1].strip(_MARKS))
        return True

    def _take_fence(self, line: str) -> None:
        """Note whether the next line is code: backticks open and close it anywhere, tildes begin a line."""
        if self._fence != "~~~" and line.count("```") % 2:
            self._fence = "" if self._fence else "```"
        elif self._fence != "```" and _TILDES.match(line):
            self._fence = "" if self._fence else "~~~"
