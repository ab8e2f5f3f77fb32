"""A reference to a character may have more digits than Python makes a number of."""

from pathlib import Path

import pytest

from tests.complexity.documents.hostile_chats import Chat, Said
from tests.complexity.test_documents import WRITERS
from tests.training.importers.test_known_again import write
from training.importers import registry
from training.importers.chats.wechat.quotes import own_words

HUGE = "tea &#" + "1" * 5000 + "; &#x" + "f" * 5000 + "; &#" + "0" * 5000 + "65 seven"


@pytest.mark.parametrize("title", WRITERS)
def test_a_reference_of_thousands_of_digits_is_read(title: str, tmp_path: Path) -> None:
    chat = Chat((Said(0, "hello"), Said(1, HUGE), Said(0, "so")), names=("Ana", f"Bo {HUGE[:5020]}"))
    files = {name: data.replace(b"&amp;#", b"&#") for name, data in WRITERS[title](chat).items()}
    assert list(registry.read_exports(write(tmp_path, files)))


def test_the_title_of_a_reply_in_wechat_may_hold_one() -> None:
    assert own_words(f"<msg><title>tea &#{'1' * 5000};</title></msg>") == "tea \ufffd"
