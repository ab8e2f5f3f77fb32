"""Chat templates (Jinja): the layout of turns, and the roles that a template accepts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import jinja2

from bot.errors import UserError
from bot.prompt.built_in_templates import BUILT_IN_TEMPLATES
from bot.prompt.template_day import tells_day
from bot.prompt.template_layout import NAME, Role, compile_template, lay_out
from bot.prompt.template_meter import reason_of
from bot.token_prefix import common_prefix

__all__ = ["BUILT_IN_TEMPLATES", "NAME", "Role", "Template", "open_chat_template"]

MAX_TEMPLATE = 100_000  # characters; the longest of known models have 20,000
_ANSWERING: tuple[Role, Role] = ("assistant", "user")
_LAST_TURNS: tuple[tuple[Role, ...], ...] = (("user",), ("user", "assistant"))


@dataclass(frozen=True, slots=True)
class Template:
    """A chat template, and the traits that trials found.

    `system` and `late_system`: it accepts a system turn at the start, and after the history.
    `opens_with_user`: it refuses a conversation that the assistant begins. `after` is its text between an
    assistant's turn and the next one, at the end of a reply, as far as all rounds have it. `opens`: it writes
    no generation prompt, so that `segments` adds it. `needs_user`: there is none behind an assistant's turn,
    and can be none.

    `thinking` asks the model to think first, where the template can ask; `today` is the day that it may tell,
    or None for the place-holder.
    """

    source: str
    special: tuple[tuple[str, str], ...]
    char: str
    system: bool = True
    late_system: bool = True
    opens_with_user: bool = False
    after: str = ""
    opens: bool = False
    needs_user: bool = False
    thinking: bool = False
    today: date | None = None

    def segments(self, roles: Sequence[Role], answer: bool) -> list[str | int]:
        """Return the layout of a conversation: the template's text, and the index of each turn for its
        content. The character `NAME` in the text stands for the persona's name.

        With `answer`, the layout ends before the assistant's next turn. Raises `UserError` if the template
        refuses these roles, or drops, repeats or moves a turn.
        """
        if answer and self.opens and (opened := self._opened(tuple(roles))):
            return opened
        return self._laid_out(tuple(roles), answer)

    def _laid_out(self, roles: tuple[Role, ...], answer: bool) -> list[str | int]:
        today = self.today if tells_day(self.source) else None
        pieces, refusal = lay_out(self.source, self.special, roles, answer, self.thinking, today)
        if refusal:
            raise UserError(refusal)
        return list(pieces)

    def _opened(self, roles: tuple[Role, ...]) -> list[str | int]:
        """Return the layout of roles up to the words of an assistant's next turn, without blanks at the end.

        It is empty where the template writes a generation prompt, or opens all turns alike.
        """
        try:
            plain, asked = (self._laid_out(roles, answer) for answer in (False, True))
            opened, other = (_before_turn(self, roles, role) for role in _ANSWERING)
        except UserError:
            return []
        if plain != asked or not opened or opened == other:
            return []
        kept = len(plain) - bool(plain and isinstance(plain[-1], str))
        tail, last = "".join(map(str, plain[kept:])), opened[-1]
        if opened[:kept] != plain[:kept] or not (isinstance(last, str) and last.startswith(tail)):
            return []
        return [*opened[:-1], last.rstrip(" \t")]

    def named(self, text: str) -> str:
        """Return template text with the persona's name."""
        return text.replace(NAME, self.char)


def _before_turn(template: Template, roles: tuple[Role, ...], role: Role) -> list[str | int]:
    """Return the layout of roles up to the words of one turn more; empty where the template refuses it."""
    try:
        pieces = template._laid_out((*roles, role), False)
    except UserError:
        return []
    return pieces[: pieces.index(len(roles))]


def open_chat_template(
    source: str, special: dict[str, str], char: str, *, thinking: bool = False, today: date | None = None
) -> Template:
    """Compile a template (Jinja, or the name of a built-in one) and try its traits. Raises `UserError`."""
    if "{" not in source and source not in BUILT_IN_TEMPLATES:
        raise UserError(
            f"There is no chat template {source!r}: write Jinja, or one of {', '.join(BUILT_IN_TEMPLATES)}."
        )
    if len(source) > MAX_TEMPLATE:
        raise UserError(
            f"The chat template has more than {MAX_TEMPLATE:,} characters: shorten it, or set model.template "
            f"to one of {', '.join(BUILT_IN_TEMPLATES)}."
        )
    tokens = {"bos_token": "", "eos_token": "", **special}
    written = BUILT_IN_TEMPLATES.get(source, source)
    template = Template(written, tuple(sorted(tokens.items())), char, thinking=thinking, today=today)
    if isinstance(error := compile_template(template.source), Exception):
        # Jinja lets Python's own errors through, for code that nests too deep
        reason = reason_of(error) if isinstance(error, jinja2.TemplateError) else type(error).__name__
        raise UserError(
            f"The chat template is not valid Jinja ({reason}): mend it, or set model.template to one of "
            f"{', '.join(BUILT_IN_TEMPLATES)}."
        )
    return _tried(template)


@lru_cache(maxsize=64)
def _tried(template: Template) -> Template:
    """Return a template with the traits that trials find."""
    system = _takes(template, ["system", "user", "assistant", "user"])
    begun: list[Role] = ["system", "assistant", "user"] if system else ["assistant", "user"]
    found = replace(
        template,
        system=system,
        late_system=_takes_late_system(template),
        opens_with_user=not _takes(template, begun),
        after=_text_after(template),
        opens=any(_adds_prompt(template, roles) for roles in _LAST_TURNS),
    )
    roles = _LAST_TURNS[1]
    return replace(found, needs_user=not (_has_prompt(found, roles) or found._opened(roles)))


def _text_after(template: Template) -> str:
    """Return the text between an assistant's turn and the next one, as far as all rounds have it."""
    roles: list[Role] = ["user", "assistant", "user", "assistant", "user"]
    first = _text_between(template.segments(roles[:3], answer=False), 1)
    return first[: common_prefix(first, _text_between(template.segments(roles, answer=False), 3))]


def _text_between(pieces: Sequence[str | int], turn: int) -> str:
    """Return the text between a turn and the next one."""
    return "".join(map(str, pieces[pieces.index(turn) + 1 : pieces.index(turn + 1)]))


def _has_prompt(template: Template, roles: tuple[Role, ...]) -> bool:
    """Return whether the template itself writes a generation prompt behind these turns."""
    try:
        return template._laid_out(roles, True) != template._laid_out(roles, False)
    except UserError:
        return False


def _adds_prompt(template: Template, roles: tuple[Role, ...]) -> bool:
    """Return whether there is text before an assistant's words that the template leaves out."""
    opened = template._opened(roles)
    return bool(opened) and opened != template._laid_out(roles, True)


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
