"""Commands about personas, doctor and the start say which parts of a card have an effect and which not."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from bot.app.admin import open_memory, startup_notices
from bot.app.doctor import run_checks
from bot.app.persona_commands import persona_list, persona_show
from bot.config import load_config
from bot.errors import UserError
from bot.persona.persona import load_cast

ENTRY = {"keys": ["Harrow"], "content": "Harrow is a sunken village.", "enabled": True, "insertion_order": 1}
CARD = {
    "spec": "chara_card_v2",
    "data": {
        "name": "Mara",
        "description": "d",
        "tags": 5,
        "creator": "somebody",
        "assets": [{"type": "icon"}],
        "extensions": {
            "depth_prompt": {"prompt": "Speak in rhyme.", "depth": 4, "role": "system"},
            "talkativeness": "0.5",
            "regex_scripts": [1],
            "world": "Harrow",
        },
        "character_book": {"entries": [ENTRY, {**ENTRY, "constant": True}, {**ENTRY, "keys": ["/a+/"]}]},
    },
}
LORE = "2 entries, 1 of them constant; 1 left out: regular expressions as keys (1)"
WARNING = "fields of the wrong type: tags left out"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    """Settings with one persona, whose card has parts of all kinds."""
    folder = tmp_path / "personas/mara"
    folder.mkdir(parents=True)
    (folder / "persona.toml").touch()
    (folder / "card.json").write_text(json.dumps(CARD))
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("ALTEREGO_DATA", str(tmp_path / "data"))
    return Namespace(config=tmp_path / "config.toml", name="mara", place=None)


async def test_show_names_the_parts_with_and_without_effect(options: Namespace) -> None:
    """rikkahub/rikkahub#879"""
    lines = (await persona_show(options)).splitlines()
    assert lines[:6] == [
        "name                         Mara  (card.json)",
        "description                  d  (card.json)",
        f"lorebook                     {LORE}  (card.json)",
        "depth_prompt                 before the newest 4 messages: Speak in rhyme.  (card.json)",
        f"warning                      {WARNING}  (card.json)",
        "without effect               assets, extensions.talkativeness, extensions.regex_scripts  "
        "(card.json)",
    ]


async def test_a_lorebook_that_is_named_and_not_in_the_card_is_told(options: Namespace) -> None:
    path = options.config.parent / "personas/mara/card.json"
    path.write_text(json.dumps({"name": "Mara", "extensions": {"world": "Harrow"}}))
    assert (
        "without effect               extensions.world  (card.json)"
        in (await persona_show(options)).splitlines()
    )


async def test_list_doctor_and_start_name_what_is_left_out(options: Namespace) -> None:
    """SrJuggernaut/character-tools#17, rikkahub/rikkahub#879"""
    assert await persona_list(options) == (f"mara         Mara, with a lorebook; {WARNING}; lorebook: {LORE}")
    found = [str(each) for each in await run_checks(options.config) if each.subject == "persona"]
    assert found == [f"ok    persona    mara: lorebook: {LORE}; {WARNING}"]
    settings = load_config(options.config)
    async with open_memory(settings) as memory:
        cast = load_cast(settings.personas)
        notices = [await startup_notices(memory, cast, settings, asked) for asked in (None, "mara", "ozzo")]
    told = f"mara: {WARNING}; lorebook: {LORE}."
    assert [told in each for each in notices] == [True, True, False]


async def test_a_card_whose_parts_all_have_an_effect_has_no_such_lines(options: Namespace) -> None:
    path = options.config.parent / "personas/mara/card.json"
    path.write_text(json.dumps({"name": "Mara", "description": "d", "creator": "x", "extensions": {}}))
    shown = await persona_show(options)
    assert not any(word in shown for word in ("lorebook", "warning", "without effect"))
    assert await persona_list(options) == "mara         Mara"


