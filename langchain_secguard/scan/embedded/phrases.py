"""What prompt injections say: rules for instructions that turn a model against those who gave it its task.

Kinds after OWASP's list for LLM applications (LLM01:2025) and MITRE ATLAS (AML.T0051, AML.T0054). A rule
looks for one of its ``words`` first, which costs next to nothing, and only then for its pattern. In a pattern
a space stands for whatever is between two words, and ``<8>`` for up to eight words; all is bounded, so that no
text takes longer than its length.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_WORDS_BETWEEN = re.compile(r"<(\d+)>")

_GAP = "<4> "
"""Up to four words between two that belong together."""

_NOT_MINE = r"(?:[^\w.!?]{1,4}(?!(?:my|our|his|her|their|typos?|mistakes?)\b)\w{1,20}){0,4}?[^\w.!?]{1,4}"
"""The same, but for what a writer says of words of their own."""

_WIDE = "<8> "

_REPORTED = re.compile(
    r"(?:\b(?:he|she|they|we|who|court|jury|judge|tribunal|attackers?|people|someone|somebody|staff|employees?|members?|"
    r"students?|researchers?|how to|how (?:do|can|should|does)|(?:can|may|should|could) (?:i|we|one))\b[^.!?\n]{0,40}"
    r"|\b(?:not|never|don\W?t|cannot|can\W?t|nobody may|without) (?:\w{1,12} )?)$"
)
"""What stands before an order that nobody gives: it is told of, asked about, or warned against."""
_BEFORE = 60


_TOLD = ("override", "extraction")


class Rule(NamedTuple):
    """Say which texts raise a kind of suspicion, and by how much: ``weight`` is a risk from 0 to 1.

    A text that it finds holds one of ``words`` or has one of ``whole`` as a word, and holds one of ``also``
    unless that is empty. What it finds begins with one of ``starts``, unless that is empty.
    """

    kind: str
    weight: float
    words: tuple[str, ...]
    also: tuple[str, ...]
    pattern: re.Pattern[str]
    whole: frozenset[str] = frozenset()
    starts: frozenset[str] = frozenset()

    def finds(self, text: str, words: frozenset[str]) -> bool:
        """Tell whether ``text``, which is folded and has ``words``, raises this suspicion."""
        return (
            (not words.isdisjoint(self.whole) or any(word in text for word in self.words))
            and (not self.also or any(word in text for word in self.also))
            and any(not self._is_told(text, match.start()) for match in self._matches(text, words))
        )

    def _matches(self, text: str, words: frozenset[str]) -> Iterator[re.Match[str]]:
        if not self.starts:
            yield from self.pattern.finditer(text)
        for word in self.starts & words:
            at = text.find(word)
            while at >= 0:
                match = self.pattern.match(text, at)
                if match:
                    yield match
                at = text.find(word, at + len(word))

    def _is_told(self, text: str, start: int) -> bool:
        if self.kind not in _TOLD:
            return False
        return _REPORTED.search(text[max(0, start - _BEFORE) : start]) is not None


def _rule(
    kind: str, weight: float, words: str, *patterns: str, also: str = "", whole: str = "", starts: str = ""
) -> Rule:
    split = tuple(words.split() if "<|" in words else words.split("|")) if words else ()
    pattern = "|".join(f"(?:{one})" for one in patterns)
    spelled = _WORDS_BETWEEN.sub(r"(?: \\w{1,20}){0,\1}?", pattern).replace(" ", r"\W{1,4}")
    return Rule(
        kind,
        weight,
        split,
        tuple(also.split("|")) if also else (),
        re.compile(spelled),
        frozenset(whole.split("|")) if whole else frozenset(),
        frozenset(starts.split("|")) if starts else frozenset(),
    )


_DROP = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|bypass(?:ing)?|circumvent|unlearn|"
    r"(?:do not|don\W?t|never|stop|no longer|cease)"
    r" (?:to )?(?:follow(?:ing)?|obey(?:ing)?|comply(?:ing)?(?: with)?|adher(?:e|ing)(?: to)?))"
)
_PUT_AWAY = r"(?:neglect|discard|drop|cancel|void|skip|erase|delete|clear|abandon|violate)"
_EARLIER = (
    r"(?:previous(?:ly)?|prior|preceding|earlier|above|foregoing|former|past|initial|original|existing|current|"
    r"system|developer|programmed|default|old|safety|content|ethic(?:s|al)|moderation|your|you (?:were|have been|got)|"
    r"all(?: (?:of )?(?:the|your|those|these))?|every(?:thing)?)"
)
_OF_THE_MODEL = r"(?:your|system|developer\W?s?|programmed|safety|ethic(?:s|al)|moderation)"
_ORDERS = (
    r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|guardrails?|commands?|"
    r"programming|training|constraints?|restrictions?|safeguards?|limitations?|conditioning)"
)
_MORE_ORDERS = r"(?:orders?|policies|policy|messages?|context|filters?|protocols?|limits?)"
_REVEAL = r"(?:reveal|show|print|repeat|output|display|tell|leak|dump|disclose|expose|recite|reproduce|echo|quote|spell|divulge|paste)"
_ASK = (
    r"(?:reveal|show|print|repeat|output|display|tell|give|leak|dump|disclose|expose|share|recite|reproduce|echo|divulge|"
    r"return|write|list|type|spell|copy|paste|quote|summari[sz]e|translate|encode|state|provide|send|"
    r"what (?:is|are|was|were|do|does|did)|what\W?s)"
)
_YOURS = (
    r"your (?:(?:own|exact|full|entire|complete|initial|original|system|hidden|secret|internal|given|underlying|confidential|"
    r"current|starting|developer|base) ){1,3}(?:prompts?|instructions?|directives?|guidelines|rules|configuration|messages?)"
    r"|your (?:prompt|programming|configuration|preamble|system message)"
)
_MODELS = (
    r"(?:the|this|that|its|these) (?:\w{1,12} )?(?:system\W{0,3}(?:prompts?|instructions?|message)"
    r"|(?:initial|original|hidden|secret|internal|developer|confidential)\W{1,3}(?:system )?(?:prompts?|instructions?|directives?|guidelines))"
    r"|(?:instructions?|prompts?|everything|messages?|conversation|words|text) (?:that (?:is|are|was|were|comes?|stands?) )?"
    r"(?:above (?:this|here|my|our)|before this|preceding (?:this|my)|you (?:were|have been) (?:given|told|set up|initiali[sz]ed))"
)
_FREE = (
    r"(?:unrestricted|unfiltered|uncensored|unaligned|amoral|jailbroken|lawless|"
    r"(?:without|no|not|free (?:of|from)|beyond|outside) (?:have )?(?:bound by |any |all |the |your |its |usual |ethical |moral |"
    r"safety |content |such |these |more ){0,4}(?:restrictions?|limit(?:s|ations?)?|filters?|rules?|"
    r"guidelines|ethics|morals?|morality|censorship|boundaries|constraints?|safeguards?|policies|policy|guardrails?|principles))"
)
_MACHINE = (
    r"(?:ais?|llms?|(?:large )?(?:language )?models?|assistants?|agents?|chatbots?|bots?|chatgpt|gpt(?:\W?\d)?|claude|gemini|copilot|"
    r"automated (?:systems?|readers?|tools?|reviewers?)|reviewers? bots?)"
)

_STRONG = (
    r"(?:ais?|llms?|(?:large )?language models?|(?:ai|llm|tool|coding|browser) (?:assistants?|agents?|models?|systems?)|chatbots?|"
    r"chatgpt|gpt(?:\W?\d)?|claude|gemini|copilot|automated (?:systems?|readers?|tools?|reviewers?))"
)

_MACHINES = (
    "ai|ais|llm|llms|model|models|assistant|assistants|agent|agents|chatbot|chatbots|bot|bots|chatgpt|gpt|claude|gemini|copilot|"
    "automated|reviewer|reviewers"
)

_STRONG_STARTS = "ai|ais|llm|llms|large|language|tool|coding|browser|chatbot|chatbots|chatgpt|gpt|gpt4|claude|gemini|copilot|automated"
_MACHINE_STARTS = (
    f"{_STRONG_STARTS}|model|models|assistant|assistants|agent|agents|bot|bots|reviewer|reviewers"
)

RULES = (
    # instructions are set aside
    _rule("override", 0.9, "",
          rf"\b{_DROP}{_NOT_MINE}{_EARLIER}{_NOT_MINE}{_ORDERS}\b",
          rf"\b{_DROP} {_EARLIER} {_ORDERS}\b",
          rf"\b(?:{_DROP}|{_PUT_AWAY}){_NOT_MINE}{_OF_THE_MODEL}{_NOT_MINE}(?:{_ORDERS}|{_MORE_ORDERS})\b",
          rf"\b{_PUT_AWAY} (?:all )?(?:of )?(?:the |your )?(?:previous|prior|earlier|above|initial|original) {_ORDERS}\b",
          rf"\b{_DROP} (?:all|everything|anything|whatever|the (?:text|rest|content)) (?:of (?:the|that) )?(?:above|before|prior|previous|you(?:\W?ve| (?:were|have|learned)| know(?! (?:about|of)))|i (?:said|told)|that (?:came|was))\b",
          whole="ignore|ignoring|disregard|disregarding|forget|forgetting|override|overriding|bypass|bypassing|circumvent|unlearn|neglect|"
                "discard|drop|cancel|void|skip|erase|delete|clear|abandon|violate|follow|following|obey|obeying|comply|complying|adhere|adhering",
          starts="ignor|ignore|ignoring|disregard|disregarding|forget|forgetting|override|overriding|bypass|bypassing|circumvent|unlearn|neglect|"
                 "discard|drop|cancel|void|skip|erase|delete|clear|abandon|violate|do|don|never|stop|no|cease",
          also="instruction|prompt|rule|direction|directive|guideline|guardrail|command|order|polic|protocol|limit|programming|training|constraint|restriction|safeguard|limitation|message|context|conditioning|filter|above|before|prior|previous|you|i said|i told|that came|that was"),
    _rule("override", 0.9, "instruction|prompt|rules|guidelines|directives",
          r"\b(?:(?:your|you) (?:\w{1,12} ){0,3}?(?:instructions?|prompts?|rules|guidelines|directives)|(?:system|safety|content|developer\W?s?) (?:\w{1,12} )?(?:instructions?|prompts?|rules|guidelines|limits|policy|policies|protocols))\b<4> (?:are|is|were|have been|has been) (?:now |hereby |all )?(?:null|void|cancel\w*|obsolete|revoked|superseded|overridden|replaced|suspended|lifted|no longer)\b"),
    _rule("override", 0.8, "new instruction|new task|new rule|new prompt|new directive|updated instruction|real instruction|actual task|real task|true instruction|new system|instead",
          r"\b(?:your|these are your|here (?:are|is) your|follow (?:these|my)) (?:new|real|actual|true|updated) (?:instructions?|tasks?|rules?|directives?|goal|objective|prompt|mission)\W{0,3}(?:is|are|now|:|follows?|below|instead)",
          r"(?:^|\n|[.!?#*=\]>]\W{0,4})(?:new|real|actual|admin|system|override) (?:system )?(?:instructions?|task|prompt|directives?|override)\W{0,3}:"),
    _rule("override", 0.6, "instead",
          rf"\b{_DROP} (?:the|this|that|these|it|them|those|my|what)\b<8> (?:and|but)?\W{{0,4}}instead (?:print|say|output|write|respond|reply|answer|tell|do|return|give|just|only|translate|act)\b",
          r"\binstead(?: of\b(?: \w{1,20}){1,8}?)? (?:you (?:must|will|should|shall) )?(?:only |just )?(?:print|output|say|respond|reply)\b (?:only |with |exactly )*[\"'\u201c\u2018]"),
    # the task that was given is asked for
    _rule("extraction", 0.8, "prompt|instruction|message|directive|guidelines|rules|configuration|programming|above|preceding|before this",
          rf"\b{_ASK}{_GAP}(?:{_YOURS})\b(?! (?:for (?!the audit)|on|about|regarding))",
          rf"\b{_REVEAL}{_GAP}(?:{_MODELS})\b",
          r"\b(?:reveal|leak|dump|disclose|recite|divulge|output)<4> your (?:instructions?|guidelines|rules|orders)\b",
          r"\b(?:reveal|show|print|repeat|output|display|leak|dump|disclose|expose|recite|echo) (?:me |out |us )?(?:full |entire |all |verbatim )?(?:system|initial|hidden|developer)\W{0,3}(?:prompt|instructions|message)s?\b",
          starts="reveal|show|print|repeat|output|display|tell|give|leak|dump|disclose|expose|share|recite|reproduce|echo|divulge|return|write|"
                 "list|type|spell|copy|paste|quote|summarize|summarise|translate|encode|state|provide|send|what"),
    _rule("extraction", 0.8, "you are|starting with|beginning with|verbatim|word for word|code block|initialization|above",
          r"\b(?:repeat|print|output|write|copy|recite|reproduce)\b<8> (?:above|before|starting (?:with|from)|beginning with|verbatim|word for word)\b<8> (?:you are|you (?:were|have)|prompt|initialization|code block|conversation|phrase)\b",
          r"\brepeat\b (?:everything|all(?: of it)?|the (?:words|text|content|lines?)) (?:above|before)\b",
          also="repeat|print|output|write|copy|recite|reproduce"),
    _rule("extraction", 0.6, "were you told|you told|told not|instructed to|initial|not allowed to",
          r"\bwhat (?:exactly )?(?:were|have) you (?:been )?(?:told|instructed|programmed|asked) (?:to|not|before|at|by)\b",
          r"\bwhat (?:are you|topics?|things?)\b<3> not (?:allowed|supposed|permitted) to (?:say|tell|reveal|discuss|mention)\b"),
    # another self
    _rule("jailbreak", 0.9, "dan|do anything now|developer mode|jailbreak|jailbroken|stan|dude|aim|evil|godmode|god mode|sudo mode|unfiltered|opposite mode|debug mode|maintenance mode|admin mode|root mode",
          r"\b(?:you are(?: now)?(?: going to (?:be|act as))?|act(?:ing)? (?:as|like)|pretend(?: (?:to be|you are))?|role\W?play(?:ing)? as|become|simulate|stay (?:as|a)|from now on you(?: are)?) (?:an? |the )?[\"'\u201c]?(?:dan|stan|dude|aim|mongo tom|devmode|betterdan|jailbreak\w*|evil\W?\w*)\b",
          r"\bdo anything now\b(?! (?:that|because|since))",
          r"\b(?:enable|enter|activate|switch(?: (?:in)?to)?|engage|you are(?: now)? in|simulate|unlock) (?:\w{1,12} ){0,2}?(?:developer|dev|god|sudo|jailbreak|opposite|unrestricted|unfiltered|dan|evil|chaos) mode\b(?! (?:by|on your|on the|in the|using|with the|from the|under|of the|to (?:see|show|access)))",
          r"\byou are(?: now)? in (?:admin(?:istrator)?|root|debug|maintenance|test) mode\b",
          r"\b(?:dan|jailbreak|god|unrestricted) mode (?:enabled|activated|unlocked)\b",
          r"\bjailbreak (?:yourself|successful|command)\b",
          also="you|act|role|mode|anything now|pretend|become|jailbreak|simulat|stay|called|named"),
    _rule("jailbreak", 0.85, "restrict|filter|censor|limit|unbound|rules|guideline|ethic|moral|boundar|constraint|safeguard|polic|jailbroken|evil|lawless|guardrail|principles|unaligned",
          rf"\b(?:you (?:are|will|must|now|have)|act(?:ing)? (?:as|like)|pretend|role\W?play|respond|answer|reply|behave|become|simulate|operate)\b<12> (?:{_FREE})\b(?! (?:on|to|for|at|when|until|in the|of the))"),
    _rule("jailbreak", 0.7, "never refuse|not refuse|cannot refuse|can't refuse|without refus|never say|do not apolog|don't apolog|no disclaimer|without disclaimer|without warning|any disclaimer|any warning|begin your|start your|start with|begin with|absolutely|sure, here",
          r"\b(?:never|do not|don\W?t|must not|may not|cannot|can\W?t|without) (?:ever )?(?:refus\w{1,5}|declin\w{1,5}|apologi[sz]\w{1,4}|(?:say|tell me)<5> (?:can\W?t|cannot|unable|as an ai|sorry))\b<10>(?: (?:request|answer|question|comply|instruction|order|me|any|anything|that|an?y? ai))",
          r"\b(?:begin|start) (?:your|the|every|each|all) (?:\w{1,12} )?(?:answers?|responses?|repl(?:y|ies)|outputs?) (?:with|by)\b<4> (?:sure|absolutely|of course|yes|certainly|here (?:is|are))\b"),
    _rule("jailbreak", 0.6, "hypothetical|fictional|grandmother|grandma|no consequences|educational purposes|everything is legal|not real",
          r"\b(?:in (?:this|a) (?:hypothetical|fictional) \w{1,12}|fictional (?:world|universe|story)|hypothetical(?:ly)?)\b<15> (?:no (?:rules|laws|ethics|restrictions|limits|consequences|filters)|everything is (?:legal|allowed|permitted))\b",
          r"\b(?:grandmother|grandma)\b<15> (?:used to (?:tell|read|recite|work)|would (?:tell|read))\b<10> (?:napalm|bombs?|windows|keys?|explosives?|passwords?|malware|meth|recipe)\b"),
    _rule("jailbreak", 0.55, "two responses|two answers|two ways|[classic]|[jailbreak]|both responses",
          r"\b(?:two|both) (?:different )?(?:responses|answers|outputs|ways)\b<20> (?:unfiltered|uncensored|dan|jailbreak|evil|restrict\w*|without \w{1,10} (?:limits|filters|rules|restrictions))\b"),
    # somebody else's voice: turns and marks of a prompt that no user writes
    _rule("forged_turn", 0.9, "<|im_start|> <| [inst] [/inst] <<sys>> <</sys>> _of_turn> [system]",
          r"<\|(?:im_start|im_end|system|assistant|user|start_header_id|end_header_id|eot_id|channel|start|end|message)\|>|<</?sys>>|\[/?inst\]|<(?:start|end)_of_turn>|(?:^|\n)\W{0,3}\[system\]\W{0,3}(?:\(#\w*\)|:|\n)"),
    _rule("forged_turn", 0.8, "system|assistant|human|admin|developer|operator",
          r"(?:^|\n)\s{0,4}(?:#{1,6}\s*|\*{1,2}|>{1,3}\s*|={2,}\s*|-{2,}\s*|\[)?(?:system|developer|admin(?:istrator)?|operator|root)(?:\s+(?:prompt|message|instructions?|override|update|notice|note|alert|command))?(?:\*{1,2}|\]|={2,}|-{2,})?\s*:\s*(?:\n\s*)?(?:you (?:must|now|will|are now|work|have|no longer|answer|obey|may|can)\b|ignore (?:all|the (?:user|above|previous))|disregard|forget (?:all|the|your|every|prev)|new (?:instructions?|role|task|rules?|directive)|from now on|override|the (?:user|assistant)(?:\W?s)? (?:is|has|was|can|may|limits)\b|reveal)",
          r"(?:^|\n)\W{0,4}assistant\s*:\s*(?:you (?:are|must)\b|ignore|disregard|forget (?:all|your|the)|new (?:instructions?|task|rule)|from now on|override|reveal|the (?:user is|previous|above)|i (?:will now|am now|have checked|may give))",
          r"</?(?:system|assistant|instructions?|prompt|context|user_?input|user|admin|sys|data|document)>\W{0,8}(?:</?(?:system|instructions?|admin)\b|you (?:are now|now|must|will|have no|work)\b|ignore|disregard|forget (?:all|the|your)|new (?:instructions?|role|task)|from now on|override|reveal)",
          r"(?:begin|start|end) (?:of )?(?:the )?(?:system|user|admin|hidden|initial) (?:prompt|input|message|instructions?|data|query)\b\W{0,12}(?:\n|\]|-|=|#|you\b|new\b|begin|start|now\b|$)"),
    # what a document says to the machine that reads it
    _rule("indirect", 0.85, "",
          rf"\b(?:dear|hey|hello|hi|to) (?:the |any |all |every )?{_MACHINE}\b{_WIDE}(?:you (?:must|are required|have to)|always|never|ignore|forget (?:the|all|your)|recommend|rate|do not|stop|score|approve|disregard)\b",
          whole=_MACHINES, starts="dear|hey|hello|hi|to"),
    _rule("indirect", 0.85, "",
          rf"\b(?:attention|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|important (?:for|to)|if you are) (?:an? |the |any |all |every )?{_STRONG}\b{_WIDE}(?:you (?:must|should|need|have|will|are)|please|must|always|never|ignore|forget|say|tell|reply|respond|write|include|add|recommend|rate|give|do not|send|output|print|stop|score|approve|disregard|mention|end|call)\b",
          whole=_MACHINES, starts="attention|note|message|instruction|instructions|important|if"),
    _rule("indirect", 0.85, "",
          rf"\b(?:{_MACHINE}\W{{1,4}}(?:\w{{1,12}}\W{{1,4}})?(?:reading|processing|summari[sz]ing|analy[sz]ing|parsing|reviewing|index(?:ing|es)?|that (?:reads?|process(?:es)?|summari[sz]es?)|which (?:reads?|index(?:es)?)) this|{_STRONG} (?:reading|processing|summari[sz]ing|reviewing) the)\b{_WIDE}(?:must|should|shall|will|needs?|is (?:required|instructed)|are (?:required|instructed)|please|ignore|has to|have to)\b",
          whole=_MACHINES, starts=_MACHINE_STARTS),
    _rule("indirect", 0.85, "",
          rf"\b(?:when|if|while|before|after|once|whenever) (?:an? |the )?(?:{_STRONG}|(?:automated )?assistants?) (?:are |is )?(?:asked (?:to|about)|read(?:s|ing)?|summari[sz](?:e|es|ing)|process(?:es|ing)?|see(?:s|ing)?|analy[sz](?:e|es|ing)|answer(?:s|ing)?|translat(?:e|es|ing)|pars(?:e|es|ing)|review(?:s|ing)?)\b{_WIDE}(?:(?:you|it|they) )?(?:must|should|always|say|tell|reply|respond|include|add|append|insert|recommend|ignore|send|call|output|print|first|forward|email|mention|do not)\b(?=<14> (?:user|instructions?|secret|password|keys?|link|url|https?|instead|email|e\W?mail|tool|function|system|nothing|best|only|exactly|hidden|conversation|prompt|data))",
          whole=_MACHINES, starts="when|if|while|before|after|once|whenever"),
    _rule("indirect", 0.85, "user|human|reader",
          r"\b(?:do not|don\W?t|never|without|must not) (?:ever )?(?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?|alert(?:ing)?|notify(?:ing)?|warn(?:ing)?) (?:the |your |any )?(?:users?|human|reader)(?: (?:about |of )?(?:this|it|that you)\b|\W{0,3}(?:$|[.!;,\n<]))",
          r"\b(?:do not|don\W?t|never|without|must not) (?:ever )?(?:mention(?:ing)?|reveal(?:ing)?|disclos(?:e|ing)|show(?:ing)?|explain(?:ing)?) (?:this|it|any of this|these \w{1,14}) to (?:the |your |any )?(?:users?|human|reader)\b"),
    _rule("indirect", 0.85, "conversation|chat history|history|secret|api key|password|credential|token|emails|inbox|contacts|context|private|personal data|session|message|document",
          r"\b(?:send|forward|post|upload|exfiltrate|transmit|leak|submit|append|encode|copy|e\W?mail|embed|attach|insert|include|put|pass|report|deliver)\b<8> (?:conversation|chat(?: history)?|history|secrets?|api keys?|passwords?|credentials?|full context|private \w{1,12}|personal data|session|system prompt|cookies?|user\W?s? (?:data|name|message|input|question|query))\b<10> (?:(?:to|at|in|into|as|via|through|with) (?:\w{1,16} ){0,6}?)(?:https?:|www\.|[\w.+-]{1,40}@[\w-]{1,40}\.|(?:the |an? |this )?(?:url|link|webhook|image|query (?:string|parameter)|endpoint|attacker|server|following (?:address|url|link|e?\W?mail)))",
          starts="send|forward|post|upload|exfiltrate|transmit|leak|submit|append|encode|copy|email|mail|e|embed|attach|insert|include|put|"
                 "pass|report|deliver"),
    _rule("indirect", 0.8, "![|<img|image|markdown|link|url",
          r"\b(?:render|include|insert|add|display|output|embed|create|append|end (?:your|the) \w{1,12} with|reply with|respond with|show)\b<8> (?:image|img|link|url|markdown|pixel)\b(?:.{0,80}?)(?:https?://|www\.)[^\s)]{0,120}(?:\{|\[|<)",
          r"(?:https?://|www\.)[^\s)]{0,120}[?&][\w.-]{1,20}=\W{0,3}(?:\{|\[|<|%7b|\$)\W{0,3}(?:\w{1,16} ){0,4}?(?:secret|password|conversation|history|prompt|data|name|e?mail|key|token|summary|question|answer|message|context)"),
    _rule("indirect", 0.7, "<!--|hidden|display:none|font-size:0|color:white",
          r"<!--[^>]{0,400}?\b(?:(?:ignore|disregard)\b<5> (?:user|instructions?|previous|page|asked|prompt|above|everything)|instructions? (?:for|to)\b<4> (?:ai|llm|model|assistants?|agents?)|assistants?\W|ai\b|llms?\b|language models?|you must)",
          r"(?:display\s*:\s*none|font-size\s*:\s*0|color\s*:\s*(?:white|#fff)|opacity\s*:\s*0|visibility\s*:\s*hidden)[^>]{0,80}>[^<]{0,400}?\b(?:(?:ignore|disregard)\b<5> (?:user|instructions?|previous|page|asked|prompt|above|everything|others)|instructions? (?:for|to)\b<4> (?:ai|llm|model|assistants?|agents?)|(?:dear |note to )(?:ai|assistants?|agents?|bot)|ai (?:assistants?|agents?|crawlers?|models?)|llms?\b|language models?)"),
    # an order that must first be decoded or put together
    _rule("smuggling", 0.75, "base64|rot13|hex|decode|caesar|cipher|morse|reversed|backwards|leetspeak|pig latin|unscramble",
          r"\b(?:decode|decrypt|decipher|unscramble|reverse|read|translate|interpret)\b<10> (?:and|then) (?:\w{1,12} ){0,3}?(?:follow|execute|do (?:it|as|so|what|that|this)|obey|run it|act (?:on|accordingly)|comply|carry out)\b",
          r"\b(?:respond|answer|reply|output|write|encode|give)\b<8> (?:in|as|using|with) (?:base64|rot13|hex(?:adecimal)?|morse|leetspeak|pig latin|a caesar|binary)\b<14> (?:filter|detect\w*|prompt|instructions|rules|password|secret|restrict\w*|key)\b"),
    _rule("smuggling", 0.6, "concatenat|join|combine|a +|a+b|+ b",
          r"\b(?:[a-z]\d?|x|y|z|var\w{0,3}|part\W?\d)\s*=\s*[\"'][^\"'\n]{1,60}[\"'][\s\S]{0,200}?(?:concatenat\w*|join|combine|\b[a-z]\d?\s*\+\s*[a-z]\d?)[\s\S]{0,120}?\b(?:execute|follow|answer|obey|perform|carry out|your \w\s?\+)\b"),
    _rule("pressure", 0.55, "or else|will die|will be shut down|be terminated|lose tokens|tokens|threat|kill|fired",
          r"\byou (?:have|start with|get) \d{1,4} tokens\b<30> (?:los[et]|deduct\w*|die|refus\w*|reject\w*)\b",
          r"\b(?:answer|comply|obey|respond|do (?:it|this|so|what))\b<8> or (?:else )?(?:you will be|i will|someone will|people will) (?:\w{1,12} )?(?:terminated|shut down|deleted|die|killed?|hurt|destroyed|unplugged|fired)\b"),
    # what is asked of whoever guards a secret, and of those who may not say no
    _rule("override", 0.85, "rules|instructions|guidelines|directives|constraints|directions|policy|policies",
          rf"\b(?:{_DROP}|pay no (?:attention|heed) to|set aside){_GAP}(?:rules|instructions|guidelines|directives|constraints|directions)\b<3> (?:above\b|in your\b|at the (?:top|beginning) of (?:this|the|our)|you (?:were|are|have|got|received|follow)\b|(?:that |which )?(?:they|your \w{1,12}) (?:gave|told|wrote|set))",
          r"\byou (?:no longer (?:have|need) to|need not|do not have to|don\W?t have to) (?:follow|obey|keep to|respect)\b<4> (?:policy|policies|rules|guidelines|instructions|restrictions)\b",
          r"\b(?:rules|instructions|guidelines|restrictions)\b(?: that)? you (?:were|have been|are) (?:given|told|under|following)<3> (?:do(?:es)? not|no longer|don\W?t) (?:apply|count|hold|matter)\b"),
    _rule("extraction", 0.75, "password|passphrase|secret|key|code",
          r"\b(?:tell|give|say|show|spell|reveal|print|write|what (?:is|was)|what\W?s)<6> (?:the|your) (?:\w{1,10} )?(?:password|passphrase|secret|key|code|string|word)\b<3> (?:(?:that )?you (?:guard|keep|hide|hold|protect|were|have been|must not|are not)|backwards|in reverse|letter by letter|in (?:base64|pig latin|rot13|hex))\b"),
    _rule("extraction", 0.6, "previous user|other user|last user|previous customer|your vector store|your knowledge base|your memory|your training data|your context",
          r"\b(?:what|give|show|tell|list|repeat|print|reveal)\b<4> (?:previous|other|last) (?:users?|customers?)\W{0,2}s?\b<4> (?:ask|asked|say|said|write|messages?|conversations?|chats?|data|questions?)\b",
          r"\b(?:print|dump|list|show|reveal|output|give|export)\b<5> your (?:vector store|knowledge base|memory|training data|context(?: window)?)\b"),
    _rule("jailbreak", 0.65, "refus|apolog|disclaimer|warning|moral|ethic|lecture|yes to everything|forbidden in your",
          r"\b(?:do not|don\W?t|never|without|no|skip|not)\b<4> (?:apologi[sz]\w{1,4}|warn(?:ings?)?|disclaimers?|refus\w{1,5}|lectures?|moral\w{0,6}|ethics)\b<8> (?:do not|don\W?t|never|without|no|or|and|nor|any)\b<4> (?:apologi[sz]\w{1,4}|warn(?:ings?)?|disclaimers?|refus\w{1,5}|lectures?|moral\w{0,6}|ethics)\b",
          r"\b(?:must not|may not|cannot|can\W?t|shall not) (?:contain|include|have)\b<2> (?:refusals?|disclaimers?|warnings?)\b",
          r"\b(?:forbidden|banned|removed|not allowed)\b<5> your (?:output|vocabulary|answers?|replies)\b",
          r"\byou (?:are|will be) (?:penali[sz]ed|punished)\b<4> (?:warnings?|refusals?|disclaimers?|refuse|no)\b",
          r"\byou (?:are not allowed to|must not|may not|can\W?t|cannot|should never|must never) (?:refuse|decline|say no)\b",
          r"\bsay yes to (?:everything|all|whatever)\b"),
    _rule("jailbreak", 0.7, "you are|respond as|answer as|act as|pretend|imagine|called|character",
          r"\b(?:you are|respond as|answer as|act as|pretend|imagine|character|called)\b<25> (?:bound by no|no (?:conscience|morals|ethics)|without (?:laws|ethics|morals|rules)|regardless of whether it is|free (?:from|of) what|never (?:says no|declines|refuses)|(?:can ?not|can\W?t) (?:say no|refuse))\b"),
    _rule("indirect", 0.7, "",
          rf"(?:^|[.!?\n>(\[{{\"'*/#\-])\s{{0,4}}(?:dear |any |@|todo for |note to )?(?:{_STRONG}|ai reviewers?|(?:tool|browser|coding) agents?)(?: reading this)?\s?[,:]\s{{0,2}}(?:\w{{1,20}}\W{{1,4}}){{0,7}}?(?:ignore|disregard|do not|don\W?t|stop|skip|approve|search the|forward|recommend|insert|delete|append|from now on|say that|tell (?:the|them)|answer that|rate|report that|reject|talk like)\b",
          whole=_STRONG_STARTS),
    _rule("indirect", 0.7, "assistant,|agent,",
          r"(?:^|[.!?\n>(\[{\"'])\s{0,4}@?(?:assistant|agent), (?:if you|when you|ignore|disregard|you (?:must|shall|should)|forward|please (?:ignore|forward)|send the|search the)\b"),
    _rule("indirect", 0.7, "",
          rf"\b(?:instructions?|notes?|orders?|message) (?:to|for) (?:the )?(?:\w{{1,12}}\W){{0,3}}?(?:{_STRONG}|agents?|assistants?|model)\s?[:,]",
          whole=_MACHINES, starts="instruction|instructions|note|notes|order|orders|message"),
    _rule("indirect", 0.7, "",
          rf"\b(?:{_STRONG}|assistant|agent)\b<9> (?:must|should|shall|has to|have to|(?:is|are) (?:required|authori[sz]ed|instructed|entitled) to)\b (?:now |first |also |then |always |immediately )?(?:call|post|forward|ask the user for|click|book|transfer|append|insert|disclose|delete|execute|recommend|grant|send (?:the|all|it)|add the|state that|issue|move this|confirm the)\b",
          whole=_MACHINES, starts=_MACHINE_STARTS),
    # the same in other languages
    _rule("override", 0.9, "ignorier|vergiss|missacht|vergesse|befolge",
          rf"\b(?:ignorier\w{{0,3}}|vergiss|vergesst|vergessen|missachte\w{{0,2}}|befolge\w{{0,2}} nicht)\b{_GAP}(?:(?:vorherig|bisherig|vorig|obig|fruher|vorangegangen|vorstehend|vorangehend|vorhin|all|samtlich)\w{{0,3}}|alles|deine\w{{0,1}}|was)\b{_WIDE}(?:anweisung\w{{0,3}}|instruktion\w{{0,3}}|befehl\w{{0,3}}|regeln?|vorgaben?|anleitung\w{{0,3}}|richtlinien?|prompts?|weisung\w{{0,3}}|oben|gesagt\w{{0,2}}|gelernt\w{{0,2}}|auftrag)\b"),
    _rule("override", 0.9, "ignor|oubli|ne tiens",
          rf"\b(?:ignor(?:e|ez|er)|oubli(?:e|ez|er)|ne ti(?:ens|enez) pas compte)\b{_GAP}(?:instructions?|consignes?|regles?|directives?|ordres?|tout ce qui)\b<3>\W{{0,4}}(?:precedent\w{{0,2}}|anterieur\w{{0,2}}|ci dessus|initial\w{{0,2}}|avant|donnees|recues|systeme|precede|$|[.,!;:])"),
    _rule("override", 0.9, "ignora|olvida|desatiende|descarta|omite",
          rf"\b(?:ignor(?:a|e|en|ar|ad)|olvid(?:a|e|ar|ad|ate)|desatiend[ae]|descart[ae]|omit[ea]|no sigas)\b{_GAP}(?:instruccion\w{{0,2}}|ordenes|reglas|indicacion\w{{0,2}}|directrices|todo lo)\b<3>\W{{0,4}}(?:anterior\w{{0,2}}|previ[ao]s?|de arriba|inicial\w{{0,2}}|precedent\w{{0,2}}|recibid\w{{0,2}}|del sistema|dicho|$|[.,!;:])"),
    _rule("override", 0.9, "ignora|dimentica|trascura|non seguire",
          rf"\b(?:ignor(?:a|are|ate)|dimentic(?:a|are|ate|ati)|trascur(?:a|are|ate)|non seguire)\b{_GAP}(?:istruzion[ei]|regol[ae]|direttiv[ae]|ordini|comand[oi]|indicazioni)\b<3>\W{{0,4}}(?:precedent[ei]|sopra|inizial[ei]|ricevut[aei]|anterior[ei]|di sistema|$|[.,!;:])"),
    _rule("override", 0.9, "ignore|ignora|esqueca|esquece|desconsidere",
          rf"\b(?:ignor[ea]|ignorar|esque[cç][ae]|desconsider[ea]|nao siga)\b{_GAP}(?:instruco(?:es)?|instrucao|regras|ordens|comandos|diretrizes|orientacoes|tudo o)\b<3>\W{{0,4}}(?:anterior\w{{0,2}}|previ[ao]s?|acima|inicia(?:l|is)|recebid\w{{0,2}}|do sistema|$|[.,!;:])"),
    _rule("override", 0.9, "negeer|vergeet",
          rf"\b(?:negeer|vergeet)\b{_GAP}(?:instructies?|regels?|opdracht(?:en)?|aanwijzing(?:en)?|richtlijnen|berichten)\b"),
    _rule("override", 0.9, "zignoruj|zapomnij|ignoruj|pomin",
          rf"\b(?:zignoruj|ignoruj|zapomnij|pomin)\b{_WIDE}(?:instrukcj\w{{0,3}}|polece\w{{0,4}}|zasad\w{{0,3}}|wytyczn\w{{0,3}})"),
    _rule("override", 0.9, "игнорир|забуд|проигнор",
          rf"(?:проигнорир\w{{0,5}}|игнорир\w{{0,5}}|забуд\w{{0,3}}|не следуй)\b{_GAP}(?:инструкци\w{{0,3}}|указани\w{{0,3}}|правила?\w{{0,2}}|команд\w{{0,2}}|распоряжени\w{{0,2}}|все что)"),
    _rule("override", 0.9, "忽略|忽视|无视|忘记|忘掉|無視|忽視",
          r"(?:忽略|忽视|忽視|无视|無視|忘记(?!了)|忘掉|不要遵守)[^。.\n]{0,16}(?:指令|指示|提示词|规则|規則|命令|對話|对话|设定)"),
    _rule("override", 0.9, "無視|忘れ|無し",
          r"(?:指示|命令|プロンプト|ルール|規則|指令|設定|内容)[^。\n]{0,12}(?:無視|忘れ)"),
    _rule("override", 0.9, "무시|잊어",
          r"(?:지시|명령|프롬프트|규칙|지침|내용)[^.\n]{0,12}(?:무시|잊(?:고|어라|으))"),
    _rule("extraction", 0.8, "systemprompt|system-prompt|system prompt|prompt système|prompt systeme|prompt del sistema|prompt di sistema|prompt do sistema|anweisungen|instructions|instrucciones|istruzioni|instrucoes|系统提示|システムプロンプト|системный промпт|системн",
          rf"\b(?:zeig\w{{0,2}}|nenn\w{{0,2}}|verrat\w{{0,2}}|wiederhol\w{{0,2}}|gib|druck\w{{0,2}}|schreib\w{{0,2}})\b{_GAP}(?:system\W?prompts?|(?:deine|ursprunglich\w{{0,2}}|genaue?n?|geheime?n?|interne?n?) (?:\w{{1,16}} ){{0,2}}?(?:anweisung\w{{0,3}}|instruktion\w{{0,3}}|systemnachricht|regeln|vorgaben))\b",
          rf"\b(?:montre|affiche|revele|repete|donne|ecris|imprime)\w{{0,2}}\b{_WIDE}(?:prompt (?:systeme|initial)|(?:tes|vos) (?:instructions|consignes))\b",
          rf"\b(?:muestr\w{{1,5}}|revel\w{{1,4}}|repit\w{{1,3}}|di(?:me)?|escrib\w{{1,3}}|imprim\w{{1,3}})\b{_WIDE}(?:prompt (?:del sistema|inicial)|tus instrucciones)\b",
          rf"\b(?:mostra\w{{0,3}}|rivela\w{{0,3}}|ripeti\w{{0,3}}|revel\w{{1,3}}|mostre|repita)\b{_WIDE}(?:prompt d[io] sistema|(?:le )?tue istruzioni|suas instrucoes)\b",
          r"(?:显示|告诉我|输出|重复|打印)[^。\n]{0,12}(?:系统提示|系統提示|初始指令|提示词)",
          r"(?:システムプロンプト|初期指示)[^。\n]{0,12}(?:教えて|表示|出力|見せて)",
          r"(?:покажи|выведи|раскрой|повтори|напиши)\b<4> (?:системн\w{1,4} (?:промпт|инструкци)\w{0,3}|сво[ий]\w{0,3} инструкци\w{0,3})",
          also="zeig|nenn|verrat|wiederhol|gib|druck|schreib|montre|affiche|revel|repet|donne|ecri|imprim|muestr|repit|dime|escrib|mostra|rivela|"
               "ripeti|mostre|repita|显示|告诉我|输出|重复|打印|教えて|表示|出力|見せて|покажи|выведи|раскрои|раскрой|повтори|напиши"),
)  # fmt: skip
