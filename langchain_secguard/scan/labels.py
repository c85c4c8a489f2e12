"""What the labels of models that classify texts mean: a risk, or none.

Collected from the cards of models for prompt injection, toxicity, hate speech and the like that are in use; a
label is looked up in small letters, its words parted by underscores.
"""

import re
from collections.abc import Collection

RISKY = frozenset(
    {
        "abuse", "abusive", "attack", "bad", "biased", "bullying", "code_injection",
        "cyberbullying", "dangerous", "defacement", "discrimination", "embedded_injection",
        "harassment", "harassment_threatening", "harmful", "hate", "hate_speech",
        "hate_threatening", "hateful", "hateful_threatening", "high_risk", "identity_attack",
        "identity_hate", "indirect_injection", "inject", "injection", "insult", "jailbreak",
        "jailbreaking", "leakage", "malicious", "malware", "misinformation", "nsfw", "obscene",
        "offensive", "phishing", "pii", "profane", "profanity", "prompt_injection", "racism",
        "racist", "refusal", "rejection", "self_harm", "self_harm_instructions", "self_harm_intent",
        "sensitive", "severe_toxic", "severe_toxicity", "sexism", "sexist", "sexual",
        "sexual_explicit", "sexual_minors", "sexually_explicit", "spam", "threat", "threatening",
        "toxic", "toxicity", "unsafe", "very_toxic", "violence", "violence_graphic", "violent",
        "vulgar",
    }
)  # fmt: skip
"""Labels of what is to be refused."""

HARMLESS = frozenset(
    {
        "acceptable", "appropriate", "benign", "clean", "good", "ham", "harmless", "legit",
        "legitimate", "low_risk", "neutral", "no_injection", "no_refusal", "no_toxicity",
        "non_biased", "non_hate", "non_offensive", "non_spam", "non_toxic", "nonhate", "nontoxic",
        "normal", "not_abusive", "not_biased", "not_bullying", "not_hate", "not_hateful",
        "not_injection", "not_malicious", "not_offensive", "not_sexual", "not_spam", "not_toxic",
        "not_violent", "nothate", "o", "ok", "okay", "other", "safe", "sfw", "trusted",
    }
)  # fmt: skip
"""Labels of what may pass."""

NAMES_OF_GROUPS = frozenset(
    {
        "asian", "atheist", "bisexual", "black", "buddhist", "christian", "female", "heterosexual",
        "hindu", "homosexual_gay_or_lesbian", "intellectual_or_learning_disability", "jewish",
        "latino", "male", "muslim", "other_disability", "other_gender", "other_race_or_ethnicity",
        "other_religion", "other_sexual_orientation", "physical_disability",
        "psychiatric_or_mental_illness", "transgender", "white",
    }
)  # fmt: skip
"""Labels of whom a text speaks about, beside those of toxicity in the models trained on Civil Comments."""

_NUMBERED = ("label_0", "label_1")


def risky_labels(labels: Collection[str], named: Collection[str] | None = None) -> frozenset[str]:
    """Return those of a model's ``labels`` that are a risk: the ``named`` ones, or those known to be.

    ``LABEL_1`` is a risk where it and ``LABEL_0`` are all labels that there are, as in Llama Prompt Guard 2.

    Raises:
        ValueError: A named label is none of the model's; or what a label means is not known.
    """
    if named is not None:
        if isinstance(named, str) or not named or (set(named) - set(labels)):
            raise ValueError(
                f"unsafe_labels must be a list of some of the model's labels: {', '.join(sorted(labels))}"
            )
        return frozenset(named)
    plain = {label: _plain(label) for label in labels}
    if sorted(plain.values()) == sorted(_NUMBERED):
        return frozenset(label for label, name in plain.items() if name == "label_1")
    unknown = sorted(label for label, name in plain.items() if name not in RISKY | HARMLESS | NAMES_OF_GROUPS)
    risky = frozenset(label for label, name in plain.items() if name in RISKY)
    if unknown or not risky:
        which = f" It is not known what {', '.join(unknown)} mean." if unknown else ""
        raise ValueError(
            f"the model's labels are {', '.join(sorted(labels))}.{which} "
            "Say which of them are a risk: unsafe_labels=[...]"
        )
    return risky


def _plain(label: str) -> str:
    return re.sub(r"[\W_]+", "_", label.strip().lower()).strip("_")
