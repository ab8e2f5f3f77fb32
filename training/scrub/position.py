"""The rules that tell an ordinary English word from a name: its capital, its neighbours, its position."""

import re
from collections.abc import Container

from training.scrub.cjk_names import CJK

_END = re.compile(rf"\s*(?:[{CJK}]|[,.!?~…:;，。！？：)]|$|[^\w\s'’-]*$)")
_GREETED = re.compile(
    r"(?:^|[\s,.!?])(?:hey|hi|hello|yo|sup|thanks|thank you|thx|ty|bye|love you|luv u|morning|night|gn"
    r"|gm|dear|sorry|ask|tell|told)\s$",
    re.IGNORECASE,
)
_ASKED = re.compile(r"\s(?:if|about|that|when|what|where|why|how)\b")
_SAYS = re.compile(r"\s(?:said|says|told|asked|texted)\b")
_DETERMINED = re.compile(
    r"(?:^|[^\w])(?:the|an?|this|that|my|your|his|her|its|our|their|no|any|some|every|each|ein"
    r"|eine[nmrs]?|der|die|das|dem|den|des"
    r"|una?|el|la|los|las|le|les|du)\s$",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"[0-9.,]\s?$")
_NUMBERED = re.compile(r"\s?(?:the\s)?[0-9]")
_MONTHS = frozenset("may april june august summer winter autumn spring".split())
_WHEN = re.compile(
    r"(?:^|\s)(?:in|since|until|till|by|early|late|mid|last|next|this|through|before|after|during"
    r"|every|of|from|around|\d+)[\s-]$",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:^|[.!?…。！？:：\"“(*>~-]\s*+|(?<!\s)[^\S\n]*+\n\s*+|[^\w\s,;'’%$€£&/]\s*+)$")
_DOES = re.compile(
    r"['’]s\b|\s(?:&\s|and\s[A-Z]\w*|where|what|why|how|who|wanna|pls|plz|please|is|isn't|was|wasn't"
    r"|has|had|hasn't|says?|said|told|tells|asked|asks|wants?|wanted|went|goes|came|comes|got"
    r"|gets|knows|knew|thinks|thought|likes|liked|loves|loved|hates|made|makes|took|takes|gave|gives"
    r"|left|called|calls|sent|sends|did"
    r"|didn't|does|doesn't|just|never|always|also|still|really|can't|couldn't|won't|would|could|should"
    r"|might|pays|paid|looks|looked"
    r"|needs|needed|texted|wrote|bought|brought|started|stopped|ate|agreed|joined|lives|lost|won|kept"
    r"|keeps|saw|sees|talks|works|plays"
    r"|played|forgot|moved|died|cried|laughed|fell|met)\b"
)
_PREVIOUS = re.compile(r"(?:^|[^\w'’])([A-Z][\w'’]*)\s$")
_TITLES = frozenset("mr mrs ms miss dr prof sir aunt auntie uncle coach i herr frau señor señora".split())
_AROUND = 40  # characters


def is_english_name(text: str, start: int, end: int, common: Container[str]) -> bool:
    """Return True if a word that is also an ordinary one ("Will", "May", "Rose") is a name here.

    - in small letters: only behind a greeting ("hey will,") or before "said" and the like;
    - in capitals throughout: only alone in its sentence;
    - with one capital, inside a sentence: unless it has an article or a number, is a month by its
      neighbours, or belongs to a longer proper name ("Taco Bell");
    - with one capital, at a sentence's start: only before a mark, a possessive or a verb in the third person
      ("Will is late", not "Will it rain").

    `common` are the ordinary words.
    """
    word = text[start:end]
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    if word.islower():
        spoken_to = _GREETED.search(before) and (_END.match(after) or _ASKED.match(after))
        return bool(spoken_to or (_SAYS.match(after) and not _DETERMINED.search(before)))
    if word.isupper() and len(word) > 1:
        return bool(_OPENING.search(before) and _END.match(after))
    if _COUNTED.search(before) or _NUMBERED.match(after) or _DETERMINED.search(before):
        return False
    if word.lower() in _MONTHS and _WHEN.search(before):
        return False
    if _OPENING.search(before):
        return bool(_END.match(after) or _DOES.match(after))
    previous = _PREVIOUS.search(before)
    if not previous or previous[1].lower() in _TITLES:
        return True
    return bool(_OPENING.search(before[: previous.start(1)])) and (
        len(previous[1]) < 3 or previous[1].lower() in common
    )
