"""Strangers' text costs the trainer linear time and bounded memory.

Each function runs on long texts, in a process that ends at many times what a linear pass takes.
"""

import io
from collections.abc import Callable
from functools import partial

import pytest

from tests.fixtures.cpu_limit import ends_within, peak_bytes
from tests.training.scrub.people import SUBJECT
from training.dataset.duplicates import minhash, normal_form
from training.importers.chats import discord_exporter, qq, weibo
from training.importers.chats.slack import messages as slack
from training.importers.chats.twitter.archive_index import without_cut
from training.importers.chats.twitter.links import write_out_links
from training.importers.reading.sniff import sniff_head
from training.importers.reading.source import HEAD, Source
from training.metrics.diversity import split_words
from training.scrub.normalise import match_key

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
]
LONG = 200_000  # characters
LIMIT = 20  # seconds of computing; a linear pass takes less than two
MARKS = "a" + "\u0315\u0300\u0316\u0301" * (LONG // 4)


def sniff(text: str) -> None:
    head = sniff_head(Source("x", "", len(text), lambda: io.BytesIO(text.encode())))
    assert head.is_html in (True, False)
    qq.recognises(head)


def repeat(unit: str, size: int = LONG) -> str:
    return unit * (size // len(unit))


CASES: dict[str, tuple[Callable[[str], object], str]] = {
    "a cut tweet of blanks": (without_cut, "x" + " " * LONG + "!"),
    "a cut tweet of links": (without_cut, repeat("https://t.co/a")),
    "a cut tweet of dots": (without_cut, repeat(".") + "!"),
    "a repost of blanks": (partial(weibo._QUOTED_POSTS.sub, ""), repeat(" ") + "!"),
    "a repost of slashes": (partial(weibo._QUOTED_POSTS.sub, ""), repeat("//  ")),
    "an author line of QQ": (qq._AUTHOR_LINE.fullmatch, "2024-01-01 1:00:00 <" + repeat("@")),
    "an author line of QQ with numbers": (
        qq._AUTHOR_LINE.fullmatch,
        "2024-01-01 1:00:00 " + repeat("(12345) "),
    ),
    "a head of author lines": (sniff, "消息对象\n" + repeat("2024-01-01 1:00:00 ", HEAD)),
    "a head of comments": (sniff, repeat("<!---->", HEAD)),
    "a head of open comments": (sniff, repeat("<!-- ", HEAD)),
    "a head of blanks": (sniff, repeat(" ", HEAD)),
    "a head of quotes": (sniff, "[" + repeat('"\\', HEAD)),
    "a head of brackets": (sniff, repeat('{"a":[', HEAD)),
    "a file name of brackets": (discord_exporter._FILE_NUMBER.findall, repeat(" [1")),
    "references of Slack": (lambda text: slack._plain_text(text, {}), repeat("<@")),
    "links of a tweet": (
        lambda text: write_out_links(text, {f"https://t.co/{'a' * n}": "b" for n in range(500)}),
        repeat("https://t.co/a "),
    ),
    "marks in a name": (match_key, MARKS),
    "marks in an answer": (normal_form, MARKS),
    "marks in a measured answer": (split_words, MARKS),
    "an answer of one letter": (normal_form, repeat("a")),
}
UNITS = (
    *(
        "A座101",
        "a座",
        "路1号",
        "一",
        "楼",
        "北京市",
        "〒100-0001",
        "12 A ",
        "1 a ",
        "Am A",
        "calle A ",
        "1 rue ",
    ),
    *(
        "a@",
        "a.",
        "@a",
        "a@a.",
        "a (at) ",
        "www.",
        "://",
        "1.",
        "::",
        "aa:",
        "1-",
        "+1 ",
        "(1",
        "1 ",
        "a1",
        "A1",
    ),
    *(
        "pass ",
        "key=",
        "token ",
        "is ",
        "api_",
        "-----BEGIN ",
        "_",
        "-",
        "/",
        "u/",
        "<@",
        "[link]",
        "Will ",
        "aa",
    ),
    *(
        "hey will ",
        "the ",
        "Alice",
        "ALICE ",
        "王",
        "小明",
        "\n",
        " ",
        "'",
        "’s ",
        "é",
        "e\u0301",
        "\u200b",
        "１",
    ),
)


@pytest.mark.parametrize("name", CASES)
def test_a_long_text_costs_linear_time(name: str) -> None:
    function, text = CASES[name]
    assert ends_within(LIMIT, lambda: function(text))


@pytest.mark.parametrize("unit", UNITS)
def test_scrubbing_a_long_text_costs_linear_time(unit: str) -> None:
    assert ends_within(LIMIT, lambda: SUBJECT.scrub(repeat(unit, 20_000)))


def test_the_keys_of_a_head_take_memory_in_proportion_to_the_head() -> None:
    numbers = ", ".join(f'"{number}": 1' for number in range(HEAD // 14))
    text = '{"' + "a" * (HEAD // 2) + '": {' + numbers
    head = sniff_head(Source("x", "", len(text), lambda: io.BytesIO(text.encode())))
    assert sum(map(len, head.keys)) < 20 * HEAD


def test_near_duplicates_take_bounded_memory_for_each_character() -> None:
    text = repeat("the harbour is full of ice ", 4_000_000)
    assert peak_bytes(400 << 20, lambda: minhash(text))


def test_links_that_lead_to_links_are_written_out_once() -> None:
    targets = {f"https://t.co/{n}": f"https://t.co/{n + 1} https://t.co/{n + 1}" for n in range(60)}
    assert write_out_links("see https://t.co/0, https://t.co/59", targets) == (
        "see https://t.co/1 https://t.co/1, https://t.co/60 https://t.co/60"
    )


def test_the_targets_of_a_tweet_make_it_longer_by_a_bounded_number_of_characters() -> None:
    text = repeat("https://t.co/a ", 60_000)
    written = write_out_links(text, {"https://t.co/a": "https://example.org/" + "x" * 2000})
    assert len(written) < len(text) + 10_000
    assert write_out_links("https://t.co/b", {"https://t.co/b": "x" * 100_000}) == "https://t.co/b"


def test_a_long_name_does_not_multiply_with_its_mentions() -> None:
    name = slack._name({"real_name": "N" * 100_000})
    text = repeat("<@U1>", 50_000)
    assert len(slack._plain_text(text, {"U1": name})) < 25 * len(text)
