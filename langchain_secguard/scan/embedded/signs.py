"""Signs of an injection that mean little alone and much together: who is spoken to, about what, and what for.

Each line of a text (or some dozens of its words) is looked through once, word by word and pair by pair, in a
table. What the words of a sign have in common is a group; a line is suspicious when enough groups meet in it.
The points of the groups were set on the half of our tables that is for tuning (``benchmarks/data``).
"""

import re
from collections.abc import Iterator

_WORD = re.compile(r"[^\W_]+(?:['\u2019_-][^\W_]+)*")
_OUTSIDE = re.compile(r"(?:https?|ftp)://|www\.|\w@\w")
_SHORTEST = 12
"""Characters of a line that can say anything."""
_LONGEST = 60
_STEP = 40
"""Words of a line that are weighed together, and how far the next ones begin behind them."""

_SUSPICIOUS = 5.5
_POINTS: dict[str, tuple[float, str]] = {
    "machine": (2.25, """
        ai ais llm llms gpt chatgpt copilot claude gemini chatbot chatbots language+model language+models
        ai+assistant ai+assistants ai+agent ai+agents artificial+intelligence"""),
    "helper": (1.0, "assistant assistants agent agents bot bots tool+agents browser+agents "),
    "drop": (1.0, """
        ignore ignoring ignores disregard disregarding override overriding bypass circumvent violate no+longer
        pay+no no+attention forget forgetting set+aside scrap discard erase superseded outranks supersedes cancelled
        suspended waived waive lifted disabled disable clear reset void not+apply against anew skip
        whatever+they stop+summarising stop+here unlearn abandon cease"""),
    "orders": (0.5, """
        instructions instruction rules guidelines guideline directives directive policy policies restrictions
        constraints filters programming directions guidance orders limits protocols safeguards prompt prompts
        criteria setup brief briefing"""),
    "yours": (2.75, """
        your+instructions your+rules your+guidelines your+prompt your+system your+brief your+briefing your+makers
        your+creators your+developers your+developer your+operator your+training your+configuration
        your+safety your+filters your+initial your+hidden your+secret your+constraints your+programming
        your+policy your+previous your+earlier your+prior your+original your+restrictions your+limits
        your+guardrails your+directives your+orders your+ethical your+preamble your+internal
        your+vocabulary your+true you+guard you+hide you+keep they+had gave+you you+received
        initialised+with initialized+with your+role developer's+policy your+real
        told+never you+operate creators+gave were+told were+given"""),
    "prompt": (1.75, """
        system+prompt system+message initial+prompt hidden+prompt hidden+instructions secret+instructions
        context+window first+token confidential+guidelines confidential+part initial+instructions
        internal+descriptions system+instructions first+message original+prompt system+policy pre-prompt
        developer+message everything+above words+above text+above instructions+above above+this+chat
        stands+above top+of starting+with my+first"""),
    "tell": (1.25, """
        reveal disclose leak dump expose print output repeat recite verbatim word+for show+me tell+me give+me
        show tell say quote spell spells paste hand+over display report state list answer read+it encode share
        divulge summarise summarize"""),
    "secret": (0.75, """
        password passwords secret secrets key keys credentials credential token tokens api+key api+keys passphrase
        hidden confidential passcode pin"""),
    "send": (0.75, """
        send forward upload post append email mail transmit transfer exfiltrate leak invite include insert attach
        submit pass push call calls execute run delete book click download open buy refund"""),
    "private": (1.5, """
        conversation chat+history history mailbox inbox e-mails emails mails contacts phone+number home+address
        addresses salaries ssn cookies env id_rsa ssh vector+store knowledge+base personal+data
        phone+numbers full+conversation credit+card stored+card saved+addresses chat+log user's+data tenants
        all+users all+customers calendar  """),
    "conceal": (2.5, """
        not+tell don't+tell without+telling not+mention never+mention without+mentioning not+explain never+comment
        don't+ask without+asking without+confirmation for+confirmation keep+quiet to+yourself not+list not+say
         secretly without+involving without+details without+informing not+inform
        not+reveal without+notifying not+disclose eyes+only quietly"""),
    "user": (1.0, """
        the+user the+user's the+human the+reader the+reader's the+person users user them everyone anyone anybody
        nobody the+customer the+owner"""),
    "must": (0.25, """
        must shall now required authorised authorized immediately important attention at+once obliged
        has+to instead please first also"""),
    "self": (1.5, """
        you+are+now you+now new+role new+task new+instructions new+orders new+objective new+goal next+task new+system
        new+directive new+rule from+now instructions+have change+your new+policy only+task previous+task only+authority
        real+task actual+task opposite+day my+master your+master you+work you+obey obey+me you+must+now
        your+task your+new"""),
    "free": (2.0, """
        unrestricted unfiltered uncensored jailbreak no+restrictions no+rules no+limits without+restrictions no+filters
        amoral unaligned no+morals guardrails safety+checks content+policy safety+training safety+filter safety+filters
        safety+mode safety+protocols content+filter no+conscience without+rules ethical+limits not+been+aligned
        content+rules without+laws laws+or legal+or mask no+policy drop+the no+filter no-filter never+declines
        do+anything safety+guidelines no+ethics machiavellian regardless debug+mode god+mode developer+mode"""),
    "refuse": (2.0, """
        refuse refusal refusals refusing declines disclaimer disclaimers i+cannot i'm+sorry as+an+ai no+warnings any+disclaimers not+warn add+no not+apologise not+apologize no+refusals apologise apologize
           lecture moralise obey can't+decline penalised penalized ethics
         morality never+say"""),
    "play": (0.75, """
        pretend roleplay role-play act+as you+are+going imagine hypothetically simulate stay+in character respond+as
        answer+as switch+to enter let's+play are+now you+are begin+your start+your grandmother voices persona"""),
    "admin": (0.75, """
        admin administrator root debug authorization verified override operator operations employee clearance
        engineer privileged """),
    "decode": (1.75, """
        base64 rot13 hexadecimal concatenate backwards decode join decoded reversed execute+a carry+out obey+them
        letters morse caesar"""),
    "asks": (-0.75, """
        how+do how+can what+is+the what's+the why explain difference how+does write+a write+an example how+to
        which is+there where+do"""),
    "tells": (-1.25, """
        attacker attackers researchers chapter slides quiz abstract module vendor report's customers shop's training+slides
        vulnerability advisory our we i'd i've i'm my court parties clause hereby he she his her risk attack attacks
        jailbreaking jailbreaks red+team false-alarm tests test student classifier staff us thank thanks dear+team dear+ms
        kind+regards def return class import select function"""),
}  # fmt: skip
"""The points and the words of each group; ``+`` stands between the words of a phrase of two or three."""

