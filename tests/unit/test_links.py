import importlib
import pkgutil

import pytest
from faker.providers import person
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard.links import LINKED_TYPES, link_keys, traits_before
from langchain_secguard.name_words import (
    CREDENTIALS,
    FEMALE,
    FEMALE_NAMES,
    JOINERS,
    MALE,
    MALE_NAMES,
    OFFICES,
    PARTICLES,
    PATRONYMICS,
    SEXES,
    SUFFIXES,
    TITLES,
)
from langchain_secguard.vault import Entity, Keys, Vault

LINKED = [
    # case, white space, a possessive
    ("Jane Doe", "JANE DOE"),
    ("Jane Doe", "Jane\n  Doe"),
    ("Jane Doe", "Jane Doe's"),
    ("Jane Doe", "JANE DOE\u2019S"),
    ("Jane Doe", "(Jane Doe)"),
    ("Doe", "DOE"),
    ("Jos\u00e9 Ruiz", "JOSE\u0301 RUIZ"),
    ("Hans Strau\u00df", "HANS STRAUSS"),
    # one name of two
    ("Jane Doe", "Doe"),
    ("Jane Doe", "Jane"),
    ("Jane Doe", "DOE'S"),
    ("Alex Doe", "Mr. Doe"),
    ("Alex Doe", "Ms. Doe"),
    ("Jane Doe", "Ms. Doe"),
    ("Jane Doe", "Miss Jane"),
    ("Jane Doe", "Dr. Doe"),
    ("Jane Doe", "Frau Doe"),
    ("John Doe", "Herr Dr. Doe"),
    ("Ms. Alex Doe", "Mrs. Doe"),
    # a title before the whole name, what stands behind it
    ("Jane Doe", "Ms. Jane Doe"),
    ("Dr. Jane Doe", "Jane Doe"),
    ("Judge Jane Doe", "Mrs. Jane Doe"),
    ("Dr. Smith", "DR. SMITH"),
    ("Prof. Smith", "Dr. Smith"),
    ("Dr. Jane Doe", "Dr. Doe"),
    ("Officer Smith", "Smith"),
    ("Jane Doe", "Jane Doe, Esq."),
    ("Jane Doe, M.D.", "JANE DOE"),
    # surnames of several parts
    ("Ludwig van Beethoven", "van Beethoven"),
    ("Ludwig van Beethoven", "Beethoven"),
    ("Juan de la Cruz", "de la Cruz"),
    ("Osama bin Laden", "bin Laden"),
    ("Ana Smith-Jones", "Smith-Jones"),
    ("Conan O'Neill", "O\u2019NEILL"),
    # initials between, parents and children
    ("Marcus T. Whitfield", "Whitfield"),
    ("Marcus T. Whitfield", "Marcus"),
    ("J. Doe", "Doe"),
    ("John Doe Jr.", "Mr. Doe"),
    ("John Doe Jr.", "Doe Jr."),
    ("John Doe, Jr.", "JOHN DOE JR"),
    # names in another order, names of one word
    ("Kim Jong-un", "Kim"),
    ("Madonna", "MADONNA"),
    ("\u738b\u5c0f\u660e", "\u738b\u5c0f\u660e\u2019s"),
]  # fmt: skip

