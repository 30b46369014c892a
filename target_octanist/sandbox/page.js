// The sandbox's page. The server says that something changed; the page then asks for the rows that
// it shows. Whatever a request held gets onto the page as text (textContent), never as markup.

const PAGE_OF_ROWS = 200;
const byId = (id) => document.getElementById(id);

// ---- elements ----------------------------------------------------------------------------------

/** Make an element: make("p.hint", "text", child, …). A child that is null is left out. */
function make(name, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function button(label, act) {
  const element = make("button", label);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

const number = (value) => value.toLocaleString("en");
const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

function time(text) {
  const moment = new Date(text);
  const today = moment.toDateString() === new Date().toDateString();
  const clock = moment.toLocaleTimeString("en", { hourCycle: "h23" });
  const day = today ? null : make("span", moment.toLocaleDateString("sv"));  // as ISO writes it
  const element = make("time", day, day && " ", make("span", clock));
  element.dateTime = text;
  element.title = text;
  return element;
}

function terms(entries) {
  return make("dl.terms", ...entries.flatMap(([term, value]) => [make("dt", term), make("dd", value)]));
}

/** Lay out JSON text over lines without changing a character of its values. */
function indented(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const newLine = (depth) => `\n${"  ".repeat(depth)}`;
  let depth = 0;
  // A string as it stands, or a bracket, a comma, a colon, another token; blanks between are lost.
  return text.match(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s{}[\],:"]+/g).map((token) => {
    if (token === "{" || token === "[") return token + newLine(++depth);
    if (token === "}" || token === "]") return newLine(--depth) + token;
    if (token === ",") return token + newLine(depth);
    return token === ":" ? ": " : token;
  }).join("");
}

function copyButton(label, text) {
  const element = button(label, async () => {
    const done = await navigator.clipboard.writeText(text()).then(() => "Copied", () => "Not copied");
    element.textContent = done;
    setTimeout(() => { element.textContent = label; }, 2000);
  });
  element.hidden = !navigator.clipboard;  // only a trustworthy address, such as loopback, has it
  return element;
}

function copyable(block, text) {
  return make("div.copyable", block, copyButton("Copy", () => text));
}

// ---- the server --------------------------------------------------------------------------------

async function ask(path, method = "GET", body = undefined) {
  const answer = await fetch(`/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  const content = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

// ---- what is shown -----------------------------------------------------------------------------

const VIEWS = {
  leads: { title: "Leads", count: "leads", path: (row) => `leads/${encodeURIComponent(row.id)}` },
  refused: { title: "Refused", count: "refused", path: (row) => `requests/${row.number}` },
  faulted: { title: "Fault hits", count: "faulted", path: (row) => `requests/${row.number}` },
  requests: { title: "All requests", count: "requests", path: (row) => `requests/${row.number}` },
};
const base = `${location.origin}/api`;
let view = "leads";
let limit = PAGE_OF_ROWS;
let counts = null;
let anyKey = true;
let rows = [];      // as drawn, newest first
let current = 0;    // the row that Tab and Enter reach
let opened = null;  // the path of what the dialog shows

// ---- lists -------------------------------------------------------------------------------------

const CONSENTS = 4;
const consentWords = (granted) =>
  granted === CONSENTS ? "consent granted" : granted ? `consent ${granted} of ${CONSENTS}` : "consent denied";

function leadRow(row) {
  const [title, ...others] = [row.name, row.email, row.phone].filter(Boolean);
  return [
    time(row.at),
    make("span.what", title ? make("strong", title) : make("em", "custom fields only"),
      make("span.soft", others.join("  ·  "))),
    make("span.tags",
      row.came_by ? make("span.tag", row.came_by) : make("span.tag.none", "no attribution"),
      make(`span.tag.${row.granted === CONSENTS ? "good" : row.granted ? "warn" : "plain"}`, consentWords(row.granted)),
      row.status === "open" ? null : make("span.tag.accent", row.value === null ? row.status : `${row.status} · ${row.value}`)),
  ];
}

const outcomeOf = (row) =>
  row.status === null ? "no answer" : `${row.status}${row.code ? ` ${row.code}` : ""}`;

const moodOf = (status) =>
  status === null || status >= 500 ? "bad" : status >= 300 ? "warn" : "good";

function requestRow(row) {
  return [
    time(row.at),
    make("span.what",
      make("strong", row.who ?? `${row.method} ${row.path}`),
      make("span.soft", row.reason ?? "")),
    make("span.tags",
      row.who ? make("span.tag.none", `${row.method} ${row.path}`) : null,
      make(`span.tag.${moodOf(row.status)}`, outcomeOf(row)),
      row.fault ? make("span.tag.bad", `fault: ${row.fault}`) : null,
      row.fault && row.method !== "GET" ? make("span.tag.plain", row.committed ? "stored" : "not stored") : null),
  ];
}

const drawn = new Map();  // key of a row → { element, said }

function draw(list, fresh) {
  const keyOf = (row) => row.id ?? row.number;
  const wanted = new Set(list.rows.map(keyOf));
  const focused = rows.length > 0 && byId("rows").contains(document.activeElement);
  const reached = rows.length > 0 ? keyOf(rows[current]) : null;
  for (const [key, { element }] of drawn) {
    if (!wanted.has(key)) {
      element.remove();
      drawn.delete(key);
    }
  }
  // Rows stay where they are, so that one in use keeps the focus and its place on the screen.
  let place = byId("rows").firstElementChild;
  list.rows.forEach((row) => {
    const key = keyOf(row);
    let known = drawn.get(key);
    if (!known) {
      const open = button("", () => openRow(rows.findIndex((other) => keyOf(other) === key)));
      open.className = "row";
      known = { element: make(fresh ? "li" : "li.new", open), said: "" };
      drawn.set(key, known);
    }
    const said = JSON.stringify(row);
    if (said !== known.said) {
      known.said = said;
      known.element.firstElementChild.replaceChildren(...(view === "leads" ? leadRow : requestRow)(row));
    }
    if (known.element === place) place = place.nextElementSibling;
    else byId("rows").insertBefore(known.element, place);
  });
  rows = list.rows;
  const at = rows.findIndex((row) => keyOf(row) === reached);
  // Nobody is in the list: the newest is the first to be reached.
  current = at < 0 ? (focused ? rows.length - 1 : 0) : focused || opened ? at : 0;
  reach(current, focused && at < 0);
  showExtent(list.total);
}

function showExtent(total) {
  const searched = searchText() !== "";
  const rest = total - rows.length;
  const shown = rest > 0 ? `the latest ${number(rows.length)} of ${number(total)}` : "";
  byId("extent").textContent = [searched ? `${number(total)} found` : "", shown].filter(Boolean).join(", ");
  byId("more").hidden = rest <= 0;
  byId("more").textContent = `Show ${number(Math.min(PAGE_OF_ROWS, rest))} more (${number(rest)} not shown)`;
  byId("rows").hidden = rows.length === 0;
  byId("empty").hidden = rows.length > 0;
  if (rows.length === 0) showEmpty(searched);
}

let emptySaid = null;

function showEmpty(searched) {
  const said = searched ? "search" : view + anyKey;
  if (said === emptySaid) return;
  emptySaid = said;
  const none = {
    leads: () => firstLead(),
    refused: () => [make("h3", "Nothing was refused."), make("p", "What the API answers with an error shows up here with its reason and its body: 400 for an invalid lead, 401 for the key, 403 for a filter rule, 404 and 409 for updates.")],
    faulted: () => [make("h3", "No fault has hit a request."), make("p", "Switch one on under Faults, and send a lead.")],
    requests: () => firstLead(),
  };
  byId("empty").replaceChildren(...(searched
    ? [make("h3", "Nothing here holds all of these words."), button("Clear the search", clearSearch)]
    : none[view]()));
}

function firstLead() {
  const key = anyKey ? "any" : "YOUR-KEY";
  const curl = `curl ${base}/leads \\\n  -H 'X-API-KEY: ${key}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{"name": "Jane Doe", "email": "jane@example.com"}'`;
  const config = `{"api_key": "${key}", "base_url": "${base}"}`;
  const command = make("pre", curl);
  command.id = "first-lead";
  return [
    make("h3", view === "leads" ? "No lead has arrived yet." : "No request has arrived yet."),
    make("p", "Send a first one from a terminal:"),
    copyable(command, curl),
    make("p", "Or point the target at this sandbox with these settings, and run your tap into it:"),
    copyable(make("pre", config), config),
    make("p.hint", anyKey
      ? "Any key will do; each one is an organisation of its own. Nothing leaves this machine."
      : "YOUR-KEY is one of those that this sandbox was started with (--api-key). Nothing leaves this machine."),
  ];
}

const searchText = () => byId("search").value.trim();

function clearSearch() {
  byId("search").value = "";
  refresh();
  byId("search").focus();
}

let wanted = false;
let busy = false;

/** Fetch and draw the rows of the view, one time after another, until nothing has changed. */
async function refresh() {
  wanted = true;
  if (busy) return;
  busy = true;
  while (wanted) {
    wanted = false;
    const asked = view;
    const query = new URLSearchParams({ search: searchText(), limit });
    // Without an answer the server is gone; the line at the top says so, and its next event asks again.
    const list = await ask(`inbox/${asked}?${query}`).catch(() => null);
    if (list === null || asked !== view) continue;
    draw(list, byId("inbox").dataset.view !== view);
    byId("inbox").dataset.view = view;
    if (opened) await showDetail(opened);
  }
  busy = false;
}

function choose() {
  const asked = location.hash.slice(1);
  view = asked in VIEWS ? asked : "leads";
  limit = PAGE_OF_ROWS;
  current = 0;
  rows = [];
  drawn.clear();
  emptySaid = null;
  byId("rows").replaceChildren();
  byId("view-title").textContent = VIEWS[view].title;
  for (const link of byId("views").querySelectorAll("a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  refresh();
}

// ---- one lead or request -----------------------------------------------------------------------

function openRow(index) {
  reach(index, false);
  opened = VIEWS[view].path(rows[index]);
  detailSaid = null;
  showDetail(opened);
}

let detailSaid = null;

async function showDetail(path) {
  const detail = await ask(path).catch(() => null);
  if (path !== opened) return;
  const said = JSON.stringify(detail);
  if (said !== detailSaid) {
    detailSaid = said;
    const [title, ...parts] = detail === null
      ? ["No longer kept", make("p", "The log keeps the latest 10,000 requests, and may have been cleared.")]
      : path.startsWith("leads/") ? leadDetail(detail) : requestDetail(detail);
    byId("detail-title").textContent = title;
    byId("detail-body").replaceChildren(...parts.filter(Boolean));
  }
  if (!byId("detail").open) {
    byId("detail").showModal();
    byId("detail").scrollTop = 0;
  }
}

function section(title, ...parts) {
  return make("section", make("h3", title), ...parts);
}

function leadDetail({ lead, body, attribution, ignored, consent, history, requests }) {
  const own = ["name", "email", "phone", "note", "custom"].filter((key) => key in lead);
  const first = requests.find((request) => request.method === "POST");
  const later = requests.filter((request) => request !== first);
  return [
    lead.name ?? lead.email ?? lead.phone ?? "Lead without a name",
    terms([
      ["Lead", make("code", lead.id)],
      ["Arrived", time(lead.createdAt)],
      ["Status", "value" in lead ? `${lead.status}, value ${lead.value}` : lead.status],
      ["Organisation", make("span", make("code", lead.organisation), " (one for each API key)")],
    ]),
    section("Person and message", terms(own.map((key) => [key, lead[key]]))),
    section("Consent", consentTable(consent, lead.sessionId)),
    section("Attribution",
      lead.sessionId ? make("p", "Linked to the pixel session ", make("code", lead.sessionId), ", whose attribution and consent count.") : null,
      ignored.length ? make("p.caution", `Sent along and ignored because of the session: ${ignored.join(", ")}.`) : null,
      Object.keys(attribution).length
        ? terms(Object.entries(attribution))
        : make("p.soft", "None: no page, campaign or click id.")),
    history.length ? section("Updates", ...history.map(change)) : null,
    section("Request as received",
      ...(first ? answerOf(first) : []),
      first ? headersOf(first) : make("p.soft", "Its headers are no longer in the log, or it came before this sandbox was started."),
      body ? bodyOf(body, first?.size ?? 0, body) : make("p.soft", "Its body is not kept: the data file is an older one.")),
    later.length ? section("Later requests about it", ...later.map(folded)) : null,
  ];
}

function consentTable(consent, session) {
  const table = make("table", make("tbody", ...consent.map(({ key, granted, recorded, given }) => {
    const sent = JSON.stringify(given);
    const [word, why] = granted ? ["Granted", ""]
      : recorded === null ? ["Denied", "what was sent is not kept"]
      : !recorded ? ["Never recorded", "which the API reads as denied"]
      : ["Denied", given === false || String(given).toLowerCase() === "false" ? "" : `${sent} was sent; only true and "true" grant`];
    const name = make("th", key);
    name.scope = "row";
    return make("tr", name, make(`td.${granted ? "good" : "bad"}`, make("strong", word)), make("td.soft", why));
  })));
  table.setAttribute("aria-label", session ? "Consent of the pixel session" : "Consent as sent");
  return table;
}

function change({ updatedAt, ...changes }) {
  delete changes.qualifiedAt;
  const words = Object.entries(changes).map(([key, value]) => `${key}: ${value}`).join(", ");
  return make("p.change", time(updatedAt), make("span", words));
}

function headersOf(request) {
  const query = request.query ? `?${request.query}` : "";
  return make("div",
    make("p", make("code", `${request.method} /api${request.path}${query}`)),
    terms([
      ...Object.entries(request.headers),
      ["x-api-key", request.key_present ? "sent (not shown)" : "missing"],
    ]));
}

function bodyOf(text, size, whole) {
  if (!text) return make("p.soft", size ? "" : "No body was sent, or it was not read.");
  const block = make("pre", indented(text));
  block.tabIndex = 0;  // so that the keyboard can scroll it
  block.setAttribute("aria-label", "Body");
  block.setAttribute("role", "region");
  const cut = !whole && size > new TextEncoder().encode(text).length;
  return make("div", copyable(block, text),
    cut ? make("p.caution", `Only the first 16 KiB of ${plural(size, "byte")} are kept.`) : null);
}

function answerOf(request) {
  const answer = make("p", make(`strong.${moodOf(request.status)}`, outcomeOf(request)),
    ` after ${number(Math.round(request.duration_ms))} ms`);
  const fault = request.fault && make("p.caution", `A fault rule (${request.fault}) took this request. It was ${request.committed ? "carried out first" : "not carried out"}.`);
  return [answer, request.reason ? make("p.reason", request.reason) : null, fault];
}

function folded(request) {
  const summary = make("summary", time(request.at), ` ${request.method} ${request.path} `,
    make(`span.tag.${moodOf(request.status)}`, outcomeOf(request)));
  return make("details.request", summary, ...answerOf(request), headersOf(request), bodyOf(request.body, request.size));
}

const MEANINGS = {
  400: "The API calls the request invalid. Nothing was stored.",
  401: "The key is missing or is not one of those that the sandbox was started with.",
  403: "A filtering rule of the organisation refused this lead. Nothing was stored.",
  404: "There is no such lead or endpoint. Nothing was changed.",
  405: "The endpoint does not take this method.",
  409: "Several leads match, so none was changed. Update by id.",
};

function requestDetail(request) {
  const meaning = request.fault ? null : MEANINGS[request.status];
  return [
    `${request.method} ${request.path}`,
    make("div.answer", ...answerOf(request).filter(Boolean), meaning ? make("p.soft", meaning) : null),
    terms([
      ["Number", number(request.number)],
      ["Arrived", time(request.at)],
      request.who ? ["Names", request.who] : null,
    ].filter(Boolean)),
    request.lead_id
      ? button(`Open lead ${request.lead_id}`, () => {
        opened = `leads/${encodeURIComponent(request.lead_id)}`;
        showDetail(opened);
      })
      : null,
    section("Request as received", headersOf(request), bodyOf(request.body, request.size)),
  ];
}

byId("close").addEventListener("click", () => byId("detail").close());
byId("detail").addEventListener("click", (event) => {
  if (event.target === byId("detail")) byId("detail").close();  // beside its content
});
byId("detail").addEventListener("close", () => {
  opened = null;
  reach(current, true);
});

// ---- faults ------------------------------------------------------------------------------------

const SCOPES = {
  "new leads": { method: "POST", path: "/leads" },
  updates: { method: "PATCH", path: "/leads" },
  "look-ups": { method: "GET" },
  "all requests": {},
};

// Each switch is one rule; its amount is one key of the action.
const FAULTS = [
  {
    name: "Slow answers", hint: "Each answer takes",
    amount: { unit: "ms", first: 2000, key: "latency_ms" },
    action: { kind: "delay" },
  },
  {
    name: "429 with Retry-After", hint: "Stores nothing; wait",
    amount: { unit: "s", first: 1, key: "retry_after" },
    action: { kind: "status", status: 429 },
  },
  {
    name: "500 before storing", hint: "Fails and stores nothing.",
    action: { kind: "status", status: 500 },
  },
  {
    name: "500 after storing", hint: "Stores, then says that it failed.",
    action: { kind: "status", status: 500, commit: true },
  },
  {
    name: "Drop after storing", hint: "Stores, then hangs up.",
    action: { kind: "drop", commit: true },
  },
  {
    name: "Hang", hint: "Stores nothing and never answers.",
    action: { kind: "hang" },
  },
];

function numberInput(label, value, least) {
  const input = make("input");
  Object.assign(input, { type: "number", min: least, max: 1000000, value, required: true });
  input.setAttribute("aria-label", label);
  return input;
}

function faultSwitch(fault, index) {
  const toggle = make("input");
  Object.assign(toggle, { type: "checkbox", id: `fault-${index}` });
  toggle.setAttribute("role", "switch");
  toggle.setAttribute("aria-describedby", `fault-hint-${index}`);
  const label = make("label.name", fault.name);
  label.htmlFor = toggle.id;
  const amount = fault.amount && numberInput(`${fault.hint}, in ${fault.amount.unit}`, fault.amount.first, 0);
  const hint = make("p.hint", ...(amount ? [`${fault.hint} `, amount, ` ${fault.amount.unit}.`] : [fault.hint]));
  hint.id = `fault-hint-${index}`;
  const used = make("span.used");
  const every = numberInput(`${fault.name}: hits one in so many`, 1, 1);
  const scope = make("select", ...Object.keys(SCOPES).map((name) => make("option", name)));
  scope.setAttribute("aria-label", `${fault.name}: of which requests`);
  const group = make("li.fault", toggle, label, used, hint, make("div.parts", "Hits 1 in ", every, scope));
  const part = { fault, group, toggle, amount, every, scope, used, rule: null };
  toggle.addEventListener("change", () => apply(part));
  for (const input of [amount, every, scope]) {
    input?.addEventListener("change", () => part.rule && apply(part));
  }
  return part;
}

function ruleOf({ fault, amount, every, scope }) {
  const action = { ...fault.action };
  if (amount) action[fault.amount.key] = amount.valueAsNumber;
  const match = { ...SCOPES[scope.value] };
  if (every.valueAsNumber > 1) match.every = every.valueAsNumber;
  return { match, action };
}

/** Make the server do what a switch and its parts say. */
async function apply(part) {
  const valid = [part.amount, part.every].every((input) => !input || input.reportValidity());
  if (part.toggle.checked && !valid) {
    part.toggle.checked = part.rule !== null;
    return;
  }
  const before = part.rule;
  await changeFaults(async () => {
    // The new rule first, so that no request slips through between the two.
    const rules = part.toggle.checked ? await ask("faults", "POST", ruleOf(part)) : [];
    return before ? ask(`faults/${before.number}`, "DELETE") : rules;
  });
}

async function changeFaults(work) {
  byId("fault-error").textContent = "";
  try {
    showFaults(await work());
  } catch (error) {
    byId("fault-error").textContent = `Not changed: ${error.message}.`;
    showFaults(await ask("faults").catch(() => []));
  }
}

// What the server adds to an action that does not say otherwise.
const PLAIN = {
  commit: false, latency_ms: 0, body: "envelope", message: "", retry_after: -1,
  retry_after_form: "seconds", location: "", reset: false, seconds: -1,
};

/** Tell whether a switch can show a rule with all that it says. */
function fits(fault, rule) {
  const key = fault.amount?.key;
  const whole = Object.entries({ ...PLAIN, ...fault.action });
  const same = whole.every(([part, value]) => part === key || rule.does[part] === value);
  return same && (!key || rule.does[key] >= 0) && !rule.times && scopeOf(rule) !== undefined;
}

/** Name the scope of a rule; one that no switch has is undefined. */
function scopeOf(rule) {
  const { every: _every, ...match } = rule.match ?? {};
  const spell = (scope) => JSON.stringify(Object.entries(scope).sort());
  return Object.keys(SCOPES).find((name) => spell(SCOPES[name]) === spell(match));
}

function showFaults(rules) {
  const others = [...rules];
  for (const part of switches) {
    const index = others.findIndex((rule) => fits(part.fault, rule));
    const [rule] = index < 0 ? [null] : others.splice(index, 1);
    const inUse = part.group.contains(document.activeElement) && document.activeElement !== part.toggle;
    part.rule = rule;
    part.toggle.checked = rule !== null;
    part.group.classList.toggle("on", rule !== null);
    part.used.textContent = rule ? plural(rule.used, "hit") : "";
    if (rule && !inUse) {
      part.every.value = rule.match?.every ?? 1;
      part.scope.value = scopeOf(rule);
      if (part.amount) part.amount.value = rule.does[part.fault.amount.key];
    }
  }
  showOthers(others);
  byId("all-off").hidden = rules.length === 0;
  byId("faults-on").textContent = rules.length ? `${number(rules.length)} on` : "none on";
  byId("faults-on").classList.toggle("on", rules.length > 0);
}

const otherRules = new Map();  // number of a rule → its element, kept while its counts change

function showOthers(rules) {
  const numbers = new Set(rules.map((rule) => rule.number));
  for (const [id, element] of otherRules) {
    if (numbers.has(id)) continue;
    element.remove();
    otherRules.delete(id);
  }
  for (const { number: id, does: _does, matched: _matched, used, ...spec } of rules) {
    if (!otherRules.has(id)) {
      const off = button("Switch off", () => changeFaults(() => ask(`faults/${id}`, "DELETE")));
      otherRules.set(id, make("li", make("code", JSON.stringify(spec)), make("span.used"), off));
      byId("other-rules").append(otherRules.get(id));
    }
    otherRules.get(id).querySelector(".used").textContent = plural(used, "hit");
  }
}

const switches = FAULTS.map(faultSwitch);
byId("switches").append(...switches.map((part) => part.group));
byId("all-off").addEventListener("click", () => changeFaults(async () => {
  await ask("faults", "DELETE");
  return [];
}));

// ---- counts and arrivals -----------------------------------------------------------------------

const TOTALS = [
  ["duplicates_by_payload", "Identical leads"],
  ["duplicates_by_email", "Leads with a known e-mail"],
  ["in_flight", "Requests in flight"],
  ["max_in_flight", "Most at once"],
];

const viewCounts = new Map(Object.entries(VIEWS).map(([name, { title }]) => {
  const value = make("span.count", "0");
  const link = make("a", make("span", title), " ", value);
  link.href = `#${name}`;
  byId("views").append(make("li", link));
  return [name, value];
}));

