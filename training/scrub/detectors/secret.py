"""Keys, tokens and passwords: by the shape that their issuer documents, or by the word before them."""

import re
from collections.abc import Iterator

from bot.text.words import read_words
from training.scrub.detectors.span import PrivateSpan

_TOKEN = re.compile(  # shapes as their issuers document them
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:(?!-----).)*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
    r"|(?<![A-Za-z0-9_\-.])(?:"
    r"(?:[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}"
    r"|mfa\.[A-Za-z0-9_\-]{80,100})"  # Discord
    r"|[0-9]{8,10}:[A-Za-z0-9_\-]{30,40}"  # Telegram
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{40,255}|glpat-[A-Za-z0-9_\-]{20,64}"
    r"|(?:AKIA|ASIA|AGPA|AROA)[A-Z0-9]{16}"  # AWS
    r"|sk-[A-Za-z0-9_\-]{20,255}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,255}|hf_[A-Za-z0-9]{30,64}"
    r"|xox[abeoprs]-[A-Za-z0-9\-]{10,255}|xapp-[A-Za-z0-9\-]{10,255}|AIza[A-Za-z0-9_\-]{35}"
    r"|npm_[A-Za-z0-9]{36}"
    r"|eyJ[A-Za-z0-9_\-]{8,4096}\.[A-Za-z0-9_\-]{8,4096}\.[A-Za-z0-9_\-]{4,4096}"  # JWT
    r")(?![A-Za-z0-9_\-])",
    re.DOTALL,
)
_LONG = re.compile(r"(?<![A-Za-z0-9_+/=\-])[A-Za-z0-9_+/\-]{32,}+={0,2}(?![A-Za-z0-9_])")
_MAY_HOLD_TOKEN = re.compile(r"[A-Za-z0-9_\-+/:.]{16}|-----BEGIN")
_KEYS = re.compile(
    "p(?:ass|wd?|in)|code|key|token|secret|bearer|kennwort|contraseña|clave|senha|パスワード|暗証番号|비밀번호"
    "|密[码碼]|口令|[验驗][证證][码碼]"
)
_KEYED = re.compile(
    r"(?<![A-Za-z0-9])(?:[a-z0-9]{1,20}[_-]){0,4}(?:passwor[dt]|passwd|passphrase|passcode|pass|pwd|pw"
    r"|kennwort"
    r"|mot de passe|contraseña|clave|senha|pin(?: code| number)?|bearer"
    r"|(?:verification|gate|alarm|garage|lock|safe|keypad|door|access|security|login|entry|2fa|otp"
    r"|your|the|confirmation) code"
    r"|(?:api|access|private|secret|auth)[_ -]?(?:access[_ -]?)?(?:key|token)|token|secret|key(?=\s?[=:]))"
    r"(?P<sign>\s?[=:：]+\s?|['’]s\s|\s(?:is|ist|es|est|é|lautet)[:：]?\s|\s)"
    r"[\"'“`]?(?P<value>[0-9]{3} [0-9]{3}(?![0-9])|[!#-&(-~]{4,128})"
    r"|(?:パスワード|暗証番号|비밀번호|密码|密碼|口令|验证码|驗證碼)(?P<mark>\s?(?:[=:：]|是|为|為|は|改成)?\s?)"
    r"[\"'“`]?(?P<text>[!#-&(-~]{4,128})"
)
_PIECE = re.compile(r"[/_+-]")
_VERB = re.compile(r"(?:pass|token|secret)\s")  # "pass MODE=fast": only a sign makes it a password
_MARK = re.compile(r"\[[a-z …]+\]")


def find_secrets(text: str) -> Iterator[PrivateSpan]:
    """Yield tokens of Discord, Telegram, GitHub, AWS and others, and the word behind "password:"."""
    if _MAY_HOLD_TOKEN.search(text):
        yield from (PrivateSpan(*found.span(), "secret") for found in _TOKEN.finditer(text))
        long = (found for found in _LONG.finditer(text) if _is_random(found[0]))
        yield from (PrivateSpan(*found.span(), "secret") for found in long)
    lower = text.lower()
    if len(lower) != len(text):  # letters such as İ have two in lower case
        lower = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    if _KEYS.search(lower):
        yield from _behind_key(text, lower)


def _behind_key(text: str, lower: str) -> Iterator[PrivateSpan]:
    for found in _KEYED.finditer(lower):
        group = "value" if found["value"] else "text"
        start = found.start(group)
        value = text[start : found.end(group)].rstrip(".,;)]}`")
        has_sign = any(sign in (found["sign"] or "") for sign in "=:：")
        if found["sign"] and found["sign"].isspace() and _VERB.match(found[0]):
            continue
        if len(value) > 3 and not _MARK.match(text, start) and _is_password(value, has_sign):
            yield PrivateSpan(start, start + len(value), "secret")


def _is_password(value: str, has_sign: bool) -> bool:
    """True for a value with a digit or an inner sign; behind a colon, for all but ordinary words."""
    has_digit = any(c.isdigit() for c in value)
    return (
        has_digit
        or any(c in "#$%&*+@^_~!" for c in value[:-1])
        or (has_sign and value not in read_words("english"))
    )


def _is_random(token: str) -> bool:
    """True for a run with a part of 16 or more of capitals, small letters and digits: no path, no hash."""
    longest = max(_PIECE.split(token), key=len)
    kinds = (str.isupper, str.islower, str.isdigit)
    return len(longest) > 15 and all(any(map(is_kind, longest)) for is_kind in kinds)
