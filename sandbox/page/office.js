"use strict";
// A small office.com in which the person does what the bot says, as it looks today or as it did before 2025: today it
// opens a chat, the tiles are on a page of apps, the account is at the bottom left.

const office = {
  person: null,
  now: {},
  view: "home",
  asked: "", // what the newest card is about: `tile`, `circle`, `home` or nothing
  visited: false, // since the photo was changed: what the card asks for is done
  chosen: null, // what Apply will do

  begin(person) {
    office.person = person;
    office.now = {};
    office.visited = false;
    // As the real pages are in a language written from right to left.
    $("browser").dir = /^(ar|fa|he|ur)\b/.test(person.locale) ? "rtl" : "ltr";
    $("greeting").textContent = `Welcome, ${person.name}`;
    for (const id of ["member-name", "my-name"]) { $(id).textContent = person.name; $(id).lang = person.locale; }
    for (const id of ["member-mail", "my-mail"]) $(id).textContent = person.upn;
    $("tile-note").textContent = "";
    delete $("tile-note").dataset.waiting;
    office.closeAccounts();
    office.go("home");
  },

  // What each side has; pictures are asked for again only where it changed.
  show(held) {
    const person = office.person, before = office.now;
    office.now = held;
    const address = (side, size) => `/api/picture/${person.id}/${side}?size=${size}&of=${state.run}-${held[side] || "none"}`;
    if (before.microsoft365 !== held.microsoft365) {
      $("m365-photo").src = $("preview").src = address("microsoft365", 240);
      $("m365-photo").alt = held.microsoft365 ? "Photo in Microsoft 365" : "No photo in Microsoft 365";
      const face = faceOf(person, held.microsoft365 || "none");
      for (const id of ["circle-photo", "second-circle", "avatar"]) $(id).src = face;
      for (const one of document.querySelectorAll(`#people [data-person='${person.id}'] img`)) one.src = face;
    }
    if (before.sharepoint !== held.sharepoint) {
      $("sharepoint-photo").src = address("sharepoint", 240);
      $("sharepoint-photo").alt = held.sharepoint ? "Photo in SharePoint" : "No photo in SharePoint";
    }
    // SharePoint's pages show its copy, or the photo itself of whom it makes no copies.
    $("member-photo").src = address(held.direct ? "microsoft365" : "sharepoint", 240);
    $("sharepoint-caption").textContent = held.direct ? "SharePoint's copy, for older pages" : "SharePoint";
    office.tell();
    office.point();
  },

  // Until when SharePoint takes its time.
  tell() {
    clearTimeout(office.timer);
    const left = Math.ceil(office.now.due - Date.now() / 1000), note = $("tile-note");
    if (office.now.due && left > 0) {
      note.dataset.waiting = "1";
      note.textContent = `SharePoint will copy the photo in ${left} s.`;
      office.timer = setTimeout(office.tell, 1000);
    } else if (note.dataset.waiting) {
      delete note.dataset.waiting;
      note.textContent = "SharePoint has copied the photo.";
    }
  },

  classic: () => $("looks").value === "classic",

  go(view, site = "") {
    const classic = office.classic();
    office.view = classic && view === "home" ? "apps" : view;
    $("browser").dataset.looks = $("looks").value;
    $("address").textContent = site ? `fabrikam.${site}.example` : classic ? "www.office.com" : `m365.cloud.microsoft${view === "apps" ? "/apps" : ""}`;
    $("site-name").textContent = site === "onedrive" ? "OneDrive" : "SharePoint: our start page";
    for (const one of document.querySelectorAll("[data-view]")) one.hidden = one.dataset.view !== office.view;
    for (const one of document.querySelectorAll("[data-view-button]")) one.setAttribute("aria-current", String(one.dataset.viewButton === office.view));
    office.point();
  },

  // A link of a card that leads here.
  open(url) {
    const app = /\/launch\/(sharepoint|onedrive)/i.exec(url)?.[1];
    panes.choose("office");
    office.closeAccounts();
    if (app) office.visit(app.toLowerCase());
    else office.go(/\/apps\b/.test(url) ? "apps" : "home");
    $("browser").scrollIntoView({ block: "nearest" });
  },

  async visit(app) {
    const asked = office.asked;
    office.visited = true;
    office.hint("");
    office.go("site", app);
    const delay = Number($("delay").value);
    const held = await ask(`/api/office/${office.person.id}/tile`, { delay });
    if (held.status !== undefined) { $("tile-note").textContent = "Nothing happens: the demo does not answer."; office.visited = false; office.hint(asked); return; }
    $("tile-note").textContent = `${app === "onedrive" ? "OneDrive" : "SharePoint"} opens${office.copied(held, delay)}`;
    office.show(held);
  },

  // What comes of a visit.
  copied(held, delay) {
    if (held.direct) return " and shows the photo that Microsoft 365 has. It makes no copy: this account has no Exchange plan.";
    if (!held.microsoft365) return held.sharepoint ? ". It copies nothing: Microsoft 365 has no photo. Its old copy stays." : ". There is no photo to copy yet.";
    return delay ? "." : " and copies the photo. Now go back to the chat.";
  },

  // What the newest card is about is shown where it is to be done.
  hint(place) {
    office.asked = place;
    office.point();
    if (office.place()) panes.mark("office");
  },

  // Where there is something to do: nothing is done twice, and whoever has no photo is sent to office.com for one.
  place() {
    if (office.asked === "home") return office.now.microsoft365 === "" ? "circle" : "";
    return office.asked === "tile" && office.visited ? "" : office.asked;
  },

  point() {
    const place = office.place(), tile = place === "tile", today = !office.classic(), apps = office.view === "apps";
    const targets = {
      "[data-view-button=apps]": tile && today && !apps,
      "[data-tile=sharepoint]": tile && apps,
      "[data-tile=onedrive]": tile && apps,
      "#circle": place === "circle" && $("accounts").hidden,
      "#my-photo": place === "circle" && !$("accounts").hidden,
    };
    for (const [where, on] of Object.entries(targets)) document.querySelector(where).classList.toggle("here", on);
    const corner = `${today ? "bottom" : "top"} ${today === ($("browser").dir === "rtl") ? "right" : "left"}`;
    const words = {
      tile: apps ? "select SharePoint or OneDrive." : "select Apps, then SharePoint.",
      circle: $("accounts").hidden ? `your circle is at the ${corner}.` : "select the circle beside your name.",
    };
    $("office-hint").textContent = place ? `Your turn: ${words[place]}` : "";
    $("office-hint").hidden = !$("office-hint").textContent;
  },

  closeAccounts() {
    $("accounts").hidden = true;
    $("circle").setAttribute("aria-expanded", "false");
    office.point();
  },

  choose(what, preview, button) {
    office.chosen = what;
    $("preview").src = preview;
    $("apply").disabled = false;
    for (const one of document.querySelectorAll("#variants button")) one.setAttribute("aria-pressed", String(one === button));
  },
};

