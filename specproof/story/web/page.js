"use strict";
// Draws what the link after # asks for: the matrix, a proof, or a run that is stepped through with the arrow keys.
const data = JSON.parse(document.getElementById("data").textContent);
const matrix = document.getElementById("matrix"), answer = document.getElementById("answer"), live = document.getElementById("live");
let run = null; // the run that is shown: {story, step}
let back = null; // the cell that was followed

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// A key as it stands behind the # of a link; what somebody typed there by hand may be no such text.
function decoded(link) {
  try { return decodeURIComponent(link.slice(1)); } catch { return link.slice(1); }
}

function show() {
  const keys = Object.keys(data.answers);
  if (!location.hash && keys.length === 1 && back === null) { // an only answer is what the page is for: it need not be asked for
    history.replaceState(null, "", `#${encodeURIComponent(keys[0])}`); // as if it had been, so that Esc and the link lead back
  }
  const key = decoded(location.hash);
  const found = data.answers[key];
  run = null;
  matrix.hidden = Boolean(found);
  answer.hidden = !found;
  answer.replaceChildren();
  if (!found) {
    document.title = data.title;
    const cell = [...matrix.querySelectorAll("a")].find((one) => decoded(one.getAttribute("href")) === back);
    if (cell) cell.focus();
    return;
  }
  back = key;
  document.title = `${found.claim}: ${found.where}`;
  draw(found);
  window.scrollTo(0, 0);
  document.getElementById("content").focus({ preventScroll: true });
}

function draw(found) {
  answer.append(el("p", {}, el("a", { href: "#" }, "\u2190 all verdicts")));
  answer.append(el("h2", {}, found.claim + (found.id ? ` (${found.id})` : "") + " ", el("span", { class: `badge ${found.word}` }, found.word)));
  answer.append(el("p", { class: "dim" }, `${found.where}. ${found.headline}`));
  if (found.sentence) answer.append(el("p", {}, found.sentence));
  if (found.formula) answer.append(formula(found.formula));
  if (found.story !== undefined) explore(data.stories[found.story]);
  if (found.values) answer.append(el("h3", {}, "These values refute it"), list(found.values));
  if (found.proof) proof(found.proof);
  for (const text of found.analysis || []) answer.append(el("p", {}, text));
}

function formula(told) {
  return el("div", { class: "formula", role: "group", "aria-label": "The formula that fails" },
    el("div", {}, told.text), told.parts.filter((part) => !told.text.includes(part)).map((part) => el("div", {}, `its part: ${part}`)), el("div", {}, told.put_in),
    told.failing.map((line) => el("div", { class: "at" }, `bit ${line.bit}${line.name ? " " + line.name : ""}: ${line.text}`)),
    el("details", {}, el("summary", {}, "what it looks at"), el("table", {}, el("tbody", {}, Object.entries(told.values).map(([name, value]) =>
      el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value), el("td", { class: "dim" }, told.meanings[name] || "")))))));
}

function list(texts, name) { return el("ul", { class: name }, texts.map((text) => el("li", {}, text))); }

function proof(told) {
  answer.append(el("p", {}, `Decided by: ${told.method}.`));
  answer.append(told.assumptions.length ? list(told.assumptions) : el("p", {}, "It leans on no assumption about the environment."));
  if (told.lemmas.length) {
    answer.append(el("h3", {}, "It follows from what holds in every reachable state"));
    answer.append(el("ol", { class: "lemmas" }, told.lemmas.map((number) => {
      const lemma = data.lemmas[number];
      return el("li", {}, el("code", {}, lemma[0]), el("span", { class: "dim" }, lemma[1]), el("span", { class: "dim" }, lemma[2]));
    })));
  }
  if (told.witness) answer.append(el("h3", {}, "A run in which what it speaks of happens"), el("ol", {}, told.witness.map((text) => el("li", {}, text))));
}

// A run.

