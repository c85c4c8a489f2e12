import pytest

from langchain_secguard.detect.labels import entity_type_of


@pytest.mark.parametrize(
    ("label", "entity_type"),
    [
        ("PER", "PERSON"),
        ("per", "PERSON"),
        ("GIVENNAME", "PERSON"),
        ("Last Name", "PERSON"),
        ("GPE", "LOCATION"),
        ("ORG", "ORGANIZATION"),
        ("NORP", "NRP"),
        ("TELEPHONENUM", "PHONE_NUMBER"),
        ("E-MAIL", "EMAIL_ADDRESS"),
        ("IPv4", "IP_ADDRESS"),
        ("MISC", "MISC"),
        ("vehicle plate", "VEHICLE_PLATE"),
        ("O", None),
        ("other", None),
    ],
)
def test_a_label_means_an_entity_type(label: str, entity_type: str | None) -> None:
    assert entity_type_of(label, {}) == entity_type


def test_what_is_told_comes_first() -> None:
    labels = {"PER": "Data Subject", "LOC": None, "O": "OUTSIDE"}
    assert [entity_type_of(label, labels) for label in ("PER", "LOC", "O", "ORG")] == [
        "DATA_SUBJECT",
        None,
        "OUTSIDE",
        "ORGANIZATION",
    ]


@pytest.mark.parametrize(("label", "labels"), [("?", {}), ("PER", {"PER": "?"})])
def test_what_cannot_be_an_entity_type_is_refused(label: str, labels: dict[str, str | None]) -> None:
    with pytest.raises(ValueError, match="an entity type is"):
        entity_type_of(label, labels)
