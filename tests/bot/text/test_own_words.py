"""Lines of other speakers are no words of the persona; a stranger's name cuts nobody's text."""

import pytest

from bot.text.own_words import OwnWords
from bot.text.person_names import is_unmistakable
from bot.text.tidy import tidy

PEOPLE = ("Ann", "Ann (2)", "Bo", "kraken", "小明", "Jörg Kramer")
WORDS = (
    *(
        "https",
        "http",
        "mailto",
        "Note",
        "NOTE",
        "note",
        "1",
        "42",
        "Summary",
        "A",
        "Q",
        "Example",
        "PS",
        "P.S.",
        "def",
    ),
    *(
        "Ingredients",
        "Hinweis",
        "Zutaten",
        "TODO",
        "Step 1",
        "Key points",
        "Warning",
        "Tip",
        "Answer",
        "Weather",
    ),
    *(
        "Boots",
        "Materials",
        "user_id",
        "Question?",
        "Remarque",
        "Nota",
        "注意",
        "总结",
        "例",
        "Вывод",
        "Примеры",
        "🌙",
        "Bedroom",
        "Linux",
        "Dessert",
        "Day 1",
        "Fun fact",
        "Zwiebeln",
        "Étape 2",
        "उदाहरण",
        "ตัวอย่าง",
        "...",
    ),
    *(
        "Например",
        "Завтрак",
        "Обед",
        "Возраст",
        "Edad",
        "Bug",
        "Latin",
        "Waiter",
        "Haha",
        "Protip",
        "New York",
    ),
    *("Beruf", "Übersetzung", "Astuce", "注意事项", "GitHub", "HP", "OOC", "GM", "IC", "EU", "UK"),
)


def own(text: str, *others: str) -> str:
    return tidy(text, "Mara", others=others or PEOPLE, whole=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ann: yes, please.\nMara: Here you are.", "Here you are."),
        ("Ann: yes, please.", ""),
        ("Ann:yes, please.", ""),
        ("ann: yes, please.\nBo: and me\n**Mara:** Here.", "Here."),
        ("**Ann:** yes, please.\n\n**Mara:** Here.\n\n**Ann:** Thanks!", "Here."),
        ("[Ann]: yes, please.\n[Mara]: Here.", "Here."),
        ("<Ann> yes, please.\n<Mara> Here.", "Here."),
        ("Ann (laughing): yes.\nand more.\nMara: Here.\nMara: So.", "Here.\nSo."),
        ("Ann (2): yes.\nMara: Here.", "Here."),
        ("小明：好。\nMara: 给你。", "给你。"),
        ("Ann:\nyes.\nMara:\nHere.", "Here."),
        ("Ann: Mara: tea?", ""),
        ("```\nx\n```\nAnn: yes", "```\nx\n```"),
        ("Ann is here.", "Ann is here."),
        ("Ann, yes: here.", "Ann, yes: here."),
        ("Anna: yes", "Anna: yes"),
        ("Mara: Ann: tea is ready.", "Ann: tea is ready."),
    ],
)
def test_lines_of_others_before_the_first_own_one_are_left_out(text: str, words: str) -> None:
    """SillyTavern/SillyTavern#2816; LostRuins/koboldcpp#101; agnaistic/agnai#288."""
    assert own(text) == words


@pytest.mark.parametrize(
    "label", ["Ann:", "**Ann:**", "[Ann]:", "<Ann>", "ann:", "Ann (2):", "kraken:", "Jörg Kramer:"]
)
def test_a_later_line_of_another_speaker_ends_the_text(label: str) -> None:
    assert own(f"Here you are.\n{label} thanks!\nMara: Aye.\n{label} more") == "Here you are."
    assert own(f"Here you are.\n\n{label} thanks!") == "Here you are."


@pytest.mark.parametrize("name", WORDS)
def test_an_ordinary_word_as_a_nickname_cuts_no_text(name: str) -> None:
    """SillyTavern/SillyTavern#3302 and #2536."""
    assert not is_unmistakable(name)
    for text in (
        f"Here are links:\n{name}://a.example\n{name}://b.example",
        f"Bring a lamp.\n{name}: bring boots\nAnd a rope.",
        f"{name}: bring boots\n{name}: and a rope",
        f"Bring a lamp.\n**{name}:** bring boots",
        f"Bring a lamp.\n\n{name}:\n- boots\n- a rope",
        f"Bring a lamp.\n{name}:boots",
        f"```\n{name}: x\n```\n{name}",
    ):
        assert own(text, name) == own(text, name, "Ann") == text
        assert own(f"Mara: {text}", name) == text


