"""Private details leave a text before it becomes training data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.message import Author
from tests.training.scrub.people import ALICE_NAME, SUBJECT
from training.scrub.detectors.span import PRIVATE_KINDS, SpanLabel
from training.scrub.scrubber import Scrubber

PIECES = [
    "Alice", "alice_ng", "@alice_ng", "王小明", "小明", "老王", "@王小明", "Will", "will", "Ben",
    "@someone", "u/alice_ng", "+1 202 555 0143", "202-555-0143", "call", "13800138000", "电话",
    "a@example.com", "a at example dot com", "https://example.com/a", "example.com", "example.org",
    "192.0.2.4", "2001:db8::1", "00:00:5e:00:53:01", "4242 4242 4242 4242",
    "DE89 3704 0044 0532 0130 00", "987-65-4321", "11010519491231002X", "password:", "hunter2",
    "密码是", "abc12345", "12 Example Street", "London", "SW1A 1AA", "北京市朝阳区示例路88号",
    "Musterweg 7", "2024-03-15", "[phone]", "[link]", "[…]", "[", "]", "(", "@", ":", ".", ",", "，",
    "'s", "\u200b", "１２３", "é", "e\u0301", "\n", " ", "-", "1", "22", "333", "4444", "May", "is",
    "🙂", "\ud800", "Projekt Falke", "key", "code", "Street", "路", "号",
]  # fmt: skip


texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=10).map(" ".join),
)


@given(texts)
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    once = SUBJECT.scrub(text).text
    assert SUBJECT.scrub(once).text == once


@given(texts)
def test_replacements_rebuild_the_scrubbed_text(text: str) -> None:
    scrubbed = SUBJECT.scrub(text)
    parts, last = [], 0
    for found in scrubbed.found:
        assert last <= found.start < found.end <= len(text)
        assert found.original == text[found.start : found.end]
        assert found.kind in PRIVATE_KINDS
        parts += [text[last : found.start], found.placeholder]
        last = found.end
    assert "".join([*parts, text[last:]]) == scrubbed.text


@given(texts)
def test_no_placeholder_holds_what_it_replaces(text: str) -> None:
    for found in SUBJECT.scrub(text).found:
        assert found.original.casefold() not in found.placeholder.casefold()


@given(texts, st.data())
def test_a_labelled_place_is_always_emptied(text: str, data: st.DataObject) -> None:
    places = [place for place in range(len(text)) if text[place].isalnum()]
    if not places:
        return
    start = data.draw(st.sampled_from(places))
    end = data.draw(st.integers(start + 1, len(text)))
    kind = data.draw(st.sampled_from(["phone", "email", "bank_card"]))
    gone = {
        place
        for found in SUBJECT.scrub(text, [SpanLabel(start, end, kind)]).found
        for place in range(found.start, found.end)
    }
    assert set(range(start, end)) <= gone


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my number is +1 202 555 0143 ok", "my number is [phone] ok"),
        ("我的号码是１３８００１３８０００，打给我", "我的号码是[phone]，打给我"),
        ("mail a\u200bb@example.com!", "mail [email]!"),
        ("(https://example.com/a_(b)), see", "([link]), see"),
        ("ssh root@192.0.2.4", "ssh root@[ip]"),
        ("card 4242 4242 4242 4242 exp 04/29", "card [card number] exp 04/29"),
        ("IBAN de89 3704 0044 0532 0130 00 bitte", "IBAN [bank account] bitte"),
        ("ssn 987-65-4321", "ssn [id number]"),
        ("the wifi password is Sunflower!42, enjoy", "the wifi password is [secret], enjoy"),
        ("I live at 12 Example Street, London", "I live at [address]"),
        ("Phone:202-555-0143,thx", "Phone:[phone],thx"),
        ("手机:13800138000", "手机:[phone]"),
        ("加我QQ12345678或者微信号：xm_2020", "加我QQ@someone或者微信号：@someone"),
        ("my discord is frosty#1234", "my discord is @someone"),
        ("discord: bencarter_1, ig: alice_ng", f"discord: @someone, ig: @{ALICE_NAME}"),
        ("İstanbul password: hunter2", "İstanbul password: [secret]"),
        ("call 202-555-0143 or 202-555-0144", "call [phone] or [phone]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY----- oops", "[secret] oops"),
        ("thanks @nobody_known", "thanks @someone"),
        ("@everyone look", "@everyone look"),
        ("tell bob about Projekt Falke", "tell bob about […]"),
        ("", ""),
    ],
)
def test_a_detail_becomes_its_placeholder(text: str, expected: str) -> None:
    assert SUBJECT.scrub(text).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "see you on 2024-03-15 at 14:30", "we won 102-98", "it costs 1,299,000",
        "version 10.0.19041.1 and v2.3.4.5", "order 4471020983 is late", "身高180体重75", "2019-2023",
        "May I? Will it rain? I will.", "ISBN 978-3-16-148410-0", "flight UA1234", "127.0.0.1",
        "std::vector<int>", "node.js", "password is wrong", "Ben Carter and @bencarter",
        "go to example.org now", "the bill said 40", "你知道3号去哪吗",
        "my discord is down", "telegram: great app", "王者荣耀 明天下雪", "3-2-1 go",
    ],
)  # fmt: skip
def test_a_text_that_only_looks_like_a_detail_stays(text: str) -> None:
    assert SUBJECT.scrub(text).text == text


def test_offsets_count_the_original_text() -> None:
    found = SUBJECT.scrub("ｍａｉｌ ａ\u200b＠example.com 🙂 e\u0301 王小明").found
    assert [(one.kind, one.original) for one in found] == [
        ("email", "ａ\u200b＠example.com"),
        ("name", "王小明"),
    ]


def test_private_words_are_not_in_the_repr() -> None:
    assert "0143" not in repr(SUBJECT.scrub("202-555-0143").found)


def test_an_exporters_label_is_replaced_although_no_rule_finds_it() -> None:
    text = "ring 12 34, Zoe or Alice or Ben"
    labels = [
        SpanLabel(5, 10, "phone"),
        SpanLabel(12, 15, "mention_name", "99"),
        SpanLabel(19, 24, "mention_name", "1"),
        SpanLabel(28, 31, "mention_name", "me"),
        SpanLabel(0, 4, "bold"),
    ]
    name = SUBJECT.shown_author(Author("1", "Alice")).name
    assert SUBJECT.scrub(text, labels).text == f"ring [phone], someone or {name} or Ben"


def test_a_label_outside_of_its_text_is_refused() -> None:
    with pytest.raises(UserError, match="covers 2 to 9 of a text of 5"):
        SUBJECT.scrub("hello", [SpanLabel(2, 9, "phone")])


def test_a_word_cannot_be_both_removed_and_kept() -> None:
    with pytest.raises(UserError, match="take it from one of the two lists"):
        Scrubber(b"key", words=["Falke"], keep=["falke"])


def test_a_word_of_punctuation_is_refused() -> None:
    with pytest.raises(UserError, match="needs at least one letter or digit"):
        Scrubber(b"key", words=["..."])
