"""Serving and training read the same prompt.

What a live chat sends to the engine is what `build` makes of the bare messages, as an export would give them.
"""

from pathlib import Path

from bot.config import ChatSettings
from bot.message import Author, Message
from bot.prompt import Prompt, Reader, build
from bot.template import open_template
from tests.conftest import MARA, PLACE, Stage
from tests.fakes.model import CHATML, ByteTokenizer

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
    reader = Reader(ByteTokenizer(), open_template(CHATML, ByteTokenizer.special, "Mara"), BUDGET)
    prompts: list[Prompt] = []
    window = 0
    for position, message in enumerate(messages):
        if message.persona and position:  # the greeting answers nobody
            prompt = build(
                MARA,
                messages[window:position],
                reader,
                system_prompt=ChatSettings().system_prompt,
                cut=window > 0,
            )
            if prompt.first:
                window = next(n for n, said in enumerate(messages) if said.id == prompt.first)
            prompts.append(prompt)
    assert len(prompts) == replies
    return prompts


async def test_live_prompts_equal_those_made_from_the_bare_messages(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.model = stage.model.model_copy(update={"context": BUDGET + MARA.sampling.max_tokens})
    await stage.start()
    await stage.chat.greet(PLACE, "Ana")
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
    """A message as an export has it: who said what, and when."""
    author = Author(message.author.id, message.author.name)
    return Message(PLACE, message.id, author, message.text, message.time, persona=message.persona)
