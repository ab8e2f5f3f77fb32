"""Words in a text: whole ones where a script has words, any place where it has none."""

import re

# a letter or digit of a script that puts a space around a name: not Thai to Khmer, kana and Han, and not
# Hangul, where particles follow a name at once
LETTER = (
    r"[^\W_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u30ff\u3100-\u318f\u3400-\u9fff"
    r"\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)
_LETTER, _WORD = re.compile(LETTER), re.compile(f"{LETTER}+")
MAX_TRIES = 1000  # places inside other words where a word is found, before it counts as missing


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text in scripts that divide them."""
    return frozenset(_WORD.findall(text))


def first_word(text: str) -> str:
    """Return the word that a text begins with; empty for a sign, or a script without divided words."""
    found = _WORD.match(text)
    return found[0] if found else ""


def has_word(text: str, word: str) -> bool:
    """Return whether a text has a word, as a whole one where its script has words; both must be folded."""
    at = text.find(word) if word else -1
    for _ in range(MAX_TRIES):
        if at < 0:
            return False
        before, after = text[max(at - 1, 0) : at], text[at + len(word) : at + len(word) + 1]
        if not (_are_letters(before, word[0]) or _are_letters(word[-1], after)):
            return True
        at = text.find(word, at + 1)
    return False


def _are_letters(before: str, after: str) -> bool:
    """Return whether two characters belong to one word; there is none beyond either end of a text."""
    return bool(_LETTER.match(before) and _LETTER.match(after))
