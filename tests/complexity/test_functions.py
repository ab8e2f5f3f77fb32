"""Functions that read what strangers write run lines of our own code in proportion to the text.

Every function of the folders below with a parameter `text` is found; each is tried with its entry in `CALLS`,
or by itself where the text is all that it wants, or stands in `ELSEWHERE` with the reason.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest

from bot.chat import public_errors, text_steps
from bot.errors import UserError
from bot.message import check_text
from bot.persona.macros import MacroContext, expand_macros
from bot.prompt.speaker_labels import speaker_label
from bot.text import splitting
from bot.text.tidy import tidy
from tests.complexity.growth import MOST, Work, count_work, growth, texts_of
from tests.conftest import MARA
from training.importers.reading import normalise
from training.scrub.cjk_names import is_cjk_name
from training.scrub.position import is_english_name

SIZE = 200
FOLDERS = ["bot.text", "bot.persona", "bot.prompt", "bot.message", "bot.system.console", "training.scrub"]
Call = Callable[[str], object]
CALLS: dict[str, Call] = {
    "bot.text.splitting.split_message": lambda text: splitting.split_message(text, 50),
    "bot.text.splitting.split_burst": splitting.split_burst,
    "bot.text.tidy.tidy": lambda text: tidy(text, "Mara"),
    "bot.persona.macros.expand_macros": lambda text: expand_macros(text, MacroContext("Mara", "Ana")),
    "bot.message.check_text": lambda text: check_text(text, 10**9),
    "bot.prompt.speaker_labels.speaker_label": speaker_label,
    "bot.chat.text_steps.apply_text_steps": lambda text: text_steps.apply_text_steps(text, MARA, whole=False),
    "bot.chat.public_errors.public_text": lambda text: public_errors.public_text(text, ("model",)),
    "training.importers.reading.normalise.clean_text": normalise.clean_text,
    "training.importers.reading.normalise.discord_text": lambda text: normalise.discord_text(
        text, {"1": "Ana"}
    ),
    "training.scrub.cjk_names.is_cjk_name": lambda text: is_cjk_name(text, 0, 2, False),
    "training.scrub.position.is_english_name": lambda text: is_english_name(text, 0, 2, ()),
}
ELSEWHERE = {
    "bot.persona.card.read_card": "its bounds are tried in bot/persona/test_card.py",
    "bot.prompt.template_filters.check_format": "metered: bot/prompt/test_chat_template_bounds.py",
    "bot.prompt.template_filters.check_replacement": "metered as well",
    "bot.prompt.renderer.template_ids": "template text, of the persona's owner",
    "bot.system.console.write_line": "printable, and a stream",
    "training.scrub.replacements.apply_replacements": "joins what the detectors found",
    "training.scrub.replacements.replace_spans": "joins what the detectors found",
}


def readers() -> dict[str, Call | None]:
    """Every public function with a parameter `text`, and the call that tries it; None where there is none."""
    found: dict[str, Call | None] = dict(CALLS)
    for folder in FOLDERS:
        package = importlib.import_module(folder)
        names = [
            folder,
            *(f"{folder}.{each.name}" for each in pkgutil.walk_packages(getattr(package, "__path__", []))),
        ]
        for name in names:
            module = importlib.import_module(name)
            for label, function in inspect.getmembers(module, inspect.isroutine):
                if getattr(function, "__module__", "") != name or label.startswith("_"):
                    continue
                wanted = inspect.signature(function).parameters
                if "text" in wanted:
                    alone = all(p.default is not p.empty for p in wanted.values() if p.name != "text")
                    found.setdefault(f"{name}.{label}", function if alone else None)
    return found


READERS = readers()


def test_every_reader_of_text_is_tried() -> None:
    assert [label for label, call in READERS.items() if call is None and label not in ELSEWHERE] == []


@pytest.mark.parametrize(
    "label",
    sorted(label for label, call in READERS.items() if call and label not in {*ELSEWHERE}),
)
def test_a_reader_takes_linear_time(label: str) -> None:
    call = READERS[label]
    assert call

    def tried(text: str) -> Work:
        def run() -> None:
            with suppress(UserError, ValueError):
                result = call(text)
                if inspect.isgenerator(result):
                    list(result)

        return count_work(run)

    for texts in zip(*(texts_of(SIZE * times) for times in (1, 2, 4)), strict=True):
        works = [tried(text) for text in texts]
        steepest = max(growth(*pair) for pair in pairwise(works))
        assert steepest <= MOST, f"{works} on {texts[0][:60]!r}"
