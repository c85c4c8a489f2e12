import inspect
import pickle
import re

import pytest

from langchain_secguard import errors
from langchain_secguard.errors import BlockedError, SecGuardError

TREE = {
    "VaultRequiredError",
    "VaultUnavailableError",
    "VaultDecryptionError",
    "UnsupportedContentError",
    "BlockedError",
    "DetectorError",
    "ScannerError",
    "ToolCallError",
    "UnknownPlaceholderError",
    "UnprotectedStateError",
}


def classes() -> dict[str, type[Exception]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }


class TestTree:
    def test_has_these_errors_and_no_others(self) -> None:
        assert classes().keys() == {*TREE, "SecGuardError"}

    @pytest.mark.parametrize("name", sorted(TREE))
    def test_every_error_is_right_below_the_base(self, name: str) -> None:
        assert classes()[name].__bases__ == (SecGuardError,)

    def test_the_base_is_an_exception_of_its_own(self) -> None:
        assert SecGuardError.__bases__ == (Exception,)

    def test_is_drawn_in_the_docstring(self) -> None:
        assert set(re.findall(r"[├└]── (\w+)", errors.__doc__ or "")) == TREE

    @pytest.mark.parametrize("name", sorted({*TREE, "SecGuardError"}))
    def test_every_error_says_what_it_is(self, name: str) -> None:
        assert classes()[name].__doc__


class TestBlockedError:
    def test_holds_scores_by_name(self) -> None:
        assert BlockedError("blocked", scores={"toxicity": 0.9}).scores == {"toxicity": 0.9}

    def test_keeps_a_copy_of_the_scores(self) -> None:
        scores = {"toxicity": 0.9}
        error = BlockedError("blocked", scores=scores)
        scores["toxicity"] = 0.0
        assert error.scores == {"toxicity": 0.9}

    def test_says_its_message(self) -> None:
        assert str(BlockedError("blocked", scores={})) == "blocked"

    def test_crosses_the_border_of_a_process(self) -> None:
        error = pickle.loads(pickle.dumps(BlockedError("blocked", scores={"toxicity": 0.9})))
        assert (str(error), error.scores) == ("blocked", {"toxicity": 0.9})


@pytest.mark.parametrize("kind", [errors.VaultUnavailableError, errors.VaultDecryptionError])
class TestVaultsLeft:
    def test_are_none_but_of_work_on_many(
        self, kind: type[errors.VaultUnavailableError | errors.VaultDecryptionError]
    ) -> None:
        assert kind("down").left == ()

    def test_cross_the_border_of_a_process(
        self, kind: type[errors.VaultUnavailableError | errors.VaultDecryptionError]
    ) -> None:
        error = kind("down")
        error.left = ("a", "b")
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.left) == ("down", ("a", "b"))


class TestToolCallError:
    def test_crosses_the_border_of_a_process(self) -> None:
        error = errors.ToolCallError("failed", tool="send_mail", error="KeyError")
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.tool, again.error) == ("failed", "send_mail", "KeyError")
