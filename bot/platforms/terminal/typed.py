"""Typed lines as messages of the terminal's platform."""

import time
from uuid import uuid4

from bot.message import Author, Message, Place

PLATFORM, ACCOUNT = "terminal", "local"


def typed_message(text: str, place: Place, author: Author) -> Message:
    """Return a line typed just now as a message."""
    return Message(place, uuid4().hex, author, text, time.time(), address="direct")
