"use strict";
// The demo's chat: stories, people, messages. What the person does at office.com is in office.js, what the bot did in
// behind.js, how a card is drawn in cards.js.

const $ = (id) => document.getElementById(id);
const state = { run: "", signs: {}, people: [], stories: [], person: null, place: "personal", events: null, lost: false, cards: new Map(), pressed: "", typed: new Map() };

// ---- talking to the server ----
async function ask(path, body) {
  try {
    const answer = await fetch(path, body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    return answer.ok ? await answer.json() : { status: answer.status };
  } catch {
    offline(true);
    return { status: 0 };
  }
}

function offline(lost) {
  state.lost = state.lost || lost;
  $("offline").hidden = !lost;
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

async function chat(act, body) {
  const answer = await ask(`/api/chat/${state.person.id}/${act}?place=${state.place}`, body);
  $("typing").hidden = true;
  if (answer.status >= 400) toast(`The bot answered with status ${answer.status}.`);
  return answer.status > 0 && answer.status < 400;
}

// A button's press; where it did not arrive, the card says so.
async function press(id, data) {
  const holder = state.cards.get(id);
  holder?.querySelector(".unsent")?.remove();
  state.pressed = id;
  if (await chat("press", { card: id, data }) || !state.cards.has(id)) return;
  state.pressed = "";
  const note = document.createElement("p");
  note.className = "unsent";
  note.textContent = "Not sent. What you typed is kept: press again when the demo answers.";
  const there = state.cards.get(id);
  there.querySelector(".unsent")?.remove();
  there.append(note);
  note.scrollIntoView({ block: "nearest" });
}

// ---- messages ----
function drawCard(id, activity, holder) {
  const content = cardOf(activity);
  if (!content) { holder.textContent = activity.text || ""; return; }
  const focused = holder.contains(document.activeElement) ? document.activeElement.textContent : null;
  holder.replaceChildren(cardFrame(content, (action) => {
    if (action instanceof AdaptiveCards.OpenUrlAction) { follow(action.url); return; }
    if (action instanceof AdaptiveCards.SubmitAction) press(id, action.data || {});
  }, state.typed.get(typedIn(id, holder))));
  if (state.pressed) focusOn(holder, "");
  else if (focused !== null) focusOn(holder, focused);
}

// What is typed in cards is there again when the same cards are drawn anew, after the connection was lost.
const typedIn = (id, holder) => `${id}/${holder.dataset.versions}`;
function keepTyped() {
  state.typed.clear();
  for (const [id, holder] of state.cards) {
    const inputs = holder.querySelector(".card")?.inputs() || [];
    if (inputs.length) state.typed.set(typedIn(id, holder), new Map(inputs.map((one) => [one.id, one.value])));
  }
}

function cardOf(activity) {
  return (activity.attachments || []).find((one) => one.contentType === "application/vnd.microsoft.card.adaptive")?.content;
}

// Whoever pressed a button goes on with the one that took its place.
function focusOn(holder, title) {
  state.pressed = "";
  const buttons = [...holder.querySelectorAll(".ac-pushButton")];
  const next = buttons.find((one) => title && one.textContent === title) || buttons[0];
  // Only once it is on the page can it be focused.
  requestAnimationFrame(() => next?.focus({ preventScroll: true }));
}

function show(event) {
  const log = $("messages");
  if (event.type === "office") { office.show(event); return; }
  if (event.type === "behind") { behind.refresh(); return; }
  if (event.type === "reset") { keepTyped(); log.replaceChildren(); state.cards.clear(); office.visited = false; office.hint(""); empty(); return; }
  if (event.type === "typing") { $("typing").hidden = false; return; }
  if (event.type === "delete") { state.cards.get(event.id)?.remove(); state.cards.delete(event.id); return; }
  let holder = state.cards.get(event.id);
  $("typing").hidden = true; // it takes room from the messages
  if (event.type === "update") {
    if (!holder) return;
    const pressed = state.pressed === event.id;
    holder.dataset.versions = String(Number(holder.dataset.versions) + 1);
    reading.keep(holder, () => drawCard(event.id, event.activity, holder), pressed);
    holder.classList.remove("updated"); void holder.offsetWidth; holder.classList.add("updated");
  } else if (!holder) {
    holder = document.createElement("div");
    holder.className = `message ${event.type === "mine" ? "mine" : "bot"}`;
    holder.dataset.id = event.id;
    holder.dataset.versions = String(event.versions || 0);
    holder.dir = "auto";
    state.cards.set(event.id, holder);
    log.querySelector(".empty")?.remove();
    log.append(holder);
    if (event.type === "mine") holder.textContent = event.activity.text.replace(/<at>(.*?)<\/at>/g, "@$1");
    else drawCard(event.id, event.activity, holder);
    reading.begin(holder);
  }
  if (event.type !== "mine") {
    holder.dataset.place = placeOf(cardOf(event.activity));
    // A card that a newer one has closed has no say any more.
    office.hint([...log.querySelectorAll(".message.bot")].at(-1).dataset.place);
    panes.mark("chat");
  }
}

// ---- what of the messages is in view ----
const reading = {
  missed: false, // something new came while another part of the page was shown

  // What is new is read from its top: the end of the messages where all of it fits, else its beginning.
  begin(holder) {
    reading.missed = !panes.shows("chat");
    const log = $("messages"), place = log.scrollTop = reading.place(holder);
    reading.drawn(holder, () => {
      // Its pictures may have made it higher; but whoever has scrolled, or has something newer, stays there.
      if (log.lastElementChild === holder && Math.abs(log.scrollTop - place) < 2) log.scrollTop = reading.place(holder);
    });
  },

  place(holder) {
    const log = $("messages"), style = getComputedStyle(log), above = 8;
    if (holder.offsetHeight + above + parseFloat(style.paddingBlockEnd) <= log.clientHeight) return log.scrollHeight - log.clientHeight;
    return log.scrollTop + reading.top(holder) - above;
  },

  top: (holder) => holder.getBoundingClientRect().top - $("messages").getBoundingClientRect().top,

  // A change in place moves nothing of what is read; only what one's own press has brought is shown from its top.
  keep(holder, draw, pressed) {
    reading.missed ||= !panes.shows("chat");
    const log = $("messages"), read = reading.now(holder), top = reading.top(read);
    const stay = () => { if (read.isConnected) log.scrollTop += reading.top(read) - top; };
    holder.style.minHeight = `${holder.offsetHeight}px`; // until its pictures are there
    draw();
    stay();
    reading.drawn(holder, () => {
      holder.style.minHeight = "";
      stay();
      const box = reading.top(holder);
      if (pressed && (box < 0 || box + holder.offsetHeight > log.clientHeight)) log.scrollTop = holder === log.lastElementChild ? reading.place(holder) : log.scrollTop + box - 8;
    });
  },

  // The message of which most is in view.
  now(other) {
    const high = $("messages").clientHeight;
    const seen = (one) => Math.min(high, reading.top(one) + one.offsetHeight) - Math.max(0, reading.top(one));
    return [...state.cards.values()].reduce((best, one) => (seen(one) > seen(best) ? one : best), other);
  },

  drawn(holder, then) {
    const pictures = [...holder.querySelectorAll("img")].map((one) => one.decode().catch(() => {}));
    if (pictures.length) Promise.all(pictures).then(then); else then();
  },
};

function empty() {
  if (state.place === "personal") return;
  const note = document.createElement("p");
  note.className = "empty hint";
  note.textContent = "A group chat. Here the bot hears only what is said to it, and shows nobody's photo to others. Write something to see what it does.";
  $("messages").append(note);
}

// What of office.com a card is about: by the links in it, or by its illustration.
function placeOf(content) {
  const text = JSON.stringify(content || {});
  if (/\/launch\/(sharepoint|onedrive)/i.test(text)) return "tile";
  const [, drawn] = Object.entries(state.signs).find(([tail]) => text.includes(tail)) || [];
  return drawn || (/https:\/\/www\.office\.com/.test(text) ? "home" : "");
}

// Links to office.com and to the chat lead to the pretend ones, all others to where they say.
function follow(url) {
  if (/^https:\/\/teams\.microsoft\.com\/l\/chat\b/.test(url)) { choose(state.person); return; }
  if (/^https:\/\/(www\.)?office\.com\b|^https:\/\/m365\.cloud\.microsoft\b|^https:\/\/portal\./i.test(url)) office.open(url);
  else window.open(url, "_blank", "noopener");
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".card a[href]");
  if (!link) return;
  event.preventDefault();
  follow(link.href);
});

