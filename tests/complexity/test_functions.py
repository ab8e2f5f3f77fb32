"""Functions that read what strangers write do work in proportion to the text.

Work is lines of our own code and the lengths of the values that these make. Each public function of the
folders in `readers.py` with a parameter for strangers' words is found. It is tried with its entry in `CALLS`,
or by itself where a text is all that it wants, or stands in `HISTORIES`, which test_histories.py tries, or in
`ELSEWHERE` with the reason. Coroutines are left out: they are wiring.
"""

import inspect
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest

from bot.errors import UserError
from tests.complexity.growth import MOST, Work, count_work, growth, texts_of
from tests.complexity.importer_calls import IMPORTER_CALLS
from tests.complexity.reader_calls import CALLS, Call
from tests.complexity.readers import find_readers, is_alone
from tests.complexity.test_histories import HISTORIES

SIZES = [30, pytest.param(75, marks=pytest.mark.slow)]
SURE = 75  # where a bound that lies between two lengths no longer looks like growth
HANDS_ON = "hands it on, or calls a platform"
ONE_VALUE = "looks at fields of one message"
ELSEWHERE = {
    "training.importers.reading.json_fields.text_of": ONE_VALUE,
    "bot.chat.commands.call.CommandCall.shown_first": "hands on a text of our own",
    "training.importers.reading.bounded_lines.BoundedLines.add": "training/importers/test_bounded_lines.py",
    "bot.persona.card.read_card": "its bounds are tried in bot/persona/test_card.py",
    "bot.persona.lorebook.bounded_number": ONE_VALUE,
    "bot.persona.lorebook.read_role": ONE_VALUE,
    "bot.persona.lorebook_reader.check_lorebook": "a look for one key",
    "bot.text.quote_lines.PromptLines.have_quote": "a look into a set",
    "bot.platforms.web.owner.card_edit.change_card": "the JSON of a card that its owner edits",
    "bot.platforms.web.owner.persona_keys.change_keys": "a file that its owner edits",
    "bot.platforms.web.owner.persona_store.save_picture": "the first bytes of a picture",
    "bot.platforms.web.owner.replies.json_reply": "the JSON of an answer",
    "bot.persona.new_folder.write_card": "the JSON of a card that its owner writes",
    "bot.persona.persona.Cast.find": "a look into a dictionary",
    "bot.persona.persona.Cast.chosen": "a look into a dictionary",
    "bot.prompt.chat_template.Template.named": "template text, of the persona's owner",
    "bot.prompt.renderer.template_ids": "template text, of the persona's owner",
    "bot.prompt.renderer.Tokenizer.encode": "a protocol",
    "bot.prompt.renderer.Tokenizer.encode_template": "a protocol",
    "bot.prompt.template_filters.check_format": "metered: bot/prompt/test_chat_template_bounds.py",
    "bot.prompt.template_filters.check_replacement": "metered as well",
    "bot.prompt.template_meter.weigh": "the meter itself",
    "bot.prompt.template_meter.build": "the meter itself",
    "bot.prompt.card_fitting.fit_history": "tried by build_prompt",
    "bot.prompt.truncation.HistoryFitter.turns": "tried by build_prompt",
    "bot.prompt.truncation.HistoryFitter.drop_oldest": "tried by build_prompt",
    "bot.message.message_in_place": ONE_VALUE,
    "bot.system.console.json_text": "the JSON of a command's result",
    "bot.system.console.write_line": "printable, and a stream",
    "bot.chat.delivery.split_reply": "what a platform's outlet does, which is tried by itself",
    "bot.chat.commands.sampling.neighbours": "a number that was checked, beside a few others",
    "bot.chat.worker_pool.WorkerPool.enqueue_outgoing": HANDS_ON,
    "bot.platforms.discord.translate.readable_content": "message_text",
    "bot.platforms.discord.translate.cut": "a slice",
    "bot.platforms.telegram.quotations.quotations_of": "parse_update",
    "bot.platforms.telegram.spoken_text.spoken_text": "parse_update",
    "bot.platforms.discord.waiting_changes.WaitingChanges.add_message": HANDS_ON,
    **dict.fromkeys(
        (
            "bot.chat.delivery.Outlet.split",
            "bot.platforms.discord.outlet.DiscordOutlet.split",
            "bot.platforms.telegram.outlet.TelegramOutlet.split",
            "bot.platforms.terminal.screen.PrintedOutlet.split",
            "bot.platforms.web.outlet.WebOutlet.split",
        ),
        "puts functions of bot.text together, which are tried",
    ),
    "bot.text.delimiters.make_delimiter": "looks at the characters beside a mark",
    "bot.text.quote_lines.begins_quote": "compares two openings with the letters at one place",
    "bot.platforms.discord.senders.Sender.format": "a protocol",
    "bot.platforms.discord.senders.AccountSender.format": HANDS_ON,
    "bot.platforms.web.listeners.Listeners.tell": HANDS_ON,
    "bot.platforms.web.export.json_export": "json.dumps",
    "bot.platforms.web.export.markdown_export": "replaces letters, and splits at single ones",
    "bot.platforms.discord.senders.WebhookSender.format": HANDS_ON,
    "bot.platforms.discord.senders.name_line": "the name of a persona",
    "bot.platforms.discord.translate.is_written": ONE_VALUE,
    **dict.fromkeys(
        (
            "bot.platforms.discord.extras.has_unread",
            "bot.platforms.discord.notices.system_notice",
            "bot.platforms.discord.translate.author_of",
            "bot.platforms.discord.translate.is_proxied",
            "bot.platforms.discord.translate.replied_id",
            "bot.platforms.discord.translate.to_message",
            "bot.platforms.telegram.quotations.author_of",
            "bot.platforms.telegram.quotations.is_forwarded",
            "bot.platforms.telegram.quotations.replied_message",
        ),
        ONE_VALUE,
    ),
    "bot.platforms.telegram.commands.TelegramCommandHandler.send_notice": HANDS_ON,
    "bot.platforms.terminal.screen.Screen.note": "printable, and a stream",
    "bot.api.candidate_text.CandidateText.feed": "a protocol",
    "bot.api.candidate_text.RawText.feed": "hands a text on",
    "bot.api.candidate_text.OwnText.feed": "tests/bot/api/test_candidate_text.py",
    "bot.api.errors.json_dumps": "the JSON of a library",
    "bot.api.errors.bad_field": "a message of our own",
    "bot.api.errors.too_long": "a message of our own",
    "bot.api.generation.generate": HANDS_ON,
    "bot.api.model_list.find_model": "a look into a dictionary",
    "bot.api.model_list.list_models": "the name of the base model",
    "bot.api.prompts.raw_prompt_ids": "a library's tokenizer",
    "bot.api.prompts.tokenized": "a library's tokenizer",
    "bot.engine.core.told_tokens.ToldTokens.add_mark": "a mark of thoughts, of the model",
    "bot.engine.core.engine_core.EngineCore.drop_adapter": "the name of an adapter",
    "training.scrub.detectors.span.check_labels": "compares numbers",
    "training.scrub.people.NameFinder.is_surrogate": "a look into a set",
    "training.scrub.replacements.apply_replacements": "joins what the detectors found",
    "training.scrub.replacements.replace_spans": "joins what the detectors found",
    "training.scrub.review.ScrubReview.add_text": "counts what was replaced",
    "training.scrub.scrubber.Scrubber.scrub": "training/scrub/test_detection.py",
    "training.importers.chats.telegram.chat.TelegramChat.convert": "test_documents.py",
    "training.importers.chats.line.chat.LineChat.split": "test_documents.py",
    "training.importers.chats.imessage.rows.number_of": ONE_VALUE,
    "training.importers.chats.signal_plaintext.people.account_id": "test_documents.py",
    "training.importers.chats.signal_plaintext.people.fields_of": ONE_VALUE,
    "training.importers.chats.signal_plaintext.people.number_of": ONE_VALUE,
    "training.importers.chats.discord_history.messages.HistoryArchive.convert": "test_documents.py",
    "training.importers.chats.discord_history.messages.make_channel": ONE_VALUE,
    "training.importers.chats.discord_history.messages.make_user": ONE_VALUE,
    "training.importers.chats.google.chat.GoogleChat.convert": "test_documents.py",
    "training.importers.chats.google.voice.VoicePage.call": "test_documents.py",
    "training.importers.chats.google.voice.VoicePage.message": "test_documents.py",
    "training.importers.chats.slack.messages.convert_message": "test_documents.py",
    "training.importers.reading.import_log.ImportLog.count_unknown": ONE_VALUE,
    "training.importers.reading.record_kinds.kept_kind": ONE_VALUE,
    "training.importers.posts.meta.timeline.Timeline.post": "test_documents.py",
    "training.importers.chats.skype.export.SkypeChat.take": ONE_VALUE,
    "training.importers.chats.qq_nt.export.QqNtChat.convert": "test_documents.py",
    "training.importers.chats.qq_nt.export.parse_time": ONE_VALUE,
    "training.importers.chats.qq_nt.parts.Manifests.add": "keeps them",
    "training.importers.chats.qq_nt.records.media_of": "test_documents.py",
    "training.importers.chats.qq_nt.records.parent_of": "test_documents.py",
    "training.importers.chats.qq_nt.records.record_of": "test_documents.py",
    "training.importers.chats.qq_nt.records.words_of": "test_documents.py",
    "training.importers.chats.telegram.records.peer_id": ONE_VALUE,
    "training.importers.chats.telegram.text.message_media": ONE_VALUE,
    "training.importers.reading.dialogue.role_of": "a look into a dictionary",
    "training.importers.reading.data_sets.flags.denies": "compares one value",
    "training.importers.reading.data_sets.turn_lists.plain_text": "hands a text on",
    "training.importers.reading.data_sets.turn_lists.read_text": "split_text, which is tried",
    "training.dataset.base_tokenizer.CachedTokenizer.encode": "a library's tokenizer",
    "training.dataset.base_tokenizer.CachedTokenizer.encode_template": "a library's tokenizer",
    "training.dataset.excerpt_builder.ExcerptBuilder.build": "build_prompt, for each target",
    "training.dataset.excerpt_builder.ExcerptBuilder.prompt": "build_prompt",
    "training.dataset.excerpt_builder.ExcerptBuilder.convert": ONE_VALUE,
    "training.dataset.serving_prompts.ServingPrompts.prompt": "build_prompt",
    "training.dataset.sessions.continues_burst": ONE_VALUE,
    "training.dataset.targets.parent_of": ONE_VALUE,
    "training.dataset.utterances.exclusion_reason": ONE_VALUE,
    "training.dataset.utterances.serving_message": ONE_VALUE,
    "training.store.messages.from_line": "a library's decoder",
    "training.store.participants.Participants.count_message": ONE_VALUE,
}


