"""Masked links as Discord shows them, written apart from the program: the first rule that fits wins."""

import re
from collections.abc import Iterator

RULES = {
    name: re.compile(rule, re.IGNORECASE)
    for name, rule in {
        "escape": r"\\([^0-9A-Za-z\s])",
        "autolink": r"<(https?://[^ >]+)>",
        "url": r"https?://[^\s<]+[^<.,:;\"'\]\s]",
        "link": r"\[((?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))*)\]\(\s*<?((?:[^\s\\]|\\.)*?)>?\s*\)",
        "block": r"```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][\s\S]*?)\n*```",
        "code": r"(`+)([\s\S]*?[^`])\1(?!`)",
        "heading": r"(?m:^)#{1,3} +([^\n]+)",
        "quote": r"(?m:^)> ([^\n]*)",
        "italic": r"_((?:__|\\[\s\S]|[^\\_])+?)_(?!\w)|\*(?=\S)((?:\*\*|\\[\s\S]|[^*\\])+?)\*(?!\*)",
        "bold": r"\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)",
        "underline": r"__((?:\\[\s\S]|[^\\])+?)__(?!_)",
        "strikethrough": r"~~([\s\S]+?)~~",
        "spoiler": r"\|\|([\s\S]+?)\|\|",
    }.items()
}
HOLDS_TEXT = ("heading", "quote", "italic", "bold", "underline", "strikethrough", "spoiler")


def masked_links(text: str, depth: int = 0) -> Iterator[str]:
    """Yield each link that shows its words alone."""
    at = 0
    while at < len(text):
        found = ((name, match) for name, rule in RULES.items() if (match := rule.match(text, at)))
        fits = ((name, match) for name, match in found if name != "link" or is_address(match[2]))
        name, match = next(fits, ("", None))
        if name == "link" and match:
            yield match[0]
        if name in HOLDS_TEXT and match and depth < 6:
            for inner in filter(None, match.groups()):
                yield from masked_links(inner, depth + 1)
        at = match.end() if match else at + 1


def is_address(target: str) -> bool:
    return target.startswith(("http:", "https:"))
