"""Chat templates: how a model wants turns to be laid out, and what it can and cannot take."""

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
BUILT_IN = {
    # for models tuned on it, and a fair guess for a base model that is to be tuned here
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
    """A chat template and what was found out about it by trying.

    `system` and `late_system`: it takes a system turn at the start, and after the history. `opens_with_user`:
    it refuses a conversation that the assistant begins. `after` is its own text between an assistant's turn
    and the next one: where an answer ends.
    """

    source: str
    special: tuple[tuple[str, str], ...]
    char: str
    system: bool = True
    late_system: bool = True
    opens_with_user: bool = False
    after: str = ""

    def segments(self, roles: Sequence[Role], answer: bool) -> list[str | int]:
        """The laid-out conversation: the template's own text, and for each turn's content its index.

        With `answer`, it ends where the assistant is to speak. Raises `UserError` when the template refuses
        these roles, or drops, repeats or moves a turn.
        """
        return list(_segments(self, tuple(roles), answer))

    def lay_out(self, roles: Sequence[Role], answer: bool) -> list[str | int]:
        """The same, made anew."""
        try:
            text = self._render([(role, f"\ue000{index}\ue001") for index, role in enumerate(roles)], answer)
        except Exception as error:  # a stranger's program: it may fail in any way, and only it is to blame
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
    """Conversations differ in their words far more than in their turns."""
    return tuple(template.lay_out(roles, answer))


def open_template(source: str, special: dict[str, str], char: str) -> Template:
    """Compile a template (Jinja, or a built-in one's name) and find out what it takes; raise `UserError`."""
    if "{" not in source and source not in BUILT_IN:
        raise UserError(
            f"There is no chat template {source!r}: write Jinja, or one of {', '.join(BUILT_IN)}."
        )
    tokens = {"bos_token": "", "eos_token": "", **special}
    template = Template(BUILT_IN.get(source, source), tuple(sorted(tokens.items())), char)
    try:
        _compile(template.source)
    except Exception as error:  # Jinja also lets Python's own errors through, for code that nests too deep
        reason = error.message if isinstance(error, jinja2.TemplateError) else type(error).__name__
        raise UserError(
            f"The chat template is not valid Jinja ({reason}): mend it, or set model.template to one of "
            f"{', '.join(BUILT_IN)}."
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
    """Whether a system turn may stand anywhere, and reads as one: some give it to the assistant."""
    roles: list[Role] = ["system", "user", "assistant", "user", "system"]
    if not (_takes(template, roles) and _takes(template, ["system", "user", "assistant", "system"])):
        return False
    pieces = template.segments(roles, answer=True)
    return pieces[pieces.index(4) - 1] != pieces[pieces.index(2) - 1]


class _Generation(jinja2.ext.Extension):
    """`{% generation %}` marks the assistant's words for some trainers; here its body only passes through."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=line)


def _refuse(reason: str) -> NoReturn:
    raise jinja2.TemplateError(reason)


def _now(form: str) -> str:
    """The date, for templates that tell it to their model: always the day that Llama 3.1's falls back to.

    With the real one, training would read other prompts than serving does, and all change at midnight.
    """
    return datetime(2024, 7, 26).strftime(form)


@lru_cache(maxsize=8)
def _compile(source: str) -> jinja2.Template:
    """A template comes with a model from a stranger, so it runs in a sandbox that cannot change anything."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    globals_: dict[str, Any] = {"raise_exception": _refuse, "strftime_now": _now}
    return environment.from_string(source, globals_)