for (const one of document.querySelectorAll("[data-view-button]")) one.addEventListener("click", () => office.go(one.dataset.viewButton));
for (const tile of document.querySelectorAll("[data-tile]")) tile.addEventListener("click", () => {
  if (/sharepoint|onedrive/.test(tile.dataset.tile)) office.visit(tile.dataset.tile);
  else $("tile-note").textContent = `${tile.textContent} opens. SharePoint does not notice.`;
});

$("circle").addEventListener("click", () => {
  $("accounts").hidden = !$("accounts").hidden;
  $("circle").setAttribute("aria-expanded", String(!$("accounts").hidden));
  office.point();
  if (!$("accounts").hidden) $("my-photo").focus();
});
$("accounts").addEventListener("keydown", (event) => { if (event.key === "Escape") { office.closeAccounts(); $("circle").focus(); } });

$("my-photo").addEventListener("click", () => {
  const face = `/api/picture/${office.person.id}/`;
  $("variants").replaceChildren(...Array.from({ length: 4 }, (_, variant) => {
    const button = document.createElement("button"), picture = document.createElement("img");
    button.type = "button"; button.dataset.variant = variant; button.setAttribute("aria-pressed", "false");
    picture.alt = `Picture ${variant + 1}`; picture.src = `${face}variant-${variant}?size=96&of=${state.run}`;
    button.append(picture);
    button.addEventListener("click", () => office.choose({ variant }, `${face}variant-${variant}?of=${state.run}`, button));
    return button;
  }));
  $("preview").src = $("m365-photo").src;
  $("remove").disabled = !office.now.microsoft365;
  $("apply").disabled = true;
  $("photo-dialog").showModal();
});

// The middle square of a file, as large as Microsoft 365 keeps it.
$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (!file) return;
  try {
    const picture = await createImageBitmap(file), side = Math.min(picture.width, picture.height);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 648;
    canvas.getContext("2d").drawImage(picture, (picture.width - side) / 2, (picture.height - side) / 2, side, side, 0, 0, 648, 648);
    const address = canvas.toDataURL("image/jpeg", 0.92);
    office.choose({ file: address.split(",")[1] }, address, null);
    $("apply").focus();
  } catch {
    toast("In that file this browser finds no picture.");
  }
});

$("remove").addEventListener("click", () => { office.choose({ variant: null }, `/api/picture/${office.person.id}/none?of=${state.run}`, null); $("apply").focus(); });
$("cancel").addEventListener("click", () => $("photo-dialog").close());
$("apply").addEventListener("click", async () => {
  const held = await ask(`/api/office/${office.person.id}/photo`, office.chosen);
  $("photo-dialog").close();
  if (held.status !== undefined) { toast(held.status ? "Microsoft 365 does not take that picture." : "Not changed: the demo does not answer."); return; }
  office.visited = false;
  office.hint("");
  office.closeAccounts();
  $("tile-note").textContent = held.microsoft365 ? "Microsoft 365 has the new photo." : "Microsoft 365 has no photo any more.";
  office.show(held);
});
$("photo-dialog").addEventListener("close", () => { $("preview").src = $("m365-photo").src; });

$("looks").addEventListener("change", () => { office.closeAccounts(); office.go("home"); });
const faults = () => ask("/api/faults", { graph: $("graph-fault").value, grant: $("grant").checked });
$("graph-fault").addEventListener("change", faults);
$("grant").addEventListener("change", faults);
