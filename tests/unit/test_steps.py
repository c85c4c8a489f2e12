"""How the steps hand their methods to LangChain."""

import inspect

from langchain_core.runnables.utils import accepts_config, accepts_run_manager

from langchain_secguard.steps import signed


class Greeter:
    def __init__(self, greeting: str) -> None:
        self.greeting = greeting

    @signed
    def greet(self, value: str, run_manager: object, config: object) -> str:
        return f"{self.greeting}, {value}"

    def plain(self, value: str, run_manager: object, config: object) -> str:
        return self.greet(value, run_manager, config=config)


class Politer(Greeter):
    @signed
    def greet(self, value: str, run_manager: object, config: object) -> str:
        return super().greet(value, run_manager, config) + ", if I may"


def test_a_signed_method_is_called_as_any_other() -> None:
    assert Greeter("Hello").greet("you", None, None) == "Hello, you"
    assert Greeter("Hello").plain("you", None, None) == "Hello, you"


def test_a_signed_method_is_overridden_as_any_other() -> None:
    assert Politer("Hello").plain("you", None, None) == "Hello, you, if I may"


def test_a_signed_method_tells_langchain_what_it_takes() -> None:
    greeter = Greeter("Hello")
    assert inspect.signature(greeter.greet) == inspect.signature(greeter.plain)
    assert accepts_config(greeter.greet)
    assert accepts_run_manager(greeter.greet)
