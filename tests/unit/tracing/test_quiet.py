import logging

import pytest

from langchain_secguard.tracing.quiet import quiet, safely

LOGGER = logging.getLogger("langfuse")


def fail() -> None:
    try:
        int("about Jane Doe")
    except ValueError as error:
        LOGGER.exception(error)  # noqa: TRY401 - it is what Langfuse's handler does


class TestSafely:
    def test_names_what_failed_and_says_no_more(self, caplog: pytest.LogCaptureFixture) -> None:
        with safely("It failed: %s."):
            int("about Jane Doe")
        assert caplog.messages == ["It failed: ValueError."]
        assert "Jane" not in caplog.text

    def test_lets_a_cancellation_through(self) -> None:
        with pytest.raises(KeyboardInterrupt), safely("It failed: %s."):
            raise KeyboardInterrupt


class TestQuiet:
    def test_leaves_the_name_of_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        with quiet():
            fail()
        assert caplog.messages == ["A callback of Langfuse's handler failed: ValueError."]
        assert "Jane" not in caplog.text

    def test_leaves_other_records(self, caplog: pytest.LogCaptureFixture) -> None:
        with quiet():
            LOGGER.warning("the model has no name")
        assert caplog.messages == ["the model has no name"]

    def test_drops_all_if_asked(self, caplog: pytest.LogCaptureFixture) -> None:
        with quiet(drop=True):
            LOGGER.warning("no keys")
        assert caplog.messages == []

    def test_ends(self, caplog: pytest.LogCaptureFixture) -> None:
        with quiet(), quiet(drop=True):
            pass
        fail()
        assert "about Jane Doe" in caplog.text
