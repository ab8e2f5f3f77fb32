"""Names in Chinese characters, kana and Hangul, and the forms of address made of them."""

import re
from collections.abc import Iterator

from training.scrub.detectors.lists import word_list, word_set

CJK = "\u3005\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u9fff\uac00-\ud7a3\U00020000-\U0003fffd"
_SIDE = re.compile(r"(?:^|[^\w]|\n)$")
_ALONE = re.compile(r"\s*(?:[：:，,！!？?～~。.…]|$)|说|姐|哥")

CjkPart = tuple[str, int, bool]  # a form, the length of the title at its end, True for an ordinary word


def cjk_name_forms(run: str) -> Iterator[CjkPart]:
    """Yield every form of a name that is written without spaces.

    The whole name; the given name alone; its last character doubled or behind 小 or 阿; a long surname alone;
    a short one behind 老 or 小; either before a title, which is not replaced.
    """
    if len(run) > 1:
        yield run, 0, run in word_set("nicknames")
    surname, given = _split(run)
    for part in (surname, given):
        if len(part) > 1 and part != run:
            yield part, 0, part in word_set("nicknames")
    if len(surname) == 1 and surname in word_set("surnames"):
        yield from ((short + surname, 0, False) for short in "老小")
    for part in filter(None, (surname, given[-1:])):
        yield from ((part + title, len(title), False) for title in word_list("titles"))
    if given and not "가" <= given[-1] <= "힣":
        last = given[-1]
        yield from ((form, 0, form in word_set("nicknames")) for form in (last * 2, f"小{last}", f"阿{last}"))


def _split(run: str) -> tuple[str, str]:
    """Surname and given name; both are "" for a nickname."""
    if run[:3] in word_set("surnames") and len(run) > 3:
        return run[:3], run[3:]
    if run[:2] in word_set("surnames") and 2 < len(run) < 6:
        return run[:2], run[2:]
    if len(run) == 3 and all("가" <= c <= "힣" for c in run):
        return run[0], run[1:]
    if len(run) in (2, 3) and run[0] in word_set("surnames"):
        return run[0], run[1:]
    return "", run if len(run) == 1 else ""


def is_cjk_name(text: str, start: int, end: int, ordinary: bool) -> bool:
    """Return True if a form found here can be the name: its edge makes no word with the next character.

    Only a dictionary distinguishes 小明 in 小明天 from the name: `lists/pairs.txt` has frequent pairs.
    A form that is an ordinary word counts only alone between marks, or before 说, 姐 and 哥.
    """
    if ordinary:
        return bool(_SIDE.search(text[max(0, start - 2) : start]) and _ALONE.match(text, end))
    edges = (text[max(0, start - 1) : start + 1], text[end - 1 : end + 1])
    return word_set("pairs").isdisjoint(edges)
