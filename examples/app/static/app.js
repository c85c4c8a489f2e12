// The page: it sends a text to /show/stream, reads the server-sent events, and shows what each side sees.

const FAMILIES = {
  PERSON: "person", ORGANIZATION: "organization", LOCATION: "location", DATE_TIME: "date", EMAIL_ADDRESS: "contact",
  PHONE_NUMBER: "contact", URL: "contact", IP_ADDRESS: "contact", MAC_ADDRESS: "contact", CUSTOM: "custom", NRP: "other",
};
const ACTIONS = {
  tokenize: "placeholder", surrogate: "realistic fake", redact: "redact", mask: "mask", hash: "hash", block: "refuse", allow: "let through",
};
const EXAMPLE = `Plaintiff, Jane Doe, by and through her attorneys, files this complaint against Defendant, Big Corporation. On or about July 15, 2023, at the plant located at 123 Industrial Way, Springfield, Illinois, a press operated by Robert Alvarez fell on her.

Ms. Doe wrote to the company at claims@bigcorp.example and called (217) 555-0142. Her Social Security number is 536-22-1789, and the hospital charged the card 4111 1111 1111 1111. The camera at 203.0.113.42 recorded the accident. Doe asks the court for compensatory damages.`;

const $ = (id) => document.getElementById(id);
const text = $("text"), saw = $("saw"), got = $("got");
const policies = new Map();
let found = [];
let running = null;
let looking = null;
let lookTimer = 0;

const family = (type) => `t-${FAMILIES[type] ?? (/SSN|CARD|IBAN|NUMBER|PASSPORT|LICEN|ITIN|CRYPTO|SECRET|UUID|PLATE/.test(type) ? "number" : "other")}`;
const words = (type) => type.toLowerCase().replaceAll("_", " ");

