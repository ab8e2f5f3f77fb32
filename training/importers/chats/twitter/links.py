"""The short links of a tweet, written out as the archive tells their targets."""

import re
from collections.abc import Mapping

_LINK = re.compile(r"https?://[^\s<>\"]++")
_LONGEST = 2048  # characters of a target; a link with a longer one stays short
_MOST = 64  # different lengths of links in one tweet
_GROWTH = 10_000  # characters that the targets of a tweet's links add, at most; later links stay short


def write_out_links(text: str, targets: Mapping[str, str]) -> str:
    """Return a text with each link replaced by its target, in one pass over the text.

    A target is never searched for links, and a tweet grows by a bounded number of characters.
    """
    targets = {link: target for link, target in targets.items() if link and len(target) <= _LONGEST}
    lengths = sorted({len(link) for link in targets}, reverse=True)[:_MOST]
    room = _GROWTH

    def target(found: re.Match[str]) -> str:
        nonlocal room
        words = found[0]
        for length in lengths:
            link = words[:length]
            if length <= len(words) and link in targets:
                room -= len(targets[link])
                return targets[link] + words[length:] if room >= 0 else words
        return words

    return _LINK.sub(target, text) if targets else text
