"""What the words of a person's name tell: titles, suffixes, particles, and given names of one sex alone.

Words are written with their case folded and without their periods. The tables are short on purpose: a word
that is not here says nothing, and a name is then linked less often, or by its other words.
"""

from collections.abc import Mapping

MALE = "male"
FEMALE = "female"
SEXES = frozenset({MALE, FEMALE})
OFFICES = frozenset({"doctor", "judge", "officer", "attorney"})
"""What a title tells of a person. Titles that tell of two sexes, or of two offices, speak of two people."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _of(traits: tuple[str, ...], words: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(words.split(), traits)


TITLES: Mapping[str, tuple[str, ...]] = {
    **_of((MALE,), "mr mister sir lord herr herrn señor senhor signor signore monsieur meneer mijnheer dhr"),
    **_of((FEMALE,), "mrs ms miss missus madam ma'am madame mme mlle mademoiselle lady dame frau fräulein"),
    **_of((FEMALE,), "señora señorita sra srta senhora signora signorina mevrouw mevr fru frøken fröken"),
    **_of((MALE, FEMALE), "messrs mesdames misses herren messieurs señores"),
    **_of(("doctor",), "dr doctor doktor dra prof professor"),
    **_of(("judge",), "judge justice"),
    **_of(("officer",), "officer detective inspector agent sergeant sgt lieutenant lt captain capt"),
    **_of(("attorney",), "attorney"),
    **_of((), "mx hon honorable rev reverend senator sen governor gov president colonel col general gen"),
    **_of((), "nurse ambassador mayor"),
}
"""What a title before a name tells: a sex, an office, nothing, or both sexes, and so of several people.

Left out is what is a name, too, or a word of the sentence before: Don, Dean, Major, "M.", "Sr." (a suffix).
"""

JOINERS = frozenset({"and", "&", "/", "or", "und", "oder", "et", "ou", "och", "og", "en"})
"""What stands between the titles of two people, as in "Mr. and Mrs. Doe", or between two names."""

SUFFIXES = _words("jr junior sr senior ii iii iv 2nd 3rd")
"""What tells a parent from a child: names that differ in it are names of two people."""

CREDENTIALS = _words("esq esquire md phd dphil jd llm dds dvm rn cpa mba qc kc")
"""What may stand behind a name and says nothing of who it is."""

PARTICLES = _words(
    "van von vom zu zum zur der den ter ten te de del della dei degli di da das do dos du des la le "
    "las los y af av st san santa"
)
"""What begins a surname of several words."""

PATRONYMICS = _words("bin ibn ben bint binti al el abu")
"""What stands before the name of a father or a house: who is called by that alone may be somebody else."""

MALE_NAMES = _words(
    "james michael robert john david william richard joseph thomas christopher charles daniel matthew "
    "anthony mark steven donald andrew joshua paul kenneth kevin brian timothy ronald jason george "
    "edward jeffrey jacob nicholas gary eric jonathan stephen larry justin scott brandon benjamin "
    "samuel gregory alexander patrick frank raymond jack dennis aaron jose adam nathan henry zachary "
    "douglas peter jeremy walter keith roger sean gerald carl harold bryan lawrence arthur bruce alan "
    "juan elijah albert wayne vincent bradley russell carlos luis miguel pedro pablo javier fernando "
    "jorge diego rafael giovanni giuseppe marco pierre jacques philippe françois louis hans karl "
    "jürgen wolfgang klaus heinz stefan muhammad omar mustafa oliver harry simon martin leonard philip "
    "neil ian graham tom bob jim bill mike steve dave theodore ernest ralph eugene marcus oscar hugo "
    "igor ivan dmitri sergei vladimir"
)
FEMALE_NAMES = _words(
    "mary patricia jennifer linda elizabeth barbara susan jessica karen sarah lisa nancy sandra emily "
    "kimberly betty margaret donna michelle amanda melissa deborah stephanie rebecca laura cynthia amy "
    "kathleen angela dorothy emma brenda nicole pamela samantha anna katherine christine debra rachel "
    "carolyn janet maria olivia heather helen catherine diane julie victoria joyce lauren christina "
    "ruth virginia judith hannah megan cheryl jacqueline teresa abigail sophia martha sara gloria "
    "janice kathryn ann isabella judy charlotte julia grace amber alice denise danielle marilyn "
    "natalie beverly diana brittany theresa kayla doris lori tiffany jane anne kate lucy ellen rose "
    "claire eleanor sofia ana lucia elena fatima aisha ingrid ursula sabine petra monika heike giulia "
    "chiara francesca chloé élodie isabelle nathalie sophie céline amélie brigitte louise marie "
    "josephine harriet susanne beatrice clara irene edith ethel agnes esther rosa juana pilar dolores "
    "consuelo natasha svetlana tatiana irina ludmila"
)
"""Given names of one sex alone.

Most are from the US Social Security Administration's "Top names over the last 100 years", and some are common
elsewhere. Left out is what the other sex is named, too, somewhere: Andrea, Jean, Joan, Carol, Kelly, Evelyn.
"""
