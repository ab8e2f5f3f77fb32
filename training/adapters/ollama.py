"""A persona as a model of Ollama: a Modelfile beside a GGUF file, with the layout of its chat template in Go.

Reference: https://docs.ollama.com/modelfile (instructions, parameters, `.Messages` in TEMPLATE).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from bot.errors import UserError
from bot.message import Author, Message, Place
from bot.persona.persona import Persona
from bot.prompt.builder import stop_conditions, system_text
from bot.prompt.chat_template import Role, Template
from bot.prompt.renderer import PromptFormat
from bot.prompt.speaker_labels import speaker_labels
from bot.prompt.turns import history_turns
from bot.token_prefix import common_prefix

_WORDS = "\ue003"  # stands for the words of a message
_WITHOUT_SYSTEM: tuple[Role, ...] = ("user", "assistant", "user")
_PROBES: tuple[tuple[Role, ...], ...] = (
    _WITHOUT_SYSTEM,
    ("system", "user"),
    ("system", "user", "assistant", "user", "assistant", "user"),
)


@dataclass(frozen=True, slots=True)
class RoleLayout:
    """The text that a chat template writes: at the start, before and after each role's words, at the end."""

    start: str
    before: dict[Role, str]
    after: dict[Role, str]
    end: str
    needs_system: bool = False

    def render(self, roles: Sequence[Role]) -> str:
        """Return the layout of a conversation, each turn's words as its index."""
        turns = (f"{self.before[role]}{at}{self.after[role]}" for at, role in enumerate(roles))
        return f"{self.start}{''.join(turns)}{self.end}"

    def without_start(self, token: str) -> "RoleLayout":
        """Return the layout without the first token of a conversation."""
        first = self.before["system"] if self.start else self.before["system"].removeprefix(token)
        return replace(self, start=self.start.removeprefix(token), before={**self.before, "system": first})


def modelfile(
    persona: Persona, reader: PromptFormat, system_prompt: str, user: str, file: str, *, adds_start: bool
) -> str:
    """Return the Modelfile of a persona whose weights are in `file`; raises `UserError`.

    `user` is the name of whoever talks. `adds_start`: llama.cpp writes the first token by itself.
    """
    layout, system = role_layout(reader.template), system_text(persona, system_prompt)
    if layout.needs_system and not system:
        raise _other_layout("writes a system turn of its own where there is none")
    if adds_start:
        layout = layout.without_start(dict(reader.template.special)["bos_token"])
    lines = [
        f"FROM ./{file}",
        f"TEMPLATE {_quoted(go_template(layout, _label(persona, user)))}",
        f"SYSTEM {_quoted(system.replace('{{user}}', user))}" if system else "",
        *(f"PARAMETER {name} {value}" for name, value in _parameters(persona, reader)),
    ]
    return "\n".join(filter(None, lines)) + "\n"


def role_layout(template: Template) -> RoleLayout:
    """Split what a template writes between turns into what belongs to each role.

    Some templates write a system turn of their own where there is none: those need one. Raises `UserError`
    for a template whose text depends on more than the roles.
    """
    if not template.system:
        raise _other_layout("takes no system turn, in which the card stands")
    between = {roles: _between(template, roles) for roles in _PROBES}
    layout = _split(template, between, between[_WITHOUT_SYSTEM][0])
    if layout is None:
        layout = _split(template, {roles: between[roles] for roles in _PROBES if roles[0] == "system"})
    if layout is None:
        raise _other_layout("depends on more than the roles of turns")
    return layout


