"""How hiding and memory grow with a vault. For information: there is no target."""

import itertools
import tracemalloc
from collections.abc import Iterator, Sequence

from langchain_core.runnables import RunnableConfig

from benchmarks.clock import side_by_side
from benchmarks.report import Row, duration
from benchmarks.stand_ins import Precomputed
from benchmarks.texts import names, sprinkled
from langchain_secguard import Anonymizer, Vault
from langchain_secguard.links import link_keys
from langchain_secguard.vault import Entity

_SIZES = (10, 100, 1_000, 10_000, 100_000)
_KNOWN = 5


def measure() -> Iterator[Row]:
    """Hide five known values in 1 KB that the detector finds nothing in; weigh a vault."""
    values = list(itertools.islice(names(2), _SIZES[-1]))
    step = Anonymizer(detector=Precomputed({}), cache_size=0)
    text = sprinkled(values[:_KNOWN], 1_000)
    configs = [_config(values[:size]) for size in _SIZES]
    timings = side_by_side(
        *(lambda config=config: step.invoke(text, config) for config in configs), seconds=4
    )
    measured = ", ".join(
        f"{duration(timing.best)} of {size:,}" for size, timing in zip(_SIZES, timings, strict=True)
    )
    yield Row("hide five known values in 1 KB, by entries of the vault", measured)
    yield Row("memory of an entry, of 10,000", f"{_weight(values[:10_000]):,.0f} bytes")


def _config(values: Sequence[str]) -> RunnableConfig:
    vault = Vault()
    vault.assign([Entity("PERSON", value) for value in values])
    return {"configurable": {"vault": vault}}


def _weight(values: Sequence[str]) -> float:
    """Return the bytes of an entry, its value not counted."""
    tracemalloc.start()
    vault = Vault()
    for value in values:
        vault.assign([Entity("PERSON", value, keys=link_keys("PERSON", value))])
    weight = tracemalloc.get_traced_memory()[0] / len(vault.entries())
    tracemalloc.stop()
    return weight
