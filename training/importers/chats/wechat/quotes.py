"""The own words of a WeChat reply: exporters put the quoted message beside them, each in its own way.

Seen: [引用 name：words] behind the reply (WeFlow, 2026) or before it, 引用 or [引用] in a line behind it
(PyWxDump), the phone's 「name：words」 above a row of dashes, and WeChat's XML with the reply as its title.
"""

import re

from training.importers.reading.html_text import unescape

_BEFORE = re.compile(r"\A[\[【](?:引用|回复)[^\]】]*[\]】]\s*")
_DASHES = re.compile(r"\A「.*?」\n(?:- ?){5,}\n", re.DOTALL)
_BEHIND = re.compile(r"\n[ \t]{0,8}(?:\[引用\]|【引用】|引用[:：]|引用了|└|┌).*", re.DOTALL)
_TITLE, _TITLE_END = "<title>", "</title>"
_QUOTE = "[引用 "
_LONGEST = 20_000  # characters of a reply with a quotation


def own_words(text: str, quoted: str = "") -> str:
    """Return a reply without the message that it quotes, which `quoted` is where an export tells it."""
    if len(text) > _LONGEST:
        return text
    if text.lstrip().startswith("<") and (title := _title(text)):
        return title
    if text.endswith("]") and _is_quoted_behind(text, quoted):
        return text[: text.find(_QUOTE)].strip()
    if quoted and (cut := _without(text, quoted)):
        return cut
    for pattern in (_BEFORE, _DASHES, _BEHIND):
        text = pattern.sub("", text, count=1)
    return text.strip()


def _is_quoted_behind(text: str, quoted: str) -> bool:
    """Return whether a text ends with a quotation in brackets, or is nothing else."""
    at = text.find(_QUOTE)
    is_all = text.find("]") == len(text) - 1 or bool(quoted and text.endswith(f"{quoted}]"))
    return at > 0 or (at == 0 and is_all)


def _title(xml: str) -> str:
    """Return the title of WeChat's XML, or ""."""
    _, found, rest = xml.partition(_TITLE)
    title, closed, _ = rest.partition(_TITLE_END)
    title = title.strip().removeprefix("<![CDATA[").removesuffix("]]>")
    return unescape(title).strip() if found and closed else ""


def _without(text: str, quoted: str) -> str:
    """Return the words behind a quotation in brackets, or before it; "" where the quotation is not there."""
    at = text.find(quoted)
    if at < 0:
        return ""
    behind = text[at + len(quoted) :].lstrip("]】」 \n")
    before = text[:at].rpartition("\n")[0]
    return (behind if text[:at].lstrip()[:1] in ("[", "【", "「") else before or behind).strip()
