"""Seed phrases of wallets: a run of words of the BIP-39 list, numbered or not."""

import re
from collections.abc import Iterator

from training.scrub.detectors.lists import word_set
from training.scrub.detectors.span import PrivateSpan

_LEAST, _LEAST_NAMED = 12, 6  # words in a row; behind a name of the phrase a part of it counts too
_WORD = re.compile(r"(?<![A-Za-z])[A-Za-z]{3,8}(?![A-Za-z])")
_BETWEEN = re.compile(r"[\s,;.:|/\"'#•*>→=_-]{0,5}(?:[0-9]{1,2}[.):]?[\s]{0,3})?")
_NUMBER = re.compile(r"[0-9]{1,2}[.):]? ?$")
_NAMED = re.compile(
    r"(?:seed|recovery|mnemo|backup|wallet|phrase|frase|metamask|ledger|trezor|wiederherstellung|semilla"
    r"|récupération|восстановлени|シード|リカバリー|助记|助記|니모닉)[^\n]{0,30}$",
    re.I,
)


def find_seed_phrases(text: str) -> Iterator[PrivateSpan]:
    """Yield runs of 12 words and more that are all in the list, and of 6 behind words like "seed phrase"."""
    if len(text) < _LEAST_NAMED * 4:
        return
    run: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        is_listed = word[0].lower() in word_set("seed_words")
        if run and not (is_listed and _BETWEEN.fullmatch(text, run[-1].end(), word.start())):
            yield from _whole(text, run)
            run = []
        run += [word] if is_listed else []
    yield from _whole(text, run)


def _whole(text: str, run: list[re.Match[str]]) -> Iterator[PrivateSpan]:
    if len(run) < _LEAST_NAMED:
        return
    start = run[0].start()
    if len(run) >= _LEAST or _NAMED.search(text, max(0, start - 40), start):
        number = _NUMBER.search(text, max(0, start - 5), start)
        yield PrivateSpan(number.start() if number else start, run[-1].end(), "secret")
