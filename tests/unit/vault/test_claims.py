from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard.vault import Keys
from langchain_secguard.vault.claims import Claims

keys = st.lists(st.sampled_from("abcd"), max_size=3).map(tuple)


class TestClaims:
    def test_of_one_fit(self) -> None:
        claims = Claims()
        claims.add(7, ["jane", "doe"])
        assert claims.fits(Keys(refers=("doe",))) == 7
        assert claims.fits(Keys(refers=("doe", "jane"))) == 7
        assert claims.fits(Keys(refers=("roe",))) is None
        assert claims.fits(Keys(refers=("doe", "roe"))) is None
        assert claims.fits(Keys()) is None

    def test_of_two_fit_nobody(self) -> None:
        claims = Claims()
        claims.add(7, ["jane", "doe"])
        claims.add(8, ["john", "doe"])
        assert claims.fits(Keys(refers=("doe",))) is None
        assert claims.fits(Keys(refers=("john",))) == 8

    def test_that_are_ruled_out_fit_nobody(self) -> None:
        claims = Claims()
        claims.add(7, ["jane", "she:jane"])
        assert claims.fits(Keys(refers=("jane",), unless=("she:jane",))) is None
        assert claims.fits(Keys(refers=("jane",), unless=("he:jane",))) == 7

    @settings(deadline=None, max_examples=300)
    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 4), keys), max_size=12), keys, keys)
    def test_fit_whoever_alone_claims_every_key(
        self, steps: list[tuple[bool, int, tuple[str, ...]]], refers: tuple[str, ...], unless: tuple[str, ...]
    ) -> None:
        claims, held = Claims(), set[tuple[str, int]]()
        for adds, number, own in steps:
            (claims.add if adds else claims.remove)(number, own)
            changed = {(key, number) for key in own}
            held = held | changed if adds else held - changed
        owners = [{number for key, number in held if key == asked} for asked in refers]
        one = len(owners) > 0 and len(owners[0]) == 1 and all(own == owners[0] for own in owners)
        ruled_out = any(key in unless for key, _ in held)
        expected = next(iter(owners[0])) if one and not ruled_out else None
        assert claims.fits(Keys((), refers, unless)) == expected
