import pytest

from langchain_secguard.vault import Entity, Keys, settling_order

TYPE = "PERSON"


def entity(*claims: str, entity_type: str = TYPE) -> Entity:
    return Entity(entity_type, claims[0], keys=Keys(claims, claims[:1]))


JANE = entity("jane doe", "jane", "doe")
JOHN = entity("john doe", "john", "doe", "he:john", "he:doe")
DOE = entity("doe")
LONG_DOE = entity("van doe", "doe", "part:van")


class TestSettlingOrder:
    @pytest.mark.parametrize(
        ("entities", "order"),
        [
            ([], []),
            ([Entity(TYPE, "a"), Entity(TYPE, "b")], [0, 1]),
            ([JANE, JOHN], [0, 1]),
            ([DOE], [0]),
            ([DOE, entity("roe"), JANE], [1, 2, 0]),
            ([DOE, JANE, entity("jane"), JOHN], [1, 3, 0, 2]),
            ([DOE, LONG_DOE, entity("al van doe", "al", "van doe", "doe")], [2, 1, 0]),
            ([entity("doe"), entity("doe"), JANE._replace(entity_type="CUSTOM")], [0, 1, 2]),
            ([JANE, JANE, DOE, JANE], [0, 1, 3, 2]),
        ],
    )
    def test_lets_what_another_may_be_called_wait(self, entities: list[Entity], order: list[int]) -> None:
        assert settling_order(entities) == order

    def test_lets_no_two_spellings_of_a_name_wait_for_each_other(self) -> None:
        upper = Entity(TYPE, "JANE DOE", keys=JANE.keys)
        assert settling_order([upper, JANE]) == settling_order([JANE, upper]) == [0, 1]
