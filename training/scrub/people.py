"""The places where a text names people: by a name or a part of it, by a handle, by a platform's mention."""

import re
from collections.abc import Iterator

from bot.text.words import read_words
from training.scrub.cjk_names import is_cjk_name
from training.scrub.detectors.account import find_service_accounts
from training.scrub.detectors.span import PrivateSpan
from training.scrub.normalise import match_key
from training.scrub.position import is_english_name
from training.scrub.roster import CONSENTING, WORD, NameForm, Roster

UNKNOWN_PERSON = "?"  # the id of a person with a handle outside of the export
_MENTION = re.compile(
    r"<@!?([A-Z0-9]{4,24})(?:\|[^<>]{0,80})?>"  # Discord, Slack
    r"|(?<![A-Za-z0-9_@])@((?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,38}[A-Za-z0-9_]"
    r"|\w[\w·]{1,30})(?:@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,3})?)"
    r"|(?<![\w])/?u/([A-Za-z0-9_-]{3,20})(?!\w)"
)
_NOBODY = frozenset("someone everyone here channel all online admins 所有人 全体成员 全員 모두".split())
_AMOUNT = re.compile(r"[0-9]+(?:am|pm|h|k|x|%|fps|hz|°)?", re.IGNORECASE)
_BETWEEN = re.compile(r"[ .·_'’\-,]{0,2}")
_REPEATED_LETTER = re.compile(r"([a-z])\1(?![a-z])")


