"""Of a mail's parts, those with its author's words are read; files, and quotes in HTML, are not."""

import pytest

from tests.training.importers.test_mail import HEAD, read_text
from training.importers.reading.import_log import ImportLog
from training.importers.texts.mail.html_quotes import before_quote
from training.importers.texts.mail.own_words import own_words

PICTURE = "Content-Type: image/png\nContent-Disposition: inline; filename=a.png\n\nQUJD"
PLAIN, HTML = "Content-Type: text/plain\n\n", "Content-Type: text/html\n\n"
MAILS: dict[str, tuple[str, list[str], str]] = {
    "texts around a picture": ("mixed", [f"{PLAIN}Tea.", PICTURE, f"{PLAIN}Salt."], "Tea.\nSalt."),
    "HTML around a picture": ("mixed", [f"{HTML}<p>Tea.", PICTURE, f"{HTML}<p>Salt."], "Tea.\nSalt."),
    "versions": ("alternative", [f"{PLAIN}Tea.", f"{HTML}<p>Tea!"], "Tea."),
    "versions of which the plain one is empty": ("alternative", [PLAIN, f"{HTML}<p>Tea!"], "Tea!"),
    "enriched version": (
        "alternative",
        [f"{PLAIN}Tea.", "Content-Type: text/enriched\n\n<bold>Tea</bold>."],
        "Tea.",
    ),
    "enriched": ("mixed", ["Content-Type: text/enriched\n\n<bold>Tea</bold>."], "Tea."),
    "markdown": ("mixed", ["Content-Type: text/markdown\n\n*Tea*"], "*Tea*"),
    "unknown text": ("mixed", ["Content-Type: text/x-quay\n\nTea"], "Tea"),
    "the same twice": ("mixed", [f"{PLAIN}Tea.", f"{HTML}<p>Tea.</p>"], "Tea."),
    "file of text": ("mixed", [f"{PLAIN}See.", 'Content-Type: text/plain; name="a.txt"\n\nhis'], "See."),
    "file of text shown inline": (
        "mixed",
        [f"{PLAIN}See.", "Content-Type: text/plain\nContent-Disposition: inline; filename=a.txt\n\nhis"],
        "See.",
    ),
    "digest": ("digest", ["\nFrom: bo@x.example\n\nhis"], ""),
}
ARMOURED = {
    "signed": (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nTea.\n- -- \n- Salt\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQ\n=ab\n-----END PGP SIGNATURE-----\n",
        "Tea.",
    ),
    "signed with dashes": (
        "-----BEGIN PGP SIGNED MESSAGE-----\n\n- - tea\nsalt\n-----BEGIN PGP SIGNATURE-----\niQ",
        "- tea\nsalt",
    ),
    "encrypted": ("-----BEGIN PGP MESSAGE-----\n\nhQ\n-----END PGP MESSAGE-----\n", ""),
    "encrypted, cut": ("-----BEGIN PGP MESSAGE-----\n\nhQ", ""),
    "key": ("Mine:\n-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQ\n-----END PGP PUBLIC KEY BLOCK-----\n", "Mine:"),
    "uuencoded": ("See.\nbegin 644 a.txt\n#=&5A\n`\nend\nSalt.", "See.\nSalt."),
    "a word that begins": ("begin 644 times\nand never stop at all, says the keeper", None),
}
QUOTED = {
    "initials": ("Bo> his words\nYes.", "Yes."),
    "bars": ("Bo wrote:\n| his words\nYes.", "Yes."),
    "bars of one's own": ("| tea | salt |", "| tea | salt |"),
    "Original-Nachricht": ("Ja.\n-------- Original-Nachricht --------\nhis", "Ja."),
    "Notes": ("Yes.\n----- Forwarded by Ana/ORG on 01/01/2024 -----\nhis", "Yes."),
    "equals signs": ("Yes.\n===== Original Message =====\nhis", "Yes."),
    "two fields": ("Yes.\n\nFrom: Bo Quay\nSent: Monday\n\nhis", "Yes."),
    "two fields without a sender": ("Date: Monday\nTo: all\n\nAna", "Date: Monday\nTo: all\n\nAna"),
    "two fields of which the lines go on": ("To: me\nFrom: now on I sail", "To: me\nFrom: now on I sail"),
    "date": ("Ja.\n\nBo Quay schrieb am 01.01.2024 um 10:00:\n\nhis words", "Ja."),
    "indented": ("Yes.\n\nBo Quay wrote:\n\n  his words", "Yes."),
    "without a colon": ("On 1.1.24 Bo wrote\n> his words\nYes.", "Yes."),
    "a sentence before a quote": ("That is what he wrote\n> his\nYes.", "That is what he wrote\nYes."),
}
FIELDS = [
    "<p><b>From:</b> Bo</p><p><b>Sent:</b> Monday</p><p><b>To:</b> Ana</p><p>his",
    "<div>From: Bo</div><div><br></div><div>Sent: Monday</div><div><br></div><div>To: Ana</div>his",
    "<p><b>From:</b> Bo</p><p><b>Sent:</b> Monday</p><p>his",
    "<blockquote type='cite'>his</blockquote>",
]
MARKS = [
    *('<div class="gmail_quote">', '<div class="gmail_quote a">', "<p class=gmail_quote>"),
    *('<div id="yahoo_quoted_123" class="yahoo_quoted">', '<div class="ydp1a2yahoo_quoted">'),
    *('<div class="protonmail_quote">', "<div class='zmail_extra'>", '<div class="moz-cite-prefix">'),
    *('<div class="moz-forward-container">', '<div id="divRplyFwdMsg" dir="ltr">'),
    *('<div id="isReplyContent">',),
    *('<hr id="stopSpelling">', '<div id="appendonsend">', '<div class="x_x_gmail_quote">'),
]


