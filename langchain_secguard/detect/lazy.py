"""A regular expression that is compiled when it is first used, so that importing the package stays cheap."""

import re
from functools import cached_property


class Lazy:
    """Hold the source of a regular expression; ``regex`` compiles it once.

    The default flag is ASCII: patterns run on folded text, in which foreign digits, dashes and spaces have
    become ASCII ones.
    """

    def __init__(self, source: str, flags: re.RegexFlag = re.ASCII) -> None:
        self.source = source
        self.flags = flags

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Compile the source."""
        return re.compile(self.source, self.flags)