def calls() -> dict[str, Call | None]:
    """Every reader, and the call that tries it; None where there is none."""
    found = {
        label: function if is_alone(function) else None
        for label, function in find_readers().items()
        if not inspect.iscoroutinefunction(function)
    }
    return found | CALLS | IMPORTER_CALLS


READERS = calls()
TRIED = sorted(label for label, call in READERS.items() if call and label not in ELSEWHERE)


def work_of(call: Call, text: str) -> Work:
    def run() -> None:
        with suppress(UserError, ValueError, KeyError, msgspec.DecodeError):
            result = call(text)
            if inspect.isgenerator(result):
                list(result)

    return count_work(run)


def test_every_reader_of_text_is_tried() -> None:
    untried = {label for label, call in READERS.items() if call is None}
    assert untried - ELSEWHERE.keys() == HISTORIES.keys()


def test_no_reader_is_excused_that_is_gone() -> None:
    assert ELSEWHERE.keys() <= READERS.keys()


def pairs(size: int) -> Iterator[tuple[str, str]]:
    """Yield each hostile text with the one that is four times as long."""
    return zip(texts_of(size), texts_of(4 * size), strict=True)


@pytest.mark.parametrize("label", TRIED)
@pytest.mark.parametrize("size", SIZES)
def test_a_reader_takes_linear_time(size: int, label: str) -> None:
    """Texts that look steep at a small size are judged at a larger one."""
    call = READERS[label]
    assert call
    for small, large in zip(pairs(size), pairs(SURE), strict=True):
        if growth(*(work_of(call, text) for text in small)) > MOST**2:
            works = [work_of(call, text) for text in large]
            assert growth(*works) <= MOST**2, f"{works} on {small[0][:60]!r}"
