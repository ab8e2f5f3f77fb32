"""Details that are spelt: numbers in words, and addresses and handles with a space behind each letter."""

import re
from collections.abc import Iterator
from itertools import pairwise

from training.scrub.detectors.span import PrivateSpan

_DIGITS = {
    word: digit
    for words in (
        "zero one two three four five six seven eight nine",
        "null eins zwei drei vier fünf sechs sieben acht neun",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
        "zéro un deux trois quatre cinq six sept huit neuf",
        "zero um dois três quatro cinco seis sete oito nove",
        "zero uno due tre quattro cinque sei sette otto nove",
        "ноль один два три четыре пять шесть семь восемь девять",
    )
    for digit, word in enumerate(words.split())
} | {"oh": 0, "o": 0, "nought": 0, "zwo": 2, "ein": 1}
_TIMES = ("double", "triple", "doppel", "doble")
_WORDS = "|".join(sorted((*_DIGITS, *_TIMES), key=len, reverse=True))
_RUN = re.compile(rf"(?<![\w])(?:plus )?(?>{_WORDS})(?:[ ,./-]{{1,4}}+(?>{_WORDS})){{3,30}}+(?!\w)", re.I)
_CJK_DIGITS = "零〇一二三四五六七八九幺"
_CJK_RUN = re.compile(f"[{_CJK_DIGITS}](?:[ -]?[{_CJK_DIGITS}]){{6,19}}+(?![十百千万])")
_COUNTED = "一二三四五六七八九"
_MAY_HOLD = re.compile(  # three in a row of the letters that number words begin with
    r"(?<!\w)(?:[zosteqnuvcdfahнодтчпшсв]\w{1,6}[ ,./-]{1,4}){2}[zosteqnuvcdfahнодтчпшсв]", re.I
)
_PIN = re.compile(r"\b(?:pin|code|passcode|combination|lock|geheimzahl|clave|código)\b[^\n]{0,20}$", re.I)
_LEAST = 7  # digits of a phone number
_LETTER = r"[A-Za-z0-9._%+-]"
_SPACED_EMAIL = re.compile(
    rf"(?<!\S)(?<!{_LETTER} )(?:{_LETTER} ){{2,40}}+(?:@|at|\(at\)) (?:[A-Za-z0-9-] ){{2,40}}+"
    r"(?:(?:\.|dot|punkt) (?:[A-Za-z0-9-] ?){2,24}+(?![A-Za-z0-9])){1,3}+"
    rf"|(?<!\S)(?<!{_LETTER} )(?:{_LETTER} ){{2,40}}+@ ?(?:[A-Za-z0-9-]{{1,63}}+\.){{1,4}}+[A-Za-z]{{2,24}}+"
    r"(?![A-Za-z0-9])"
)
_SPACED_HANDLE = re.compile(rf"(?<!\S)@ ?(?:{_LETTER} ){{3,30}}{_LETTER}(?!\S)")
_SPACED_DIGITS = re.compile(r"(?<![\w.,:-])(?<![0-9] )[0-9](?:[ -][0-9]){9,14}(?![ -]?[0-9])(?![\w:])")
_SPACED_END = re.compile(r"(?: [A-Za-z0-9])+ ?")


def find_spelt_numbers(text: str) -> Iterator[PrivateSpan]:
    """Yield seven digits and more in words as a phone number, and four behind "pin" as a secret.

    Counting ("one two three four five six seven") is neither.
    """
    if len(text) > 12 and _MAY_HOLD.search(text):
        yield from _spelt_digits(text)
    if not text.isascii():
        runs = (found for found in _CJK_RUN.finditer(text) if found[0] not in _COUNTED)
        yield from (PrivateSpan(*found.span(), "phone") for found in runs)


def _spelt_digits(text: str) -> Iterator[PrivateSpan]:
    for found in _RUN.finditer(text):
        words = re.split(r"[ ,.-]+", found[0].lower().replace("/", " ").removeprefix("plus "))
        digits = [_DIGITS[word] for word in words if word in _DIGITS]
        if all(after == before + 1 for before, after in pairwise(digits)):
            continue
        if len(words) >= _LEAST:
            yield PrivateSpan(*found.span(), "phone")
        elif _PIN.search(text, max(0, found.start() - 40), found.start()):
            yield PrivateSpan(*found.span(), "secret")


def find_spaced_digits(text: str) -> Iterator[PrivateSpan]:
    """Yield ten to fifteen digits with a space or hyphen behind each, unless they count or are bits."""
    for found in _SPACED_DIGITS.finditer(text):
        digits = [int(digit) for digit in found[0][::2]]
        counts = all(abs(after - before) == 1 for before, after in pairwise(digits))
        if not counts and set(digits) - {0, 1}:
            yield PrivateSpan(*found.span(), "phone")


def find_spaced_letters(text: str) -> Iterator[PrivateSpan]:
    """Yield e-mail addresses and handles with a space behind each letter."""
    if "@ " not in text and " at " not in text and " (at) " not in text:
        return
    for found in _SPACED_EMAIL.finditer(text):
        yield PrivateSpan(found.start(), found.start() + len(found[0].rstrip()), "email")
    for found in _SPACED_HANDLE.finditer(text):
        yield PrivateSpan(*found.span(), "handle")
