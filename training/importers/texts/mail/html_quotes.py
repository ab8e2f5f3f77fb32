"""The beginning of an answered mail in HTML, which programs mark by a class or an id.

The marks are those that Gmail, Yahoo, Proton, Zoho, Thunderbird, Outlook and NetEase are known for (general
knowledge): no mail of theirs was seen.
"""

import re

_TAG = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->)?+|<([A-Za-z][\w:-]{0,40}+)([^<>]*+)>")
_NAMES = re.compile(r"(?<![\w-])(?:class|id)\s?=\s?(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))", re.IGNORECASE)
_MARKS = (
    *("gmail_quote", "yahoo_quoted", "protonmail_quote", "zmail_extra", "moz-cite-prefix"),
    *("moz-forward-container", "divrplyfwdmsg", "isreplycontent", "stopspelling", "appendonsend"),
)
_COPIED = re.compile(
    r"\A(?:x_){1,20}+|\Aydp[0-9a-f]{1,20}+(?=yahoo)"
)  # what a program puts before others' names


def before_quote(source: str) -> str:
    """Return the HTML before the mail that is answered; all of it where no program marks one.

    A <blockquote> is no such mark: its author may write on below it.
    """
    for tag in _TAG.finditer(source):
        if tag[1] and tag[1].lower() != "blockquote" and _is_quote(tag[2]):
            return source[: tag.start()]
    return source


def _is_quote(attributes: str) -> bool:
    return any(
        _COPIED.sub("", name.lower(), count=1).startswith(_MARKS)
        for found in _NAMES.finditer(attributes)
        for name in (found[1] or found[2] or found[3] or "").split()
    )