class NameFinder:
    """Finds the people of a roster in normalised texts. `surrogates` are the match keys of invented names."""

    def __init__(self, roster: Roster, surrogates: frozenset[str] = frozenset()) -> None:
        self._roster = roster
        self._surrogates = surrogates
        self._beginnings = frozenset(form for word in roster.words for form in (word, f"{word}s"))
        starts = "".join(re.escape(character) for character in roster.cjk)
        self._cjk = re.compile(f"[{starts}]") if starts else None

    def find_handles(self, text: str) -> Iterator[PrivateSpan]:
        """Yield handles, raw mentions and accounts at other services, except those of consenting people."""
        for start, end in find_service_accounts(text):
            handle = text[start:end]
            person = UNKNOWN_PERSON if handle.isdecimal() else self.owner_of(handle)
            if person != CONSENTING:
                yield PrivateSpan(start, end, "handle", person)
        if "@" in text or "u/" in text:
            yield from self._mentions(text)

    def _mentions(self, text: str) -> Iterator[PrivateSpan]:
        for found in _MENTION.finditer(text):
            start, end = found.span()
            if found[2] and not found[2].isascii():
                end = self._until(text, found.start(2), end)
            handle = text[found.start(2) : end] if found[2] else found[1] or found[3]
            person = self._roster.ids.get(handle, UNKNOWN_PERSON) if found[1] else self.owner_of(handle)
            if person != CONSENTING:
                yield PrivateSpan(start, end, "handle", person)

    def _until(self, text: str, start: int, end: int) -> int:
        """The end of a mention without a space behind it: after a known name, else after eight characters."""
        for form in self._roster.cjk.get(text[start], ()):
            if not form.after and text.startswith(form.text, start):
                return start + len(form.text)
        return end if end - start <= 8 else start + 8

    def owner_of(self, handle: str) -> str:
        """Return the id of the owner of a handle or name.

        `CONSENTING` also stands for surrogates, words such as "everyone" and amounts such as "@5pm".
        """
        plain = match_key(handle)
        if plain in _NOBODY or self.is_surrogate(handle) or _AMOUNT.fullmatch(plain):
            return CONSENTING
        if plain in self._roster.handles:
            return self._roster.handles[plain]
        spoken = (form.person for form in self._roster.words.get(plain, ()) if len(form.words) == 1)
        written = (form.person for form in self._roster.cjk.get(handle[:1], ()) if form.text == handle)
        return next(spoken, next(written, UNKNOWN_PERSON))

    def is_surrogate(self, name: str) -> bool:
        """Return True for an invented name."""
        return match_key(name) in self._surrogates

    def find_names(self, text: str) -> Iterator[PrivateSpan]:
        """Yield names in words and names in Chinese, Japanese and Korean script; the longest form wins."""
        if self._may_name(text):
            yield from self._spoken(text)
        if self._cjk and not text.isascii():
            yield from self._written(text)

    def _may_name(self, text: str) -> bool:
        """Return False quickly for most texts."""
        if not text.isascii():
            return True
        small = text.lower()
        return not self._beginnings.isdisjoint(WORD.findall(small)) or bool(_REPEATED_LETTER.search(small))

    def _spoken(self, text: str) -> Iterator[PrivateSpan]:
        words, end = self._roster.words, 0
        for found in WORD.finditer(text):
            word = found[0].lower() if found[0].isascii() else match_key(found[0])
            forms = words.get(word) or self._inflected(word)
            if forms and found.start() >= end:
                until, person = self._longest(text, found, forms)
                end = max(end, until)
                if person != CONSENTING:
                    yield PrivateSpan(found.start(), until, "name", person)

    def _longest(self, text: str, first: re.Match[str], forms: list[NameForm]) -> tuple[int, str]:
        """The end and the owner of the longest form that begins at this word and is meant as a name."""
        for form in forms:
            until = _reaches(text, first, form)
            if until and _is_meant(text, first.start(), until, form):
                return until, form.person
        return 0, CONSENTING

    def _inflected(self, word: str) -> list[NameForm]:
        """The forms of a name with an s behind it ("Annas") or a repeated last letter ("aliceee")."""
        if len(word) < 4 or not (word[-1] == "s" or word[-1] == word[-2]):
            return []
        stems = (word[:-1], word.rstrip(word[-1]) + word[-1])
        return [
            form
            for stem in stems
            for form in self._roster.words.get(stem, ())
            if len(form.words) == 1 and not form.ordinary
        ]

    def find_doubtful_names(self, text: str) -> Iterator[PrivateSpan]:
        """Yield ordinary words with a capital that are also a person's name, for the review."""
        for found in WORD.finditer(text):
            if found[0][0].isupper():
                forms = self._roster.words.get(match_key(found[0]), ())
                person = next(
                    (form.person for form in forms if form.ordinary and len(form.words) == 1), CONSENTING
                )
                if person != CONSENTING:
                    yield PrivateSpan(*found.span(), "name", person)

    def _written(self, text: str) -> Iterator[PrivateSpan]:
        end = 0
        for found in self._cjk.finditer(text) if self._cjk else ():
            start = found.start()
            for form in self._roster.cjk[found[0]] if start >= end else ():
                until = start + len(form.text)
                if text.startswith(form.text, start) and is_cjk_name(text, start, until, form.ordinary):
                    end = until
                    if form.person != CONSENTING:
                        yield PrivateSpan(start, until - form.after, "name", form.person)
                    break


def _reaches(text: str, first: re.Match[str], form: NameForm) -> int:
    """The end of a form whose words begin at this word; 0 if the text goes on with other words."""
    end = first.end()
    if len(form.words) == 1:
        return end - (
            len(first[0]) > len(form.words[0])
            and first[0][-1] in "sS"
            and match_key(first[0]) != form.words[0]
        )
    for word in form.words[1:]:
        gap = _BETWEEN.match(text, end)
        found = WORD.match(text, gap.end() if gap else end)
        if not found or match_key(found[0]) != word:
            return 0
        end = found.end()
    return end


def _is_meant(text: str, start: int, end: int, form: NameForm) -> bool:
    """True if ordinary words are a name here: two of them by their capitals, one by its position."""
    if not form.ordinary:
        return True
    if len(form.words) > 1:
        return text[start].isupper() and any(map(str.isupper, text[start + 1 : end]))
    return is_english_name(text, start, end, read_words("english"))
