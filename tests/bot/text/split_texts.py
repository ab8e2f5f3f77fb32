"""Texts full of marks and blanks, and the texts of parts."""

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
