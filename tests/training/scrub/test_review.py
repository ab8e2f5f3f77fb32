"""The review for a person, and the key of the invented names."""

import json
import stat
from pathlib import Path

import pytest

from bot.errors import UserError
from tests.training.scrub.people import SUBJECT
from training.scrub.key import read_key
from training.scrub.review import ScrubReview


def reviewed(texts: list[str]) -> ScrubReview:
    review = ScrubReview(SUBJECT)
    for text in texts:
        review.add_text(text, SUBJECT.scrub(text))
    return review


def test_a_review_counts_and_shows_removed_details_and_lookalikes(tmp_path: Path) -> None:
    review = reviewed(["call 202-555-0143 now", "order 4471020983", "Will it rain", "hello"])
    table, page = review.write_files(tmp_path)
    read = json.loads(table.read_text())
    assert read["counts"] == {
        "removed": {"phone": 1},
        "left": {"many digits": 1, "a word that is also a name": 1},
    }
    assert (read["texts"], read["changed"]) == (4, 1)
    assert read["samples"]["removed"]["phone"] == [
        {"before": "call ", "text": "202-555-0143", "after": " now", "placeholder": "[phone]"}
    ]
    assert "call >>202-555-0143<< now became [phone]" in page.read_text()


def test_a_review_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "scrub-review.txt").write_text("old")
    for path in reviewed(["\ud800 a@example.com"]).write_files(tmp_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scrub-review.json", "scrub-review.txt"]


def test_a_review_shows_twenty_samples_and_the_same_in_any_order(tmp_path: Path) -> None:
    texts = [f"call 202-555-{number:04}" for number in range(100, 200)]
    tables = [
        json.loads(reviewed(order).write_files(tmp_path)[0].read_text()) for order in (texts, texts[::-1])
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]["samples"]["removed"]["phone"]) == 20
    assert tables[0]["counts"]["removed"]["phone"] == 100


def test_a_key_is_drawn_once_and_kept_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "scrub.key"
    key = read_key(path)
    assert read_key(path) == key
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_broken_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scrub.key").write_text("nothing")
    with pytest.raises(UserError, match="delete it"):
        read_key(tmp_path / "scrub.key")