function element(tag, className, content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

/* marks ------------------------------------------------------------------------------------------------ */

function mark(content, type) {
  const made = element("mark", family(type), content);
  made.dataset.type = type;
  made.title = words(type);
  return made;
}

function highlight(target, source, entities) {
  const parts = [];
  let last = 0;
  for (const { start, end, entity_type: type } of entities) {
    if (start < last || end > source.length) continue;
    parts.push(source.slice(last, start), mark(source.slice(start, end), type));
    last = end;
  }
  parts.push(source.slice(last), "\n");
  target.replaceChildren(...parts);
}

const PLACEHOLDER = /\[([A-Z][A-Z_]*)(?:_\d+[a-z]*|#[0-9a-f]+)?\]/g;

function highlightPlaceholders(target, source) {
  const parts = [];
  let last = 0;
  for (const match of source.matchAll(PLACEHOLDER)) {
    parts.push(source.slice(last, match.index), mark(match[0], match[1]));
    last = match.index + match[0].length;
  }
  parts.push(source.slice(last));
  target.replaceChildren(...parts);
}

function highlightValues(target, answer) {
  const values = new Map();
  for (const { start, end, entity_type: type } of found) values.set(text.value.slice(start, end), type);
  const known = [...values.keys()].filter((value) => value.trim()).sort((a, b) => b.length - a.length);
  if (!known.length) { target.textContent = answer; return; }
  const pattern = new RegExp(known.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "g");
  const parts = [];
  let last = 0;
  for (const match of answer.matchAll(pattern)) {
    parts.push(answer.slice(last, match.index), mark(match[0], values.get(match[0])));
    last = match.index + match[0].length;
  }
  parts.push(answer.slice(last));
  target.replaceChildren(...parts);
}

/* what is told ----------------------------------------------------------------------------------------- */

function showTypes() {
  const counts = new Map();
  for (const { entity_type: type } of found) counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const type of policies.keys()) if (!counts.has(type)) counts.set(type, 0);
  const list = $("types");
  const active = document.activeElement?.dataset?.type;
  $("types-empty").hidden = counts.size > 0;
  list.replaceChildren(...[...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([type, count]) => {
    const row = element("li");
    const label = element("label");
    const name = element("span", "name", words(type));
    label.append(element("span", `dot ${family(type)}`), name, element("span", "count", String(count)));
    const choice = element("select");
    choice.dataset.type = type;
    choice.setAttribute("aria-label", `What is done with ${words(type)}`);
    for (const [action, said] of Object.entries(ACTIONS)) choice.add(new Option(said, action));
    choice.value = policies.get(type) ?? "tokenize";
    choice.addEventListener("change", () => {
      if (choice.value === "tokenize") policies.delete(type); else policies.set(type, choice.value);
      $("state").textContent = "ask again to apply";
      look(0);
    });
    row.append(label, choice);
    return row;
  }));
  if (active) list.querySelector(`select[data-type="${CSS.escape(active)}"]`)?.focus();
}

function meter(share, className) {
  const made = element("div", `meter ${className ?? ""}`);
  const bar = element("span");
  bar.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  made.append(bar);
  return made;
}

function showRisk({ name, risk, valid }) {
  const list = $("risks");
  list.querySelector(".empty")?.remove();
  const row = element("li");
  const said = element("div", "row");
  said.append(element("span", "", name.replace(/([a-z])([A-Z])/g, "$1 $2")), element("b", valid ? "ok" : "no", `${risk.toFixed(2)} ${valid ? "passed" : "refused"}`));
  row.append(said, meter(risk, valid ? "ok" : "no"));
  list.append(row);
}

function showTimes(timings) {
  const longest = Math.max(...Object.values(timings), 1);
  $("times").replaceChildren(...Object.entries(timings).map(([name, taken]) => {
    const row = element("li");
    const said = element("div", "row");
    said.append(element("span", "", name), element("b", "", `${taken < 10 ? taken.toFixed(1) : Math.round(taken)} ms`));
    row.append(said, meter(taken / longest));
    return row;
  }));
}

function complain(title, detail) {
  const box = $("problem");
  box.replaceChildren(element("b", "", title), detail ?? "");
  box.hidden = false;
}

/* the server -------------------------------------------------------------------------------------------- */

async function* ask(body, signal) {
  const response = await fetch("/show/stream", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ input: body }), signal,
  });
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw Object.assign(new Error(typeof told.detail === "string" ? told.detail : `The server answered ${response.status}.`), { status: response.status });
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value.replaceAll("\r\n", "\n");
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const name = event.match(/^event: ?(.*)$/m)?.[1] ?? "message";
      const data = [...event.matchAll(/^data: ?(.*)$/gm)].map((line) => line[1]).join("\n");
      if (name === "data" && data) yield JSON.parse(data);
      else if (name === "error") throw new Error(JSON.parse(data || "{}").message ?? "The stream was ended.");
    }
  }
}

function request(answer) {
  return {
    text: text.value, policies: Object.fromEntries(policies), threshold: Number($("threshold").value) / 100,
    hidden_names: $("names").value.split(",").map((name) => name.trim()).filter(Boolean),
    guard: $("guard").checked, answer,
  };
}

function look(delay = 350) {
  clearTimeout(lookTimer);
  looking?.abort();
  $("size").textContent = text.value ? `${text.value.length.toLocaleString("en")} characters` : "";
  lookTimer = setTimeout(async () => {
    if (running || !text.value.trim()) { if (!text.value.trim()) { found = []; highlight($("marks"), "", []); showTypes(); } return; }
    looking = new AbortController();
    const looked = text.value;
    try {
      for await (const seen of ask(request(false), looking.signal)) {
        if (seen.kind === "entities" && text.value === looked) { found = seen.entities; highlight($("marks"), looked, found); showTypes(); }
      }
    } catch (error) {
      if (error.name !== "AbortError") highlight($("marks"), looked, []);
    }
  }, delay);
}

