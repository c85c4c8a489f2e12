"""From what was kept of runs to Langfuse's spans: masked all at once, then set, then ended."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_secguard.sight import Sight
from langchain_secguard.tracing.checks import worst_level
from langchain_secguard.tracing.langfuse.attributes import IDENTIFIERS, texts
from langchain_secguard.tracing.langfuse.code import code_in, known_values
from langchain_secguard.tracing.langfuse.runs import TEXTS, Run
from langchain_secguard.tracing.masking.mask import WITHHELD, Mask
from langchain_secguard.tracing.quiet import log

_TYPE = "langfuse.observation.type"
_TRACE_KEYS = ("langfuse_session_id", "langfuse_user_id", "langfuse_tags", "langfuse_trace_name")
_BURST = 512


class Sender:
    """Mask runs and end their spans.

    Args:
        mask: What masks; ``None`` sends texts as they are.
        provider: The provider of the spans, flushed in time when many end at once: its queue is bounded.
    """

    def __init__(self, mask: Mask | None, provider: Any) -> None:
        self._mask = mask
        self._provider = provider
        self._unflushed = 0

    def __call__(self, runs: Sequence[Run]) -> None:
        """Send ``runs``, all of one trace; children before parents, as they ended."""
        sights = runs[0].tree.sights
        shown = self._masked([_shown(run) for run in runs], sights)
        for run, fields in zip(runs, shown, strict=True):
            try:
                self._end(run, fields)
            except Exception as error:  # noqa: BLE001 - one span must not cost the others, and messages hold text
                log.error("An observation was sent without texts: %s.", type(error).__name__)
                run.span.end(end_time=run.end_time)
            finally:
                run.forget()
            self._pace()

    def _masked(self, shown: list[dict[str, Any]], sights: Sequence[Sight]) -> list[Any]:
        if self._mask is None:
            return shown
        payloads = [list(fields.values()) for fields in shown]
        try:
            masked = self._mask.apply(payloads, sights)
            known = known_values(sights)
            return [
                self._named(fields, new, sights, known) for fields, new in zip(shown, masked, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 - it must not happen; if it does, no text is sent
            log.error("A trace was sent without texts: masking failed with %s.", type(error).__name__)
            return [_withheld(fields) for fields in shown]

    def _named(
        self,
        fields: Mapping[str, Any],
        masked: Any,
        sights: Sequence[Sight],
        known: re.Pattern[str] | None,
    ) -> dict[str, Any]:
        """Name masked fields, with what comes from code, and with pseudonyms for ids that hold a value."""
        if not isinstance(masked, Sequence) or isinstance(masked, str):
            return _withheld(fields)
        named = dict(zip(fields, masked, strict=True))
        for name in IDENTIFIERS & fields["attributes"].keys():
            if named["attributes"].get(name) != fields["attributes"][name] and self._mask is not None:
                named["attributes"][name] = self._mask.identifier(str(fields["attributes"][name]), sights)
        code = code_in(fields, known)
        if isinstance(named.get("metadata"), Mapping):
            named["metadata"] = {**named["metadata"], **code.pop("metadata", {})}
        return named | {name: value for name, value in code.items() if name != "metadata"}

    def _end(self, run: Run, fields: Mapping[str, Any]) -> None:
        kept = {name: value for name, value in run.fields.items() if name not in TEXTS}
        if run.checks:
            kept["level"] = worst_level(run.checks)
        given = {name: fields[name] for name in TEXTS if name in fields}
        for name in texts(getattr(run.span, "attributes", None)).keys() - fields["attributes"].keys():
            del run.span._attributes[name]  # type: ignore[attr-defined]  # noqa: SLF001 - its name was masked
        run.observation.update(name=fields["name"], **(kept | given))
        run.span.set_attributes({**fields["attributes"], _TYPE: run.as_type})
        if self._mask is not None:
            run.tree.trace.mark_masked(run.id)
        run.observation.end(end_time=run.end_time)

    def _pace(self) -> None:
        """Let the exporter catch up: what ends faster than it sends would fall out of its queue."""
        self._unflushed += 1
        if self._unflushed >= _BURST:
            self._unflushed = 0
            self._provider.force_flush()


def _shown(run: Run) -> dict[str, Any]:
    """List what may hold text."""
    fields = {name: run.fields[name] for name in TEXTS if name in run.fields}
    metadata = fields.get("metadata")
    if isinstance(metadata, Mapping):
        fields["metadata"] = {key: value for key, value in metadata.items() if key not in _TRACE_KEYS}
    if run.checks:
        kept = fields.get("metadata", {})
        given = kept if isinstance(kept, Mapping) else {"metadata": kept}
        fields["metadata"] = {**given, **_of_checks(run)}
    return {"name": run.name, **fields, "attributes": texts(getattr(run.span, "attributes", None))}


def _of_checks(run: Run) -> dict[str, Any]:
    """Return what the checks of a run say; of several, each below its scanner's name."""
    if len(run.checks) == 1:
        return dict(run.checks[0].metadata)
    return {check.scanner: dict(check.metadata) for check in run.checks}


def _withheld(fields: Mapping[str, Any]) -> dict[str, Any]:
    attributes = dict.fromkeys(fields["attributes"], WITHHELD)
    code = {name: value for name, value in code_in(fields, None).items() if name == "name"}
    return {**dict.fromkeys(fields, WITHHELD), **code, "attributes": attributes}
