"""Prompts of the API: a persona's card around messages as in its chats, or the chat template alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.api.chat_request import ChatMessage, ChatRequest
from bot.api.errors import bad_field
from bot.config import Config
from bot.errors import UserError
from bot.message import Author, Message, Place
from bot.persona.persona import Persona
from bot.prompt.builder import (
    Prompt,
    Tokenizer,
    build_prompt,
    open_prompt_format,
    render_turns,
    stop_conditions,
    thinking_budget,
)
from bot.prompt.end_marks import ASKED_IN, unasked_ends
from bot.prompt.insertions import Insertion
from bot.prompt.renderer import PromptPart, Turn, spared_ids
from bot.prompt.role_markers import begun_part, role_markers
from bot.prompt.speaker_labels import speaker_label
from bot.prompt.truncation import MAX_CHARACTERS_PER_TOKEN, PromptTooLong
from bot.prompt.turns import set_in

_PLACE = Place("api", "", "")


@dataclass(frozen=True, slots=True)
class PromptContext:
    """The facts that prompts of one moment share. `context` is the model's, in tokens; `time` in seconds."""

    tokenizer: Tokenizer
    settings: Config
    context: int
    time: float

    @property
    def today(self) -> date:
        return date.fromtimestamp(self.time)


def card_prompt(persona: Persona, request: ChatRequest, asked: PromptContext) -> Prompt:
    """Return the prompt of a persona's next message in a chat, as `build_prompt` gives it in every chat.

    The oldest messages are dropped where the context is short. Raises `PromptTooLong` where the newest
    message does not fit beside the card.
    """
    model, tokenizer = asked.settings.model, asked.tokenizer
    budget = _budget(persona, request.fields.max_tokens, asked)
    kept_whole = [message.text for message in request.messages if message.role == "system"]
    _check_characters(sum(map(len, (*kept_whole, request.begun))), asked.context)
    said = [message for message in request.messages if message.role != "system"]
    kept = _readable(said, budget, asked.context)
    return build_prompt(
        persona,
        [_message(each, at, persona, asked) for at, each in enumerate(kept)],
        open_prompt_format(persona, tokenizer, model, budget, asked.today),
        system_prompt=asked.settings.chat.system_prompt,
        cut=len(kept) < len(said),
        inserted=_insertions(request.messages),
        begun=request.begun,
    )


def template_prompt(persona: Persona, request: ChatRequest, asked: PromptContext) -> Prompt:
    """Return a prompt of the messages alone, in the chat template. Raises `PromptTooLong` and `ApiError`."""
    characters = sum(len(message.text) for message in request.messages) + len(request.begun)
    _check_characters(characters, asked.context)
    reader = open_prompt_format(persona, asked.tokenizer, asked.settings.model, asked.context, asked.today)
    markers = role_markers(reader)
    turns = [markers.break_turn(_turn(message)) for message in request.messages]
    try:
        ids, spans = render_turns(turns, reader, begun=begun_part(request.begun, reader))
    except UserError:
        if turns:
            raise
        raise bad_field("messages", "this model's chat template wants a message before the answer") from None
    if len(ids) >= asked.context:
        raise _beyond_context(asked.context)
    stop_ids, stop = stop_conditions(reader)
    return Prompt(
        ids,
        spans,
        stop_ids,
        stop,
        spelt_ends=unasked_ends(reader, [message.text for message in request.messages[-ASKED_IN:]]),
        spared=spared_ids(ids, spans),
        thinking_budget=reader.thinking_budget,
    )


def raw_prompt(given: str | tuple[int, ...], asked: PromptContext, *, parse_special: bool) -> Prompt:
    """Return a prompt of raw text or token ids. Raises `PromptTooLong`, also for an empty one."""
    _check_characters(len(given), asked.context)
    ids = (
        given
        if isinstance(given, tuple)
        else raw_prompt_ids(given, asked.tokenizer, parse_special=parse_special)
    )
    if len(ids) >= asked.context:
        raise _beyond_context(asked.context)
    return Prompt(ids, ())


def raw_prompt_ids(text: str, tokenizer: Tokenizer, *, parse_special: bool) -> tuple[int, ...]:
    """Return the ids of raw text behind those that the model's tokenizer puts before every text, once."""
    begin = tokenizer.begin
    words = tuple(tokenizer.encode_template(text) if parse_special else tokenizer.encode(text))
    return words if words[: len(begin)] == begin else (*begin, *words)


def tokenized(text: str, asked: PromptContext, *, parse_special: bool) -> tuple[int, ...]:
    """Return the ids of a text. Raises `PromptTooLong` for one that no prompt could hold."""
    _check_characters(len(text), asked.context)
    return raw_prompt_ids(text, asked.tokenizer, parse_special=parse_special)


def echoed(given: str | tuple[int, ...], asked: PromptContext) -> str:
    """Return a raw prompt as text. Raises `PromptTooLong`."""
    _check_characters(len(given), asked.context)
    return given if isinstance(given, str) else asked.tokenizer.decode(list(given))


def _check_characters(count: int, context: int) -> None:
    """Raise `PromptTooLong` for a text or list of ids that is too long whatever its tokens are."""
    if count > context * MAX_CHARACTERS_PER_TOKEN:
        raise _beyond_context(context)


def _beyond_context(context: int) -> PromptTooLong:
    return PromptTooLong(
        f"The prompt is too long: prompt and answer have {context:,} tokens together. Shorten it, or raise "
        "model.context."
    )


def _budget(persona: Persona, asked_tokens: int | None, asked: PromptContext) -> int:
    """Return the tokens that a prompt may have: those that the longest answer leaves, as in chats.

    An answer that a client asks for takes half of the context at most from the prompt.
    """
    own = min(persona.sampling.max_tokens, asked.context - 1)
    longest = own if asked_tokens is None else min(asked_tokens, asked.context // 2)
    room = asked.context - longest
    return room - min(room // 2, thinking_budget(persona, asked.tokenizer, asked.settings.model))


def _readable(said: Sequence[ChatMessage], budget: int, context: int) -> Sequence[ChatMessage]:
    """Return the newest messages, of which tokenising costs no more than a prompt can hold."""
    characters = budget * MAX_CHARACTERS_PER_TOKEN
    for place in range(len(said) - 1, -1, -1):
        characters -= len(said[place].text)
        if characters < 0 and place < len(said) - 1:
            return said[place + 1 :]
        if characters < 0:
            raise _beyond_context(context)
    return said


def _message(message: ChatMessage, at: int, persona: Persona, asked: PromptContext) -> Message:
    """Return a message of a chat as memory would have it."""
    name = message.name or asked.settings.terminal.name
    is_own = message.role == "assistant"
    author = Author(persona.key, persona.name) if is_own else Author(f"name:{name}", name)
    return Message(_PLACE, str(at), author, message.text, asked.time, persona=persona.key if is_own else None)


def _insertions(messages: Sequence[ChatMessage]) -> tuple[Insertion, ...]:
    """Return the client's system messages, each before as many messages as stand behind it."""
    found, behind = list[Insertion](), 0
    for message in reversed(messages):
        if message.role == "system":
            found.append(Insertion(behind, Turn("system", (PromptPart("instructions", message.text),))))
        else:
            behind += 1
    return tuple(reversed(found))


def _turn(message: ChatMessage) -> Turn:
    """Return a message as a turn; the name that a client gives stands before its words."""
    text = f"{speaker_label(message.name)}: {set_in(message.text)}" if message.name else message.text
    return Turn(message.role, (PromptPart("message", text),))
