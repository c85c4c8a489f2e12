"""What the labels of name models mean: from "B-PER" and its many spellings to one entity type."""

from collections.abc import Mapping

from langchain_secguard.placeholders import entity_type_name

_SPELLINGS = {
    "PERSON": "PER PERS PERSON PERSONNAME FIRSTNAME MIDDLENAME LASTNAME GIVENNAME SURNAME FULLNAME PATIENT",
    "LOCATION": "LOC LOCATION GPE FAC PLACE ADDRESS STREET STREETADDRESS BUILDINGNUM CITY COUNTY ZIPCODE",
    "ORGANIZATION": "ORG ORGANIZATION ORGANISATION CORPORATION COMPANY COMPANYNAME",
    "NRP": "NORP NRP",
    "DATE_TIME": "DATE TIME DATETIME DOB DATEOFBIRTH",
    "EMAIL_ADDRESS": "EMAIL EMAILADDRESS",
    "PHONE_NUMBER": "PHONE PHONENUMBER TELEPHONENUM MOBILEPHONENUMBER",
    "CREDIT_CARD": "CREDITCARD CREDITCARDNUMBER",
    "IBAN_CODE": "IBAN IBANCODE",
    "IP_ADDRESS": "IP IPADDRESS IPV4 IPV6",
    "US_SSN": "SSN USSSN SOCIALNUM SOCIALSECURITYNUMBER",
    "SECRET": "PASSWORD SECRET",
}
_TYPES = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_OUTSIDE = ("O", "OTHER")


def entity_type_of(label: str, labels: Mapping[str, str | None]) -> str | None:
    """Return the entity type of a model's label, without its ``B-`` or ``I-``; ``None`` to pass it over.

    ``labels`` comes first; then the usual spellings; and then the label itself, written as an entity type.

    Raises:
        ValueError: The label cannot be written as an entity type.
    """
    if label in labels:
        named = labels[label]
        return None if named is None else entity_type_name(named)
    plain = "".join(character for character in label.upper() if character.isalnum())
    if plain in _OUTSIDE:
        return None
    return _TYPES.get(plain) or entity_type_name(label)
