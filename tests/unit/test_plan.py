from collections.abc import Generator

import pytest

from langchain_secguard.plan import acarry_out, carry_out


def doubling(*numbers: int) -> Generator[int, int, list[int]]:
    doubled: list[int] = []
    for number in numbers:
        answer = yield number
        doubled.append(answer)
    return doubled


def twice(number: int) -> int:
    return 2 * number


async def atwice(number: int) -> int:
    return 2 * number


@pytest.mark.parametrize("numbers", [(), (1,), (1, 2, 3)])
async def test_a_plan_is_sent_what_it_asks_for_in_order(numbers: tuple[int, ...]) -> None:
    expected = [2 * number for number in numbers]
    assert carry_out(doubling(*numbers), twice) == expected
    assert await acarry_out(doubling(*numbers), atwice) == expected


async def test_what_performs_a_request_may_fail_and_ends_the_plan() -> None:
    def fail(_: int) -> int:
        raise EOFError

    async def afail(_: int) -> int:
        raise EOFError

    with pytest.raises(EOFError):
        carry_out(doubling(1), fail)
    with pytest.raises(EOFError):
        await acarry_out(doubling(1), afail)
