"""How each reader of strangers' words is tried, where it wants more than a text."""

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import msgspec

from bot.chat import public_errors, text_steps
from bot.chat.commands.arguments import split_words
from bot.chat.commands.call import CommandCall
from bot.chat.delivery import bound_reply
from bot.chat.triggers import TriggerContext, decide_reply, is_called
from bot.engine.core.detokenizer import Detokenizer
from bot.engine.core.stop_strings import StopStrings
from bot.message import Author, Message, check_text
from bot.persona.card_file import decode_card
from bot.persona.lorebook_reader import read_lorebook
from bot.persona.macros import MacroContext, expand_macros
from bot.platforms.discord import translate as discord
from bot.platforms.discord.command_menu import format_answer
from bot.platforms.discord.extras import extra_words
from bot.platforms.discord.quotations import quotations_of
from bot.platforms.telegram.content import content_words
from bot.platforms.telegram.entities import entity_text
from bot.platforms.telegram.events import BotAccount
from bot.platforms.telegram.text import telegram_length
from bot.platforms.telegram.translate import parse_update
from bot.platforms.telegram.typed_command import find_typed_command
from bot.platforms.terminal.screen import WordWrap
from bot.platforms.terminal.typed import typed_message
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, open_chat_template
from bot.prompt.example_dialogue import dialogue_turns
from bot.prompt.renderer import PromptFormat, PromptPart, Turn
from bot.prompt.role_markers import RoleMarkers, role_markers
from bot.text import splitting
from bot.text.cut_text import cut_text
from bot.text.discord_markdown import format_for_discord
from bot.text.formatted_splitting import split_formatted
from bot.text.formatted_text import FormattedText, TextSpan, nested_spans
from bot.text.growing import newest_text
from bot.text.line_labels import line_at, read_label
from bot.text.links import choose_link
from bot.text.list_lines import ListLines
from bot.text.markdown import FormatSpans
from bot.text.markdown_text import parse_markdown
from bot.text.name_index import NameIndex
from bot.text.one_line import one_line
from bot.text.own_words import OwnWords
from bot.text.quote_lines import PromptLines, QuoteLines
from bot.text.redaction import Redactor
from bot.text.tidy import tidy
from bot.text.whole_words import has_word
from tests.complexity.platform_messages import (
    ME,
    answering,
    discord_message,
    in_channel,
    telegram_contents,
    telegram_update,
)
from tests.conftest import MARA, OZZO, PLACE
from tests.fakes.model import ByteTokenizer
from tests.training.scrub.people import SUBJECT
from training.importers.chats.telegram.records import TelegramEntity
from training.importers.chats.telegram.text import labelled_text
from training.importers.chats.twitter.archive_index import ArchiveIndex
from training.importers.chats.twitter.links import write_out_links
from training.importers.reading import normalise
from training.importers.reading.decoding import decode_json
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_bounds import bound_message
from training.scrub.cjk_names import is_cjk_name
from training.scrub.forgotten import ForgottenNames, hash_name
from training.scrub.position import is_english_name
from training.scrub.roster import cjk_forms_of, word_forms_of
from training.store.messages import ExportedMessage

SEEDS = count()  # no result of a call before is found in a cache
Call = Callable[[str], object]
LABELS = [f"Speaker {number}" for number in range(500)]
LINES = PromptLines(LABELS)
PEOPLE = [f"\nSpeaker {number}:" for number in range(500)]
RECIPIENT = discord.Recipient(ME, 10**9)
BOT = BotAccount(9, "lamp_bot")
FORGOTTEN = ForgottenNames(b"key", {"p": hash_name(b"key", "Ben van Carter") | hash_name(b"key", "王小明")})


def said(text: str, name: str = "Ana") -> Message:
    return Message(PLACE, "1", Author("1", name), text, 0.0)


def exported(text: str) -> ExportedMessage:
    return ExportedMessage(
        platform="x", chat=text, id="1", author=text, author_name=text, time=0, source="a", text=text
    )


def spans_over(text: str) -> list[TextSpan]:
    """Return a span at each third character, of all kinds and several lengths."""
    kinds = ("bold", "code", "text_link", "italic", "pre", "blockquote")
    return [
        TextSpan(kinds[at % 6], at, min(len(text), at + (1, 5, 60)[at % 3]))  # type: ignore[arg-type]
        for at in range(0, len(text), 3)
    ]


def markers(template: str) -> RoleMarkers:
    tokenizer = ByteTokenizer()
    source = BUILT_IN_TEMPLATES[template]
    return role_markers(PromptFormat(tokenizer, open_chat_template(source, tokenizer.special, "Mara"), 4000))


