"""Details of a text that change its meaning however small they are: numbers, negations, code, emoji.

Texts that differ in one of them are never copies of each other.
"""

import re
import unicodedata

from training.scrub.normalise import limit_marks

# whole words, of languages with spaces; endings of "isn't" and its kind stand in the pattern
_NEGATIONS = """
no not never none nobody nothing nowhere neither nor without cannot cant wont dont didnt doesnt isnt arent
nicht kein keine keinen keinem keiner keines nie niemals nichts niemand ohne weder nirgends nein
ne pas jamais rien aucun aucune personne non sans nunca nada nadie ningún ninguna ninguno sin jamás tampoco
não ninguém sem nenhum nenhuma mai niente nulla nessun nessuno nessuna senza niet geen nooit niets niemand
zonder inte aldrig ingen inget inga ikke aldri ingenting nie nigdy nic nikt bez değil yok hayır không chẳng
tidak bukan jangan не нет ни никогда ничего никто без нельзя لا ليس لم لن नहीं मत
""".split()
_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve dozen twenty thirty forty fifty sixty
seventy eighty ninety hundred thousand million billion first second third half double twice
null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf hundert tausend
un deux trois quatre cinq six sept huit neuf dix cent mille uno dos tres cuatro cinco seis siete ocho nueve
diez
""".split()
# in scripts without spaces, wherever they stand
_SIGNS = "不没沒無无非未別别莫勿否一二三四五六七八九十百千万萬億亿零〇两兩半"
_WRITTEN = f"ない|なかっ|なく|ません|ず|아니|않|없|못|안|[{_SIGNS}]"
_DETAIL = re.compile(
    r"\d+(?:[.,:/'’-]\d+)*"
    r"|[²³¹⁰-₉½¼¾①-⓿]"
    r"|\b\w+n['’]t\b"
    rf"|\b(?:{'|'.join(sorted({*_NEGATIONS, *_NUMBERS}, key=len, reverse=True))})\b"
    rf"|{_WRITTEN}"
    r"|(?<=\w)[^\w\s](?=\w)"  # as in a.b, x-y and it's
    r"|(?<!\w)[!.:~-](?=\w)"  # as in -v and .name
    r"|[_?？=<>{}()\[\];`|\\^~#$%&*+/@]"
    r"|[^\w\s.,!;:'\"…。，、！：；“”‘’「」『』（）—–·-]"  # emoji and all other signs
)


def details_of(text: str) -> str:
    """Return the details of a text in their order, in small letters."""
    folded = unicodedata.normalize("NFC", limit_marks(text)).casefold()
    return " ".join(found[0] for found in _DETAIL.finditer(folded))
