"""The decision whether a message calls for a reply, by which rule, and by which persona."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.triggers import ReplyDecision, TriggerContext, decide_reply, is_called
from bot.message import Address, Author, Message, Place
from bot.persona.card import Card
from bot.persona.persona import Persona
from bot.text.folding import fold

CAST = {
    "mara": Persona("mara", Card(name="Mara Quill", nickname="Mara"), names=("keeper",)),
    "ozzo": Persona("ozzo", Card(name="Ozzo")),
    "xiaoman": Persona("xiaoman", Card(name="林小满", nickname="小满")),
}


def said(text: str, address: Address = "", *, bot: bool = False, persona: str | None = None) -> Message:
    author = Author("u1", "Ann", is_bot=bot)
    return Message(Place("test", "bot", "chat"), "1", author, text, 0.0, address, persona=persona)


@pytest.mark.parametrize(
    ("message", "listens", "decision"),
    [
        (said("hello", "direct"), False, ReplyDecision(True, "direct chat", "mara")),
        (said("Ozzo?", "direct"), False, ReplyDecision(True, "direct chat", "mara")),
        (said("hello", "mention"), False, ReplyDecision(True, "mentioned", "mara")),
        (said("Ozzo!", "mention"), False, ReplyDecision(True, "mentioned", "ozzo")),
        (said("hello", "reply"), False, ReplyDecision(True, "a reply to it", "mara")),
        (said("and Ozzo?", "reply"), False, ReplyDecision(True, "a reply to it", "ozzo")),
        (said("hi Mara"), False, ReplyDecision(True, "called by name", "mara")),
        (said("hi Ozzo"), False, ReplyDecision(True, "called by name", "ozzo")),
        (said("Ozzo and Mara"), False, ReplyDecision(True, "called by name", "mara")),
        (said("小满 and Ozzo"), False, ReplyDecision(True, "called by name", "ozzo")),
        (said("hello"), False, ReplyDecision(False, "not addressed", "mara")),
        (said("hello"), True, ReplyDecision(True, "listens here", "mara")),
        (said("hi Ozzo"), True, ReplyDecision(True, "called by name", "ozzo")),
        (said("hello", "direct", bot=True), True, ReplyDecision(False, "bots are not answered", "mara")),
        (said("Mara!", "mention", bot=True), True, ReplyDecision(False, "bots are not answered", "mara")),
        (said("I am Mara", persona="ozzo"), True, ReplyDecision(False, "bots are not answered", "mara")),
        (
            said("I am Mara", "reply", persona="mara"),
            True,
            ReplyDecision(False, "bots are not answered", "mara"),
        ),
    ],
)
def test_the_first_rule_that_applies_decides(
    message: Message, listens: bool, decision: ReplyDecision
) -> None:
    assert decide_reply(message, CAST, TriggerContext("mara", listens=listens)) == decision


@pytest.mark.parametrize(
    ("text", "name", "called"),
    [
        ("Mara", "Mara", True),
        ("MARA!", "Mara", True),
        ("hey mara, up?", "Mara", True),
        ("Mara's lamp", "Mara", True),
        ("@Mara", "Mara", True),
        ("_Mara_ *Mara*", "Mara", True),
        ("Ｍａｒａ", "Mara", True),
        ("Marathon", "Mara", False),
        ("Samara", "Mara", False),
        ("Mara2", "Mara", False),
        ("mar a", "Mara", False),
        ("你好Mara", "Mara", True),
        ("Mara在吗", "Mara", True),
        ("Maraさん", "Mara", True),
        ("Mara야", "Mara", True),
        ("สวัสดีMaraครับ", "Mara", True),
        ("玛拉你好", "玛拉", True),
        ("你好，玛拉！", "玛拉", True),
        ("hey玛拉hey", "玛拉", True),
        ("玛", "玛拉", False),
        ("たなかさん", "たなか", True),
        ("마라야 안녕", "마라", True),
        ("Мара, привет", "Мара", True),
        ("Марафон", "Мара", False),
        ("José!", "José", True),
        ("Jose\u0301!", "José", True),
        ("josémaria", "José", False),
        ("STRASSE", "Straße", True),
        ("Mara Quill", "Mara Quill", True),
        ("Mara Quills", "Mara Quill", False),
        ("C-3PO?", "C-3PO", True),
        ("Dr. X! hello", "Dr. X!", True),
        ("a.b", "a+b", False),
        ("aab", "a+b", False),
        ("(x", "(x", True),
    ],
)
def test_a_name_counts_as_a_whole_word_where_its_script_has_words(text: str, name: str, called: bool) -> None:
    assert is_called(fold(text), Persona("p", Card(name=name))) is called


@pytest.mark.parametrize("text", ["Mara", "mara quill", "the keeper"])
def test_a_persona_answers_to_nickname_name_and_further_names(text: str) -> None:
    assert is_called(fold(text), CAST["mara"])


def test_a_key_alone_is_no_name() -> None:
    assert not is_called("xiaoman", CAST["xiaoman"])


UNSPOKEN = [
    *(":mara:", "hi:mara:", ":Mara_wave: hello", "<:mara:123>", "<a:mara:1>", ":smile::mara:"),
    *(
        "https://mara.example/mara",
        "see https://x.example/Mara ok",
        "www.mara.example",
        "mara.com/x",
        "mara.py",
    ),
    *(
        "[Bo](https://x.example/mara)",
        "[Mara](https://x.example)",
        "[Mara](<https://x.example>)",
        "ftp://mara",
        "tg://resolve?domain=mara",
    ),
    *("`mara`", "``mara``", "```\nmara = 1\n```", "```py\nmara"),
    *("mara@x.example", "x@mara.example", "@mara_fan", "@mara.lou", "@lou-mara", "git@mara.example:x"),
    *("/home/mara/x", "~/mara", "./mara", "/mara", "C:\\Users\\mara", "src/mara/x.py", "u/mara", "#mara"),
    *(
        "> Mara said so",
        "well\n> mara\nwell",
        ">> mara",
        ">>> a\nmara",
    ),
    *("Mara-Lou", "Anna-Mara", "mara_fan", "my_mara"),
    *(
        "see a.example\n[link: Mara (goddess) – A river]",
        "[link: The [Official] Mara]",
        "[GIF: Mara wave]",
        "[sticker: Mara]",
        "[file: Mara notes.pdf]\n[picture: x – a cat, Mara]",
        "[audio: Mara – Tides] hear this",
        "[contact: Mara]",
        "[place: Mara, 3 Sea Road]",
        "[poll: Mara? | Aye | No]",
    ),
]
SPOKEN = [
    *(
        "Mara's",
        "Mara!",
        "@Mara",
        "@Mara.",
        "@Mara_",
        "_Mara_",
        "**Mara**",
        "~~Mara~~",
        "(Mara)",
        '"Mara"',
        "Mara...",
    ),
    *(
        "你好Mara",
        "你好：Mara：在吗",
        "看https://a.example/x，Mara在吗",
        "Mara-chan",
        "Mara-san!",
        "Mara--are you there?",
    ),
    *("Mara/Ozzo", ">_> Mara", ">Mara", "`x` Mara", "Mara: `x`", "> a quote\nMara?", "```\nx\n```\nMara?"),
    *(
        "[picture: x] Mara?",
        "[picture] Mara [please]",
        "Mara?\n[link: Tides]",
        "[file] it's for Mara",
        "[Mara]",
    ),
    *("12:30 Mara", "Mara: hi :smile:", ":smile: Mara", "Mara :)", "hey:Mara", "https://a.example Mara?"),
    *("me@x.example, Mara", "a#1 Mara", "Mara.Come here", "1/2 Mara"),
]


@pytest.mark.parametrize("text", UNSPOKEN)
def test_emoji_links_code_addresses_and_quotes_call_nobody(text: str) -> None:
    decision = decide_reply(said(text), CAST, TriggerContext("ozzo"))
    assert decision == ReplyDecision(False, "not addressed", "ozzo")


@pytest.mark.parametrize("text", SPOKEN)
def test_a_name_beside_them_calls(text: str) -> None:
    decision = decide_reply(said(text), CAST, TriggerContext("ozzo"))
    assert (decision.rule, decision.persona) in [("called by name", "mara"), ("called by name", "ozzo")]
    assert is_called(fold(text), CAST["mara"]) or "：" in text or "，" in text


def test_a_name_calls_in_the_spoken_words_alone() -> None:
    for spoken, rule in (
        ("see there", "not addressed"),
        ("", "not addressed"),
        ("hi Ozzo", "called by name"),
    ):
        message = replace(said("hi Ozzo, see Mara there"), spoken=spoken)
        assert decide_reply(message, CAST, TriggerContext("mara")).rule == rule


def test_a_mention_with_a_name_in_a_link_is_answered_by_the_resident() -> None:
    decision = decide_reply(said("https://x.example/ozzo", "mention"), CAST, TriggerContext("mara"))
    assert decision == ReplyDecision(True, "mentioned", "mara")


@pytest.mark.parametrize("name", ["C-3PO", "dark_mara", "Mara.ai", "#1", "Jean-Luc", ":)", "Dr. X!"])
def test_a_persona_whose_name_looks_like_one_of_these_is_called_by_it(name: str) -> None:
    assert is_called(fold(f"hey {name}, up?"), Persona("p", Card(name=name)))


NAMES = st.text(min_size=1, max_size=10).filter(lambda name: name.replace("\0", "").strip())


@settings(deadline=None)
@given(NAMES, st.text(" .,!?，。", max_size=3))
def test_every_name_that_stands_alone_calls_its_persona(name: str, around: str) -> None:
    card = Card(name=name)
    assert is_called(fold(around + card.name + around), Persona("p", card))
