"""Where a text names people: by name, by a part of it, by handle, by a platform's mention."""

import re
from collections.abc import Iterator

from training.scrub import cjk_names
from training.scrub.detectors.account import accounts
from training.scrub.detectors.lists import word_set
from training.scrub.detectors.span import Span
from training.scrub.normalise import bare
from training.scrub.position import is_name
from training.scrub.roster import KEPT, WORD, Form, Roster

UNKNOWN = "?"  # the id of somebody with a handle who is not in the export
_MENTION = re.compile(
    r"<@!?([A-Z0-9]{4,24})(?:\|[^<>]{0,80})?>"  # Discord, Slack
    r"|(?<![A-Za-z0-9_@])@((?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,38}[A-Za-z0-9_]"
    r"|\w[\w·]{1,30})(?:@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,3})?)"
    r"|(?<![\w])/?u/([A-Za-z0-9_-]{3,20})(?!\w)"
)
_NOBODY = frozenset("someone everyone here channel all online admins 所有人 全体成员 全員 모두".split())
_AMOUNT = re.compile(r"[0-9]+(?:am|pm|h|k|x|%|fps|hz|°)?", re.IGNORECASE)
_BETWEEN = re.compile(r"[ .·_'’\-,]{0,2}")
_ENDLESS = re.compile(r"(.)\1+$")
_HELD = re.compile(r"([a-z])\1(?![a-z])")


class People:
    """Finds the people of a roster in folded texts. `known` are names that stand for somebody already."""

    def __init__(self, roster: Roster, known: frozenset[str] = frozenset()) -> None:
        self._roster = roster
        self._known = known
        self._beginnings = frozenset(form for word in roster.words for form in (word, f"{word}s"))
        starts = "".join(re.escape(character) for character in roster.han)
        self._han = re.compile(f"[{starts}]") if starts else None

    def handles(self, text: str) -> Iterator[Span]:
        """Handles, raw mentions and accounts at other services of everybody but those who agreed."""
        for start, end in accounts(text):
            handle = text[start:end]
            person = UNKNOWN if handle.isdecimal() else self.whose(handle)
            if person != KEPT:
                yield Span(start, end, "handle", person)
        if "@" in text or "u/" in text:
            yield from self._mentions(text)

    def _mentions(self, text: str) -> Iterator[Span]:
        for found in _MENTION.finditer(text):
            start, end = found.span()
            if found[2] and not found[2].isascii():
                end = self._until(text, found.start(2), end)
            handle = text[found.start(2) : end] if found[2] else found[1] or found[3]
            person = self._roster.ids.get(handle, UNKNOWN) if found[1] else self.whose(handle)
            if person != KEPT:
                yield Span(start, end, "handle", person)

    def _until(self, text: str, start: int, end: int) -> int:
        """Where a mention without a space behind it ends: after a known name, else after eight characters."""
        for form in self._roster.han.get(text[start], ()):
            if not form.after and text.startswith(form.text, start):
                return start + len(form.text)
        return end if end - start <= 8 else start + 8

    def whose(self, handle: str) -> str:
        """The id of whoever a handle or name belongs to; `KEPT` for placeholders, words for all, amounts."""
        plain = bare(handle)
        if plain in _NOBODY or self.stands_for_somebody(handle) or _AMOUNT.fullmatch(plain):
            return KEPT
        if plain in self._roster.handles:
            return self._roster.handles[plain]
        spoken = (form.person for form in self._roster.words.get(plain, ()) if len(form.words) == 1)
        written = (form.person for form in self._roster.han.get(handle[:1], ()) if form.text == handle)
        return next(spoken, next(written, UNKNOWN))

    def stands_for_somebody(self, name: str) -> bool:
        """Whether this is an invented name."""
        return bare(name) in self._known

    def names(self, text: str) -> Iterator[Span]:
        """Names in words and names in Chinese, Japanese and Korean script; the longest form wins."""
        if self._may_name(text):
            yield from self._spoken(text)
        if self._han and not text.isascii():
            yield from self._written(text)

    def _may_name(self, text: str) -> bool:
        """A quick no for most texts."""
        if not text.isascii():
            return True
        small = text.lower()
        return not self._beginnings.isdisjoint(WORD.findall(small)) or bool(_HELD.search(small))

    def _spoken(self, text: str) -> Iterator[Span]:
        words, end = self._roster.words, 0
        for found in WORD.finditer(text):
            word = found[0].lower() if found[0].isascii() else bare(found[0])
            forms = words.get(word) or self._inflected(word)
            if forms and found.start() >= end:
                until, person = self._longest(text, found, forms)
                end = max(end, until)
                if person != KEPT:
                    yield Span(found.start(), until, "name", person)

    def _longest(self, text: str, first: re.Match[str], forms: list[Form]) -> tuple[int, str]:
        """Where the longest form ends that begins at this word and is meant, and whose it is."""
        for form in forms:
            until = _reaches(text, first, form)
            if until and _is_meant(text, first.start(), until, form):
                return until, form.person
        return 0, KEPT

    def _inflected(self, word: str) -> list[Form]:
        """The forms of a name with an s behind it ("Annas") or its last letter held ("aliceee")."""
        if len(word) < 4 or not (word[-1] == "s" or word[-1] == word[-2]):
            return []
        stems = (word[:-1], _ENDLESS.sub(r"\1", word))
        return [
            f
            for stem in stems
            for f in self._roster.words.get(stem, ())
            if len(f.words) == 1 and not f.ordinary
        ]

    def doubts(self, text: str) -> Iterator[Span]:
        """Ordinary words with a capital that are also somebody's name: a person should look at them once."""
        for found in WORD.finditer(text):
            if found[0][0].isupper():
                forms = self._roster.words.get(bare(found[0]), ())
                person = next((form.person for form in forms if form.ordinary and len(form.words) == 1), KEPT)
                if person != KEPT:
                    yield Span(*found.span(), "name", person)

    def _written(self, text: str) -> Iterator[Span]:
        end = 0
        for found in self._han.finditer(text) if self._han else ():
            start = found.start()
            for form in self._roster.han[found[0]] if start >= end else ():
                until = start + len(form.text)
                if text.startswith(form.text, start) and cjk_names.fits(text, start, until, form.ordinary):
                    end = until
                    if form.person != KEPT:
                        yield Span(start, until - form.after, "name", form.person)
                    break


def _reaches(text: str, first: re.Match[str], form: Form) -> int:
    """Where the words of a form end that begin at this word; 0 where the text goes on in another way."""
    end = first.end()
    if len(form.words) == 1:
        return end - (
            len(first[0]) > len(form.words[0]) and first[0][-1] in "sS" and bare(first[0]) != form.words[0]
        )
    for word in form.words[1:]:
        gap = _BETWEEN.match(text, end)
        found = WORD.match(text, gap.end() if gap else end)
        if not found or bare(found[0]) != word:
            return 0
        end = found.end()
    return end


def _is_meant(text: str, start: int, end: int, form: Form) -> bool:
    """Whether ordinary words are a name: two of them by their capitals, one by its position."""
    if not form.ordinary:
        return True
    if len(form.words) > 1:
        return text[start].isupper() and any(map(str.isupper, text[start + 1 : end]))
    return is_name(text, start, end, word_set("english"))
