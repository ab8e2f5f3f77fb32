"""`/continue` and `/post` with templates that write no generation prompt, and those that do."""

import pytest

from bot.chat import proactive
from bot.config import ModelSettings
from bot.message import Author
from tests.conftest import PLACE, Stage
from tests.fakes.templates import DATED, GEMMA, LLAMA2, MISTRAL, QWEN

ANA = Author("ana", "Ana")
BARE = "{% for m in messages %}{{ 'USER: ' if m.role == 'user' else 'ASSISTANT: ' if m.role == 'assistant' }}"
BARE += "{{ m.content }}\n{% endfor %}"
ONLY_USERS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt and messages[-1].role == 'user' %}<|im_start|>assistant\n{% endif %}"
)
TEMPLATES = {
    "chatml": "chatml",
    "plain": "plain",
    "gemma": GEMMA,
    "llama2": LLAMA2,
    "mistral": MISTRAL,
    "qwen": QWEN,
    "dated": DATED,
    "bare": BARE,
    "only behind users": ONLY_USERS,
}
# what the prompt ends with, so that the model writes as the assistant
OPENINGS = {
    "chatml": "<|im_start|>assistant\n",
    "plain": "Mara:\n",
    "gemma": "<start_of_turn>model\n",
    "llama2": "[The conversation goes on.] [/INST]",
    "mistral": "[The conversation goes on.][/INST]",
    "qwen": "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "dated": "<|im_start|>assistant\n",
    "bare": "\nASSISTANT:",
    "only behind users": "<|im_start|>assistant\n",
}


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_reply_goes_on_in_every_template(stage: Stage, name: str) -> None:
    stage.chat._resources.model = ModelSettings(template=TEMPLATES[name])
    await stage.say("Hi!")
    await proactive.continue_reply(stage.chat, stage.memory, PLACE, ANA)
    first, again = stage.engine.prompts()
    assert again.endswith(OPENINGS[name])
    assert "Answer 1." in again
    assert "goes on" not in first
    assert stage.outlet.sent == [("mara", "Answer 1."), ("mara", "Answer 2.")]


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_persona_says_something_where_nothing_was_said_in_every_template(
    stage: Stage, name: str
) -> None:
    stage.chat._resources.model = ModelSettings(template=TEMPLATES[name])
    await proactive.post(stage.chat, stage.memory, PLACE, "", ANA)
    (prompt,) = stage.engine.prompts()
    card = "Keeps a light.[/INST]"  # which this template shows as a user's
    assert prompt.endswith(card if name == "mistral" else OPENINGS[name].replace("goes on", "begins"))
    assert stage.outlet.sent == [("mara", "Answer 1.")]


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_persona_says_something_behind_its_own_words_in_every_template(
    stage: Stage, name: str
) -> None:
    stage.chat._resources.model = ModelSettings(template=TEMPLATES[name])
    await proactive.post(stage.chat, stage.memory, PLACE, "Good morning!", ANA)
    await proactive.post(stage.chat, stage.memory, PLACE, "", ANA)
    (prompt,) = stage.engine.prompts()
    assert prompt.endswith(OPENINGS[name])
    assert "Good morning!" in prompt
