// Fetches what the log publishes, has it checked by the WebAssembly above, and shows what came out. The bundler puts the
// bindings of `sternway-verify` before this text; the main script loads the whole when a page holds `<log-proof>`.

const ready = __wbg_init({ module_or_path: new URL("proof_bg.wasm", import.meta.url) });
const KEPT = "sternway-log";
const TRIES = 6;
const MARKS = { good: ["done", "step-done", "Holds: "], bad: ["failed", "fail", "Does not hold: "], note: ["todo", "info", "To know: "] };

/** Something else than an answer: `unsigned`, `away`, `closed`, or `gone`. */
class Unanswered extends Error {
  constructor(what) {
    super(what);
    this.what = what;
  }
}

async function get(path, missing) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store" }).catch(() => {
    throw new Unanswered("away");
  });
  if (answer.ok) return answer.text();
  if (answer.status === 404 && missing !== undefined) return missing;
  throw new Unanswered({ 401: "closed", 403: "closed", 404: "gone", 503: "unsigned" }[answer.status] ?? "away");
}

/** The newest head that holds so many entries. An entry is signed within a second. */
async function signed(size, tell) {
  for (let tries = 1; ; tries++) {
    try {
      const note = await get("/log/checkpoint");
      if (sizeOf(note) >= size) return note;
      throw new Unanswered("unsigned");
    } catch (error) {
      if (error.what !== "unsigned" || tries === TRIES) throw error;
      tell("Not signed yet", "It is signed within a second. Asking again.");
      await new Promise((done) => setTimeout(done, 700));
    }
  }
}

const ask = (asked) => JSON.parse(check(JSON.stringify(asked)));

/** Text as it was written: weight and names were marked in it. */
function written(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  const inside = [...node.childNodes].map(written).join("");
  return { B: `**${inside}**`, CODE: `\`${inside}\`` }[node.nodeName] ?? inside;
}

function onPage(name) {
  return [...document.querySelectorAll(`main [data-${name}]`)];
}

async function ofDecision(data, tell) {
  const about = `/api/v1/decisions/${data.decision}`;
  await signed(Number(data.index) + 1, tell);
  const proof = await get(`${about}/proof`);
  const seen = data.evidence ? get(`/api/v1/evidence/${data.evidence}`, "") : "";
  const [key, entry, evidence] = await Promise.all([get("/log/key"), get(`${about}/entry`).then(JSON.parse), seen]);
  const decision = {
    id: data.decision,
    index: Number(data.index),
    key,
    proof,
    entry: entry.entry,
    openings: entry.texts,
    shown: JSON.parse(data.shown),
    instead: data.instead,
    texts: onPage("field").map((field) => [field.dataset.field, [...field.childNodes].map(written).join("")]),
    removed: onPage("removed").map((field) => field.dataset.removed),
    evidence: evidence || null,
  };
  return { report: ask({ decision }), key };
}

async function ofHead(tell) {
  const note = await signed(0, tell);
  const key = await get("/log/key");
  return { report: ask({ head: { key, note } }), key };
}

function kept() {
  try {
    const pinned = JSON.parse(localStorage.getItem(KEPT));
    return typeof pinned?.note === "string" && typeof pinned.key === "string" ? pinned : null;
  } catch {
    return null;
  }
}

/** False where the browser keeps nothing. */
function keep(pinned) {
  try {
    if (pinned) localStorage.setItem(KEPT, JSON.stringify(pinned));
    else localStorage.removeItem(KEPT);
    return true;
  } catch {
    return false;
  }
}

const TIME = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" };
const moment = (at) => `${new Intl.DateTimeFormat("en-GB", TIME).format(new Date(at))} UTC`;
const sizeOf = (note) => Number(note.split("\n")[1]);

/** Whether the log still keeps to what is remembered. What is remembered moves on with it, so that nothing can be
 * rewritten behind it. */
async function compared(pinned, head, key) {
  if (!pinned || !head) return undefined;
  const from = sizeOf(pinned.note);
  let hashes = [];
  if (from > 0 && from < head.size) {
    // Without an answer nothing is shown to be the same, and that is said.
    const answer = await get(`/api/v1/log/consistency?from=${from}&to=${head.size}`).catch(() => "{}");
    hashes = JSON.parse(answer).hashes ?? [];
  }
  const { key: known, note, size, at } = pinned;
  const report = ask({ pin: { key, note: head.note, pinned: { key: known, note, size, since: moment(at) }, hashes } });
  // Another page may have moved it on meanwhile.
  if (report.steps.every(({ found }) => found === "good") && sizeOf(kept()?.note ?? pinned.note) <= head.size) keep({ ...pinned, key, note: head.note });
  return report;
}