def mail_of(kind: str, parts: list[str], field: str = "; boundary=a") -> str:
    body = "".join(f"--a\n{part}\n" for part in parts)
    return f"{HEAD}Message-ID: <1@x>\nContent-Type: multipart/{kind}{field}\n\n{body}--a--\n"


@pytest.mark.parametrize(("kind", "parts", "words"), MAILS.values(), ids=MAILS)
def test_the_parts_with_words_are_read(kind: str, parts: list[str], words: str) -> None:
    log = ImportLog()
    found = [message.text for message in read_text(mail_of(kind, parts), log)]
    assert found == ([words] if words else [])
    assert dict(log.skipped) == ({} if words else {"without own words": 1})


@pytest.mark.parametrize("field", ["", "; boundary*=us-ascii''a", '; boundary*0="a"', "; boundary="])
def test_parts_are_found_however_their_boundary_is_told(field: str) -> None:
    mail = mail_of("mixed", [f"{PLAIN}Tea.", PICTURE], field)
    assert [message.text for message in read_text(mail)] == ["Tea."]


def test_a_mail_without_own_words_is_counted() -> None:
    log = ImportLog()
    assert read_text(f"{HEAD}Message-ID: <1@x>\n\n> his\n", log) == []
    assert dict(log.skipped) == {"without own words": 1}


@pytest.mark.parametrize(("text", "words"), ARMOURED.values(), ids=ARMOURED)
def test_what_programs_pack_is_no_words(text: str, words: str | None) -> None:
    assert own_words(text) == (text if words is None else words)


@pytest.mark.parametrize(("text", "words"), QUOTED.values(), ids=QUOTED)
def test_others_words_are_left_out(text: str, words: str) -> None:
    assert own_words(text) == words


@pytest.mark.parametrize("quote", [*FIELDS, *(f"{mark}his" for mark in MARKS)])
def test_the_mail_that_html_answers_is_left_out(quote: str) -> None:
    mail = f"{HEAD}Message-ID: <1@x>\nContent-Type: text/html\n\n<p>Yes.</p>{quote}\n"
    assert [message.text for message in read_text(mail)] == ["Yes."]


@pytest.mark.parametrize(
    "source",
    [
        '<!-- <div class="gmail_quote"> --><p>Yes.',
        '<p data-class="gmail_quote">Yes.',
        '<blockquote class="gmail_quote">his</blockquote><p>Yes.',
    ],
)
def test_what_is_no_mark_of_a_program_cuts_nothing(source: str) -> None:
    assert before_quote(source) == source
