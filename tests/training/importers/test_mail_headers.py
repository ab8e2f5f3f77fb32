"""Of a mail's header: who wrote it, what thread it is in, and how its bytes are decoded."""

import pytest

from tests.training.importers.test_mail import HEAD, read_text
from training.importers.texts.mail.addresses import addresses_of, author_of
from training.importers.texts.mail.headers import Headers, decode_base64, decode_body, decode_words
from training.importers.texts.mail.threads import Threads


def headers_of(*fields: str) -> Headers:
    headers = Headers()
    for field in fields:
        headers.add_line(field.encode())
    return headers


@pytest.mark.parametrize(
    ("field", "author"),
    [
        ('"ana@x.org" <spammer@evil.example>', ("spammer@evil.example", "ana@x.org")),
        ("ana@x.org <spammer@evil.example>", ("spammer@evil.example", "ana@x.org")),
        ('"<ana@x.org>" <spammer@evil.example>', ("spammer@evil.example", "<ana@x.org>")),
        ('"A \\" <ana@x.org>" <Spammer@evil.example>', ("spammer@evil.example", 'A \\" <ana@x.org>')),
        ("(ana@x.org) spammer@evil.example", ("spammer@evil.example", "(ana@x.org)")),
        ("spammer@evil.example (ana@x.org)", ("spammer@evil.example", "ana@x.org")),
        ("ana@x.org (Ana)", ("ana@x.org", "Ana")),
        ("Quay, Ana <ana@x.org>", ("ana@x.org", "Quay, Ana")),
        ("Ana <ana@x.org", ("ana@x.org", "Ana")),
        ('"ana@x.org"', ("ana@x.org", "ana@x.org")),
        ("Ana", ("", "")),
    ],
)
def test_the_author_is_the_address_and_not_a_name_that_looks_like_one(
    field: str, author: tuple[str, str]
) -> None:
    address, name = author_of(headers_of(f"From: {field}"))
    assert (address, name or address) == author


def test_names_of_recipients_are_no_addresses() -> None:
    assert addresses_of('"bo@x.org" <Bo@y.org>, cy@y.org') == ["bo@y.org", "cy@y.org"]


@pytest.mark.parametrize(
    ("field", "boundary"),
    [
        ("boundary=a", "a"),
        ('boundary = "a b"', "a b"),
        ("boundary*=us-ascii'en'a%20b", "a b"),
        ('boundary*0="ab"; boundary*1=cd', "abcd"),
        ("boundary*1=cd; boundary*0*=utf-8''%C3%A9", "écd"),
        ('name="x; boundary=b"; boundary=a', "a"),
        ('boundary="a', "a"),
        ("xboundary=b; charset=utf-8", ""),
    ],
)
def test_a_parameter_is_read_in_each_way_of_writing_it(field: str, boundary: str) -> None:
    headers = headers_of(f"Content-Type: multipart/mixed; {field}")
    assert headers.parameter("content-type", "boundary") == boundary


@pytest.mark.parametrize(
    ("raw", "text"),
    [("hello +2AA- x", "hello \ufffd x"), ("+2D3eAA-", "\U0001f600"), ("+AOk-", "é")],
)
def test_half_a_character_of_utf_7_is_replaced(raw: str, text: str) -> None:
    headers = headers_of("Content-Type: text/plain; charset=utf-7")
    assert decode_body(raw.encode(), headers) == text
    assert decode_words(f"=?utf-7?Q?{raw.replace(' ', '_')}?=") == text


def test_base64_stops_at_its_padding() -> None:
    assert decode_base64(b"QQ==\n____\nlist footer\n") == b"A"


def test_a_uuencoded_body_is_decoded() -> None:
    headers = headers_of("Content-Transfer-Encoding: x-uuencode")
    assert decode_body(b"begin 644 a\n#=&5A\n~~~~\n`\nend\nfooter\n", headers) == "tea"


def test_mails_that_name_only_the_one_before_are_one_thread() -> None:
    fields = {
        "a1": "",
        "a2": "References: <a1@x>\n",
        "a3": "In-Reply-To: <a2@x>\n",
        "a4": "In-Reply-To: <a3@x>\n",
        "b1": "In-Reply-To: <other@x>\n",
    }
    box = "".join(
        f"From \n{HEAD}Message-ID: <{id}@x>\n{field}\nWords of {id}.\n\n" for id, field in fields.items()
    )
    chats = [message.chat for message in read_text(box)]
    assert chats == ["a1@x"] * 4 + ["other@x"]


def test_the_table_of_threads_is_bounded() -> None:
    threads = Threads()
    for number in range(250_000):
        threads.add(str(number), str(number - 1) if number else "")
    assert threads.root_of("249999") == "0"
    assert len(threads._roots) + len(threads._earlier) <= 200_000