let fresh = { leads: 0, refused: 0 };
let saying = 0;

/** Say what arrived, in one sentence for a second's worth of arrivals. */
function announce(next) {
  for (const key of Object.keys(fresh)) fresh[key] += Math.max(0, next[key] - (counts?.[key] ?? next[key]));
  if (saying || fresh.leads + fresh.refused === 0) return;
  saying = setTimeout(() => {
    saying = 0;
    const words = [
      fresh.leads ? plural(fresh.leads, "new lead") : "",
      fresh.refused ? `${plural(fresh.refused, "request")} refused` : "",
    ].filter(Boolean);
    byId("arrivals").textContent = `${words.join(", ")}. ${plural(counts.leads, "lead")} in all.`;
    fresh = { leads: 0, refused: 0 };
  }, 1000);
}

function showCounts(next) {
  announce(next);
  counts = next;
  for (const [name, value] of viewCounts) value.textContent = number(next[VIEWS[name].count]);
  const entry = (term, count, mood = "plain") => make("div", make(`dt.${mood}`, term), make("dd", number(count)));
  byId("totals").replaceChildren(...TOTALS.map(([key, label]) => entry(label, next[key])));
  byId("outcomes").replaceChildren(...Object.entries(next.outcomes).map(
    ([outcome, count]) => entry(outcome, count, moodOf(parseInt(outcome, 10) || null))));
  document.title = `${plural(next.leads, "lead")} · Octanist sandbox`;
}