def broken_turn(template: str) -> Call:
    found = markers(template)
    return lambda text: found.break_turn(Turn("assistant", (PromptPart("message", text),)))


def streamed(text: str) -> str:
    """Detokenize a text byte by byte, past the stop strings of five hundred speakers."""
    pieces = text[: len(text) // 4].encode("utf-8", "replace")
    detokenizer = Detokenizer(lambda token: pieces[token : token + 1], tuple(PEOPLE))
    return "".join(map(detokenizer.push, range(len(pieces)))) + detokenizer.flush()


CALLS: dict[str, Call] = {
    "bot.text.splitting.split_message": lambda text: splitting.split_message(text[::2], 20),
    "bot.text.splitting.split_burst": splitting.split_burst,
    "bot.text.markdown.FormatSpans": FormatSpans,
    "bot.text.links.choose_link": lambda text: choose_link(text, text),
    "bot.text.formatted_text.nested_spans": lambda text: nested_spans(text, spans_over(text)),
    "bot.text.formatted_splitting.split_formatted": lambda text: split_formatted(
        FormattedText(text, nested_spans(text, spans_over(text))), 40, telegram_length
    ),
    "bot.text.markdown_text.parse_markdown of a growing text": lambda text: parse_markdown(
        text, is_growing=True
    ),
    "bot.text.discord_markdown.format_for_discord of a growing text": lambda text: format_for_discord(
        text, is_growing=True
    ),
    "bot.platforms.telegram.entities.entity_text": lambda text: (
        entity_text(FormattedText(text, nested_spans(text, spans_over(text)))).entities
    ),
    "bot.text.tidy.tidy": lambda text: tidy(text, "Mara"),
    "bot.text.cut_text.cut_text": lambda text: cut_text(text, 100),
    "bot.text.growing.newest_text": lambda text: newest_text(text, 80),
    "bot.text.line_labels.line_at": lambda text: line_at(text, 0),
    "bot.text.list_lines.ListLines.take": lambda text: ListLines().take(
        text, is_labelled=False, is_item=False
    ),
    "bot.text.quote_lines.QuoteLines.read": lambda text: QuoteLines(LINES).read(text, 0, whole=True),
    "bot.text.quote_lines.PromptLines.have": lambda text: LINES.have(text, 0, whole=True),
    "bot.text.own_words.OwnWords.read": lambda text: OwnWords(["Mara"], LABELS).read(text, whole=True),
    "bot.text.line_labels.read_label": lambda text: read_label(text, 0, NameIndex(LABELS), whole=True),
    "bot.text.redaction.Redactor.__call__": Redactor(["0123456789abcdefghijklmnop"]),
    "bot.persona.macros.expand_macros": lambda text: expand_macros(text, MacroContext("Mara", "Ana")),
    "bot.persona.macros.expand_macros of card texts": lambda text: expand_macros(
        text.replace("a", "{{random::{{user}}::").replace(" ", "}}"),
        MARA.card.scene("Ana", str(next(SEEDS)), 0.0),
    ),
    "bot.persona.lorebook_reader.read_lorebook": lambda text: read_lorebook(
        {"entries": [{"content": f"@@{text}", "keys": text, "use_regex": True}] * 3}
    ),
    "bot.persona.card_file.decode_card": lambda text: decode_card(text.encode("utf-8", "replace")),
    "bot.prompt.example_dialogue": lambda text: [
        *dialogue_turns(text, MARA, MARA.card.scene("Ana")),
        *dialogue_turns(text.replace(" ", "\nAna: "), MARA, MARA.card.scene("Ana")),
    ],
    "bot.text.whole_words.has_word": lambda text: has_word(text, "a"),
    "bot.message.check_text": lambda text: check_text(text, 10**9),
    "bot.prompt.role_markers of plain": broken_turn("plain"),
    "bot.prompt.role_markers of cutegpt": broken_turn("cutegpt"),
    "bot.chat.commands.arguments.split_words": split_words,
    "bot.platforms.telegram.typed_command.find_typed_command": lambda text: find_typed_command(
        f"/persona {text}", "lamp_bot", is_private=True
    ),
    "bot.chat.commands.call.CommandCall.option": lambda text: CommandCall.option(
        SimpleNamespace(options={"name": text}),  # type: ignore[arg-type]
        "name",
    ),
    "bot.chat.text_steps.apply_text_steps": lambda text: text_steps.apply_text_steps(text, MARA, whole=False),
    "bot.chat.public_errors.public_text": lambda text: public_errors.public_text(text, ("model",)),
    "bot.chat.triggers.decide_reply": lambda text: decide_reply(
        said(text), {"mara": MARA, "ozzo": OZZO}, TriggerContext("mara")
    ),
    "bot.chat.triggers.is_called": lambda text: is_called(text, MARA),
    "bot.platforms.discord.command_menu.format_answer": lambda text: format_answer(text * 30),
    "bot.platforms.discord.translate.address_of": lambda text: discord.address_of(
        in_channel(text), ME, lambda message: False
    ),
    "bot.platforms.discord.translate.message_text": lambda text: discord.message_text(
        discord_message(text), RECIPIENT
    ),
    "bot.platforms.discord.translate.spoken_text": lambda text: discord.spoken_text(
        discord_message(text), RECIPIENT, {1: text}
    ),
    "bot.platforms.discord.extras.extra_words": lambda text: [*extra_words(discord_message(text * 30), {})],
    "bot.platforms.discord.quotations.quotations_of": lambda text: [
        *quotations_of(answering(text), RECIPIENT, bool)
    ],
    "bot.platforms.telegram.content.content_words": lambda text: [
        content_words(each) for each in telegram_contents(text)
    ],
    "bot.text.one_line.one_line": lambda text: one_line(text, 10**6),
    "bot.platforms.discord.translate.strip_mentions": lambda text: discord.strip_mentions(
        text, ("<@1>", "<@!1>", "a", "\n")
    ),
    "bot.platforms.telegram.translate.parse_update": lambda text: parse_update(telegram_update(text), BOT),
    "bot.platforms.terminal.typed.typed_message": lambda text: typed_message(text, PLACE, Author("1", "Ana")),
    "bot.platforms.terminal.screen.WordWrap.feed": lambda text: WordWrap(80).feed(text),
    "bot.engine.core.stop_strings.StopStrings.first_start": lambda text: StopStrings((*PEOPLE,)).first_start(
        text[::3].replace("a", PEOPLE[-1][:-1])
    ),
    "bot.engine.core.stop_strings.StopStrings.possible_length": lambda text: StopStrings(
        (*PEOPLE,)
    ).possible_length(text + PEOPLE[-1][:-1]),
    "bot.engine.core.detokenizer.Detokenizer": streamed,
    "training.importers.reading.normalise.discord_text": lambda text: normalise.discord_text(
        text, {"1": "Ana"}
    ),
    "training.importers.reading.normalise.unix_seconds": normalise.unix_seconds,
    "training.importers.reading.normalise.derived_id": normalise.derived_id,
    "training.importers.reading.decoding.decode_json": lambda text: decode_json(
        msgspec.json.Decoder(), text.encode("utf-8", "replace")
    ),
    "training.importers.reading.message_bounds.bound_message": lambda text: bound_message(
        exported(text * 3), ImportLog()
    ),
    "training.importers.chats.telegram.text.labelled_text": lambda text: labelled_text(
        [part for sign in text[::4] for part in (sign, TelegramEntity("mention", sign))]
    ),
    "training.importers.chats.twitter.archive_index.ArchiveIndex.find_note": lambda text: (
        ArchiveIndex().find_note(0.0, text)
    ),
    "training.importers.chats.twitter.links.write_out_links": lambda text: write_out_links(
        text, {"http://a.bc/": "http://example.org/"}
    ),
    "bot.chat.delivery.bound_reply": lambda text: bound_reply(text, PLACE),
    "training.scrub.forgotten.hash_name": lambda text: hash_name(b"key", text),
    "training.scrub.forgotten.ForgottenNames.find_forms": FORGOTTEN.find_forms,
    "training.scrub.roster.word_forms_of": lambda text: list(word_forms_of(text, "1")),
    "training.scrub.roster.cjk_forms_of": lambda text: list(cjk_forms_of(text, "1")),
    "training.scrub.cjk_names.is_cjk_name": lambda text: is_cjk_name(text, 0, 2, False),
    "training.scrub.position.is_english_name": lambda text: is_english_name(text, 0, 2, ()),
    "training.scrub.scrubber.Scrubber.find_leftovers": SUBJECT.find_leftovers,
    "training.scrub.people.NameFinder.find_names": SUBJECT._finder.find_names,
    "training.scrub.people.NameFinder.find_handles": SUBJECT._finder.find_handles,
    "training.scrub.people.NameFinder.find_doubtful_names": SUBJECT._finder.find_doubtful_names,
}
