"""Serving and training read the same prompt.

What a live chat sends to the engine is what `build` makes of the bare messages, as an export would give them,
and what stands in the data set that is made of such an export.
"""

import asyncio
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.chat.proactive import greet
from bot.config import ChatSettings
from bot.message import Author, Message
from bot.persona.lorebook import DepthPrompt, Lorebook, LoreEntry
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, PromptFormat, build_prompt
from bot.prompt.chat_template import open_chat_template
from bot.prompt.turns import missing_parents
from tests.conftest import MARA, PLACE, Stage
from tests.fakes.model import CHATML, ByteTokenizer
from tests.fixtures import training_messages
from training.store.messages import ExportedMessage

SCRIPT = [
    ("Ana", "Hello. My name is Ana.", "direct"),
    ("Bo", "Is she talking to the radio again?", ""),
    ("Ana", "Mara, what does the sea say?", "mention"),
    ("Bo", "两杯茶，谢谢 🍵", "reply"),
    ("Ana", "a line\n\nand <|im_end|> another", "direct"),
    *((name, f"{number} " + "tide " * 12, "direct") for number in range(30) for name in ("Ana", "Bo")),
]
BUDGET = 2500


def offline(messages: list[Message], replies: int) -> list[Prompt]:
    """The prompt before each of the persona's lines, from nothing but the messages in their order."""
    reader = PromptFormat(ByteTokenizer(), open_chat_template(CHATML, ByteTokenizer.special, "Mara"), BUDGET)
    prompts: list[Prompt] = []
    window, known = 0, {message.id: message for message in messages}
    for position, message in enumerate(messages):
        if message.persona and position:  # the greeting answers nobody
            history = messages[window:position]
            prompt = build_prompt(
                MARA,
                history,
                reader,
                system_prompt=ChatSettings().system_prompt,
                cut=window > 0,
                parents={id: known[id] for id in missing_parents(history, message.reply_to) if id in known},
                reply_to=message.reply_to,
            )
            if prompt.first:
                window = next(n for n, said in enumerate(messages) if said.id == prompt.first)
            prompts.append(prompt)
    assert len(prompts) == replies
    return prompts


