"""Sampling and rounds, shown and changed while talking: by place, with sources, kept over restarts."""

from dataclasses import replace

import pytest

from bot.chat.commands import Level, run_line
from bot.chat.commands.sampling import neighbours
from bot.errors import UserError
from bot.message import Author, Place
from bot.persona.history_limits import HistoryLimits
from bot.persona.persona import Sampling
from tests.conftest import MARA, PLACE, Stage

SERVER = Place("test", "bot", "harbour", server="guild")
THREAD = replace(SERVER, thread="thread")
SHOWN = """\
temperature        0.9      this chat: 0 takes the likeliest words, more is bolder
top_p              0.95     default: words come from the likeliest, which hold this share of the probability
top_k              0        default: words come from so many of the likeliest; 0 is all
min_p              0.05     default: words have at least this share of the likeliest one's probability
repetition_penalty 2.5      this server: 1 lets words repeat, more makes that rarer
presence_penalty   -0.5     this chat: above 0, a word that the answer holds comes back less
frequency_penalty  0        default: above 0, a word comes back less the more often the answer holds it
min_tokens         3        persona.toml: no answer ends before so many tokens
max_tokens         256      default: every answer ends after so many tokens
rounds             2        this chat: earlier rounds of the conversation that are read"""


async def ask(stage: Stage, line: str, place: Place = PLACE, level: Level = Level.OWNER) -> str:
    return await run_line(line, stage.chat, stage.memory, place, Author("ana", "Ana"), level)


async def test_every_value_is_shown_with_its_source_by_both_commands(stage: Stage) -> None:
    stage.cast.personas["mara"] = replace(MARA, sampling=Sampling(min_tokens=3))
    for line in (
        "/sampling temperature 0,9",
        "/sampling repetition_penalty 2.5 server",
        "/sampling presence_penalty -0.5",
        "/sampling rounds 2",
    ):
        await ask(stage, line, SERVER)
    assert await ask(stage, "/sampling", SERVER) == SHOWN
    assert (await ask(stage, "/settings", SERVER)).endswith(f"\n{SHOWN}")
    assert await ask(stage, "/sampling temp", SERVER) == SHOWN.splitlines()[0]
    assert await ask(stage, "/settings top_p", SERVER) == SHOWN.splitlines()[1]


async def test_a_changed_value_holds_for_the_next_reply_of_that_place_alone(stage: Stage) -> None:
    assert await ask(stage, "/sampling temperature 0.3") == "temperature is 0.3 for this chat."
    await stage.say("Rain?")
    await stage.say("Rain?", place=SERVER)
    assert [request.sampling.temperature for request in stage.engine.requests] == [0.3, 0.8]
    assert '"temperature": 0.3' in await _why(stage)


async def _why(stage: Stage) -> str:
    rows = await stage.memory._database.run(
        lambda inside: inside.execute("SELECT why FROM answers ORDER BY id LIMIT 1").fetchall()
    )
    return str(rows[0][0])


async def test_values_are_kept_over_a_restart_until_they_are_reset(stage: Stage) -> None:
    await ask(stage, "/sampling top_k 40")
    await ask(stage, "/sampling max_tokens 99")
    await stage.restart()
    await stage.say("Rain?")
    assert await ask(stage, "/sampling reset") == "Sampling is as the persona has it for this chat."
    await stage.say("Rain?")
    drawn = [(request.sampling.top_k, request.sampling.max_tokens) for request in stage.engine.requests]
    assert drawn == [(40, 99), (0, 256)]


async def test_the_nearest_scope_holds_and_a_reset_leaves_the_next_one(stage: Stage) -> None:
    await ask(stage, "/sampling temperature 1 server", THREAD)
    await ask(stage, "/sampling temperature 2", THREAD)
    assert "2        this thread" in await ask(stage, "/sampling temperature", THREAD)
    await ask(stage, "/sampling temperature default", THREAD)
    assert "1        this server" in await ask(stage, "/sampling temperature", THREAD)
    await ask(stage, "/sampling temperature 2", THREAD)
    await ask(stage, "/sampling reset", THREAD)
    assert "1        this server" in await ask(stage, "/sampling temperature", THREAD)
    assert await ask(stage, "/sampling reset server", THREAD) == (
        "Sampling is as the persona has it for this server."
    )
    assert "0.8      default" in await ask(stage, "/sampling temperature", THREAD)