@pytest.mark.parametrize("name", ["Note", "A", "1", "Summary", "Weather"])
def test_an_ordinary_word_is_a_speaker_in_a_script(name: str) -> None:
    assert own(f"{name}: yes, please.\nMara: Here you are.", name) == "Here you are."
    assert own(f"Tea?\n{name}: yes, please.\nMara: Here you are.", name) == "Tea?"


@pytest.mark.parametrize(
    "name",
    ["Ann", "Bo", "Mara (2)", "Ben", "Zoë", "Олег", "फातिमा", "小明", "kraken", "Ann Note", "xXdarkXx"],
)
def test_names_of_people_are_unmistakable(name: str) -> None:
    assert is_unmistakable(name)


@pytest.mark.parametrize(
    "text",
    [
        "Who brings what:\nAnn: bread\nBo: wine\nMara: cheese",
        "Here is who brings what:\n\n**Ann:** bread\n**Bo:** wine",
        "- Ann: bread\n- Bo: wine",
        "1. Ann: bread\n2. Bo: wine",
        "Friday: bread\nAnn: wine",
        "> Ann: tea?\nAye.",
        "```\nAnn: bread\n```",
    ],
)
def test_people_in_a_list_cut_no_text(text: str) -> None:
    assert own(text) == text


def test_a_stranger_whose_name_is_the_speakers_in_another_dress_cuts_no_text() -> None:
    for dressed in ("**Mara**", "<Mara>", "Mara (smiling)", "[Mara]"):
        assert own(f"{dressed}: hi\n{dressed}: you", f"{dressed} (2)") == "hi\nyou"
        assert own(f"Hi.\n{dressed} (2): you", f"{dressed} (2)") == "Hi."


def test_a_reader_tells_whether_another_speaker_ended_the_text_or_began_it() -> None:
    ended, began = OwnWords(["Mara"], ["Ann"]), OwnWords(["Mara"], ["Ann"])
    ended.read("Aye.\nAnn: yes", whole=True)
    began.read("Ann: yes", whole=True)
    assert (ended.ended, ended.dropped) == (True, True)
    assert (began.ended, began.dropped) == (False, True)


LINES = ("Note: bring boots", "https: two", "A: 1")


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Aye.\nNote: bring boots", "Aye."),
        ("Aye.\nNote: bring boots and more", "Aye.\nNote: bring boots and more"),
        ("A: 1\nMara: One.", "One."),
        ("A: 1", ""),
        ("Aye.\nA:", "Aye."),
        ("[In reply to Ann: tea?]\nAye.", "Aye."),
        ("[In reply to Ann: tea?]\n[Forwarded from Bo: x\n  y]\nAye.", "Aye."),
        ("[Forwarded: x]\nMara: Aye.", "Aye."),
        ("Aye.\n[In reply to Ann: tea?]\nNo.", "Aye."),
        ("[In reply to Ann: tea?]", ""),
        ("[In reply to Ann: tea?] Yes, with milk.", "Yes, with milk."),
        ("[In reply to Ann: tea?] Mara: Yes.", "Yes."),
        ("[In reply to Ann: [x] tea?] Yes [smiles]", "Yes [smiles]"),
        ("[In reply to Ann: oh :] tea?]\nYes.", "Yes."),
        ("[In reply to Ann: tea?]\n\n  Yes.", "Yes."),
        ("[Forwarded from Bo: x\n  y] Yes.", "Yes."),
        ("[Forwarded from Bo: x]\n  Yes.", "Yes."),
        ('"Ann: tea?" is what you wrote. Yes.', '"Ann: tea?" is what you wrote. Yes.'),
        ('"Ann: tea?"\nMara: Yes.', "Yes."),
        ("[In the harbour]\nAye.", "[In the harbour]\nAye."),
        ("[Forward march]", "[Forward march]"),
        ("```\n[In reply to Ann: tea?]\n```", "```\n[In reply to Ann: tea?]\n```"),
    ],
)
def test_a_line_that_the_prompt_has_just_so_is_no_own_word(text: str, own: str) -> None:
    assert OwnWords(("Mara",), ("Note", "https", "A", "Ann"), LINES).read(text, whole=True) == own
    growing = OwnWords(("Mara",), ("Note", "https", "A", "Ann"), LINES)
    for end in range(len(text)):
        shown = growing.read(text[:end], whole=False)
        assert own.startswith(shown.rstrip()), text[:end]
