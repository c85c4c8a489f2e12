import numpy as np
import pytest

from langchain_secguard.detect.names import MODEL
from langchain_secguard.detect.reader import Reader, groups
from langchain_secguard.detect.tokens import Tokens, tokenize

SENTENCE = "Yesterday Ms. Zbigniewska of Springfield met the auditors of Oakdale Holdings, and Dr. Okonkwo. "


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(MODEL)


def words(count: int) -> Tokens:
    return tokenize("word " * count)


class TestGroups:
    @pytest.mark.parametrize(
        ("sizes", "expected"),
        [
            ([], []),
            ([0, 0], [[0, 0]]),
            ([1000, 1000, 1000], [[1000, 1000], [1000]]),
            ([2048], [[2048]]),
            ([10, 5000, 10], [[10], [5000], [10]]),
        ],
    )
    def test_fill_a_window_and_leave_a_longer_text_alone(
        self, sizes: list[int], expected: list[list[int]]
    ) -> None:
        grouped = groups([words(size) for size in sizes])
        assert [[len(tokens) for tokens in group] for group in grouped] == expected


class TestReader:
    def test_gives_each_token_a_distribution_over_the_labels(self, reader: Reader) -> None:
        tokens = tokenize(SENTENCE)
        [logs] = reader.log_probabilities([tokens])
        assert logs.shape == (len(tokens), 7)
        assert np.exp(logs).sum(axis=1) == pytest.approx(1, abs=1e-5)

    def test_keeps_the_place_of_empty_texts(self, reader: Reader) -> None:
        texts = [tokenize(text) for text in ("", SENTENCE, "", " ", SENTENCE * 200, "")]
        assert [len(logs) for logs in reader.log_probabilities(texts)] == [len(tokens) for tokens in texts]

    def test_says_of_a_text_in_a_batch_what_it_says_of_it_alone(self, reader: Reader) -> None:
        texts = [tokenize(text) for text in ("Mr.", SENTENCE, "Jane\n\nDoe", SENTENCE[:40], "NEW YORK")]
        for tokens, logs in zip(texts, reader.log_probabilities(texts), strict=True):
            assert logs == pytest.approx(reader.log_probabilities([tokens])[0], abs=1e-4)

    def test_sees_across_the_cut_between_two_windows(self, reader: Reader) -> None:
        tokens = tokenize(SENTENCE * 200)
        [logs] = reader.log_probabilities([tokens])
        period = len(tokenize(SENTENCE))
        inner = logs[period : 1900 - 1900 % period].reshape(-1, period, 7)
        # Nearly the same: what was said of a word elsewhere is gathered in each window by itself.
        for place in range(2048 - period, 2048 + period):
            assert logs[place] == pytest.approx(inner[1][place % period], abs=0.1)

    def test_remembers_no_word_that_its_own_lexicon_lacks(self) -> None:
        reader = Reader(MODEL)
        reader.log_probabilities([tokenize(SENTENCE)])
        assert "auditors" in reader._cached
        assert "Zbigniewska" not in reader._cached

    @pytest.mark.parametrize("cached_words", [0, 1, 5])
    def test_says_the_same_however_many_words_it_remembers(self, reader: Reader, cached_words: int) -> None:
        forgetful = Reader(MODEL, cached_words=cached_words)
        tokens = tokenize(SENTENCE)
        for _ in range(2):
            [logs] = forgetful.log_probabilities([tokens])
            assert logs == pytest.approx(reader.log_probabilities([tokens])[0], abs=1e-4)
        assert len(forgetful._cached) == cached_words