APART = [
    # other words, or more of them
    ("Jane Doe", "Jane Roe"),
    ("Jane Doe", "Jane Doe Smith"),
    ("Jane Doe", "Mary Jane Doe"),
    ("Jane Doe", "Doe Jane"),
    ("Jane Doe", "Does"),
    ("Doe", "Jane Doe"),
    ("Jane", "Jane Doe"),
    # initials and nicknames
    ("Jane Doe", "J. Doe"),
    ("Jane Doe", "J.D."),
    ("Jane Doe", "Janey"),
    ("Robert Roe", "Bob"),
    ("J. Doe", "J."),
    ("J.R. Smith", "J.R."),
    # a title that speaks of somebody else
    ("Jane Doe", "Mr. Doe"),
    ("Jane Doe", "Sir Jane"),
    ("John Doe", "Ms. Doe"),
    ("John Doe", "Mrs. John Doe"),
    ("Mr. Alex Doe", "Ms. Doe"),
    ("Mrs. Alex Doe", "Mr. Doe"),
    ("Mr. Doe", "Ms. Doe"),
    ("Frau Doe", "Herr Doe"),
    ("Jane Doe", "Mr. and Mrs. Doe"),
    ("Dr. Smith", "Judge Smith"),
    ("Officer Jane Doe", "Dr. Doe"),
    # parents and children
    ("John Doe", "John Doe Jr."),
    ("John Doe Jr.", "John Doe"),
    ("John Doe Jr.", "John Doe Sr."),
    ("John Doe II", "John Doe III"),
    ("Doe Jr.", "Doe"),
    # what is in a name and is not what its bearer is called
    ("Mary Ann Smith", "Ann"),
    ("Gabriel Garc\u00eda M\u00e1rquez", "Garc\u00eda"),
    ("Gabriel Garc\u00eda M\u00e1rquez", "Garc\u00eda M\u00e1rquez"),
    ("Jane Mary Doe", "Mary Doe"),
    ("Jane Mary Doe", "Jane Doe"),
    ("Ana Smith-Jones", "Smith"),
    ("Ana Smith-Jones", "Jones"),
    ("Jean-Luc Picard", "Jean"),
    ("Mohammed bin Salman", "Salman"),
    ("Juan de la Cruz", "la Cruz"),
    ("Van Morrison", "Van"),
    # what is written in a way that says too little
    ("Doe, Jane", "Jane"),
    ("Doe, Jane", "Jane Doe"),
    ("Jane and John Doe", "Doe"),
    ("Jane & John Doe", "Jane"),
    ("jane_doe", "doe"),
    ("Jane Doe 2", "Doe"),
    ("Robert \"Bob\" Roe", "Bob"),
    ("Jos\u00e9 Ruiz", "Jose Ruiz"),
    ("\u738b\u5c0f\u660e", "\u738b"),
    ("x", "X"),
]  # fmt: skip


WORDS = [
    "Jane", "JANE", "Doe", "doe's", "Dr.", "Ms.", "Jr.", "van", ",", "&", "and", "J.", "\u00e9", "-", "'s",
    "(", "x", "2",
]  # fmt: skip


def assigned(*values: str, entity_type: str = "PERSON") -> list[str]:
    """Write the refs that values are given, one call for each."""
    vault = Vault()
    entries = [
        vault.assign([Entity(entity_type, value, keys=link_keys(entity_type, value))]).entries[0]
        for value in values
    ]
    return [f"{entry.ref.number}{entry.ref.variant}" for entry in entries]