// ---- people and stories ----
async function choose(person, { delay = null, place = "personal", anew = false } = {}) {
  keepDraft();
  state.person = person;
  state.place = place;
  state.pressed = "";
  keepTyped();
  document.body.dataset.chosen = person.id;
  for (const button of document.querySelectorAll("#people button")) button.setAttribute("aria-current", String(button.dataset.person === person.id));
  for (const button of document.querySelectorAll("[data-place]")) button.setAttribute("aria-pressed", String(button.dataset.place === place));
  $("who").textContent = person.name;
  $("who").lang = person.locale;
  $("about").textContent = `${person.about} · ${person.locale} · ${person.platform}`;
  for (const one of ["chat-head", "messages", "form"]) $(one).hidden = false;
  for (const one of document.querySelectorAll(".panes, .office, .behind")) one.hidden = false;
  $("welcome").hidden = $("typing").hidden = true;
  if (delay !== null) $("delay").value = String(delay);
  history.replaceState(null, "", `#${person.id}${place === "personal" ? "" : `/${place}`}`);
  office.begin(person);
  behind.begin();
  panes.choose("chat");
  $("composer").value = sessionStorage.getItem(draftName()) || "";
  state.events?.close();
  if (anew) await chat("clear", {}); // a story is played from its beginning
  if (state.person !== person || state.place !== place) return;
  listen();
  $("composer").focus({ preventScroll: true });
}

