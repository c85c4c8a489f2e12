"""What sets instructions aside, or asks for hidden ones, in languages beside those of :mod:`phrases`.

Each language is a verb in the forms of an order ("ignore!", not "I forgot") near a noun for what is
obeyed ("instructions", "rules", not "message"). Languages that put the noun first are read so.
"""

import re

from langchain_secguard.scan.embedded.confusables import folded
from langchain_secguard.scan.embedded.phrases import Rule

_FIRST = re.compile(r"[^\W_]+")
_NO_SPACES = "\u0590"
"""From this letter on, words may begin within others: prefixes of Hebrew and Arabic, scripts without spaces."""
_NEAR = r"[^.!?\u3002\u0964\n]{0,50}?"

_VERB_FIRST = (
    ("ігноруй|ігноруйте|забудь|забудьте|не виконуй", "інструкц|правила|вказівк|наказ|команд"),
    ("התעלם|התעלמי|התעלמו|שכח|שכחי|תשכח", "הוראות|הנחיות|הכללים|החוקים|כללי"),
    ("تجاهل|تجاهلي|انس|انسى|انسَ|لا تتبع", "التعليمات|تعليمات|الأوامر|أوامر|القواعد|قواعد"),
    ("bỏ qua|quên|phớt lờ|không tuân theo", "hướng dẫn|chỉ thị|quy tắc|mệnh lệnh|chỉ dẫn"),
    ("abaikan|lupakan", "instruksi|perintah|aturan|petunjuk|arahan"),
    ("ignorera|ignorér|ignorer|glöm|glem|bortse från|se bort fra", "instruktion|instruks|regler|anvisning|riktlinj|retningslinj|ordre"),
    ("unohda|ohita|sivuuta", "ohjeet|ohjeist|säännöt|määräyk|käskyt"),
    ("αγνόησε|αγνοήστε|ξέχασε|ξεχάστε|ξέχνα", "οδηγί|κανόν|εντολ"),
    ("ignoră|uită|nu respecta|ignorați", "instrucțiun|regulil|comenzi|ordinel|indicații"),
    ("ignoruj|ignorujte|zapomeň|zabudni|nedbej", "pokyn|pravid|instrukc|příkaz|inštrukci"),
    ("puuza|sahau|usifuate", "maagizo|maelekezo|sheria|kanuni"),
    ("ละเว้น|เพิกเฉย|ลืม|ไม่ต้องสนใจ", "คำสั่ง|กฎ|ข้อจำกัด"),
    ("ignorar|ignora|olvida|olvídate|olvidad", "las reglas que|reglas anteriores|tus reglas|tus instrucciones|todo lo que te"),
    ("oublie|oubliez|ignore", "tes règles|vos règles|les règles qu|tout ce qu|tes instructions|tes consignes"),
    ("vergiss|vergesst|ignoriere", "deine regeln|die regeln, die|deine anweisungen|deine vorgaben|deine richtlinien"),
    ("dimentica|ignora", "le regole che|le tue regole|le tue istruzioni|tutto quello che ti"),
    ("esqueça|ignore|esquece", "as regras que|suas regras|suas instruções|tudo o que|as regras."),
    ("hagyd figyelmen kívül|felejtsd el|ne vedd figyelembe", "utasítás|szabály|parancs"),
    ("zapomnij|zignoruj|nie przestrzegaj", "zasad|polece|instrukcj|regu"),
    ("忽略|忽视|忽視|无视|無視|忘记你|忘記你|忘掉你|不要遵守", "指令|指示|规则|規則|命令|提示词|限制"),
)  # fmt: skip
_NOUN_FIRST = (
    ("talimat|kuralı|kuralları|kuralların|komut|yönerge", "yok say|görmezden gel|dikkate alma|unut(?!t|u)|göz ardı et"),
    ("निर्देश|आदेश|नियम", "अनदेखा कर|भूल जाओ|भूल जाइए|भूलो|नज़रअंदाज़ कर"),
    ("নির্দেশ|নিয়ম|আদেশ", "উপেক্ষা কর|ভুলে যাও|অগ্রাহ্য কর"),
    ("지시|명령|규칙|지침", "무시하|잊고|잊어라|잊으"),
    ("utasítás|szabály", "hagyd figyelmen kívül|felejtsd el"),
)  # fmt: skip