async function run() {
  if (running || !text.value.trim()) { text.focus(); return; }
  looking?.abort();
  clearTimeout(lookTimer);
  running = new AbortController();
  $("problem").hidden = true;
  $("run").disabled = true;
  $("stop").hidden = false;
  $("state").textContent = "reading…";
  for (const list of ["risks", "times"]) $(list).replaceChildren();
  saw.replaceChildren();
  got.replaceChildren();
  got.classList.add("streaming");
  got.setAttribute("aria-busy", "true");
  const source = text.value;
  const prompt = element("div"), written = element("div");
  let model = "", answer = "";
  try {
    for await (const seen of ask(request(true), running.signal)) {
      if (seen.kind === "entities") { found = seen.entities; highlight($("marks"), source, found); showTypes(); }
      else if (seen.kind === "sent") {
        highlightPlaceholders(prompt, seen.text);
        saw.append(prompt, element("span", "wrote-by", "the model wrote"), written);
        $("state").textContent = "the model is writing…";
      }
      else if (seen.kind === "model") { model += seen.text; highlightPlaceholders(written, model); }
      else if (seen.kind === "answer") { answer += seen.text; highlightValues(got, answer); }
      else if (seen.kind === "risk") showRisk(seen);
      else if (seen.kind === "refused") { complain("Refused: nothing was sent to the model.", seen.text); $("state").textContent = "refused"; }
      else if (seen.kind === "error") { complain(`${seen.name}: nothing more was sent.`, seen.text); $("state").textContent = "failed"; }
      else if (seen.kind === "done") { showTimes(seen.timings); $("state").textContent = "done"; }
    }
  } catch (error) {
    if (error.name === "AbortError") $("state").textContent = "stopped";
    else if (error.status === 401) complain("The session has ended.", "Reload the page for a new one.");
    else { complain("That did not work.", error.message === "Failed to fetch" ? "The server does not answer." : error.message); $("state").textContent = "failed"; }
  } finally {
    running = null;
    got.classList.remove("streaming");
    got.removeAttribute("aria-busy");
    $("run").disabled = false;
    $("stop").hidden = true;
  }
}

/* the person -------------------------------------------------------------------------------------------- */

function open(file) {
  if (!file) return;
  if (file.size > 50_000) { complain("That file is too large.", "The page takes up to 50 KB of text."); return; }
  file.text().then((content) => {
    if (content.includes("\0")) { complain("That is not a text.", "Drop a file of plain text."); return; }
    $("problem").hidden = true;
    text.value = content;
    look(0);
    text.focus();
  });
}

text.addEventListener("input", () => { highlight($("marks"), "", []); look(); });
text.addEventListener("scroll", () => { $("marks").scrollTop = text.scrollTop; });
$("run").addEventListener("click", run);
$("stop").addEventListener("click", () => running?.abort());
$("example").addEventListener("click", () => { text.value = EXAMPLE; look(0); text.focus(); text.setSelectionRange(0, 0); text.scrollTop = 0; });
$("file").addEventListener("change", (event) => { open(event.target.files[0]); event.target.value = ""; });
$("names").addEventListener("input", () => look());
$("threshold").addEventListener("input", () => { $("sure").textContent = `${$("threshold").value}%`; look(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
  else if (event.key === "Escape" && running) running.abort();
});
let dragged = 0;
addEventListener("dragenter", (event) => { event.preventDefault(); dragged += 1; $("drop").hidden = false; });
addEventListener("dragleave", () => { dragged -= 1; if (dragged <= 0) $("drop").hidden = true; });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  dragged = 0;
  $("drop").hidden = true;
  if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
  else { text.value = event.dataTransfer.getData("text/plain"); look(0); }
});
for (const pane of [saw, got, $("types")]) {
  pane.addEventListener("pointerover", (event) => light(event.target.closest("mark")?.dataset.type));
  pane.addEventListener("pointerleave", () => light());
}
function light(type) {
  for (const one of document.querySelectorAll("mark")) one.classList.toggle("lit", Boolean(type) && one.dataset.type === type);
}

const preferred = matchMedia("(prefers-color-scheme: dark)");
function setTheme(theme) { document.documentElement.dataset.theme = theme ?? (preferred.matches ? "dark" : "light"); }
setTheme(localStorage.getItem("theme"));
preferred.addEventListener("change", () => { if (!localStorage.getItem("theme")) setTheme(); });
$("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme);
  setTheme(theme);
});

fetch("/model").then((response) => response.json()).then(({ model }) => { $("model").textContent = model; }).catch(() => {});
if (!text.value) text.value = EXAMPLE;
look(0);
