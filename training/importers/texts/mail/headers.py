"""The fields above a mail or one of its parts (RFC 5322, RFC 2047), and bytes in the charset they name."""

import binascii
import codecs
import re
from contextlib import suppress
from urllib.parse import unquote

_FIELD = re.compile(rb"([!-9;-~]{1,70}+):[ \t]*+(.*)", re.DOTALL)
_MOST_LINES, _LONGEST_FIELD = 2_000, 16 << 10  # lines of a header, and bytes of one field
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,40}+)\?([bBqQ])\?([^?]*+)\?=")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t\r\n]++(?==\?)")
_PARAMETER = re.compile(
    r"(?<![^\s;])(?P<name>[^\s;=*\"]{1,40}+)(?:\*(?P<part>\d{1,2}+))?+(?P<coded>\*)?+\s{0,3}+=\s{0,3}+"
    r"(?:\"(?P<quoted>[^\"]*+)(?:\"|\Z)|(?P<bare>[^\s;\"]++))|\"[^\"]*+(?:\"|\Z)"
)
# Charsets of mail. Other codecs of Python, such as punycode and idna, take quadratic time.
_CHARSET = re.compile(
    r"(?:us-)?ascii|utf-?(?:7|8|16|16-?[lb]e|32|32-?[lb]e)|(?:iso-?8859|windows)[-_]\d{1,4}(?:-[ei])?"
    r"|latin-?\d{1,2}|cp-?\d{3,5}|koi8-[rut]|gb2312|gbk|gb18030|hz-gb-2312|big5(?:-hkscs)?|euc-(?:jp|kr)|shift[-_]jis|sjis"
    r"|iso-2022-(?:jp(?:-\w{1,4})?|kr)|ks_c_5601-1987|mac(?:intosh|-?roman)|tis-620"
)
# names under which senders mean a larger charset
_MEANT = {
    **dict.fromkeys(("us-ascii", "ascii", "iso-8859-1", "iso8859-1", "latin1", "latin-1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    **dict.fromkeys(("ks_c_5601-1987", "euc-kr"), "cp949"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis"), "cp932"),
    "macintosh": "mac-roman",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
}

_UUENCODE = frozenset(("x-uuencode", "uuencode", "x-uue"))
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # UTF-7 can hold half a character
_NOT_BASE64 = bytes({*range(256)} - {*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"})


class Headers:
    """The fields by lower-case name; of several with one name, the first."""

    def __init__(self) -> None:
        self._fields = dict[str, list[bytes]]()
        self._last: list[bytes] = []
        self._lines = self._size = 0

    def add_line(self, line: bytes) -> None:
        """Add a line: the beginning of a field, or its continuation. Lines beyond the bounds are left out."""
        self._lines += 1
        if self._lines > _MOST_LINES:
            return
        if line[:1] in (b" ", b"\t"):
            self._size += len(line)
            if self._size <= _LONGEST_FIELD:
                self._last.append(line)
        elif found := _FIELD.fullmatch(line):
            value = found[2][:_LONGEST_FIELD]
            self._last, self._size = [value], len(value)
            self._fields.setdefault(found[1].decode("ascii").lower(), self._last)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def raw(self, name: str) -> str:
        """Return a field on one line, with its encoded words as they are; "" where it is missing."""
        lines = self._fields.get(name)
        return _decode(b"".join(lines), "utf-8").replace("\t", " ").strip() if lines else ""

    def text(self, name: str) -> str:
        """Return a field with its encoded words decoded."""
        return decode_words(self.raw(name))

    def parameter(self, name: str, key: str) -> str:
        """Return a parameter of a field, as the charset of content-type, also one in parts (RFC 2231)."""
        parts = dict[int, str]()
        for found in _PARAMETER.finditer(self.raw(name)):
            if (found["name"] or "").lower() == key:
                value = found["quoted"] or found["bare"] or ""
                if found["coded"]:
                    value = unquote(value.split("'", 2)[-1])
                parts.setdefault(int(found["part"] or 0), value)
        return "".join(parts[number] for number in sorted(parts)).strip()


def is_field(line: bytes) -> bool:
    """Return whether a line begins a field."""
    return bool(_FIELD.fullmatch(line[:200]))


def decode_words(text: str) -> str:
    """Decode the words of a field that stand in another charset (RFC 2047)."""
    return _ENCODED_WORD.sub(_decode_word, _BETWEEN_WORDS.sub("", text)) if "=?" in text else text


def _decode_word(word: re.Match[str]) -> str:
    raw = word[3].encode("ascii", "replace")
    if word[2] in "bB":
        return _decode(decode_base64(raw), word[1].partition("*")[0])
    return _decode(binascii.a2b_qp(raw, header=True), word[1].partition("*")[0])


def decode_base64(raw: bytes) -> bytes:
    """Decode base64 to its padding: a mail may be cut, and other characters stand for nothing."""
    kept = raw.partition(b"=")[0].translate(None, _NOT_BASE64)
    rest = len(kept) % 4
    return binascii.a2b_base64(kept[: len(kept) - (rest == 1)] + b"=" * (-len(kept) % 4 if rest > 1 else 0))


def decode_body(raw: bytes, headers: Headers) -> str:
    """Decode the bytes of a part by its transfer encoding and its charset."""
    encoding = headers.raw("content-transfer-encoding").lower()
    if encoding == "base64":
        raw = decode_base64(raw)
    elif encoding == "quoted-printable":
        raw = binascii.a2b_qp(raw)
    elif encoding in _UUENCODE:
        raw = _decode_uuencode(raw)
    return _decode(raw, headers.parameter("content-type", "charset"))


def _decode_uuencode(raw: bytes) -> bytes:
    """Decode the lines between "begin" and "end"; one that is broken is left out."""
    decoded = list[bytes]()
    for line in raw.split(b"\n"):
        if line.strip() == b"end":
            break
        if line and not line.startswith(b"begin "):
            with suppress(binascii.Error):
                decoded.append(binascii.a2b_uu(line))
    return b"".join(decoded)


def _decode(raw: bytes, charset: str) -> str:
    """Decode bytes; where they are not of the charset, as UTF-8 or, if they are none, as Windows-1252."""
    name = charset.lower().removeprefix("x-").strip("'\" ")
    for each in (_MEANT.get(name, name), "utf-8"):
        if _CHARSET.fullmatch(each):
            try:
                return _SURROGATE.sub("\ufffd", codecs.decode(raw, each))
            except (UnicodeError, LookupError):
                continue
    return raw.decode("cp1252", "replace")