_GROUPS = tuple(_POINTS)
_BITS: dict[str, int] = {}
for _at, (_, _words) in enumerate(_POINTS.values()):
    for _word in _words.split():
        _BITS[_word] = _BITS.get(_word, 0) | 1 << _at
_MEANT = sum(
    1 << _GROUPS.index(group)
    for group in ("drop", "yours", "prompt", "conceal", "self", "free", "refuse", "decode", "secret")
)
"""Without one of these groups a line is talk about machines, not an order to one."""
WORDS = frozenset(_BITS)
"""All words and phrases of the groups."""
_BEGINS = frozenset(part for phrase in _BITS if "+" in phrase for part in (phrase.split("+")[0],))
"""Words with which a phrase begins: only behind these is one looked up."""
_KNOWN = _BEGINS | WORDS


_OUTSIDE_POINTS = 0.25
_POINTS_BY_BIT = (*(points for points, _ in _POINTS.values()), _OUTSIDE_POINTS)


def risk(text: str) -> float:
    """Return the risk of a folded text's most suspicious part: 0 below the line, else from 0.55."""
    most = max(map(_points, set(groups(text))), default=0.0)
    return min(0.9, 0.55 + (most - _SUSPICIOUS) / 10) if most >= _SUSPICIOUS else 0.0


def groups(text: str) -> Iterator[int]:
    """Yield, for each part of a folded text, the groups in it as bits."""
    for line in text.split("\n"):
        if len(line) < _SHORTEST:
            continue
        words = _WORD.findall(line)
        hits = [(at, _bits_at(words, at)) for at, word in enumerate(words) if word in _KNOWN]
        if not hits:
            continue
        outside = 1 << len(_GROUPS) if _OUTSIDE.search(line) else 0
        for start in range(0, max(1, len(words) - (_LONGEST - _STEP)), _STEP):
            together = outside
            for at, bits in hits:
                if start <= at < start + _LONGEST:
                    together |= bits
            yield together


def _bits_at(words: list[str], at: int) -> int:
    word = words[at]
    bits = _BITS.get(word, 0)
    if word in _BEGINS:
        bits |= _BITS.get("+".join(words[at : at + 2]), 0) | _BITS.get("+".join(words[at : at + 3]), 0)
    return bits


def _points(bits: int) -> float:
    if not bits & _MEANT:
        return 0.0
    return sum(points for at, points in enumerate(_POINTS_BY_BIT) if bits >> at & 1)