function made(name, attributes, ...inside) {
  const node = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value);
  node.append(...inside.filter((child) => child !== undefined));
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** What ends like a sentence begins like one. */
const sentence = (value) => (value.endsWith(".") ? value[0].toUpperCase() + value.slice(1) : value);

function step({ found, name, title, values }) {
  const [state, mark, word] = MARKS[found];
  const notes = values.map(sentence).map((value) => made("span", { class: value.includes(" ") ? "step-note" : "hash" }, value));
  const said = made("span", { class: "step-name" }, made("span", { class: "sr" }, word), title);
  return made("li", { "data-state": state, "data-step": name }, icon(mark), made("span", {}, said, ...notes));
}

const steps = (found) => made("ol", { class: "steps" }, ...found.map(step));

function button(text, press) {
  const node = made("button", { class: "btn", type: "button" }, text);
  node.addEventListener("click", press);
  return node;
}

/** At the top of the page, whatever is in view. */
function alarm(bad) {
  document.querySelectorAll("main > .proof-alarm").forEach((old) => old.remove());
  if (bad.length === 0) return;
  const text = made("div", { class: "notice-text" }, made("b", {}, `${bad[0].title}.`));
  for (const value of bad[0].values.map(sentence)) text.append(made("p", {}, value));
  text.append(made("p", {}, "Do not rely on what stands here. Keep this page and tell whoever audits this Sternway."));
  document.querySelector("main").prepend(made("div", { class: "notice notice-stop proof-alarm", role: "alert" }, icon("fail"), text));
}

const WHY = {
  away: ["Not checked: Sternway did not answer", "Nothing is known to be wrong. Try again when it can be reached."],
  unsigned: ["Not signed yet", "An entry is signed within a second. If it stays so, the log is not being signed or cannot be read: ask who runs this Sternway."],
  closed: ["Not checked: you are signed out", "Sign in and open the page again."],
  gone: ["Not checked: the record is not there", "Sternway shows this decision and does not find its record. Tell whoever audits it."],
};

/** Fills the element: what came out, step by step, and what is remembered. */
export async function show(element) {
  const said = element.querySelector("[data-said]");
  const body = element.querySelector("[data-body]");
  const about = element.dataset.decision !== undefined;
  const tell = (title, text, state = "waiting", mark = "clock") => {
    said.dataset.state = state;
    said.replaceChildren(icon(mark), title);
    body.replaceChildren(...(text ? [made("p", { class: "small quiet" }, text)] : []));
  };
  const again = () => show(element);
  try {
    await ready;
    // Before anything is asked: the log's head is then never older than what is remembered.
    const pinned = kept();
    const { report, key } = about ? await ofDecision(element.dataset, tell) : await ofHead(tell);
    const pin = await compared(pinned, report.head, key);
    if (!element.isConnected) return;
    const all = [...report.steps, ...(pin?.steps ?? [])];
    const bad = all.filter(({ found }) => found === "bad");
    alarm(bad);
    if (bad.length > 0) tell(about ? "Not what the log holds" : "The log has changed", "", "failed", "fail");
    else if (about) tell("In the log, unchanged", "", "good", "proof");
    else tell(`Signed to entry ${new Intl.NumberFormat("en").format(report.head.size - 1).replaceAll(",", " ")}`, "", "good", "proof");
    if (all.length > 0) body.append(steps(all));
    body.append(remembering(report.head, key, pin, bad, again));
    const when = new Date().toISOString().slice(11, 19);
    body.append(made("p", { class: "small quiet" }, `Checked ${when} UTC, in this browser.`));
  } catch (error) {
    if (!element.isConnected) return;
    const [title, text] = WHY[error.what] ?? ["Not checked: the checker failed", String(error)];
    alarm([]);
    tell(title, text, "waiting", "no-data");
    body.append(button("Try again", again));
  }
}

/** To remember the log, or to stop doing so. */
function remembering(head, key, pin, bad, again) {
  const row = made("div", { class: "row proof-pin" });
  if (pin) {
    const forget = () => {
      keep(null);
      again();
    };
    row.append(button(pin.steps.every(({ found }) => found === "good") ? "Forget this log" : "Forget what was remembered", forget));
  } else if (head && bad.length === 0) {
    const remember = () => {
      const done = keep({ key, note: head.note, size: head.size, at: Date.now() });
      if (done) again();
      else row.replaceChildren(made("p", { class: "small quiet" }, "This browser keeps nothing for this page."));
    };
    row.append(button("Remember this log", remember));
    row.append(made("span", { class: "small quiet" }, "Then this browser notices if its past is ever changed."));
  }
  return row;
}