async def test_show_says_all_that_holds_and_from_where_in_plain_words(options: Namespace) -> None:
    told = {
        "name": "Mara",
        "description": "Keeps a light.\nHas a cat.",
        "alternate_greetings": ["Sit.", "Kick it\nshut."],
        "tags": ["sea", "light"],
        "extensions": {"depth_prompt": {"prompt": "Be brief.", "depth": 1, "role": "system"}},
    }
    folder = options.config.parent / "personas/mara"
    (folder / "card.json").write_text(json.dumps(told))
    (folder / "persona.toml").write_text(
        'names = ["keeper", "Wren"]\nbursts = true\nspeaker_names = "groups"\n[sampling]\ntemperature = 0.5\n'
        "[history]\nrounds = 3\n[training]\nrank = 8\n"
    )
    options.config.write_text('[model]\ndevice = "cpu"\n[chat]\nlisten = true\n')
    assert (await persona_show(options)).splitlines() == [
        "name                         Mara  (card.json)",
        "description                  Keeps a light.",
        "                             Has a cat.  (card.json)",
        "alternate_greetings          Sit.",
        "                             Kick it",
        "                             shut.  (card.json)",
        "tags                         sea, light  (card.json)",
        "depth_prompt                 before the newest message: Be brief.  (card.json)",
        "names                        keeper, Wren  (persona.toml)",
        "strength                     1.0  (default)",
        "bursts                       yes  (persona.toml)",
        "template                     none  (default)",
        "avatar                       none  (default)",
        "avatar_url                   none  (default)",
        "notices                      none  (default)",
        "adapter                      none  (default)",
        "speaker_names                groups  (persona.toml)",
        "sampling.temperature         0.5  (persona.toml)",
        "sampling.top_p               0.95  (default)",
        "sampling.top_k               0  (default)",
        "sampling.min_p               0.05  (default)",
        "sampling.repetition_penalty  1.1  (default)",
        "sampling.presence_penalty    0  (default)",
        "sampling.frequency_penalty   0  (default)",
        "sampling.min_tokens          0  (default)",
        "sampling.max_tokens          256  (default)",
        "history.rounds               3  (persona.toml)",
        "history.tokens               none  (default)",
        "training.rank                8  (persona.toml)",
        "training                     as the recipe says (`python -m training recipe`)  (default)",
        "model.name                   HuggingFaceTB/SmolLM2-135M-Instruct  (default)",
        "model.precision              auto  (default)",
        "model.device                 cpu  (config.toml)",
        "model.context                4096  (default)",
        "model.template               none  (default)",
        "model.thinking               off  (default)",
        "model.thinking_budget        1024  (default)",
        "chat.system_prompt           Write the next reply of {{char}} in this chat. "
        "Stay in character.  (default)",
        "chat.listen                  yes  (config.toml)",
        "chat.names                   yes  (default)",
        "chat.bots                    no  (default)",
        "chat.open                    no  (default)",
        "chat.debounce                1.5  (default)",
    ]


async def test_show_says_what_holds_in_a_place(options: Namespace) -> None:
    place = "telegram/bot/-7"
    async with open_memory(load_config(options.config)) as memory:
        await memory.set_setting(place, "listen", "on")
        await memory.set_setting(place, "sampling.temperature", "0.2")
    options.place = place
    lines = (await persona_show(options)).splitlines()
    assert "here: listen                 on  (this chat)" in lines
    assert "here: bots                   off  (config.toml)" in lines
    assert "here: sampling.temperature   0.2  (this chat)" in lines
    assert "here: sampling.top_p         0.95  (default)" in lines


@pytest.mark.parametrize("is_there", [False, True])
async def test_a_place_that_nobody_knows_is_refused(options: Namespace, is_there: bool) -> None:
    if is_there:
        async with open_memory(load_config(options.config)):
            pass
    options.place = "telegram/bot/-8"
    with pytest.raises(UserError, match="There is no place" if is_there else "Nothing is remembered in"):
        await persona_show(options)
    assert (options.config.parent / "data").exists() == is_there


async def test_a_card_beside_the_folders_is_named_with_the_remedy(options: Namespace) -> None:
    personas = options.config.parent / "personas"
    for name in ("mara", "eva"):
        (personas / f"{name}.json").write_text(json.dumps({"name": name}))
    for name, text in (("notes.json", "[1]"), ("photo.png", "no picture"), (".eva.json", '{"name": "x"}')):
        (personas / name).write_text(text)
    needed = "must lie in a folder of its own: move it to"
    faults = [
        f"eva: the card {personas}/eva.json {needed} {personas}/eva/card.json",
        f"mara.json: the card {personas}/mara.json {needed} a new folder",
    ]
    assert (await persona_list(options)).splitlines()[1:] == [
        f"{key:<12} broken: {why}" for key, _, why in (fault.partition(": ") for fault in faults)
    ]
    wrong = [each.text for each in await run_checks(options.config) if each.subject == "persona"][1:]
    assert wrong == faults
    with pytest.raises(UserError, match=r"The persona 'eva' is broken: the card .* move it to"):
        load_cast(personas).find("eva")
