"""A template tells today's date in serving: sgl-project/sglang#3296; oobabooga/textgen#6692."""

from datetime import date, datetime

import pytest

from bot.config import ModelSettings
from bot.prompt.builder import open_prompt_format
from bot.prompt.chat_template import open_chat_template
from bot.prompt.contract import prompt_contract
from tests.bot.prompt.template_layout import SPECIAL, A, U
from tests.conftest import MARA, Stage
from tests.fakes.model import ByteTokenizer
from tests.fakes.templates import DATED

FORMS = {
    "llama 3.2": ("{{ strftime_now('%d %b %Y') }}", "30 Nov 2026", "26 Jul 2024"),
    "llama 3.1": (
        "{% if not date_string is defined %}{% set date_string = '1 Jan 2000' %}{% endif %}{{ date_string }}",
        "30 Nov 2026",
        "26 Jul 2024",
    ),
    "smollm3": ("{{ strftime_now('%d %B %Y') }}", "30 November 2026", "26 July 2024"),
    "mistral": ("{% set today = strftime_now('%Y-%m-%d') %}{{ today }}", "2026-11-30", "2024-07-26"),
    "hours": ("{{ strftime_now('%Y-%m-%d %H:%M') }}", "2026-11-30 00:00", "2024-07-26 00:00"),
    "digits": ("{{ strftime_now('%d') | length }}", "2", "2"),
}
LOOP = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
TODAY = date(2026, 11, 30)


def told(form: str, today: date | None) -> str:
    template = open_chat_template(form + LOOP, SPECIAL, "Mara", today=today)
    return str(template.segments([U, A], answer=True)[0]).partition("<|im_start|>")[0]


@pytest.mark.parametrize("name", FORMS)
def test_the_day_is_today_in_serving_and_a_fixed_one_in_training(name: str) -> None:
    form, today, placeholder = FORMS[name]
    assert [told(form, TODAY), told(form, None), told(form, TODAY)] == [today, placeholder, today]


async def test_a_persona_reads_todays_date_all_day_and_the_next_days_after_it(stage: Stage) -> None:
    stage.model = stage.chat._resources.model = ModelSettings(template=FORMS["smollm3"][0] + LOOP)
    morning = datetime(2026, 11, 30, 8).timestamp()
    for at in (morning, morning + 12 * 3600, morning + 24 * 3600):
        stage._count = int(at)
        await stage.say("What day is it?")
    days = [prompt.partition("<|im_start|>")[0] for prompt in stage.engine.prompts()]
    assert days == ["30 November 2026", "30 November 2026", "01 December 2026"]


def test_the_contract_with_an_adapter_names_no_day_of_serving() -> None:
    settings = ModelSettings(template=FORMS["llama 3.2"][0] + LOOP)
    contract = prompt_contract(MARA, open_prompt_format(MARA, ByteTokenizer(), settings, 0), "")
    assert str(contract.layout).startswith("26 Jul 2024<|im_start|>")


def test_a_template_without_a_date_is_laid_out_once_for_all_days() -> None:
    one, other = (open_chat_template(LOOP, SPECIAL, "Mara", today=day) for day in (TODAY, None))
    assert one.segments([U, A], answer=True) == other.segments([U, A], answer=True)
    assert "digits" in str(
        open_chat_template(DATED, SPECIAL, "Mara", today=TODAY).segments([U], answer=True)[0]
    )
