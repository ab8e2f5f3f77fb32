"""Texts full of marks and blanks, texts that grow, and the texts of parts."""

from hypothesis import strategies as st

from bot.text.splitting import MessagePart


def texts(parts: tuple[MessagePart, ...]) -> list[str]:
    return [part.text for part in parts]


def wholes(parts: tuple[MessagePart, ...]) -> list[str]:
    return [part.text_to_send for part in parts]


SIGNS = "** __ ~~ || * _ ` `` ``` *** \\ \\* - a bb ccc. dddddddd 😀 🇩 e\u0301 👩\u200d".split()
HOSTILE = st.lists(
    st.sampled_from([*SIGNS, " ", "\n", "\n\n", " " * 15, "```py\n"]), min_size=1, max_size=60
).map("".join)
PIECES = [
    *("# ", "> ", "- ", "* ", "[b](https://x.example/c)", "[d](no)", "[e", "](f", "<https://y.example>"),
    *("| g | h |\n|---|---|\n", "| i |", "~~~\n", "````\n", "```py\n", "\\", "k.", "漢", "😀", "é"),
    *("__init__()", "*", "**", "_", "`", "~~", "||", "\n", "\n\n", " "),
]
MIXED = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def letters(text: str) -> list[str]:
    return [character for character in text if character.isalnum()]


GROWING = [
    "**Bold** and *italic* and `code` here",
    "one ***two*** three ~~four~~ ||five||",
    "# Title\n> quote *it*\n> more\n\ntext",
    "See [the port](https://x.example/a) now",
    "```py\nx = 1\ny = 2\n```\ndone",
    "a\n| x | y |\n|---|---|\n| 1 | 2 |\nend",
    "say __under__ and *waves _both_ hands*",
]
