"""Errors as strangers may read them: without paths and names of the machine, which its owner reads."""

from collections.abc import Collection

from bot.errors import UserError

HIDDEN = "This does not work here at the moment; whoever runs the bot finds the reason in its log."


def public_text(error: UserError | str, private: Collection[str]) -> str:
    """Return an error for people in a chat: its own public sentence, or a general one where it tells much.

    Much are paths, addresses and the `private` names.
    """
    if isinstance(error, UserError) and error.public:
        return error.public
    text = str(error)
    tells = any(name in text for name in private if name) or any(map(_is_path, text.split()))
    return HIDDEN if tells else text


def _is_path(word: str) -> bool:
    """Return whether a word is a path or an address; `/help` and `and/or` are none."""
    return word.count("/") + word.count("\\") > 1
