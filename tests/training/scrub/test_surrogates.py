"""People are found under every form of their names and get one invented name each."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from bot.message import Author
from tests.training.scrub.people import ALICE, BEN, MING, SUBJECT, WILL
from training.scrub.detectors.span import KnownPerson
from training.scrub.roster import list_people
from training.scrub.scrubber import Scrubber


@given(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
        lambda name: any(map(str.isalpha, name))
    )
)
def test_any_display_name_can_be_listed(name: str) -> None:
    subject = Scrubber(b"key", others=[KnownPerson("1", (name,))])
    once = subject.scrub(f"hi {name}!").text
    assert subject.scrub(once).text == once


def test_a_person_has_one_surrogate_in_every_form() -> None:
    name = SUBJECT.shown_author(Author("1", "Alice Nguyen")).name
    said = "Alice | Alice Nguyen | Nguyen's | alice_ng | @alice_ng | <@1> | ALICE | alice | Alicee"
    assert SUBJECT.scrub(said).text == (
        f"{name} | {name} | {name}'s | {name.lower()} | @{name} | <@1> | {name.upper()} | {name.lower()} | "
        f"{name}"
    )


def test_a_raw_mention_becomes_the_person() -> None:
    subject = Scrubber(b"key", others=[KnownPerson("123456789012345678", ("Alice",))])
    name = subject.shown_author(Author("123456789012345678", "Alice")).name
    assert subject.scrub("<@!123456789012345678> <@999999999999999999>").text == f"@{name} @someone"


def test_chinese_text_gets_the_same_name_in_chinese_characters() -> None:
    name = SUBJECT.shown_author(Author("2", "王小明")).name
    assert (
        SUBJECT.scrub("王小明、小明、老王、王老师，@王小明").text
        == f"{name}、{name}、{name}、{name}老师，@{name}"
    )
    assert all("\u4e00" <= character <= "\u9fff" for character in name)


def test_invented_names_depend_on_nothing_but_key_and_id() -> None:
    def name(key: bytes, *others: KnownPerson) -> str:
        return Scrubber(key, others=others).shown_author(Author("1", "Alice")).name

    assert name(b"a", ALICE) == name(b"a", WILL, ALICE, MING)
    assert name(b"a", ALICE) != name(b"b", ALICE)


def test_no_two_people_share_an_invented_name() -> None:
    crowd = [KnownPerson(str(number), (f"Person{number}",)) for number in range(3000)]
    subject = Scrubber(b"key", others=crowd)
    assert len({subject.shown_author(Author(one.id, one.names[0])).name for one in crowd}) == 3000


def test_names_of_every_syllable_leave_surrogates_to_draw() -> None:
    crowd = [
        KnownPerson(str(number), (f"{first}{second}",))
        for number, (first, second) in enumerate(product("丽莉娜玛美佳", "莎薇塔诺蒂巴"))
    ]
    subject = Scrubber(b"key", others=crowd)
    names = {subject.shown_author(Author(one.id, one.names[0])).name for one in crowd}
    assert len(names) == 36
    assert not [name for name in names for one in crowd if one.names[0] in name]


def test_people_are_listed_by_number_of_messages_with_all_their_names() -> None:
    authors = [Author("1", "A"), Author("2", "B"), Author("2", "Bee"), Author("2", "B")]
    assert list_people(authors) == (KnownPerson("2", ("B", "Bee")), KnownPerson("1", ("A",)))


def test_people_without_an_id_are_removed_too() -> None:
    assert "Zoe" not in Scrubber(b"key", others=[KnownPerson("", ("Zoe",))]).scrub("Zoe!").text


def test_a_consenting_person_keeps_a_name_that_another_shares() -> None:
    subject = Scrubber(b"key", consent=[BEN], others=[KnownPerson("7", ("Ben Doe",))])
    doe = subject.shown_author(Author("7", "Ben Doe")).name
    assert subject.scrub("Ben, Ben Carter, Ben Doe, Doe").text == f"Ben, Ben Carter, {doe}, {doe}"
    assert subject.shown_author(Author("me", "Ben Carter")).name == "Ben Carter"


def test_a_stranger_has_no_name() -> None:
    assert SUBJECT.shown_author(Author("99", "Zoe")) == Author("99", "Someone")
