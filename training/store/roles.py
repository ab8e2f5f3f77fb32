"""Roles of data sets and assistants: sides of a dialogue that are no names, and the name in their place."""

DATA_SETS = frozenset("alpaca chatml cutegpt oasst1 qa sharegpt texts xtuner".split())
ASSISTANTS = frozenset("chatgpt claude gemini".split())  # the user is the person, the assistant is nobody
CHARACTERS = frozenset("textgen risuai agnai characterai".split())  # their chats name nobody, or both sides
ROLES = frozenset(("system", "user", "assistant", "tool", "character"))
USER_NAME = "User"  # as serving names whoever talks in the terminal (bot/config.py) and in macros
DOCUMENTS = "documents"  # the chat of a data set's texts for the stage of facts


def is_role(platform: str, author: str) -> bool:
    """Return True for a side of a dialogue with a role, which is nobody's name and never replaced."""
    return author in ROLES and platform in DATA_SETS | ASSISTANTS | CHARACTERS
