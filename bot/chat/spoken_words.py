"""The words in which a message may call somebody: not links, code, emoji, paths, quotes, names of files."""

import re

from bot.text.whole_words import LETTER

UNSPOKEN, JOINT = "\0", "\1"  # in place of each character that calls nobody; of a sign within a word
# emoji, as the translation of a platform writes them and as people type them, and links, before full-width
# signs become those of ASCII
_LINK = r"(?:\[[^\[\]\n]{1,150}\]\(<?)?[a-z0-9+.-]{0,30}://[!-~]*"  # also with words in place of the address
EMOJI_AND_LINKS = re.compile(rf":[\w~+-]{{1,64}}:|{_LINK}", re.ASCII | re.IGNORECASE)
_ENDINGS = (  # of hosts and files, without those that are English words
    "com net org io de fr es pl nl ru cn jp uk eu info dev app gg tv xyz example test edu gov ai "
    "py js ts txt md json png jpg jpeg gif webp pdf zip mp3 mp4 html css cpp rs java toml yaml yml exe doc "
    "docx csv ogg wav mov"
)
# what platforms' translations say of the parts beside a text: on a line of its own, or before a caption
_PART = (
    "picture|video|animation|video message|voice message|audio|file|story|sticker|place|contact|poll|"
    "checklist|game|link|gif|embed"
)
_HOST_END = re.compile(rf"\.(?:{_ENDINGS.replace(' ', '|')})(?![\w-])(?:[:/][!-~]*)?", re.IGNORECASE)
_UNSPOKEN = [
    re.compile(rf"^\[(?:{_PART}): (?:.*\][ \t]*$|[^\]\n]*\])", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^[ \t]*>>>[ \t].*", re.MULTILINE | re.DOTALL),  # up to the end
    re.compile(r"^[ \t]*>(?:[ \t>]|$).*", re.MULTILINE),  # a quoted line
    re.compile(r"```.*?(?:```|\Z)", re.DOTALL),
    re.compile(r"``[^`]+``|`[^`\n]+`"),
    re.compile(r"(?<![^\W_]):[\w~+-]{1,64}:|<a?:\w{1,32}:\d{1,20}>"),  # an emoji
    re.compile(rf"{_LINK}|(?<!\w)www\.[!-~]*", re.IGNORECASE),
    re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,63}"),  # a mail address
    re.compile(r"(?<!\S)[\"'(\[]?(?:~|\.\.?)?/\S*|(?<!\w)[a-z]:\\\S*", re.IGNORECASE),  # a path
    re.compile(r"(?<![\w./-])[\w.-]{1,64}(?:/[\w.-]{1,64}){2,20}|(?<![\w/])[ur]/[\w-]+"),
    re.compile(r"(?<!\w)#[\w-]+"),  # a channel
]
_TITLES = "san|chan|kun|sama|sensei|senpai|nim|ssi|ya|tan|dono|ji"  # they follow a name with a hyphen
# a name of several words with signs between them is another name: Mara-Lou, mara_fan
_JOINTS = re.compile(rf"(?<={LETTER})(?:-(?!(?:{_TITLES})(?!{LETTER}))|_+)(?={LETTER})", re.IGNORECASE)
_HANDLE = re.compile(r"@[\w.-]+")
_DOTS = re.compile(rf"(?<={LETTER})\.(?={LETTER})")


def mark_unspoken(text: str) -> str:
    """Return a text of the same length in which the characters that call nobody are marked."""
    for pattern in _UNSPOKEN:
        text = pattern.sub(lambda found: UNSPOKEN * len(found[0]), text)
    text = _mark_hosts(text)
    text = _HANDLE.sub(lambda found: _DOTS.sub(JOINT, found[0]), text)
    return _JOINTS.sub(lambda found: JOINT * len(found[0]), text)


def _mark_hosts(text: str) -> str:
    """Mark each name of a host or a file, from its first letter on."""
    pieces, at = list[str](), 0
    for end in _HOST_END.finditer(text):
        start = end.start()
        while start > at and (text[start - 1].isalnum() or text[start - 1] in "._-"):
            start -= 1
        pieces += [text[at:start], UNSPOKEN * (end.end() - start)]
        at = end.end()
    return "".join((*pieces, text[at:]))
