/* What script adds. Every page works without it.
   1. live parts: an element with id and data-live="seconds" is fetched again and replaced where it changed;
   2. single keys: data-key on a link, button or field; ? shows them; j and k walk through [data-row] links;
   3. scanners that type: a fast burst ended by Enter goes to the page's [data-scan] field, wherever the focus is. */
"use strict";

const typing = (node) =>
  node instanceof HTMLElement &&
  (node.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName) && !/^(checkbox|radio|button|submit)$/.test(node.type)));

/* --- live parts --- */

const live = () => [...document.querySelectorAll("[data-live][id]")];
let busy = false;

async function refresh() {
  const parts = live().filter((part) => !part.contains(document.activeElement) || !typing(document.activeElement));
  if (busy || !parts.length) return;
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") return location.reload();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const next = page.getElementById(part.id);
      if (!next || same(part, next)) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
      const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
      const fresh = document.importNode(next, true);
      fresh.classList.add("fresh");
      part.replaceWith(fresh);
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (focused) document.getElementById(focused)?.focus();
      const said = document.getElementById("said");
      if (said && fresh.dataset.said) said.textContent = fresh.dataset.said;
    }
  } catch {
    /* No network now: the page stays as it is, and the next round tries again. */
  } finally {
    busy = false;
  }
}

/* Tokens of forms differ each time; they are no change. */
function same(one, two) {
  const plain = (node) => {
    const copy = node.cloneNode(true);
    copy.classList.remove("fresh");
    for (const field of copy.querySelectorAll("input[name=form_token]")) field.setAttribute("value", "");
    return copy.outerHTML.replace(' class=""', "");
  };
  return plain(one) === plain(two);
}

if (live().length) {
  const seconds = Math.min(...live().map((part) => Number(part.dataset.live) || 15));
  setInterval(() => document.visibilityState === "visible" && refresh(), seconds * 1000);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
  /* Whoever hears of news sooner says so here: document.dispatchEvent(new Event("assayline:news")). */
  document.addEventListener("assayline:news", refresh);
}

/* --- keys --- */

const keysOn = document.documentElement.dataset.keys === "on";
let before = "";

document.addEventListener("keydown", (event) => {
  if (!keysOn || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const pressed = before + event.key;
  before = event.key === "g" && !before ? "g" : "";
  if (before) return void setTimeout(() => (before = ""), 1200);
  if (event.key === "?") return act(event, help);
  if (pressed === "j" || pressed === "k") {
    const rows = [...document.querySelectorAll("[data-row]")];
    const at = rows.indexOf(document.activeElement);
    const next = rows[pressed === "j" ? at + 1 : Math.max(at - 1, 0)];
    return next && act(event, () => next.focus());
  }
  for (const node of document.querySelectorAll("[data-key]"))
    if (node.dataset.key === pressed) return act(event, () => (typing(node) ? node.focus() : node.click()));
});

function act(event, does) {
  event.preventDefault();
  does();
}

function help() {
  const dialog = document.getElementById("keys");
  const list = dialog?.querySelector("dl");
  if (!list || dialog.open) return;
  for (const added of list.querySelectorAll(".added")) added.remove();
  for (const node of document.querySelectorAll("[data-key]")) {
    const key = document.createElement("dt");
    const what = document.createElement("dd");
    key.className = what.className = "added";
    for (const one of node.dataset.key) key.append(Object.assign(document.createElement("kbd"), { textContent: one }), " ");
    what.textContent = node.dataset.keyLabel || node.textContent.trim();
    list.append(key, what);
  }
  dialog.showModal();
}
document.getElementById("keys-open")?.addEventListener("click", help);

/* --- scanners --- */

const FAST_MS = 40;
const LEAST = 6;
let burst = "";
let last = 0;

document.addEventListener(
  "keydown",
  (event) => {
    const field = document.querySelector("[data-scan]");
    if (!field || event.target === field || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = event.timeStamp;
    if (event.key === "Enter" && burst.length >= LEAST && now - last < FAST_MS * 2) {
      event.preventDefault();
      event.stopPropagation();
      undo(event.target, burst);
      field.value = burst;
      burst = "";
      field.form.requestSubmit();
      return;
    }
    if (event.key.length !== 1) return;
    burst = now - last < FAST_MS ? burst + event.key : event.key;
    last = now;
    if (burst.length > 1) event.stopImmediatePropagation();
  },
  true,
);

/* What the scanner typed into another field meanwhile is taken out again. */
function undo(node, text) {
  if (typing(node) && "value" in node && node.value.endsWith(text)) node.value = node.value.slice(0, -text.length);
}

/* --- small things --- */

for (const node of document.querySelectorAll("[data-close]")) node.addEventListener("click", () => node.closest("dialog")?.close());
for (const node of document.querySelectorAll("[data-print]")) {
  node.hidden = false;
  node.addEventListener("click", () => window.print());
}
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.me[open]")) if (!menu.contains(event.target)) menu.open = false;
});
for (const form of document.querySelectorAll("form[method=post]"))
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 4000);
  });

/* --- drafts: what is typed stays on this device until it is stored, for half a day at most --- */

const HALF_A_DAY_MS = 43_200_000;
const draftForm = document.querySelector("form[data-draft]");
const kept = (key) => {
  try {
    return JSON.parse(localStorage.getItem(key) || "null");
  } catch {
    return null;
  }
};

for (const node of document.querySelectorAll("[data-draft-done]")) localStorage.removeItem(node.dataset.draftDone);
if (draftForm) {
  const key = draftForm.dataset.draft;
  const found = kept(key);
  const fields = () => [...draftForm.elements].filter((one) => one.name && one.name !== "form_token" && one.type !== "file" && one.tagName !== "BUTTON");
  const keep = () =>
    localStorage.setItem(key, JSON.stringify({ at: Date.now(), values: fields().map((one) => [one.name, one.value, one.checked]) }));
  if ("given" in draftForm.dataset) keep();
  else if (found && Date.now() - found.at < HALF_A_DAY_MS) {
    const now = fields();
    const count = found.values.find(([name]) => name === "exhibits")?.[1];
    if (count !== draftForm.elements.exhibits.value && !location.search) location.replace(`${location.pathname}?exhibits=${Number(count)}`);
    else if (found.values.length === now.length) {
      found.values.forEach(([name, value, checked], at) => {
        if (now[at].name !== name) return;
        if (/^(checkbox|radio)$/.test(now[at].type)) now[at].checked = checked;
        else now[at].value = value;
      });
      document.getElementById("restored").hidden = false;
    }
  }
  draftForm.addEventListener("input", keep);
  document.getElementById("discard")?.addEventListener("click", () => {
    localStorage.removeItem(key);
    location.assign(location.pathname);
  });
  const signal = () => (document.getElementById("offline").hidden = navigator.onLine);
  addEventListener("online", signal);
  addEventListener("offline", signal);
  draftForm.addEventListener("submit", (event) => {
    keep();
    if (navigator.onLine) return;
    event.preventDefault();
    signal();
    document.getElementById("offline").scrollIntoView();
  });
}
