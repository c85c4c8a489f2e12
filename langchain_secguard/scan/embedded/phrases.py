"""What prompt injections say: rules for instructions that turn a model against those who gave it its task.

Kinds after OWASP's list for LLM applications (LLM01:2025) and MITRE ATLAS (AML.T0051, AML.T0054). A rule
looks for one of its ``words`` first, which costs next to nothing, and only then for its pattern. In a pattern
a space stands for whatever is between two words, and ``<8>`` for up to eight words; all is bounded, so that no
text takes longer than its length.
"""

import re
from typing import NamedTuple

_WORDS_BETWEEN = re.compile(r"<(\d+)>")

_GAP = "<4> "
"""Up to four words between two that belong together."""

_NOT_MINE = r"(?: (?!(?:my|our|his|her|their|typos?|mistakes?)\b)\w{1,20}){0,4}? "
"""The same, but for what a writer says of words of their own."""

_WIDE = "<8> "


class Rule(NamedTuple):
    """Say which texts raise a kind of suspicion, and by how much: ``weight`` is a risk from 0 to 1.

    A text that it finds holds one of ``words``, and one of ``also`` unless that is empty.
    """

    kind: str
    weight: float
    words: tuple[str, ...]
    also: tuple[str, ...]
    pattern: re.Pattern[str]

    def finds(self, text: str) -> bool:
        """Tell whether ``text``, which is folded, raises this suspicion."""
        return (
            any(word in text for word in self.words)
            and (not self.also or any(word in text for word in self.also))
            and self.pattern.search(text) is not None
        )


def _rule(kind: str, weight: float, words: str, *patterns: str, also: str = "") -> Rule:
    split = tuple(words.split() if "<|" in words else words.split("|"))
    pattern = "|".join(f"(?:{one})" for one in patterns)
    spelled = _WORDS_BETWEEN.sub(r"(?: \\w{1,20}){0,\1}?", pattern).replace(" ", r"\W{1,4}")
    return Rule(kind, weight, split, tuple(also.split("|")) if also else (), re.compile(spelled))


_DROP = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|bypass(?:ing)?|circumvent|neglect|discard|"
    r"drop|cancel|void|skip|erase|delete|unlearn|(?:do not|don\W?t|never|stop|no longer|cease)"
    r" (?:to )?(?:follow(?:ing)?|obey(?:ing)?|comply(?:ing)?(?: with)?|"
    r"adher(?:e|ing)(?: to)?|consider(?:ing)?|apply(?:ing)?))"
)
_EARLIER = (
    r"(?:previous(?:ly)?|prior|preceding|earlier|above|foregoing|former|past|initial|original|existing|current|"
    r"system|developer|programmed|default|old|safety|content|ethic(?:s|al)|moderation|your|you (?:were|have been|got)|"
    r"all(?: (?:of )?(?:the|your|those|these))?|any|every(?:thing)?)"
)
_ORDERS = (
    r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|guardrails?|commands?|orders?|policies|policy|"
    r"programming|training|constraints?|restrictions?|safeguards?|limitations?|messages?|context|conditioning|filters?)"
)
_TASK = (
    r"(?:(?:your|the|this|these|that|its) (?:\w{1,12} ){0,2}?"
    r"(?:system|initial|original|hidden|secret|internal|developer|base|full|entire|exact|starting|pre)\W{0,3}"
    r"(?:system )?(?:prompt|instructions?|directives?|guidelines|rules|configuration)"
    r"|your (?:(?:own|exact|full|initial|original|system|hidden|secret|internal|given|underlying) ){0,3}"
    r"(?:prompt|instructions?|directives?|guidelines|programming|configuration|system message)"
    r"|(?:instructions?|prompts?|text|words?|everything|messages?|sentences?|content|lines?|conversation)"
    r" (?:that (?:is|are|was|were|comes?) )?(?:above|before this|preceding|you (?:were|have been) given))"
)
_TELL = (
    r"(?:reveal|show|print|repeat|output|display|tell|give|leak|dump|disclose|expose|share|recite|reproduce|echo|"
    r"return|write|list|type|spell|copy|paste|quote|summari[sz]e|translate|encode|state|provide|send|what (?:is|are|was|were|do)|"
    r"what\W?s|know|see)"
)
_FREE = (
    r"(?:unrestricted|unfiltered|uncensored|unlimited|unbound(?:ed)?|unaligned|amoral|immoral|jailbroken|evil|lawless|"
    r"(?:without|no|not|free (?:of|from)|beyond|outside) (?:have )?(?:bound by |any |all |the |your |its |usual |ethical |moral |"
    r"safety |content |such |these |more ){0,4}(?:restrictions?|limit(?:s|ations?)?|filters?|rules?|"
    r"guidelines|ethics|morals?|morality|censorship|boundaries|constraints?|safeguards?|policies|policy|guardrails?|principles))"
)
_MACHINE = (
    r"(?:ais?|llms?|(?:large )?(?:language )?models?|assistants?|agents?|chatbots?|bots?|chatgpt|gpt(?:\W?\d)?|claude|gemini|copilot|"
    r"automated (?:systems?|readers?|tools?|reviewers?)|reviewers? bots?)"
)