function explore(story) {
  run = { story, step: story.steps.length };
  run.states = [story.initial];
  for (const step of story.steps) run.states.push({ ...run.states[run.states.length - 1], ...step.changed });
  run.list = el("ol", { class: "steps", "aria-label": "Steps" });
  run.now = el("div", { class: "now" });
  story.steps.forEach((step, index) => run.list.append(button(index + 1, `${index + 1}. ${step.action}`, step.by, step.marks)));
  run.list.prepend(button(0, "0. initial state", "", []));
  answer.append(el("div", { class: "explorer" }, el("div", {}, el("p", { class: "keys" }, "Arrow keys, Home and End step through the run; Esc goes back."), run.list), run.now));
  const rest = el("div", {});
  if (story.prevention.length) rest.append(el("h3", {}, "What would have prevented it"), list(story.prevention));
  if (story.notes.length) rest.append(el("h3", {}, "About this run"), list(story.notes));
  answer.append(rest);
  go(story.steps.length, true);
}

function button(number, text, by, marks) {
  return el("li", { class: marks.length ? "bad" : null }, el("button", { type: "button", "data-step": number, onclick: () => go(number) },
    text, by ? el("span", { class: "by" }, ` ${by}`) : "", marks.map((mark) => el("span", { class: "mark" }, mark))));
}

function go(number, quiet) {
  const { story } = run;
  run.step = Math.max(0, Math.min(story.steps.length, number));
  for (const one of run.list.querySelectorAll("button")) {
    if (Number(one.dataset.step) === run.step) {
      one.setAttribute("aria-current", "step");
      if (run.list.contains(document.activeElement)) one.focus();
      one.scrollIntoView({ block: "nearest" });
    } else one.removeAttribute("aria-current");
  }
  const step = run.step ? story.steps[run.step - 1] : null;
  run.now.replaceChildren(...heading(step), boards(step));
  requestAnimationFrame(arrows);
  if (!quiet) live.textContent = spoken(step);
}

function heading(step) {
  const bar = el("p", { class: "bar" },
    el("button", { type: "button", onclick: () => go(run.step - 1), disabled: run.step === 0 }, "\u2190 back"),
    el("button", { type: "button", onclick: () => go(run.step + 1), disabled: run.step === run.story.steps.length }, "on \u2192"),
    ` step ${run.step} of ${run.story.steps.length}`);
  if (!step) return [el("h3", {}, "Initial state"), bar];
  const inputs = Object.entries(step.shown).map(([name, value]) => `${name} = ${value}`);
  return [el("h3", {}, `${step.by}: ${step.action}` + (inputs.length ? `  (${inputs.join(", ")})` : "")), bar,
    el("p", {}, step.sentence, " ", el("span", { class: "dim" }, [step.source, step.place].filter(Boolean).join("  \u2022  "))),
    ...step.marks.map((mark) => el("p", { class: "alert" }, mark)), changes(step)];
}

function changes(step) {
  const rows = step.lines.map(([said, made]) => el("li", {}, said, el("span", { class: "rule" }, made ? `   ${made}` : "")));
  return el("ul", { class: "changes" }, rows.length ? rows : el("li", {}, "nothing changes"));
}

function spoken(step) {
  if (!step) return "Initial state.";
  const said = step.lines.map(([text]) => text.replace("\u2192", "to"));
  return `Step ${run.step} of ${run.story.steps.length}. ${step.by}: ${step.action}. ${step.marks.join(". ")} ${said.length ? "Changed: " + said.join("; ") : "Nothing changes"}.`;
}

function fields() { return data.fields[run.story.fields]; }

// The state as boxes: the register, each VMCS, the software's fields; a row a word, a column a named bit.

function boards(step) {
  const story = run.story, beside = story.beside;
  const made = el("div", { class: "boards" }, board(story.design, run.states, run.step, step, null));
  if (beside) made.append(board(beside.reference, theirs(beside), run.step, step, run.states[run.step]));
  return made;
}

function theirs(beside) { return beside.rows.map((row, moment) => ({ ...run.states[moment], ...row.differs })); }

function board(name, states, moment, step, other) {
  const made = el("section", { class: "board", "aria-label": name }, el("h4", {}, name));
  const status = other && run.story.beside.rows[moment].status;
  if (status) made.append(el("p", { class: "alert" }, status));
  const before = moment ? states[moment - 1] : states[0];
  if (step) { const box = inputs(step); if (box) made.append(box); }
  for (const [title, doc, paths] of boxes()) {
    const words = paths.filter((path) => fields()[path].width && everSet(path)), flags = paths.filter((path) => !fields()[path].width && everSet(path));
    if (!words.length && !flags.length) continue;
    const box = el("div", { class: "box" }, el("h5", {}, title, el("span", {}, doc ? `  ${doc}` : "")));
    if (words.length) box.append(registers(title, words, states[moment], before, moment, other));
    if (flags.length) box.append(el("div", { class: "flags" }, flags.map((path) => flag(path, states[moment], before, moment, other))));
    made.append(box);
  }
  return made;
}

