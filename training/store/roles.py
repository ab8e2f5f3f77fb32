"""Roles of data sets: sides of a dialogue that are no people, and the name that stands for one in prompts."""

DATA_SETS = frozenset("alpaca chatml cutegpt oasst1 qa sharegpt texts xtuner".split())
ROLES = frozenset(("system", "user", "assistant", "tool"))
USER_NAME = "User"  # as serving names whoever talks in the terminal (bot/config.py) and in macros
DOCUMENTS = "documents"  # the chat of a data set's texts for the stage of facts


def is_role(platform: str, author: str) -> bool:
    """Return True for a side of a data set's dialogue, which is nobody's name and never replaced."""
    return platform in DATA_SETS and author in ROLES
