"""How a chat template lays a conversation out, and what it complains of."""

import pytest

from bot.errors import UserError
from bot.prompt.chat_template import Role, Template, open_chat_template

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
S, U, A = "system", "user", "assistant"
LOOP = "{% for m in messages %}{{ m.content }}{% endfor %}"


def opened(source: str) -> Template:
    return open_chat_template(source, SPECIAL, "Mara")


def laid_out(source: str, *roles: Role, answer: bool = True) -> str:
    """A whole conversation, each turn's content shown as its number in brackets."""
    template = opened(source)
    pieces = template.segments(roles, answer)
    return "".join(template.named(piece) if isinstance(piece, str) else f"[{piece}]" for piece in pieces)


def complaint(source: str, *roles: Role) -> str:
    with pytest.raises(UserError) as caught:
        opened(source).segments(roles, answer=True)
    return str(caught.value)