const events = new EventSource("/_sandbox/events");
events.onopen = () => {
  byId("link").textContent = "live";
  byId("link").classList.add("on");
};
events.onerror = () => {
  byId("link").textContent = "not connected, trying again";
  byId("link").classList.remove("on");
};
events.onmessage = (message) => {
  const change = JSON.parse(message.data);
  anyKey = change.any_key;
  showCounts(change.counts);
  showFaults(change.faults);
  refresh();
};

// ---- keys --------------------------------------------------------------------------------------

/** Make a row the one that Tab reaches, and move the focus there if asked. */
function reach(index, focus) {
  const list = byId("rows").children;
  current = Math.max(0, Math.min(index, list.length - 1));
  Array.from(list, (item, at) => { item.firstElementChild.tabIndex = at === current ? 0 : -1; });
  if (focus && list.length) {
    list[current].firstElementChild.focus();
    list[current].scrollIntoView({ block: "nearest" });
  }
}

function step(by) {
  if (byId("detail").open) {
    const next = current + by;
    if (next >= 0 && next < rows.length) openRow(next);
  } else {
    reach(byId("rows").contains(document.activeElement) ? current + by : current, true);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  const dialog = byId("detail").open;
  if (target === byId("search")) {
    if (key === "ArrowDown" || key === "Enter") step(0);
    else if (key === "Escape") clearSearch();
    else return;
  } else if (target.matches("input, select, textarea")) {
    return;
  } else if (key === "/" && !dialog) {
    byId("search").focus();
    byId("search").select();
  } else if (key === "j" || key === "k") {
    step(key === "j" ? 1 : -1);
  } else if ((key === "ArrowDown" || key === "ArrowUp") && !dialog && (target === document.body || byId("inbox").contains(target))) {
    step(key === "ArrowDown" ? 1 : -1);
  } else {
    return;
  }
  event.preventDefault();
});

byId("search").addEventListener("input", () => {
  limit = PAGE_OF_ROWS;
  refresh();
});
byId("more").addEventListener("click", () => {
  limit += PAGE_OF_ROWS;
  refresh();
});
addEventListener("hashchange", () => {
  if (location.hash.slice(1) in VIEWS) choose();
});

// ---- start -------------------------------------------------------------------------------------

byId("base").textContent = base;
byId("copy-base").replaceWith(copyButton("Copy", () => base));
const wide = matchMedia("(min-width: 56rem)");
for (const panel of [byId("faults"), byId("counts")]) panel.open = wide.matches;
choose();