async def test_rounds_limit_the_next_prompt_and_all_lifts_the_personas_limit(stage: Stage) -> None:
    stage.cast.personas["mara"] = replace(MARA, history=HistoryLimits(rounds=1))
    for text in ("one", "two", "three"):
        await stage.say(text)
    await ask(stage, "/sampling rounds 0")
    await stage.say("four")
    await ask(stage, "/sampling rounds all")
    await stage.say("five")
    prompts = stage.engine.prompts()
    heard = ["".join(word[0] for word in ("one", "two", "three", "four", "five") if f"Ana: {word}" in prompt)
             for prompt in prompts]  # fmt: skip
    assert heard == ["o", "ot", "tt", "f", "ottff"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("penalty", "repetition_penalty"),
        ("repeat_penalty", "repetition_penalty"),
        ("Repetition Penalty", "repetition_penalty"),
        ("repetition-penalty", "repetition_penalty"),
        ("Presence Penalty", "presence_penalty"),
        ("presence", "presence_penalty"),
        ("frequency", "frequency_penalty"),
        ("freq_pen", "frequency_penalty"),
    ],
)
async def test_a_value_is_understood_by_its_other_names(stage: Stage, name: str, key: str) -> None:
    assert await ask(stage, f'/sampling "{name}" 1') == f"{key} is 1 for this chat."


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/sampling temperature 9", r"temperature = '9' is wrong: input should be less than or equal to 5"),
        ("/sampling temperature nan", "temperature = 'nan' is wrong: input should be a finite number"),
        ("/sampling temperature hot", "temperature = 'hot' is wrong: input should be a valid number"),
        ("/sampling repetition_penalty 10.5", "less than or equal to 10"),
        ("/sampling presence_penalty 2.5", "less than or equal to 2"),
        ("/sampling frequency_penalty -3", "greater than or equal to -2"),
        ("/sampling top_k -1", "top_k = '-1' is wrong: input should be greater than or equal to 0"),
        ("/sampling top_k 1.5", "top_k = '1.5' is wrong"),
        ("/sampling min_tokens 300", "max_tokens = 256 is wrong: write at least sampling.min_tokens, 300"),
        ("/sampling max_tokens 5000", "max_tokens is at most 2,048 here, half of what the model"),
        ("/sampling rounds many", "rounds is a number up to 1,000, or all, not 'many'"),
        ("/sampling rounds -1", "rounds is a number up to 1,000, or all, not '-1'"),
        ("/sampling volume 3", "There is no value 'volume': known are temperature, top_p"),
        (
            "/sampling num_beams 4",
            "There is no value 'num_beams': chats have no beam search: write temperature",
        ),
        ("/sampling temperature 1 server", "There is no server here"),
        ("/sampling reset server", "There is no server here"),
    ],
)
async def test_a_value_that_is_not_possible_is_refused_and_nothing_changes(
    stage: Stage, line: str, said: str
) -> None:
    before = await ask(stage, "/sampling")
    with pytest.raises(UserError, match=said):
        await ask(stage, line)
    assert await ask(stage, "/sampling") == before


@pytest.mark.parametrize("line", ["/sampling temperature 1", "/sampling reset", "/settings temperature 1"])
async def test_members_see_sampling_and_only_admins_change_it(stage: Stage, line: str) -> None:
    with pytest.raises(UserError, match="Only an admin can change what holds here"):
        await ask(stage, line, SERVER, Level.MEMBER)
    assert "0.8      default" in await ask(stage, "/sampling", SERVER, Level.MEMBER)
    assert await ask(stage, line, SERVER, Level.ADMIN)


async def test_a_value_that_a_changed_persona_makes_impossible_is_left_out_of_replies(stage: Stage) -> None:
    await ask(stage, "/sampling max_tokens 20")
    await ask(stage, "/sampling temperature 1")
    stage.cast.personas["mara"] = replace(MARA, sampling=Sampling(min_tokens=50))
    await stage.say("Rain?")
    sampling = stage.engine.requests[-1].sampling
    assert (sampling.max_tokens, sampling.min_tokens, sampling.temperature) == (256, 50, 1)
    assert "256      default: every" in await ask(stage, "/sampling max_tokens")
    assert "1        this chat: 0 takes" in await ask(stage, "/sampling temperature")


async def test_settings_are_shown_where_the_persona_is_gone(stage: Stage) -> None:
    await stage.memory.set_setting(str(PLACE), "persona", "lost")
    assert (await ask(stage, "/settings")).startswith("persona  lost")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("temperature", "0.8", ("0.7", "0.9")),
        ("temperature", "0", ("0.3",)),
        ("temperature", "5", ("1.5",)),
        ("repetition_penalty", "2.1", ("2", "2.2")),
        ("rounds", "all", ("20",)),
        ("rounds", "20", ("10", "all")),
    ],
)
def test_the_values_next_to_one_are_proposed(name: str, text: str, expected: tuple[str, ...]) -> None:
    assert neighbours(name, text) == expected