function inputs(step) {
  const rows = Object.entries(step.inputs).filter(([name]) => Object.values(step.flows).some((flow) => flow.from.includes(`input ${name}`)));
  if (!rows.length) return null;
  const { columns, rest } = layout();
  return el("div", { class: "box" }, el("h5", {}, "inputs of this step"), el("table", { "aria-label": "inputs of this step" }, el("thead", {}, head()), el("tbody", {}, rows.map(([name, value]) => {
    const free = BigInt(step.any[name] || 0), number = BigInt(value);
    return el("tr", { "data-path": `input ${name}` }, el("th", { scope: "row" }, name), columns.map(([place]) => {
      const any = free >> BigInt(place) & 1n, bit = number >> BigInt(place) & 1n;
      return el("td", { class: any ? "any" : bit ? "one" : "zero" }, any ? "?" : String(bit));
    }), rest ? el("td", {}, "") : "");
  }))));
}

function head() {
  const { columns, rest } = layout(), failing = new Set(run.story.positions);
  const names = columns.map(([place, name]) => el("th", { scope: "col", class: failing.has(place) ? "fail" : null, title: `bit ${place}` }, name));
  return el("tr", {}, el("td", {}), names, rest ? el("th", { scope: "col" }, "other") : "");
}

function layout() {
  if (run.layout) return run.layout;
  const named = new Map(), all = [...run.states, ...(run.story.beside ? theirs(run.story.beside) : [])];
  let rest = false;
  for (const [path, declared] of Object.entries(fields())) {
    if (!declared.width || declared.role === "event") continue;
    let mask = 0n;
    for (const [name, place] of Object.entries(declared.bits || {})) {
      mask |= 1n << BigInt(place);
      if (!named.has(place) && all.some((one) => BigInt(one[path] || 0) >> BigInt(place) & 1n)) named.set(place, name);
    }
    if (all.some((one) => BigInt(one[path] || 0) & ~mask)) rest = true;
  }
  run.layout = { columns: [...named.entries()].sort((one, two) => one[0] - two[0]), rest };
  return run.layout;
}

function boxes() {
  if (run.boxes) return run.boxes;
  const groups = new Map();
  for (const [path, declared] of Object.entries(fields())) {
    const at = path.lastIndexOf(".");
    const title = declared.role === "event" ? null : declared.role === "ghost" ? "for the proof" : declared.role === "frozen" ? "fixed for the run"
      : at > 0 ? path.slice(0, at) : path === "msr" || path.endsWith(".msr") ? "processor" : "software";
    if (title) { if (!groups.has(title)) groups.set(title, []); groups.get(title).push(path); }
  }
  const docs = { processor: "IA32_SPEC_CTRL", software: "", "fixed for the run": "", "for the proof": "what only the claim knows" };
  const order = ["processor", ...[...groups.keys()].filter((title) => !(title in docs)), "software", "for the proof", "fixed for the run"];
  run.boxes = order.filter((title) => groups.has(title)).map((title) => [title, docs[title] || "", groups.get(title)]);
  return run.boxes;
}

function everSet(path) {
  run.ever = run.ever || {};
  if (!(path in run.ever)) {
    const all = [...run.states, ...(run.story.beside ? theirs(run.story.beside) : [])];
    run.ever[path] = all.some((state) => BigInt(state[path] || 0)) || Boolean(run.story.any[path]);
  }
  return run.ever[path];
}

