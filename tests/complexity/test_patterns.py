"""Every compiled pattern takes linear time on whatever a stranger writes: its steps are counted, not timed.

The table is the program itself: each pattern that a module holds is found and tried. A pattern that is
written inside a function stands in `INSIDE`, with an example where its source is put together.
"""

import re

import pytest

from bot.text.redaction import Redactor
from tests.complexity.growth import pattern_cost
from tests.complexity.patterns import ONE_PLACE, compiled, is_tried_at_one_place, written_inside

# read by these alone: what a driver prints, and our own tables
OF_NO_STRANGER = {"bot.engine.model_loader.speed_prediction._ENTRY"}
# module.function: source -> an example of the pattern; None where the source is there as it is
INSIDE: dict[str, str | None] = {
    "bot.engine.checkpoint.converted._delete_older: f'{source[:24]}-{precision}-v\\\\d+'": "abc-int8-v\\d+",
    "bot.adapter.base_match.tidy_name: '[^\\\\w./+:-]+'": None,
    "bot.adapter.folders.slot_for: '[/\\\\\\\\]'": None,
    "bot.api.routes.find_route: '/+'": None,
    "bot.engine.runtime.nvidia._number: '\\\\d+(\\\\.\\\\d+)?'": None,
    "bot.engine.runtime.nvidia.has_gpu_build: '^(?:cuda|hip)\\\\b[^=\\\\n]*=\\\\s*(.+)$'": None,
    "bot.log._event: '\\\\(.*'": None,
    "bot.log._quoted: '[^\\\\s\\\\\"=\\\\\\\\]+'": None,
    "bot.memory.db.backup.list_backups: "
    "f'{re.escape(path.stem)}-\\\\d{{8}}T\\\\d{{12}}Z\\\\.db'": "memory-\\d{8}T\\d{12}Z\\.db",
    "bot.platforms.discord.translate.strip_mentions: f\"(?:(?:{'|'.join(mentions)})[ \\n\\t,:]*)*\"": (
        "(?:(?:<@1>|<@!1>)[ \n\t,:]*)*"
    ),
    "bot.platforms.telegram.commands._without_columns: ' {2,}'": None,
    "bot.prompt.role_markers.role_markers: f'{re.escape(after[0])}(?={re.escape(after[1:])})'": "\n(?=\n)",
    "bot.prompt.role_markers.role_markers: marker": (
        "(?:\\A|\r\n|[\n\r])[ \\t]*M(?=ara[:：][ \\t]*(?:[\n]|\\Z))"
    ),
    "bot.system.console.write_line: f\"({'|'.join(map(re.escape, colours))})\"": "(\\x1b\\[32m|\\x1b\\[0m)",
    "bot.text.markdown._spans: '`+'": None,
    "bot.text.redaction.__init__: shape": "\\d{6,12}:[\\w-]{30,}",
    "bot.text.redaction._forms: '[:.]'": None,
    "training.adapters.foreign._setting: _SETTING.format(key)": "\\balpha\\s*=\\s*['\"]?([^'\",\\s)]+)",
    "training.adapters.model_card.model_card: '[^\\\\w .-]'": None,
    "training.adapters.machine_paths._last_part: '[/\\\\\\\\]'": None,
    "training.commands.adapters.file_size: '([0-9]{1,6})(KB|MB|GB)'": None,
    "training.commands.formats._named: f'(?<!\\\\w){re.escape(wanted)}'": "(?<!\\w)word",
    "training.importers.chats.wechat.export._parse_time: '[+Z]'": None,
    "training.metrics.retention.is_answered: f'(?<!\\\\w){re.escape(word)}(?!\\\\w)'": "(?<!\\w)word(?!\\w)",
    "training.scrub.detectors.identity._rule: _EDGE + shape + _END": "(?<!\\w)\\d{3}-\\d{2}(?!\\w)",
    "training.scrub.detectors.identity._rule: context": "passport|ssn",
    "training.scrub.detectors.identity.find_payment_numbers: '[ .-]'": None,
    "training.scrub.detectors.spelt._spelt_digits: '[ ,.-]+'": None,
    "training.scrub.people.__init__: f'[{starts}]'": "[ab]",
    "training.scrub.scrubber._words_pattern: '|'.join(patterns)": "(?<!\\w)word(?!\\w)|zwei",
}


@pytest.mark.parametrize("label", sorted(compiled().keys() - OF_NO_STRANGER))
def test_a_pattern_takes_linear_time(label: str) -> None:
    pattern_cost(compiled()[label], anchored=is_tried_at_one_place(label)).check()


def test_the_lists_of_patterns_name_patterns_that_are_there() -> None:
    assert compiled().keys() >= OF_NO_STRANGER


def test_every_pattern_inside_a_function_is_in_the_table() -> None:
    assert {source for source, _ in written_inside()} == INSIDE.keys()


@pytest.mark.parametrize(("source", "method"), sorted(written_inside()))
def test_a_pattern_inside_a_function_takes_linear_time(source: str, method: str) -> None:
    example = INSIDE.get(source)
    if example is None:
        example = eval(source.partition(": ")[2])  # a constant of our own source
    pattern_cost(re.compile(example), anchored=method in ONE_PLACE).check()


def test_the_shapes_of_secrets_take_linear_time() -> None:
    for shape, _ in Redactor(["0123456789abcdefghijklmnop"])._rules:
        pattern_cost(shape, anchored=False).check()
