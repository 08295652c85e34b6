"use strict";
// The demo's chat page. Cards are drawn by the renderer that Adaptive Cards ships; everything else is here.

const $ = (id) => document.getElementById(id);
const state = { people: [], person: null, events: null, cards: new Map(), etags: {} };

// ---- talking to the server ----
async function send(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return answer.ok ? answer.json() : { status: answer.status };
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("toast").hidden = true; }, 5000);
}

async function chat(act, body) {
  const asked = state.person;
  const answer = await send(`/api/chat/${asked.id}/${act}`, body);
  $("typing").hidden = true;
  if (answer.status >= 400) toast(`The bot answered with status ${answer.status}.`);
  refresh();
}

// ---- messages ----
function drawCard(id, activity, holder) {
  const attachment = (activity.attachments || []).find((one) => one.contentType === "application/vnd.microsoft.card.adaptive");
  if (!attachment) { holder.textContent = activity.text || ""; return; }
  holder.replaceChildren(cardFrame(attachment.content, (action) => {
    if (action instanceof AdaptiveCards.OpenUrlAction) { window.open(action.url, "_blank", "noopener"); return; }
    if (action instanceof AdaptiveCards.SubmitAction) chat("press", { card: id, data: action.data || {} });
  }));
}

function show(event) {
  if (event.type === "reset") { $("messages").replaceChildren(); state.cards.clear(); return; }
  if (event.type === "typing") { $("typing").hidden = false; return; }
  if (event.type === "delete") { state.cards.get(event.id)?.remove(); state.cards.delete(event.id); return; }
  const log = $("messages");
  if (event.type === "update") {
    const holder = state.cards.get(event.id);
    if (!holder) return;
    drawCard(event.id, event.activity, holder);
    holder.classList.remove("updated"); void holder.offsetWidth; holder.classList.add("updated");
    holder.dataset.versions = String(Number(holder.dataset.versions || 0) + 1);
    holder.scrollIntoView({ block: "nearest" });
  } else {
    const holder = document.createElement("div");
    holder.className = `message ${event.type === "mine" ? "mine" : "bot"}`;
    holder.dataset.id = event.id;
    holder.dir = "auto";
    if (event.type === "mine") holder.textContent = event.activity.text;
    else { drawCard(event.id, event.activity, holder); state.cards.set(event.id, holder); }
    log.append(holder);
    log.scrollTop = log.scrollHeight;
    // A card's pictures change its height once they are there.
    holder.querySelectorAll("img").forEach((image) => image.addEventListener("load", () => { log.scrollTop = log.scrollHeight; }));
  }
  $("typing").hidden = true;
}

// ---- people ----
async function choose(person) {
  state.person = person;
  state.etags = {};
  for (const button of document.querySelectorAll("#people button")) button.setAttribute("aria-current", String(button.dataset.person === person.id));
  $("who").textContent = person.name;
  $("about").textContent = `${person.about} · ${person.locale} · ${person.platform}`;
  // As the real pages are in a language written from right to left: mirrored, the circle at the top left.
  document.querySelector(".browser").dir = /^(ar|fa|he|ur)\b/.test(person.locale) ? "rtl" : "ltr";
  $("avatar").src = `/api/picture/${person.id}/microsoft365`;
  for (const id of ["composer", "send", "install", "circle"]) $(id).disabled = false;
  for (const tile of document.querySelectorAll("[data-tile]")) tile.disabled = false;
  $("accounts").hidden = true;
  $("tile-note").textContent = "";
  if (state.events) state.events.close();
  state.events = new EventSource(`/api/chat/${person.id}/events`);
  state.events.onmessage = (message) => show(JSON.parse(message.data));
  await refresh();
  $("composer").focus();
}

async function start() {
  state.people = await (await fetch("/api/people")).json();
  for (const person of state.people) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button"; button.dataset.person = person.id;
    const picture = document.createElement("img");
    picture.alt = ""; picture.loading = "lazy"; picture.src = `/api/picture/${person.id}/microsoft365`;
    const text = document.createElement("span"), name = document.createElement("b"), about = document.createElement("small");
    name.textContent = person.name; name.dir = "auto"; about.textContent = `${person.about} · ${person.locale}`;
    text.append(name, about); button.append(picture, text); item.append(button);
    button.addEventListener("click", () => choose(person));
    $("people").append(item);
  }
  setInterval(() => { if (state.person) refresh(); }, 2000);
}

// ---- the small office.com ----
async function refresh() {
  const person = state.person;
  const office = await (await fetch(`/api/office/${person.id}`)).json();
  if (person !== state.person) return;
  for (const [side, id] of [["microsoft365", "m365-photo"], ["sharepoint", "sharepoint-photo"]]) {
    if (state.etags[side] === office[side]) continue;
    state.etags[side] = office[side];
    const address = `/api/picture/${person.id}/${side}?${encodeURIComponent(office[side])}`;
    if (side === "microsoft365") $("circle-photo").src = $("avatar").src = address;
    $(id).src = address;
    $(id).alt = office[side] ? `Photo in ${side === "sharepoint" ? "SharePoint" : "Microsoft 365"}` : "No photo";
    if (side === "sharepoint" && $("tile-note").dataset.waiting) { $("tile-note").textContent = "SharePoint has copied the photo."; delete $("tile-note").dataset.waiting; }
  }
  if (office.waiting > 0) { $("tile-note").dataset.waiting = "1"; $("tile-note").textContent = `SharePoint will copy the photo in ${Math.ceil(office.waiting)} s.`; }
  const tickets = await (await fetch("/api/tickets")).json();
  $("tickets").replaceChildren(...tickets.map((one) => { const line = document.createElement("li"); line.textContent = `${one.number}: ${one.summary}`; return line; }));
}

for (const tile of document.querySelectorAll("[data-tile]")) tile.addEventListener("click", async () => {
  if (tile.dataset.tile === "outlook") { $("tile-note").textContent = "Outlook opens. SharePoint does not notice."; return; }
  const delay = Number($("delay").value);
  await send(`/api/office/${state.person.id}/tile`, { delay });
  $("tile-note").textContent = delay ? "" : "SharePoint opens and copies the photo.";
  refresh();
});

$("circle").addEventListener("click", () => {
  const open = $("accounts").hidden;
  $("accounts").hidden = !open;
  $("circle").setAttribute("aria-expanded", String(open));
  if (!open) return;
  $("variants").replaceChildren(...Array.from({ length: 4 }, (_, variant) => {
    const button = document.createElement("button"), picture = document.createElement("img");
    button.type = "button"; button.dataset.variant = variant; picture.alt = `Photo ${variant + 1}`;
    picture.src = `/api/picture/${state.person.id}/variant-${variant}`;
    button.append(picture);
    button.addEventListener("click", async () => { await send(`/api/office/${state.person.id}/photo`, { variant }); $("accounts").hidden = true; refresh(); });
    return button;
  }));
});

const faults = () => send("/api/faults", { graph: $("graph-fault").value, grant: $("grant").checked });
$("graph-fault").addEventListener("change", faults);
$("grant").addEventListener("change", faults);
$("install").addEventListener("click", () => chat("install", {}));
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("composer").value.trim();
  if (!text || !state.person) return;
  $("composer").value = "";
  chat("say", { text });
});
start();