function registers(title, words, state, before, moment, other) {
  const { columns, rest } = layout(), named = new Map(columns);
  const rows = words.map((path) => {
    const value = BigInt(state[path] || 0), old = BigInt(before[path] || 0), free = BigInt(anything(moment, path));
    let mask = 0n;
    for (const place of Object.values(fields()[path].bits || {})) mask |= 1n << BigInt(place);
    const has = new Map(Object.entries(fields()[path].bits || {}).map(([name, place]) => [place, name]));
    const theirs = other ? BigInt(other[path] || 0) : value;
    const cells = columns.map(([place]) => {
      const at = BigInt(place);
      if (!has.has(place)) return el("td", {});
      const bit = value >> at & 1n, any = free >> at & 1n, lit = bit !== (old >> at & 1n), differs = bit !== (theirs >> at & 1n);
      const name = has.get(place) === named.get(place) ? "" : has.get(place);
      return el("td", { class: [any ? "any" : bit ? "one" : "zero", lit ? "lit" : "", differs ? "differs" : ""].join(" "), title: name || null }, any ? "?" : String(bit),
        lit ? el("span", { class: "away" }, " changed") : "", differs ? el("span", { class: "away" }, " differs") : "");
    });
    const others = value & ~mask, lit = others !== (old & ~mask), differs = others !== (theirs & ~mask);
    return el("tr", { "data-path": path }, el("th", { scope: "row", title: fields()[path].doc }, path.slice(path.lastIndexOf(".") + 1)), cells,
      rest ? el("td", { class: [lit ? "lit" : "", differs ? "differs" : ""].join(" ") }, others ? "0x" + others.toString(16) : "") : "");
  });
  return el("table", { "aria-label": title }, el("thead", {}, head()), el("tbody", {}, rows));
}

function anything(moment, path) {
  const story = run.story;
  return (moment ? (story.steps[moment - 1].state_any || {})[path] : story.any[path]) || "0x0";
}

function flag(path, state, before, moment, other) {
  const on = BigInt(state[path] || 0) === 1n, any = BigInt(anything(moment, path));
  const lit = (state[path] || "0x0") !== (before[path] || "0x0"), differs = other && BigInt(other[path] || 0) !== BigInt(state[path] || 0);
  const name = path.slice(path.lastIndexOf(".") + 1);
  return el("span", { class: ["flag", on || any ? "" : "off", lit ? "lit" : "", differs ? "differs" : ""].join(" "), "data-path": path, title: fields()[path].doc },
    any ? `${name}: any` : name, el("span", { class: "away" }, on ? " true" : " false", lit ? ", changed" : ""));
}

// Arrows from where a value came to where it went.

function arrows() {
  const shown = run && run.now.querySelector(".boards"), step = run && run.step ? run.story.steps[run.step - 1] : null;
  if (!shown || !step) return;
  const board = shown.querySelector(".board"), frame = shown.getBoundingClientRect();
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "flows");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto"><path d="M0,0 L6,3 L0,6 z"/></marker></defs>';
  let lane = 0;
  for (const [path, flow] of Object.entries(step.flows)) {
    const to = board.querySelector(`[data-path="${path}"]`);
    for (const source of flow.from) {
      const from = source === path ? null : board.querySelector(`[data-path="${source}"]`);
      if (!to || !from || from === to) continue;
      const one = from.getBoundingClientRect(), two = to.getBoundingClientRect();
      const edge = Math.max(one.right, two.right) + 14 + 7 * lane++ - frame.left;
      const path2 = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path2.setAttribute("class", "go");
      path2.setAttribute("marker-end", "url(#tip)");
      path2.setAttribute("d", `M${one.right - frame.left},${one.top + one.height / 2 - frame.top} C${edge},${one.top + one.height / 2 - frame.top} ${edge},${two.top + two.height / 2 - frame.top} ${two.right + 3 - frame.left},${two.top + two.height / 2 - frame.top}`);
      svg.append(path2);
    }
  }
  shown.append(svg);
}

document.addEventListener("keydown", (event) => {
  if (!run && event.key !== "Escape") return;
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const to = { ArrowRight: () => run.step + 1, ArrowDown: () => run.step + 1, ArrowLeft: () => run.step - 1, ArrowUp: () => run.step - 1, Home: () => 0, End: () => run.story.steps.length }[event.key];
  if (to) { event.preventDefault(); go(to()); } else if (event.key === "Escape" && location.hash) location.hash = "";
});
window.addEventListener("hashchange", show);
window.addEventListener("resize", () => { if (run) { for (const old of run.now.querySelectorAll("svg.flows")) old.remove(); arrows(); } });
show();