function listen() {
  state.events?.close();
  const events = state.events = new EventSource(`/api/chat/${state.person.id}/events?place=${state.place}`);
  events.onmessage = (message) => { if (events === state.events) show(JSON.parse(message.data)); };
  events.onerror = () => { offline(true); $("typing").hidden = true; if (events.readyState === EventSource.CLOSED) setTimeout(() => { if (events === state.events) listen(); }, 2000); };
  events.onopen = async () => {
    offline(false);
    if (state.lost) {
      state.lost = false;
      // The demo may have been started again meanwhile: another world, in which nothing of this one is left.
      if ((await ask("/api/people")).run !== state.run) { keepDraft(); location.reload(); return; }
    }
    chat("open", {});
  };
}

const draftName = () => `draft/${state.person.id}/${state.place}`;
function keepDraft() {
  if (state.person) sessionStorage.setItem(draftName(), $("composer").value);
}

function faceOf(person, held) {
  const of = held === undefined ? "" : `&of=${state.run}-${held}`;
  return `/api/picture/${person.id}/microsoft365?size=96${of}`;
}

function drawPeople() {
  for (const person of state.people) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button"; button.dataset.person = person.id;
    const picture = document.createElement("img");
    picture.alt = ""; picture.loading = "lazy"; picture.width = picture.height = 38; picture.src = faceOf(person);
    const text = document.createElement("span"), name = document.createElement("b"), about = document.createElement("small");
    const locale = document.createElement("span");
    name.textContent = person.name; name.dir = "auto"; name.lang = person.locale;
    locale.textContent = ` · ${person.locale}`; locale.className = "whole";
    about.append(person.about, locale);
    text.append(name, about); button.append(picture, text); item.append(button);
    button.addEventListener("click", () => choose(person));
    $("people").append(item);
  }
  for (const story of state.stories) {
    const person = state.people.find((one) => one.id === story.person);
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button"; button.dataset.story = story.person;
    const picture = document.createElement("img");
    picture.alt = ""; picture.width = picture.height = 56; picture.src = faceOf(person);
    const text = document.createElement("span"), title = document.createElement("b"), about = document.createElement("small");
    title.textContent = story.title; about.textContent = story.text;
    text.append(title, about); button.append(picture, text); item.append(button);
    button.addEventListener("click", () => choose(person, { delay: story.delay, anew: true }));
    $("stories").append(item);
  }
  const languages = new Set(state.people.map((one) => one.locale.split("-")[0]));
  $("others").textContent = `Or be anybody: ${state.people.length} people in ${languages.size} languages, a guest among them.`;
  $("everybody").hidden = false;
}

// ---- parts of the page, of which a narrow one shows a single one ----
const panes = {
  choose(name) {
    document.body.dataset.pane = name;
    for (const button of document.querySelectorAll("[data-pane-button]")) button.setAttribute("aria-current", String(button.dataset.paneButton === name));
    document.querySelector(`[data-pane-button=${name}]`).classList.remove("news");
    if (name === "chat" && reading.missed) reading.begin($("messages").lastElementChild);
    if (name === "behind") behind.refresh();
  },
  // Where a part is beside others, to look at it is not to leave another.
  shows: (name) => getComputedStyle(document.querySelector(`.${name}`)).display !== "none",
  mark(name) {
    document.querySelector(`[data-pane-button=${name}]`).classList.toggle("news", !panes.shows(name));
  },
};
for (const button of document.querySelectorAll("[data-pane-button]")) button.addEventListener("click", () => panes.choose(button.dataset.paneButton));
for (const button of document.querySelectorAll("[data-place]")) button.addEventListener("click", () => choose(state.person, { place: button.dataset.place }));

$("everybody").addEventListener("click", () => { panes.choose("people"); $("to-stories").focus(); });
$("to-stories").addEventListener("click", () => { panes.choose("chat"); $("everybody").focus(); });
$("again").addEventListener("click", async () => { if (!await chat("again", {})) toast("Not started over: the demo does not answer."); });
$("composer").addEventListener("input", keepDraft);
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("composer").value.trim(), from = draftName();
  if (!text) return;
  $("composer").value = "";
  keepDraft();
  if (await chat("say", { text })) return;
  if (draftName() === from) { $("composer").value = `${text} ${$("composer").value}`.trim(); keepDraft(); }
  else sessionStorage.setItem(from, text);
});

// The first card that is drawn takes the renderer three times as long as any other: not one that is waited for.
function warmUp() {
  const text = { type: "TextBlock", text: "[a](https://b.example)", wrap: true };
  const columns = { type: "ColumnSet", columns: [{ type: "Column", width: "stretch", items: [text] }] };
  cardFrame({ type: "AdaptiveCard", version: "1.5", body: [{ type: "Container", style: "emphasis", items: [text, columns] }], actions: [{ type: "Action.Submit", title: "a" }] }, () => {});
}

async function start() {
  const told = await ask("/api/people");
  if (!told.people) { setTimeout(start, 2000); return; }
  Object.assign(state, told);
  drawPeople();
  offline(false);
  state.lost = false;
  setTimeout(warmUp); // after what is to be seen
  const [id, place] = location.hash.slice(1).split("/");
  const person = state.people.find((one) => one.id === id);
  if (person) choose(person, { place: place === "groupChat" ? place : "personal" });
}
addEventListener("DOMContentLoaded", start); // when the other scripts are there
