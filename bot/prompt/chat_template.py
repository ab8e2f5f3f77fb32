"""Chat templates (Jinja): the layout of turns, and the roles that a template accepts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NoReturn

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
import jinja2.sandbox

from bot.errors import UserError

Role = Literal["system", "user", "assistant"]
BUILT_IN_TEMPLATES = {
    # for models tuned on ChatML, and a fair guess for a base model that is to be tuned here
    "chatml": (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    # for a plain base model: a transcript
    "plain": (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}{{ char }}:\n{% endif %}"
        "{{ m.content }}\n\n{% endfor %}{% if add_generation_prompt %}{{ char }}:\n{% endif %}"
    ),
    # CuteGPT's rounds of question and answer
    "cutegpt": (
        "{% for m in messages %}{% if m.role == 'assistant' %}答：{{ m.content }}\n"
        "{% elif m.role == 'user' %}问：{{ m.content }}\n{% else %}{{ m.content }}\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}答：{% endif %}"
    ),
}
_SLOT = re.compile("\ue000([0-9]+)\ue001")


@dataclass(frozen=True, slots=True)
class Template:
    """A chat template and the traits that trials found.

    `system` and `late_system`: it accepts a system turn at the start, and after the history.
    `opens_with_user`: it refuses a conversation that the assistant begins. `after` is its text between an
    assistant's turn and the next one, at the end of a reply.
    """

    source: str
    special: tuple[tuple[str, str], ...]
    char: str
    system: bool = True
    late_system: bool = True
    opens_with_user: bool = False
    after: str = ""

    def segments(self, roles: Sequence[Role], answer: bool) -> list[str | int]:
        """Return the layout of a conversation: the template's text, and the index of each turn for its
        content.

        With `answer`, the layout ends before the assistant's next turn. Raises `UserError` if the template
        refuses these roles, or drops, repeats or moves a turn.
        """
        return list(_segments(self, tuple(roles), answer))

    def lay_out(self, roles: Sequence[Role], answer: bool) -> list[str | int]:
        """Return the layout without the cache of `segments`."""
        try:
            text = self._render([(role, f"\ue000{index}\ue001") for index, role in enumerate(roles)], answer)
        except Exception as error:  # the template is untrusted code and may fail in any way
            raise UserError(f"The chat template refuses this conversation: {error}.") from None
        pieces: list[str | int] = [*_SLOT.split(text)]
        pieces[1::2] = [int(index) for index in pieces[1::2]]
        if pieces[1::2] != list(range(len(roles))):
            raise UserError("The chat template drops or reorders turns: set model.template to another one.")
        return [piece for piece in pieces if piece != ""]

    def _render(self, turns: Sequence[tuple[Role, str]], answer: bool) -> str:
        return _compile(self.source).render(
            messages=[{"role": role, "content": content} for role, content in turns],
            add_generation_prompt=answer,
            enable_thinking=False,
            tools=None,
            documents=None,
            char=self.char,
            **dict(self.special),
        )


@lru_cache(maxsize=1024)
def _segments(template: Template, roles: tuple[Role, ...], answer: bool) -> tuple[str | int, ...]:
    """Cache layouts: conversations share their roles far more often than their words."""
    return tuple(template.lay_out(roles, answer))


def open_chat_template(source: str, special: dict[str, str], char: str) -> Template:
    """Compile a template (Jinja, or the name of a built-in one) and try its traits. Raises `UserError`."""
    if "{" not in source and source not in BUILT_IN_TEMPLATES:
        raise UserError(
            f"There is no chat template {source!r}: write Jinja, or one of {', '.join(BUILT_IN_TEMPLATES)}."
        )
    tokens = {"bos_token": "", "eos_token": "", **special}
    template = Template(BUILT_IN_TEMPLATES.get(source, source), tuple(sorted(tokens.items())), char)
    try:
        _compile(template.source)
    except Exception as error:  # Jinja lets Python's own errors through, for code that nests too deep
        reason = error.message if isinstance(error, jinja2.TemplateError) else type(error).__name__
        raise UserError(
            f"The chat template is not valid Jinja ({reason}): mend it, or set model.template to one of "
            f"{', '.join(BUILT_IN_TEMPLATES)}."
        ) from None
    system = _takes(template, ["system", "user", "assistant", "user"])
    between = template.segments(["user", "assistant", "user"], answer=False)
    return Template(
        template.source,
        template.special,
        char,
        system=system,
        late_system=_takes_late_system(template),
        opens_with_user=not _takes(
            template, ["system", "assistant", "user"] if system else ["assistant", "user"]
        ),
        after=str(between[between.index(1) + 1]) if between.index(2) - between.index(1) == 2 else "",
    )


def _takes(template: Template, roles: list[Role]) -> bool:
    try:
        template.segments(roles, answer=True)
    except UserError:
        return False
    return True


def _takes_late_system(template: Template) -> bool:
    """Return whether a system turn may stand anywhere; some templates lay it out as the assistant's."""
    roles: list[Role] = ["system", "user", "assistant", "user", "system"]
    if not (_takes(template, roles) and _takes(template, ["system", "user", "assistant", "system"])):
        return False
    pieces = template.segments(roles, answer=True)
    return pieces[pieces.index(4) - 1] != pieces[pieces.index(2) - 1]


class _Generation(jinja2.ext.Extension):
    """The tag `{% generation %}`, which marks the assistant's words for some trainers: its body passes
    through.
    """

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=line)


def _refuse(reason: str) -> NoReturn:
    raise jinja2.TemplateError(reason)


def _now(form: str) -> str:
    """Return a constant date for templates that show one: the fallback date of Llama 3.1's template.

    With the real date, training would read other prompts than serving, and all would change at midnight.
    """
    return datetime(2024, 7, 26).strftime(form)


@lru_cache(maxsize=8)
def _compile(source: str) -> jinja2.Template:
    """Compile an untrusted template for a sandbox that cannot change anything."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    globals_: dict[str, Any] = {"raise_exception": _refuse, "strftime_now": _now}
    return environment.from_string(source, globals_)
