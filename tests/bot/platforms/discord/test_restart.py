"""A process that ended in the middle of an answer on Discord: the next one sends no second copy."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.fixtures.discord_bot import staged
from tests.fixtures.discord_outlet import (
    answers,
)


async def test_messages_accepted_by_an_earlier_process_are_answered_before_missed_ones(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.engine.hold = asyncio.Event()
        stage.call("accepted")
        await stage.engine.holding.wait()
        await stage.stop()
        stage.engine.hold = None
        stage.call("missed", author=stage.bo)
        await stage.start()
        await stage.fake.until(lambda: len(answers(stage.quay)) == 2)
        prompts = stage.engine.prompts()[1:]  # the words to be answered stand last, or are quoted there
        assert [re.findall("accepted|missed", prompt)[-1] for prompt in prompts] == ["accepted", "missed"]


@pytest.mark.parametrize("sender", ["account", "webhook"])
async def test_a_process_that_dies_behind_a_send_leaves_no_second_copy(tmp_path: Path, sender: str) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        if sender == "account":
            stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
        stage.fake.nonce_window = 0.0 if sender == "account" else 180.0
        stage.call("Rain?")
        await stage.fake.until(lambda: len(answers(stage.quay)) == 1)
        await stage.idle()
        await stage.memory._database.write(  # as if the process had died before it noted the send
            lambda inside: inside.execute(
                "UPDATE outbox SET state = 'sending', text = 'Answer 1.', sent_id = NULL, attempts = 1"
            )
        )
        await stage.stop()
        await stage.start()
        await stage.idle()
        assert len(answers(stage.quay)) == 1
        assert (await stage.memory.status()).unsent == 0


@pytest.mark.parametrize("sender", ["account", "webhook"])
async def test_a_process_that_dies_while_it_shows_an_answer_goes_on_in_the_same_message(
    tmp_path: Path, sender: str
) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        if sender == "account":
            stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
        stage.engine.script.append("one two three four five")
        stage.engine.delay = 0.06
        stage.call("Rain?")
        await stage.fake.until(lambda: len(answers(stage.quay)) == 1)
        await stage.stop()
        stage.engine.delay = 0.0
        stage.engine.script.append("quite another answer")
        await stage.start()
        await stage.fake.until(lambda: answers(stage.quay)[0].endswith("quite another answer"))
        await stage.idle()
        assert len(answers(stage.quay)) == 1


async def test_a_draft_whose_note_was_lost_is_found_again(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.engine.script.append("one two three four five")
        stage.engine.delay = 0.06
        stage.call("Rain?")
        await stage.fake.until(lambda: len(answers(stage.quay)) == 1)
        await stage.bot.__aexit__(None, None, None)
        await stage.chat.close()
        await stage.memory._database.write(
            lambda inside: inside.execute("UPDATE outbox SET sent_id = NULL, state = 'sending'")
        )
        await stage.stop()
        stage.engine.delay = 0.0
        stage.engine.script.append("quite another answer")
        await stage.start()
        await stage.fake.until(lambda: answers(stage.quay) == ["quite another answer"])
