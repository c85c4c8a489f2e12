import threading

import pytest

from langchain_secguard.lru import Lru


class TestLru:
    def test_gives_back_what_was_put(self) -> None:
        cache: Lru[str, int] = Lru(2)
        cache.put("a", 1)
        assert cache.get("a") == 1
        assert cache.get("b") is None

    def test_keeps_the_last_value_of_a_key(self) -> None:
        cache: Lru[str, int] = Lru(2)
        cache.put("a", 1)
        cache.put("a", 2)
        cache.put("b", 3)
        assert (cache.get("a"), cache.get("b")) == (2, 3)

    def test_forgets_what_was_used_longest_ago(self) -> None:
        cache: Lru[str, int] = Lru(2)
        cache.put("a", 1)
        cache.put("b", 2)
        cache.get("a")
        cache.put("c", 3)
        assert [cache.get(key) for key in "abc"] == [1, None, 3]

    def test_a_put_counts_as_a_use(self) -> None:
        cache: Lru[str, int] = Lru(2)
        cache.put("a", 1)
        cache.put("b", 2)
        cache.put("a", 1)
        cache.put("c", 3)
        assert [cache.get(key) for key in "abc"] == [1, None, 3]

    def test_keeps_falsy_values(self) -> None:
        cache: Lru[str, tuple[int, ...]] = Lru(1)
        cache.put("a", ())
        assert cache.get("a") == ()

    @pytest.mark.parametrize("size", [0, 1, 7])
    def test_never_grows_beyond_its_size(self, size: int) -> None:
        cache: Lru[int, int] = Lru(size)
        for number in range(50):
            cache.put(number, number)
        kept = [number for number in range(50) if cache.get(number) is not None]
        assert kept == list(range(50 - size, 50))

    def test_holds_under_threads(self) -> None:
        cache: Lru[int, int] = Lru(8)
        wrong: list[int] = []

        def work(start: int) -> None:
            for number in range(start, start + 2_000):
                cache.put(number % 20, number % 20)
                value = cache.get(number % 7)
                if value is not None and value != number % 7:
                    wrong.append(value)

        threads = [threading.Thread(target=work, args=(start,)) for start in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert sum(cache.get(key) is not None for key in range(20)) == 8
