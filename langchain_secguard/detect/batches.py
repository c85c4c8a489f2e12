"""Batches: texts of like length run through a model together, so that little of a batch is padding."""

from collections.abc import Iterator, Sequence


def batches(lengths: Sequence[int], *, budget: int) -> Iterator[list[int]]:
    """Group the positions of ``lengths``, the longest first, so that no group exceeds ``budget`` when padded.

    What a group costs is its number of members times its longest. A length above ``budget`` is a group of
    its own. Starting with the longest, a model that has not enough memory fails at once.
    """
    group: list[int] = []
    longest = 0
    for position in sorted(range(len(lengths)), key=lambda position: -lengths[position]):
        if group and (len(group) + 1) * longest > budget:
            yield group
            group = []
        longest = longest if group else lengths[position]
        group.append(position)
    if group:
        yield group