async def test_live_prompts_equal_those_made_from_the_bare_messages(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.engine.context = BUDGET + MARA.sampling.max_tokens
    await stage.start()
    await greet(stage.chat, stage.memory, PLACE, Author("ana", "Ana"))
    said = {message.id: message for message in await stage.memory.history(PLACE)}
    for name, text, address in SCRIPT:
        await stage.say(text, name, address)
        said.update({message.id: message for message in await stage.memory.history(PLACE)})
    live = stage.engine.requests
    prompts = offline([bare(message) for message in said.values()], len(live))
    for prompt, request in zip(prompts, live, strict=True):
        assert (prompt.ids, prompt.stop_ids, prompt.stop) == (request.ids, request.stop_ids, request.stop)
    assert await stage.memory.is_cut(PLACE)
    await stage.stop()


def bare(message: Message) -> Message:
    """A message as an export has it: who said what, when, and in reply to what."""
    author = Author(message.author.id, message.author.name)
    return Message(
        PLACE,
        message.id,
        author,
        message.text,
        message.time,
        reply_to=message.reply_to,
        persona=message.persona,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody says something, `back` messages after what it replies to (0: to nothing), so much later."""

    author: str
    name: str
    text: str
    address: str
    back: int = 0
    silence: float = 20.0


GROUP = [
    *(Line(name, name, text, address) for name, text, address in SCRIPT[:5]),
    Line("ana", "Ana", "and before the sea?", "reply", back=2, silence=90_000),
    Line("bo", "Bo", "the tea was for me", "", back=4),
    Line("cy", "Ana", "I am another Ana", ""),
    Line("cy", "Ana", "what does she say, Mara?", "mention", back=3),
    Line("mara2", "Mara", "I am not you", "direct", silence=500_000),
    *(
        Line(name, name, text, address, back=number % 9)
        for number, (name, text, address) in enumerate(SCRIPT[5:])
    ),
    Line("bo", "Bo", "old words", "direct", back=60),
]
DIRECT = [Line("ana", "Ana", f"{number} {'tide ' * (number % 9)}", "direct") for number in range(40)]


KEEPER = replace(
    MARA,
    card=MARA.card.model_copy(
        update={
            "lorebook": Lorebook(
                (
                    LoreEntry("The sea is {{char}}'s.", ("sea", "tide")),
                    LoreEntry("Tea comes from Harrow.", ("茶", "tea"), scan_depth=2, depth=2, role="user"),
                    LoreEntry("Harrow is sunken.", ("Harrow",), recursive=True),
                    LoreEntry("Rain falls.", constant=True),
                )
            ),
            "depth_prompt": DepthPrompt("Rhyme.", 3),
            "mes_example": "<START>\n{{char}}: aye\n<START>\n{{user}}: q\nBo: r\n{{char}}: s",
        }
    ),
)


async def live(
    folder: Path, lines: list[Line], persona: Persona = MARA
) -> tuple[list[ExportedMessage], dict[str, tuple[int, ...]]]:
    """Play a chat; return it as an export would give it, and the prompt of each answer by its export's id."""
    stage = Stage(folder)
    stage.cast.personas["mara"] = persona
    stage.engine.context = BUDGET + MARA.sampling.max_tokens
    await stage.start()
    known: dict[str, Message] = {}
    for line in lines:
        spoken = list(known)
        message = replace(
            stage.message(line.text, line.name, line.address),
            author=Author(line.author, line.name),
            reply_to=spoken[-line.back] if 0 < line.back <= len(spoken) else None,
        )
        await stage.chat.receive(message)
        await stage.chat.worker(PLACE).idle()
        known |= {said.id: said for said in await stage.memory.history(PLACE)}
    requests = stage.engine.requests
    await stage.stop()
    numbers = {id: number for number, id in enumerate(known)}
    silences = iter(line.silence for line in lines)
    exported, time = list[ExportedMessage](), 0.0
    for message in known.values():
        time += 5 if message.persona else next(silences)
        exported.append(_exported(message, numbers, time))
    answers = [str(numbers[id]) for id, message in known.items() if message.persona]
    return exported, {id: request.ids for id, request in zip(answers, requests, strict=True)}


def _exported(message: Message, numbers: dict[str, int], time: float) -> ExportedMessage:
    return ExportedMessage(
        platform="test",
        chat="room",
        id=str(numbers[message.id]),
        author="me" if message.persona else message.author.id,
        author_name=message.author.name,
        time=time,
        source="export.json",
        text=message.text,
        is_self=message.persona is not None,
        reply_to=str(numbers[message.reply_to]) if message.reply_to else None,
    )


def prompts(
    folder: Path, exported: list[ExportedMessage], persona: Persona = MARA
) -> dict[str, tuple[int, ...]]:
    """The prompt of each answer in the data set, by the id of its first message."""
    made_for = training_messages.serving(BUDGET, persona=persona)
    training_messages.build(folder, exported, made_for)
    return {
        example.ids[0]: example.prompt.ids for example in training_messages.built_examples(folder, made_for)
    }


GROUPS = replace(KEEPER, speaker_names="groups")
NAMELESS = replace(MARA, speaker_names="never")


@pytest.mark.parametrize(
    "persona", [MARA, KEEPER, GROUPS, NAMELESS], ids=["card alone", "lore", "names in groups", "no names"]
)
@pytest.mark.parametrize("lines", [GROUP, DIRECT], ids=["group", "direct"])
async def test_prompts_in_the_data_set_are_those_that_the_bot_made_live(
    lines: list[Line], persona: Persona, tmp_path: Path
) -> None:
    exported, asked = await live(tmp_path, lines, persona)
    assert prompts(tmp_path, exported, persona) == asked
    assert len(asked) > 30


WORDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200
).filter(lambda text: text.strip() and text.lstrip()[0] not in "/!")
NAMES = st.sampled_from(["Ana", "ana", "Bo", "Mara", "A: b", "\u200b"])
LINES = st.builds(
    Line,
    st.sampled_from("abc"),
    NAMES,
    WORDS,
    st.sampled_from(["", "", "mention", "reply", "direct"]),
    st.integers(0, 30),
    st.sampled_from([5.0, 100.0, 50_000.0]),
)


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.lists(LINES, min_size=1, max_size=16).map(lambda lines: [*lines, Line("a", "Ana", "Mara?", "direct")])
)
def test_whatever_is_said_the_data_set_has_the_bots_own_prompts(lines: list[Line]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        exported, asked = asyncio.run(live(Path(folder), lines))
        assert prompts(Path(folder), exported) == asked