def _split(
    template: Template, between: Mapping[tuple[Role, ...], Sequence[str]], opening: str | None = None
) -> RoleLayout | None:
    """Return the layout that gives these texts between turns, or None.

    `opening` is the text before a user who begins; without it, every conversation has a system turn.
    """
    first, first_words, to_answer, to_question, *_, end = between[_PROBES[-1]]
    question = _common_end(first_words, to_question, *([] if opening is None else [opening]))
    start = "" if opening is None else opening.removesuffix(question)
    user_end = _common_start(_close(template, question), to_answer, end)
    before: dict[Role, str] = {
        "system": first.removeprefix(start),
        "user": question,
        "assistant": to_answer.removeprefix(user_end),
    }
    after: dict[Role, str] = {
        "system": first_words.removesuffix(question),
        "user": user_end,
        "assistant": to_question.removesuffix(question),
    }
    layout = RoleLayout(start, before, after, end.removeprefix(user_end), needs_system=opening is None)
    for roles, texts in between.items():
        numbered = "".join(f"{text}{at}" for at, text in enumerate(texts[:-1])) + texts[-1]
        if layout.render(roles) != numbered:
            return None
    return layout


def go_template(layout: RoleLayout, label: str) -> str:
    """Return a layout as a template of Go; `label` stands before the words of whoever talks."""
    words: tuple[tuple[str, Role], ...] = (("if", "system"), ("else if", "user"), ("else if", "assistant"))
    turns = "".join(
        f'{{{{ {word} eq .Role "{role}" }}}}'
        f"{_go_text(layout.before[role] + label * (role == 'user'))}{{{{ .Content }}}}"
        f"{_go_text(layout.after[role])}"
        for word, role in words
    )
    start, end = _go_text(layout.start), _go_text(layout.end)
    return f"{start}{{{{ range .Messages }}}}{turns}{{{{ end }}}}{{{{ end }}}}{end}"


def _between(template: Template, roles: tuple[Role, ...]) -> list[str]:
    """Return the text before the first turn, between the turns and behind the last one."""
    texts = [""]
    for piece in template.segments(roles, answer=True):
        if isinstance(piece, str):
            texts[-1] += template.named(piece)
        else:
            texts.append("")
    return texts


def _close(template: Template, question: str) -> str:
    """Return what a template writes behind a user's turn before another one; "" where it takes no two."""
    try:
        _, twice, _ = _between(template, ("user", "user"))
    except UserError:
        return ""
    return twice.removesuffix(question)


def _common_end(*texts: str) -> str:
    return _common_start(*(text[::-1] for text in texts))[::-1]


def _common_start(*texts: str) -> str:
    return reduce(lambda one, other: one[: common_prefix(one, other)], texts)


def _other_layout(reason: str) -> UserError:
    return UserError(
        f"The chat template {reason}, and cannot be written for Ollama: export with --format gguf --merged, "
        "whose file holds the template itself."
    )


def _label(persona: Persona, user: str) -> str:
    """Return what a prompt writes before the words of whoever talks with a persona alone."""
    message = Message(Place("", "", ""), "1", Author("1", user), _WORDS, 0.0)
    (turns,) = history_turns([message], speaker_labels([message], persona), persona, {})
    return "".join(part.text for part in turns[-1].parts).partition(_WORDS)[0]


def _parameters(persona: Persona, reader: PromptFormat) -> list[tuple[str, object]]:
    sampling, (stop_ids, stops) = persona.sampling, stop_conditions(reader)
    spelt = [reader.tokenizer.spell([id]) for id in sorted(stop_ids)]
    return [
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("top_k", sampling.top_k),
        ("min_p", sampling.min_p),
        ("repeat_penalty", sampling.repetition_penalty),
        ("presence_penalty", sampling.presence_penalty),
        ("frequency_penalty", sampling.frequency_penalty),
        ("repeat_last_n", -1),
        ("num_predict", sampling.max_tokens),
        *(("stop", json.dumps(text, ensure_ascii=False)) for text in (*spelt, *stops)),
    ]


def _go_text(text: str) -> str:
    """Return text that a template of Go writes as it is."""
    return text.replace("{{", '{{ "{{" }}')


def _quoted(text: str) -> str:
    """Return a value of several lines; three double quotes would end it."""
    return '"""' + text.replace('"""', "'''") + '"""'
