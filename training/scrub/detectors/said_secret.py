"""Passwords that are said in a sentence: "the wifi is gullsoverharbour", "password's moonlight"."""

import re
from collections.abc import Iterator

from training.scrub.detectors.lists import word_set
from training.scrub.detectors.span import PrivateSpan

_MAY_HOLD = re.compile(
    r"wi-?fi|wlan|hotspot|pass|kennwort|clave|contraseña|senha|mot de passe|парол|schlüssel|[密][码碼]", re.I
)
_NETWORK = (
    r"(?:wi-?fi|wlan|hotspot)(?!-?(?:schlüssel|key))"
    r"(?: (?:at|of|in|bei|von|de) [\w'’-]{2,20}(?: [\w'’-]{2,20})?)?"
)
_KEY = (
    r"(?:passwor[dt]|passphrase|passcode|pass|kennwort|contraseña|clave|senha|mot de passe|парол[ья]"
    r"|(?:wlan|wpa2?|wi-?fi|netzwerk)-?(?:schlüssel|key))"
    r"(?: (?:for|of|to|on|from|zum|zur|für|vom|del|de la|de|du|do|da|от)(?: (?:the|my|our|das|den|die"
    r"|el|la|le))?"
    r" [\w-]{2,20})?"
)
_VALUE = r"[^\s,.;!?。，！？\[\]]{3,64}"
_SAID = re.compile(
    rf"(?<!\w)(?>(?P<network>{_NETWORK})|{_KEY})"
    r"(?>\s?[=:]\s?|['’]s |\s(?:is|ist|lautet|es|est|é|è|это)[:]? |\sc['’]est )"
    rf"[\"'“`]?+(?P<value>{_VALUE}+(?> [a-zà-ÿ]{{2,20}}+){{0,5}}+)",
    re.I,
)
_LEAD = re.compile("(?:just|now|still|currently) ", re.I)  # "the password is still moonlight"
_LISTED = re.compile(  # "login admin, password swordfish"
    rf"(?:login|user(?:name)?|account|e-?mail|wi-?fi|wlan|ssid|network|netz(?:werk)?|r[ée]seau|сеть)"
    rf"\b[^\n]{{1,40}}?\b(?:password|passwort|pass|pw|kennwort|contraseña|clave|senha"
    rf"|mot de passe|пароль) (?P<value>{_VALUE})(?=[\s)]*(?:$|[.,;!\n]))"
    # "red" is also a colour
    r"|(?<!\w)(?:red|rede|rete)(?:\s?:|\s(?:es|é|è))?\s[\w-]{2,20},?(?:\s[/|])?\s(?:[yea]\s(?:la|a)\s)?"
    rf"(?:password|contraseña|clave|senha)\s?[:=]?\s(?P<key>{_VALUE})(?=[\s)]*(?:$|[.,;!\n]))",
    re.I,
)
_CHINESE = re.compile(
    r"[密][码碼](?:(?:是|为|為|：|:)\s?|\s(?=[!-~]{0,63}[0-9_#@-]))(?P<value>[!-~]{4,64}|[零〇一二三四五六七八九幺]{4,12})"
)
# words that end a password of several words
_ENDS = re.compile(
    r" (?:if|but|and|so|because|btw|by the way|don't|dont|lol|ok|okay|for|in|on|at|please|thanks"
    r"|when|while|right"
    r"|though|then|now|too|und|aber|falls|wenn|y|pero|si|para|et|mais)(?= |$)",
    re.I,
)
_MOST_PLAIN_WORDS = 4
_SHORTEST_PLAIN = 8  # letters of a network's key, which has eight at least
_DESCRIBES = re.compile(
    r"[a-z'’]{2,20}(?:ly|ing|ed|ful|ble|ous|less|ive)"
)  # "literally", "closed", "beautiful"
_SIGNED = re.compile(r"[0-9_#@!$%&*+-]|[a-z][A-Z]")
_ACCOUNT = re.compile(r"log-?in|account|user|e-?mail|wi-?fi|wlan|netflix|router|pc|server", re.I)


def find_said_secrets(text: str) -> Iterator[PrivateSpan]:
    """Yield the words behind "the wifi is" and "the password is", unless they are a remark about it."""
    if not _MAY_HOLD.search(text):
        return
    for found in (*_SAID.finditer(text), *_LISTED.finditer(text), *_CHINESE.finditer(text)):
        group = "key" if found.groupdict().get("key") else "value"
        value, start = found[group], found.start(group)
        if lead := _LEAD.match(value):
            value, start = value[lead.end() :], start + lead.end()
        value = _ENDS.split(value)[0].rstrip("\"'”`)")
        if value and _is_secret(found, value):
            yield PrivateSpan(start, start + len(value), "secret")


def _is_secret(found: re.Match[str], value: str) -> bool:
    """Return whether words are a secret, not a remark.

    A network has a name and a state, too: of plain words behind it only one long one counts. A pass may be
    one of a mountain: words behind it count beside an account.
    """
    first, *more = value.split()
    if first.casefold() in word_set("remarks") or len(more) >= _MOST_PLAIN_WORDS:
        return False
    if _SIGNED.search(value):
        return True
    if _DESCRIBES.fullmatch(first.casefold()):
        return False
    if found.groupdict().get("network"):
        return not more and len(value) >= _SHORTEST_PLAIN
    is_pass = found[0].lower().startswith("pass ") or found[0].lower().startswith("pass'")
    return not is_pass or bool(_ACCOUNT.search(found.string, max(0, found.start() - 60), found.start()))
