"""A cache keeps results up to a sum of sizes, whoever chooses the arguments."""

from bot.sized_cache import SizedCache, cached_by_size


def test_a_result_is_made_once() -> None:
    made = list[str]()

    @cached_by_size(SizedCache[str](10_000), lambda result, text: len(result) + len(text))
    def double(text: str) -> str:
        made.append(text)
        return text * 2

    assert (double("a"), double("a"), double("b"), made) == ("aa", "aa", "bb", ["a", "b"])


def test_the_oldest_results_go_when_all_together_are_too_large() -> None:
    cache = SizedCache[str](1000)
    for number in range(50):
        cache.add(number, "x", 200)
        assert cache.size <= 1000
    assert [number for number in range(50) if cache.find(number)] == [47, 48, 49]


def test_a_result_that_was_used_again_stays() -> None:
    cache = SizedCache[str](1000)
    for number in range(50):
        cache.add(number, "x", 200)
        assert cache.find(0)


def test_a_result_larger_than_the_cache_is_not_kept() -> None:
    cache = SizedCache[str](1000)
    cache.add("a", "x", 900)
    cache.add("b", "x", 901)
    assert (cache.find("a") is not None, cache.find("b")) == (True, None)


def test_small_results_without_end_take_no_more() -> None:
    cache = SizedCache[str](10_000)
    for number in range(5000):
        cache.add(number, "", 0)
    assert sum(cache.find(number) is not None for number in range(5000)) == 100
