"""The values that importers share: sets of keys, times and ids."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from training.importers.reading.normalise import (
    clean_text,
    derived_id,
    parse_iso_time,
    parse_tweet_time,
    unix_seconds,
)
from training.store.key_set import KeySet

KEYS = some.tuples(
    some.sampled_from(["x", "y"]), some.sampled_from(["1", "2"]), some.integers(0, 300).map(str)
)
MOMENTS = some.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1))
ZONES = some.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(keys=some.lists(KEYS, max_size=2000))
def test_a_key_is_new_once(keys: list[tuple[str, str, str]]) -> None:
    seen, known = KeySet(), set[tuple[str, str, str]]()
    for key in keys:
        assert seen.add(*key) == (key not in known)
        known.add(key)


def test_many_keys_are_kept_apart() -> None:
    seen = KeySet()
    assert all(seen.add("x", "1", str(number)) for number in range(100_000))
    assert not any(seen.add("x", "1", str(number)) for number in range(100_000))


@given(moment=MOMENTS, zone=ZONES, separator=some.sampled_from("T "))
def test_a_time_with_a_zone_is_the_same_moment(moment: datetime, zone: timezone, separator: str) -> None:
    there = moment.replace(tzinfo=zone)
    assert parse_iso_time(there.isoformat(separator)) == pytest.approx(there.timestamp(), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-08-25 22:54:05.726000+00:00", datetime(2020, 8, 25, 22, 54, 5, 726000)),
        ("2020-08-25 22:54:05+00:00", datetime(2020, 8, 25, 22, 54, 5)),
        ("2020-08-25T22:54:05.7260000+00:00", datetime(2020, 8, 25, 22, 54, 5, 726000)),
        ("2018-07-19 23:09:04", datetime(2018, 7, 19, 23, 9, 4)),
        ("2014-08-27 00:59:46 UTC", datetime(2014, 8, 27, 0, 59, 46)),
        ("2012-10-15 14:51:38 +0000", datetime(2012, 10, 15, 14, 51, 38)),
        ("2023-10-12T08:00:00.000Z", datetime(2023, 10, 12, 8)),
        ("2023-01-02", datetime(2023, 1, 2)),
    ],
)
def test_times_of_all_exporters_are_read(text: str, moment: datetime) -> None:
    assert parse_iso_time(text) == moment.replace(tzinfo=UTC).timestamp()


def test_a_tweets_time_is_read_in_any_locale() -> None:
    assert (
        parse_tweet_time("Wed Oct 10 20:19:24 +0200 2018")
        == datetime(2018, 10, 10, 18, 19, 24, tzinfo=UTC).timestamp()
    )


@pytest.mark.parametrize("text", ["", "nan", "inf", "-1", "1e300", "yesterday", "4102444800"])
def test_a_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time|could not convert"):
        unix_seconds(text)


@given(text=some.text())
def test_a_clean_text_can_be_stored_anywhere(text: str) -> None:
    assert "\x00" not in clean_text(text)
    assert clean_text(text).encode().decode() == text.replace("\x00", "")


@given(number=some.integers())
def test_a_derived_id_is_no_number(number: int) -> None:
    assert derived_id(number) == derived_id(number)
    assert not derived_id(number).isdecimal()
