"""LangSmith: the mask, as the function that ``langsmith.Client(anonymizer=...)`` takes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight
from langchain_secguard.tracing.masking.mask import WITHHELD, Mask
from langchain_secguard.vault import Vault

_IDS = frozenset({"session_id", "thread_id", "conversation_id", "user_id"})
"""What LangSmith groups runs by: a pseudonym keeps users apart, where a label would mix them up."""


def langsmith_anonymizer(
    mask: Mask | None = None, *, vaults: Sequence[Vault] = ()
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what masks the inputs, outputs, metadata and errors of every run that a LangSmith client sends.

    LangSmith calls it where a run starts and ends, and does not say which run a text is of. So it masks what
    the mask's detector finds, the names that some Anonymizer of the process always hides, and what
    ``vaults`` know; give the mask the detector that the Anonymizer has. What cannot be masked is withheld.

    LangSmith (0.15) does not hand it these: the names and tags of runs, the manifests of models and prompts
    (a prompt's template, too), invocation parameters and what else a run's ``extra`` holds beside metadata,
    events, attachments, projects' names, and feedback. Put no personal data there. With
    ``hide_inputs=True``, ``hide_outputs=True`` or ``hide_metadata=True`` the client sends none of those,
    masked or not; functions given by these names are not called beside an anonymizer.

    Example:
        .. code-block:: python

            client = langsmith.Client(anonymizer=langsmith_anonymizer())
            chain.invoke(text, config={"callbacks": [LangChainTracer(client=client)], ...})

    Args:
        mask: Masks texts; ``Mask()`` by default.
        vaults: Vaults whose values are masked too, whatever run they are of.
    """
    masker = mask if mask is not None else Mask()
    sights = [Sight(vault, Form()) for vault in vaults]

    def anonymize(data: dict[str, Any]) -> dict[str, Any]:
        ids = {key: data[key] for key in _IDS & data.keys() if isinstance(data[key], str)}
        masked = masker.apply([{**data, **dict.fromkeys(ids, "")}], sights)[0]
        if not isinstance(masked, Mapping):
            return dict.fromkeys(data.keys() & {"error"} or {"withheld"}, WITHHELD)
        return {**masked, **{key: masker.identifier(value, sights) for key, value in ids.items()}}

    return anonymize