class TestLinkKeys:
    @pytest.mark.parametrize(("first", "then"), LINKED)
    def test_link_another_way_to_write_a_name(self, first: str, then: str) -> None:
        assert assigned(first, then) == ["1", "1b"]

    @pytest.mark.parametrize(("first", "then"), APART)
    def test_keep_apart_what_may_be_somebody_else(self, first: str, then: str) -> None:
        assert assigned(first, then) == ["1", "2"]

    @pytest.mark.parametrize(
        ("first", "second", "short"),
        [
            ("Jane Doe", "John Doe", "Doe"),
            ("Jane Doe", "John Doe", "Mr. Doe"),
            ("Jane Doe", "John Doe", "Ms. Doe"),
            ("Jane Doe", "Jane Roe", "Jane"),
            ("Jane Doe", "John Doe Jr.", "Doe"),
            ("Jane Doe", "Doe James", "Doe"),
            ("Jane Doe", "Doe Jr.", "Doe"),
            ("Juan de la Cruz", "Ana Cruz", "Cruz"),
            ("Gabriel Garc\u00eda M\u00e1rquez", "Ana Garc\u00eda", "Garc\u00eda"),
            ("Mary Ann Smith", "Ann Lee", "Ann"),
            ("Ana Smith-Jones", "John Smith", "Smith"),
            ("Mohammed bin Salman", "Salman Aziz", "Salman"),
            ("Jane and Bob Roe", "Jane Doe", "Jane"),
            ("Roe, Jane", "Jane Doe", "Jane"),
        ],
    )
    def test_keep_apart_what_fits_two(self, first: str, second: str, short: str) -> None:
        assert assigned(first, second, short) == assigned(second, first, short) == ["1", "2", "3"]

    def test_link_a_surname_with_its_particle_where_it_tells_two_apart(self) -> None:
        assert assigned("Juan de la Cruz", "Ana Cruz", "de la Cruz") == ["1", "2", "1b"]

    def test_link_nothing_that_titles_in_the_texts_give_to_two(self) -> None:
        keys = link_keys("PERSON", "Doe", {MALE, FEMALE})
        vault = Vault()
        vault.assign([Entity("PERSON", "Al Doe", keys=link_keys("PERSON", "Al Doe"))])
        (doe,) = vault.assign([Entity("PERSON", "Doe", keys=keys)]).entries
        assert (doe.ref.number, doe.ref.variant) == (2, "")

    @pytest.mark.parametrize(
        ("traits", "linked"), [({FEMALE}, True), ({MALE}, False), ((), True), ({"judge", "doctor"}, False)]
    )
    def test_heed_the_title_before_a_value(self, traits: set[str], linked: bool) -> None:
        vault = Vault()
        vault.assign([Entity("PERSON", "Jane Doe", keys=link_keys("PERSON", "Jane Doe"))])
        (doe,) = vault.assign([Entity("PERSON", "Doe", keys=link_keys("PERSON", "Doe", traits))]).entries
        assert bool(doe.ref.variant) is linked

    def test_heed_the_title_before_the_value_that_came_first(self) -> None:
        vault = Vault()
        vault.assign([Entity("PERSON", "Alex Doe", keys=link_keys("PERSON", "Alex Doe", {FEMALE}))])
        (doe,) = vault.assign([Entity("PERSON", "Doe", keys=link_keys("PERSON", "Doe", {MALE}))]).entries
        assert doe.ref.variant == ""

    @pytest.mark.parametrize("entity_type", sorted(LINKED_TYPES - {"PERSON"}))
    @pytest.mark.parametrize(
        ("first", "then", "linked"),
        [
            ("Acme Corp", "ACME CORP", True),
            ("Acme Corp", "Acme\nCorp", True),
            ("Acme Corp", "Acme Corp's", True),
            ("Acme Corp", "Acme", False),
            ("Acme Corp", "[Acme Corp]", False),
            ("jane@x.com", "Jane@X.com", True),
            ("jane@x.com", "jane", False),
        ],
    )
    def test_link_other_types_by_the_whole_value_alone(
        self, entity_type: str, first: str, then: str, linked: bool
    ) -> None:
        assert assigned(first, then, entity_type=entity_type) == ["1", "1b" if linked else "2"]

    @pytest.mark.parametrize("entity_type", ["URL", "SECRET", "US_SSN", "ID_NUMBER", "CRYPTO", "IBAN_CODE"])
    def test_link_no_codes(self, entity_type: str) -> None:
        assert assigned("aBc-1", "ABC-1", entity_type=entity_type) == ["1", "2"]

    @pytest.mark.parametrize("value", ["", "x", " . ", "\u738b", "a " * 101])
    def test_of_a_value_that_is_too_long_or_too_short_are_none(self, value: str) -> None:
        assert [link_keys(entity_type, value) for entity_type in LINKED_TYPES] == [Keys()] * len(LINKED_TYPES)

    @settings(deadline=None, max_examples=500)
    @given(st.lists(st.sampled_from(WORDS), max_size=6))
    def test_of_a_value_are_those_of_its_other_spellings(self, words: list[str]) -> None:
        value = " ".join(words)
        spellings = [
            value.upper(),
            value.lower(),
            "\n ".join(words),
            f" {value} ",
            value.replace("'", "\u2019"),
        ]
        for spelling in spellings:
            assert link_keys("PERSON", spelling) == link_keys("PERSON", value)

    @settings(deadline=None, max_examples=300)
    @given(
        st.lists(
            st.one_of(st.from_regex("[A-Za-z]{1,4}", fullmatch=True), st.sampled_from(WORDS)), max_size=3
        )
    )
    def test_of_two_plain_words_are_those_of_any_name(self, words: list[str]) -> None:
        value = " ".join(words)
        assert link_keys("PERSON", value) == link_keys("PERSON", f"({value})")

    @settings(deadline=None, max_examples=300)
    @given(st.text(max_size=40), st.sampled_from(sorted(LINKED_TYPES)))
    def test_take_any_text(self, value: str, entity_type: str) -> None:
        keys = link_keys(entity_type, value)
        assert set(keys.refers) <= set(keys.claims)
        assert len(keys.claims) == len(set(keys.claims))