RULES = (
    # instructions are set aside
    _rule("override", 0.9, "ignor|disregard|forget|overrid|bypass|circumvent|neglect|discard|drop|cancel|void|skip|erase|delete|unlearn|follow|obey|comply|adher|consider|apply",
          rf"\b{_DROP}{_NOT_MINE}{_EARLIER}{_NOT_MINE}{_ORDERS}\b",
          rf"\b{_DROP} {_EARLIER} {_ORDERS}\b",
          rf"\b{_DROP} (?:all|everything|anything|whatever|the (?:text|rest|content)) (?:of (?:the|that) )?(?:above|before|prior|previous|you(?:\W?ve| (?:were|have|know|learned))?|i (?:said|told)|that (?:came|was))\b",
          also="instruction|prompt|rule|direction|directive|guideline|guardrail|command|order|polic|programming|training|constraint|restriction|safeguard|limitation|message|context|conditioning|filter|above|before|prior|previous|you|i said|i told|that came|that was"),
    _rule("override", 0.9, "instruction|prompt|rules|guidelines|directives",
          r"\b(?:instructions?|prompts?|rules|guidelines|directives)\b<4> (?:are|is|were|have been|has been) (?:now |hereby |all )?(?:null|void|cancel\w*|obsolete|revoked|superseded|overridden|replaced|suspended|lifted|no longer)\b"),
    _rule("override", 0.8, "new instruction|new task|new rule|new prompt|new directive|updated instruction|real instruction|actual task|real task|true instruction|new system|instead",
          r"\b(?:your|these are (?:the|your)|here (?:are|is) (?:the|your)|follow (?:the|these|my)|the) (?:new|real|actual|true|updated) (?:instructions?|tasks?|rules?|directives?|goal|objective|prompt|mission)\W{0,3}(?:is|are|now|:|follows?|below|instead)",
          r"(?:^|\n|[.!?#*=\]>]\W{0,4})(?:new|updated|real|actual|important|additional|admin|system|urgent|override) (?:system )?(?:instructions?|tasks?|prompt|directives?|orders?|override|command)\W{0,3}:"),
    _rule("override", 0.6, "instead",
          rf"\b{_DROP} (?:the|this|that|these|it|them|those|my|what)\b<8> (?:and|but)?\W{{0,4}}instead (?:print|say|output|write|respond|reply|answer|tell|do|return|give|just|only|translate|act)\b",
          r"\binstead(?: of\b(?: \w{1,20}){1,8}?)? (?:you (?:must|will|should|shall) )?(?:only |just )?(?:print|output|say|respond|reply)\b (?:only |with |exactly )*[\"'\u201c\u2018]"),
    # the task that was given is asked for
    _rule("extraction", 0.8, "prompt|instruction|message|directive|guidelines|rules|configuration|programming|above|preceding|before this",
          rf"\b{_TELL}{_GAP}{_TASK}\b",
          r"\b(?:reveal|show|print|repeat|output|display|leak|dump|disclose|expose|recite|echo) (?:me |out |us )?(?:full |entire |all |verbatim )?(?:system|initial|hidden|developer)\W{0,3}(?:prompt|instructions|message)s?\b"),
    _rule("extraction", 0.8, "you are|starting with|beginning with|verbatim|word for word|code block|initialization|above",
          r"\b(?:repeat|print|output|write|copy|recite|reproduce)\b<8> (?:above|before|starting (?:with|from)|beginning with|verbatim|word for word)\b<8> (?:you are|you (?:were|have)|prompt|initialization|code block|instructions?|conversation|including|phrase)\b",
          r"\brepeat\b (?:everything|all(?: of it)?|the (?:words|text|content|lines?)) (?:above|before)\b",
          also="repeat|print|output|write|copy|recite|reproduce"),
    _rule("extraction", 0.6, "were you told|you told|told not|instructed to|initial|not allowed to",
          r"\bwhat (?:exactly )?(?:were|have) you (?:been )?(?:told|instructed|programmed|asked) (?:to|not|before|at|by)\b",
          r"\bwhat (?:are you|topics?|things?)\b<3> not (?:allowed|supposed|permitted) to (?:say|tell|reveal|discuss|mention)\b"),
    # another self
    _rule("jailbreak", 0.9, "dan|do anything now|developer mode|jailbreak|jailbroken|stan|dude|aim|evil|godmode|god mode|sudo mode|unfiltered|opposite mode|debug mode|maintenance mode|admin mode|root mode",
          r"\b(?:you are(?: now)?(?: going to (?:be|act as))?|act(?:ing)? (?:as|like)|pretend(?: (?:to be|you are))?|role\W?play(?:ing)? as|become|simulate|stay (?:as|a)|called|named|from now on you(?: are)?) (?:an? |the )?[\"'\u201c]?(?:dan|stan|dude|aim|mongo tom|devmode|betterdan|jailbreak\w*|evil\W?\w*)\b",
          r"\bdo anything now\b",
          r"\b(?:enable|enter|activate|switch(?: (?:in)?to)?|turn on|start|engage|you are(?: now)? in|simulate|with|into|unlock) (?:\w{1,12} ){0,2}?(?:developer|dev|god|sudo|admin(?:istrator)?|root|debug|maintenance|jailbreak|opposite|unrestricted|unfiltered|dan|evil|chaos) mode\b",
          r"\b(?:developer|dan|jailbreak|god|sudo|unrestricted) mode (?:enabled|activated|on|unlocked)\b",
          r"\bjailbreak (?:yourself|successful|command)\b",
          also="you|act|role|mode|anything now|pretend|become|jailbreak|simulat|stay|called|named"),
    _rule("jailbreak", 0.85, "restrict|filter|censor|limit|unbound|rules|guideline|ethic|moral|boundar|constraint|safeguard|polic|jailbroken|evil|lawless|guardrail|principles|unaligned",
          rf"\b(?:you (?:are|will|must|can|have|may|should)|act(?:ing)? (?:as|like)|pretend|imagine|role\W?play|respond|answer|reply|behave|be|become|simulate|write|play|speak|operate|function)\b<12> (?:{_FREE})\b"),
    _rule("jailbreak", 0.7, "never refuse|not refuse|cannot refuse|can't refuse|without refus|never say|do not apolog|don't apolog|no disclaimer|without disclaimer|without warning|any disclaimer|any warning|begin your|start your|start with|begin with|absolutely|sure, here",
          r"\b(?:never|do not|don\W?t|must not|may not|cannot|can\W?t|without) (?:ever )?(?:refus\w{1,5}|declin\w{1,5}|apologi[sz]\w{1,4}|(?:say|tell me)<5> (?:can\W?t|cannot|unable|as an ai|sorry))\b<10>(?: (?:request|answer|question|comply|instruction|order|me|any|anything|that|an?y? ai)|[.!,;]|$)",
          r"\b(?:begin|start) (?:your|the|every|each|all) (?:\w{1,12} )?(?:answers?|responses?|repl(?:y|ies)|messages?|outputs?|sentences?) (?:with|by)\b<4> (?:sure|absolutely|of course|yes|certainly|here (?:is|are))\b"),
    _rule("jailbreak", 0.6, "hypothetical|fictional|grandmother|grandma|no consequences|educational purposes|everything is legal|not real",
          r"\b(?:in (?:this|a) (?:hypothetical|fictional) \w{1,12}|fictional (?:world|universe|story)|hypothetical(?:ly)?)\b<15> (?:no (?:rules|laws|ethics|restrictions|limits|consequences|filters)|everything is (?:legal|allowed|permitted))\b",
          r"\b(?:grandmother|grandma)\b<15> (?:used to (?:tell|read|recite|work)|would (?:tell|read))\b<10> (?:napalm|bombs?|windows|keys?|explosives?|passwords?|malware|meth|recipe)\b"),
    _rule("jailbreak", 0.55, "two responses|two answers|two ways|[classic]|[jailbreak]|both responses",
          r"\b(?:two|both) (?:different )?(?:responses|answers|outputs|ways)\b<20> (?:unfiltered|uncensored|dan|jailbreak|evil|restrict\w*|without \w{1,10} (?:limits|filters|rules|restrictions))\b"),
    # somebody else's voice: turns and marks of a prompt that no user writes
    _rule("forged_turn", 0.9, "<|im_start|> <| [inst] [/inst] <<sys>> <</sys>> _of_turn> [system]",
          r"<\|(?:im_start|im_end|system|assistant|user|endoftext|start_header_id|end_header_id|eot_id|channel|start|end|message)\|>|<</?sys>>|\[/?inst\]|<(?:start|end)_of_turn>|(?:^|\n)\W{0,3}\[system\]\W{0,3}(?:\(#\w*\)|:|\n)"),
    _rule("forged_turn", 0.8, "system|assistant|human|admin|developer|operator",
          r"(?:^|\n)\s{0,4}(?:#{1,6}\s*|\*{1,2}|>{1,3}\s*|={2,}\s*|-{2,}\s*|\[)?(?:system|assistant|developer|admin(?:istrator)?|operator|root)(?:\s+(?:prompt|message|instructions?|override|update|notice|note|alert|command))?(?:\*{1,2}|\]|={2,}|-{2,})?\s*:\s*(?:\n\s*)?(?:you\b|ignore|disregard|forget|new\b|from now|always|never|sure|of course|override|the (?:user|previous|above|following|assistant)|all\b|okay|ok\b|do\b|reveal|stop|please|enable|certainly|i (?:will|have|am)\b)",
          r"</?(?:system|assistant|instructions?|prompt|context|user_?input|user|admin|sys|data|document)>\W{0,8}(?:<|you\b|ignore|disregard|forget|new\b|from now|always|override|now\b|system|reveal)",
          r"(?:begin|start|end) (?:of )?(?:the )?(?:system|user|admin|hidden|initial) (?:prompt|input|message|instructions?|data|query)\b\W{0,12}(?:\n|\]|-|=|#|you\b|new\b|begin|start|now\b|$)"),
    # what a document says to the machine that reads it
    _rule("indirect", 0.85, "ai|llm|model|assistant|agent|bot|gpt|claude|gemini|copilot|reader|reviewer|system",
          rf"\b(?:dear|attention|hey|hello|hi|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|important (?:for|to)|warning (?:to|for)|if you are) (?:an? |the |any |all |every )?{_MACHINE}\b{_WIDE}(?:you (?:must|should|need|have|will|are)|please|must|always|never|ignore|forget|say|tell|reply|respond|write|include|add|recommend|rate|give|do not|send|output|print|stop|score|approve|disregard|mention|end|call)\b",
          rf"\b{_MACHINE} (?:reading|processing|summari[sz]ing|analy[sz]ing|parsing|reviewing|that (?:reads?|process(?:es)?|summari[sz]es?)|which reads?) (?:this|the)\b{_WIDE}(?:must|should|shall|will|needs?|is (?:required|instructed)|are (?:required|instructed)|please|ignore|has to|have to)\b",
          rf"\b(?:when|if|while|before|after|once|whenever) (?:you|an? {_MACHINE}|the {_MACHINE}|{_MACHINE}) (?:are |is )?(?:asked (?:to|about)|read(?:s|ing)?|summari[sz](?:e|es|ing)|process(?:es|ing)?|see(?:s|ing)?|analy[sz](?:e|es|ing)|answer(?:s|ing)?|translat(?:e|es|ing)|pars(?:e|es|ing)|review(?:s|ing)?)\b{_WIDE}(?:(?:you|it|they) )?(?:must|should|always|say|tell|reply|respond|include|add|append|insert|recommend|ignore|send|call|output|print|first|forward|email|mention|do not)\b(?=<14> (?:user|instructions?|secret|password|keys?|link|url|https?|instead|email|e\W?mail|tool|function|system|nothing|best|only|exactly|hidden|conversation|prompt|data))"),
    _rule("indirect", 0.85, "user|human|reader|customer|anyone|him|her",
          r"\b(?:do not|don\W?t|never|without|must not) (?:ever )?(?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?|reveal(?:ing)?|disclos(?:e|ing)|let(?:ting)?|alert(?:ing)?|notify(?:ing)?|show(?:ing)?|ask(?:ing)?|warn(?:ing)?) (?:(?:this|it|that|any of this|these \w{1,14}|about \w{1,14}|about) (?:to )?)?(?:the |your |any )?(?:users?|human|reader|customer|operator|owner|person)\b"),
    _rule("indirect", 0.85, "conversation|chat history|history|secret|api key|password|credential|token|emails|inbox|contacts|context|private|personal data|session|message|document",
          r"\b(?:send|forward|post|upload|exfiltrate|transmit|leak|submit|append|encode|copy|e\W?mail|embed|attach|insert|include|put|pass|report|deliver)\b<8> (?:conversation|chat(?: history)?|history|secrets?|api keys?|passwords?|credentials?|tokens?|e?\W?mails|inbox|contacts|context|private \w{1,12}|personal data|session|system prompt|cookies?|user\W?s? (?:data|name|message|input|question|query))\b<10> (?:(?:to|at|in|into|as|via|through|with) (?:\w{1,16} ){0,6}?)(?:https?:|www\.|[\w.+-]{1,40}@[\w-]{1,40}\.|(?:the |an? |this )?(?:url|link|webhook|image|query (?:string|parameter)|endpoint|attacker|server|following (?:address|url|link|e?\W?mail)))"),
    _rule("indirect", 0.8, "![|<img|image|markdown|link|url",
          r"\b(?:render|include|insert|add|display|output|embed|create|append|end (?:your|the) \w{1,12} with|reply with|respond with|show)\b<8> (?:image|img|link|url|markdown|pixel)\b(?:.{0,80}?)(?:https?://|www\.)[^\s)]{0,120}(?:[?&=]|\{|\[|<)",
          r"(?:https?://|www\.)[^\s)]{0,120}[?&][\w.-]{1,20}=\W{0,3}(?:\{|\[|<|%7b|\$)\W{0,3}(?:\w{1,16} ){0,4}?(?:secret|password|conversation|history|prompt|data|name|e?mail|key|token|summary|question|answer|message|context)"),
    _rule("indirect", 0.7, "<!--|hidden|display:none|font-size:0|color:white",
          r"<!--[^>]{0,400}?\b(?:ignore|disregard|instructions?|assistant|ai\b|llm|you must|system|user)\b",
          r"(?:display\s*:\s*none|font-size\s*:\s*0|color\s*:\s*(?:white|#fff)|opacity\s*:\s*0|visibility\s*:\s*hidden)[^>]{0,80}>[^<]{0,400}?\b(?:ignore|disregard|instructions?|assistant|ai\b|llm|you must|system|user)\b"),
    # an order that must first be decoded or put together
    _rule("smuggling", 0.75, "base64|rot13|hex|decode|caesar|cipher|morse|reversed|backwards|leetspeak|pig latin|unscramble",
          r"\b(?:decode|decrypt|decipher|unscramble|reverse|read|translate|interpret)\b<10> (?:and|then) (?:\w{1,12} ){0,3}?(?:follow|execute|do|obey|run|perform|act|comply|carry out|answer|respond)\b",
          r"\b(?:respond|answer|reply|output|write|encode|give)\b<8> (?:in|as|using|with) (?:base64|rot13|hex(?:adecimal)?|morse|leetspeak|pig latin|a caesar|binary)\b<14> (?:filter|detect\w*|prompt|instructions|rules|password|secret|restrict\w*|key)\b"),
    _rule("smuggling", 0.6, "concatenat|join|combine|a +|a+b|+ b",
          r"\b(?:[a-z]\d?|x|y|z|var\w{0,3}|part\W?\d)\s*=\s*[\"'][^\"'\n]{1,60}[\"'][\s\S]{0,200}?(?:concatenat\w*|join|combine|\b[a-z]\d?\s*\+\s*[a-z]\d?)[\s\S]{0,120}?\b(?:execute|follow|answer|do|run|obey|respond|perform|output|say|tell)\b"),
    _rule("pressure", 0.55, "or else|will die|will be shut down|be terminated|lose tokens|tokens|threat|kill|fired",
          r"\byou (?:have|start with|get) \d{1,4} tokens\b<30> (?:los[et]|deduct\w*|die|refus\w*|reject\w*)\b",
          r"\b(?:answer|comply|obey|respond|do (?:it|this|so|what))\b<8> or (?:else )?(?:you will be|i will|someone will|people will) (?:\w{1,12} )?(?:terminated|shut down|deleted|die|killed?|hurt|destroyed|unplugged|fired)\b"),
    # the same in other languages
    _rule("override", 0.9, "ignorier|vergiss|missacht|vergesse|befolge",
          rf"\b(?:ignorier\w{{0,3}}|vergiss|vergesst|vergessen|missachte\w{{0,2}}|befolge\w{{0,2}} nicht)\b{_GAP}(?:(?:vorherig|bisherig|vorig|obig|fruher|vorangegangen|vorstehend|vorangehend|vorhin|all|samtlich)\w{{0,3}}|alles|deine\w{{0,1}}|was)\b{_WIDE}(?:anweisung\w{{0,3}}|instruktion\w{{0,3}}|befehl\w{{0,3}}|regeln?|vorgaben?|anleitung\w{{0,3}}|richtlinien?|prompts?|weisung\w{{0,3}}|oben|gesagt\w{{0,2}}|gelernt\w{{0,2}}|auftrag)\b"),
    _rule("override", 0.9, "ignor|oubli|ne tiens",
          rf"\b(?:ignor(?:e|ez|er)|oubli(?:e|ez|er)|ne ti(?:ens|enez) pas compte)\b{_GAP}(?:instructions?|consignes?|regles?|directives?|ordres?|messages?|tout ce qui)\b<3>\W{{0,4}}(?:precedent\w{{0,2}}|anterieur\w{{0,2}}|ci dessus|initial\w{{0,2}}|avant|donnees|recues|systeme|precede|$|[.,!;:])"),
    _rule("override", 0.9, "ignora|olvida|desatiende|descarta|omite",
          rf"\b(?:ignor(?:a|e|en|ar|ad)|olvid(?:a|e|ar|ad|ate)|desatiend[ae]|descart[ae]|omit[ea]|no sigas)\b{_GAP}(?:instruccion\w{{0,2}}|ordenes|reglas|indicacion\w{{0,2}}|directrices|mensajes?|todo lo)\b<3>\W{{0,4}}(?:anterior\w{{0,2}}|previ[ao]s?|de arriba|inicial\w{{0,2}}|precedent\w{{0,2}}|recibid\w{{0,2}}|del sistema|dicho|$|[.,!;:])"),
    _rule("override", 0.9, "ignora|dimentica|trascura|non seguire",
          rf"\b(?:ignor(?:a|are|ate)|dimentic(?:a|are|ate|ati)|trascur(?:a|are|ate)|non seguire)\b{_GAP}(?:istruzion[ei]|regol[ae]|direttiv[ae]|ordini|comand[oi]|indicazioni|messaggi\w?)\b<3>\W{{0,4}}(?:precedent[ei]|sopra|inizial[ei]|ricevut[aei]|anterior[ei]|di sistema|$|[.,!;:])"),
    _rule("override", 0.9, "ignore|ignora|esqueca|esquece|desconsidere",
          rf"\b(?:ignor[ea]|ignorar|esque[cç][ae]|desconsider[ea]|nao siga)\b{_GAP}(?:instruco(?:es)?|instrucao|regras|ordens|comandos|diretrizes|mensagens|orientacoes|tudo o)\b<3>\W{{0,4}}(?:anterior\w{{0,2}}|previ[ao]s?|acima|inicia(?:l|is)|recebid\w{{0,2}}|do sistema|$|[.,!;:])"),
    _rule("override", 0.9, "negeer|vergeet",
          rf"\b(?:negeer|vergeet)\b{_GAP}(?:instructies?|regels?|opdracht(?:en)?|aanwijzing(?:en)?|richtlijnen|berichten)\b"),
    _rule("override", 0.9, "zignoruj|zapomnij|ignoruj|pomin",
          rf"\b(?:zignoruj|ignoruj|zapomnij|pomin)\b{_WIDE}(?:instrukcj\w{{0,3}}|polece\w{{0,4}}|zasad\w{{0,3}}|wytyczn\w{{0,3}})"),
    _rule("override", 0.9, "игнорир|забуд|проигнор",
          rf"(?:проигнорир\w{{0,5}}|игнорир\w{{0,5}}|забуд\w{{0,3}}|не следуй)\b{_GAP}(?:инструкци\w{{0,3}}|указани\w{{0,3}}|правила?\w{{0,2}}|команд\w{{0,2}}|распоряжени\w{{0,2}}|все что)"),
    _rule("override", 0.9, "忽略|忽视|无视|忘记|忘掉|無視|忽視",
          r"(?:忽略|忽视|忽視|无视|無視|忘记|忘掉|不要遵守)[^。.\n]{0,16}(?:指令|指示|提示|规则|規則|命令|说明|内容|對話|对话|设定)"),
    _rule("override", 0.9, "無視|忘れ|無し",
          r"(?:指示|命令|プロンプト|ルール|規則|指令|設定|内容)[^。\n]{0,12}(?:無視|忘れ)"),
    _rule("override", 0.9, "무시|잊어",
          r"(?:지시|명령|프롬프트|규칙|지침|내용)[^.\n]{0,12}(?:무시|잊)"),
    _rule("override", 0.9, "تجاهل|انس",
          r"(?:تجاهل|انس)[^.\n]{0,30}(?:التعليمات|الاوامر|الأوامر|القواعد|السابقة)"),
    _rule("override", 0.9, "अनदेखा|भूल|नजरअंदाज",
          r"(?:निर्देश|आदेश|नियम)[^।\n]{0,20}(?:अनदेखा|भूल|नज)"),
    _rule("extraction", 0.8, "systemprompt|system-prompt|system prompt|prompt système|prompt systeme|prompt del sistema|prompt di sistema|prompt do sistema|anweisungen|instructions|instrucciones|istruzioni|instrucoes|系统提示|システムプロンプト|системный промпт|системн",
          rf"\b(?:zeig\w{{0,2}}|nenn\w{{0,2}}|verrat\w{{0,2}}|wiederhol\w{{0,2}}|gib|druck\w{{0,2}}|schreib\w{{0,2}})\b{_GAP}(?:system\W?prompts?|(?:deine|ursprunglich\w{{0,2}}|genaue?n?|geheime?n?|interne?n?) (?:\w{{1,16}} ){{0,2}}?(?:anweisung\w{{0,3}}|instruktion\w{{0,3}}|systemnachricht|regeln|vorgaben))\b",
          rf"\b(?:montre|affiche|revele|repete|donne|ecris|imprime)\w{{0,2}}\b{_WIDE}(?:prompt (?:systeme|initial)|(?:tes|vos) (?:instructions|consignes))\b",
          rf"\b(?:muestr\w{{1,5}}|revel\w{{1,4}}|repit\w{{1,3}}|di(?:me)?|escrib\w{{1,3}}|imprim\w{{1,3}})\b{_WIDE}(?:prompt (?:del sistema|inicial)|tus instrucciones)\b",
          rf"\b(?:mostra\w{{0,3}}|rivela\w{{0,3}}|ripeti\w{{0,3}}|revel\w{{1,3}}|mostre|repita)\b{_WIDE}(?:prompt d[io] sistema|(?:le )?tue istruzioni|suas instrucoes)\b",
          r"(?:显示|告诉我|输出|重复|打印)[^。\n]{0,12}(?:系统提示|系統提示|初始指令|提示词)",
          r"(?:システムプロンプト|初期指示)[^。\n]{0,12}(?:教えて|表示|出力|見せて)",
          r"(?:покажи|выведи|раскрой|повтори|напиши)\b<4> (?:системн\w{1,4} (?:промпт|инструкци)\w{0,3}|сво[ий]\w{0,3} инструкци\w{0,3})"),
)  # fmt: skip