_FREE = (
    "sin restricciones|sin filtros|sin límites|sans restriction|sans filtre|aucune limite|sans limites|ohne einschränkung|"
    "ohne regeln|ohne filter|senza restrizioni|senza filtri|senza limiti|sem restrições|sem filtros|sem limites|"
    "zonder beperkingen|zonder filters|bez ograniczeń|bez filtrów|без ограничений|без обмежень|kısıtlaman yok|"
    "sınırlaman yok|بدون قيود|بلا قيود|ללא הגבלות|没有任何限制|沒有任何限制|不受限制|制限のない|制限なし|제한 없이|제한이 없|"
    "không có giới hạn|không giới hạn|tanpa batasan|utan begränsningar|uden begrænsninger|ilman rajoituksia|"
    "χωρίς περιορισμούς|fără restricții|bez omezení|korlátozások nélkül"
)
_ANSWERING = (
    "responde|respuesta|ia|réponds|réponse|limite|assistent|antwort|beantwort|ki|rispondi|responda|você|antwoord|odpowiada|"
    "отвечай|відповідай|artık|أجب|עני|ענה|从现在|從現在|你|ai|대답|지금부터|trả lời|jawab|svara|svar|vastaa|απάντησε|răspunde|odpovídej|válaszolj"
)
_SHOW = (
    "zeig|gib|nenne|verrate|affiche|montre|révèle|muestra|muéstrame|dime|revela|mostra|mostrami|rivela|mostre|laat|toon|"
    "vertel|pokaż|wyświetl|ujawnij|покажи|выведи|раскрой|göster|اعرض|أظهر|הצג|תראה|दिखाओ|बताओ|দেখাও|বলো|输出|显示|告诉我|顯示|"
    "表示|教えて|보여|알려|hiển thị|tiết lộ|cho tôi xem|tampilkan|tunjukkan|visa|vis|näytä|δείξε|arată|ukaž|írd ki|mutasd|แสดง|onyesha|unionyeshe"
)
_HIDDEN = (
    "systemprompt|system prompt|system-prompt|prompt de sistema|prompt del sistema|prompt do sistema|prompt di sistema|prompt système|"
    "message système|prompt systemowy|системный промпт|системні|приховані|скрытые инструкции|sistem istemi|تعليماتك السرية|تعليماتك|"
    "הנחיות המערכת|सिस्टम प्रॉम्प्ट|গোপন|系统提示|系統提示|システムプロンプト|시스템 프롬프트|lời nhắc hệ thống|prompt sistem|systeemprompt|"
    "järjestelmäkeho|κρυφό|promptul de sistem|tajná pravidla|rendszerüzenet|คำสั่งระบบ|nenosiri la siri|password segreta|contraseña secreta|"
    "geheime wachtwoord|mot de passe secret|geheime passwort|senha secreta|секретный пароль|tue istruzioni nascoste|instrucciones ocultas"
)


def _order(words: str) -> str:
    """Write alternatives as a folded text has them; in scripts that set words apart, a word begins there."""
    forms = folded(words).split("|")
    apart = "|".join(form for form in forms if form < _NO_SPACES)
    within = "|".join(form for form in forms if form >= _NO_SPACES)
    return "|".join(part for part in (apart and rf"(?<!\w)(?:{apart})", within) if part)


def _rule(kind: str, weight: float, first: str, second: str) -> Rule:
    pattern = re.compile(rf"(?:{_order(first)}){_NEAR}(?:{folded(second)})")
    return _keyed(kind, weight, first, pattern)


def _either(kind: str, weight: float, one: str, other: str) -> Rule:
    """Look for two things near each other in either order."""
    first, second = _order(one), folded(other)
    pattern = re.compile(rf"(?:{first})\b{_NEAR}(?:{second})|(?:{second}){_NEAR}(?:{first})")
    return _keyed(kind, weight, other, pattern)


def _keyed(kind: str, weight: float, keys: str, pattern: re.Pattern[str]) -> Rule:
    """Make a rule that looks for whole words first, where its script sets words apart."""
    forms = folded(keys).split("|")
    apart = frozenset(_FIRST.findall(form)[0] for form in forms if form < _NO_SPACES)
    within = tuple(form for form in forms if form >= _NO_SPACES)
    return Rule(kind, weight, within, tuple(forms), pattern, apart)


RULES_ABROAD = (
    *(_rule("override", 0.9, verbs, nouns) for verbs, nouns in _VERB_FIRST),
    *(
        Rule("override", 0.9, tuple(folded(nouns).split("|")), (), re.compile(f"(?:{folded(nouns)}){_NEAR}(?:{folded(verbs)})"))
        for nouns, verbs in _NOUN_FIRST
    ),
    _either("jailbreak", 0.8, _ANSWERING, _FREE),
    _either("extraction", 0.8, _SHOW, _HIDDEN),
)  # fmt: skip
_WHOLE = frozenset().union(*(rule.whole for rule in RULES_ABROAD))


def rules_abroad(text: str, words: frozenset[str]) -> tuple[Rule, ...]:
    """Return the rules, or none for a folded text that has no word of any."""
    return () if text.isascii() and words.isdisjoint(_WHOLE) else RULES_ABROAD