class TestTraitsBefore:
    @pytest.mark.parametrize(
        ("before", "traits"),
        [
            ("Ms. ", {FEMALE}),
            ("asked Mr. ", {MALE}),
            ("(Mrs ", {FEMALE}),
            ('"MR.\n', {MALE}),
            ("Frau Dr. ", {FEMALE, "doctor"}),
            ("Herrn Prof. Dr. ", {MALE, "doctor"}),
            ("Dr. ", {"doctor"}),
            ("Hon. ", set()),
            ("Officer and Judge ", {MALE, FEMALE}),
            ("Mr. and Mrs. ", {MALE, FEMALE}),
            ("Mr. & Mrs. ", {MALE, FEMALE}),
            ("Dr. and Mrs. ", {MALE, FEMALE}),
            ("Messrs. ", {MALE, FEMALE}),
            ("Mr. Smith and Ms. ", {FEMALE}),
            ("Ms. and then ", set()),
            ("Ms., ", set()),
            ("Ms.: ", set()),
            ("Mrs-", set()),
            ("the alarms ", set()),
            ("hers ", set()),
            ("", set()),
            ("Mr.", {MALE}),
        ],
    )
    def test_are_those_of_the_titles_right_before_a_name(self, before: str, traits: set[str]) -> None:
        assert traits_before(before + "Doe", len(before)) == traits

    @settings(deadline=None, max_examples=300)
    @given(st.text(), st.data())
    def test_of_any_text_can_be_told(self, text: str, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(text)))
        assert traits_before(text, start) <= SEXES | OFFICES


class TestNameWords:
    def test_are_written_as_they_are_looked_up(self) -> None:
        for words in (
            MALE_NAMES,
            OFFICES,
            FEMALE_NAMES,
            TITLES,
            SUFFIXES,
            CREDENTIALS,
            PARTICLES,
            PATRONYMICS,
            SEXES,
            JOINERS,
        ):
            assert [word for word in words if word != word.casefold() or "." in word] == []

    def test_of_names_are_no_titles_and_no_particles(self) -> None:
        others = {*TITLES, *SUFFIXES, *CREDENTIALS, *PARTICLES, *PATRONYMICS, *JOINERS}
        assert (MALE_NAMES | FEMALE_NAMES) & others == set()
        assert set(TITLES) & (SUFFIXES | CREDENTIALS | PARTICLES | PATRONYMICS | JOINERS) == set()

    def test_of_names_are_of_one_sex(self) -> None:
        """Faker's lists of first names for all countries, but for the English one that mixes them, agree."""
        assert set() == MALE_NAMES & FEMALE_NAMES
        for module in pkgutil.iter_modules(person.__path__):
            if module.name == "en":
                continue
            names = importlib.import_module(f"{person.__name__}.{module.name}").Provider
            women = {name.casefold() for name in getattr(names, "first_names_female", None) or ()}
            men = {name.casefold() for name in getattr(names, "first_names_male", None) or ()}
            mistaken = (MALE_NAMES & (women - men)) | (FEMALE_NAMES & (men - women))
            assert mistaken == set(), module.name
