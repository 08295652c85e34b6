"use strict";
// What whoever evaluates the bot wants to see: its requests, the case with its log, the ticket as
// the helpdesk's system has it, and an agent's answer to it.

const behind = {
  drafts: new Map(), // what is typed to a person and not sent yet, by ticket

  begin() {
    for (const id of ["requests", "case", "tickets"]) $(id).replaceChildren();
    behind.refresh();
  },

  // Soon, and once for all that happens meanwhile.
  refresh() {
    if (behind.timer || !state.person || !panes.shows("behind")) return;
    behind.timer = setTimeout(async () => {
      behind.timer = 0;
      const person = state.person, told = await ask(`/api/behind/${person.id}${$("all-requests").checked ? "?all" : ""}`);
      if (person === state.person && told.requests) behind.draw(told);
    }, 300);
  },

  draw(told) {
    behind.requests(told.requests);
    const found = told.case, open = Boolean(document.querySelector("#case details[open]"));
    $("case").replaceChildren(...(found ? [
      behind.line("p", `${found.case}: ${found.verdict || "not looked yet"}${found.reason ? ` (${found.reason})` : ""}, ${found.outcome || "open"}`),
      behind.list(found.log.map((one) => behind.line("li", `${one.at.slice(11, 19)} ${one.kind} ${one.what}`)), "log"),
      behind.document("All that is kept of it, as photosync case --json prints it", found, open),
    ] : [behind.line("p", "No case yet: it begins with the first look.", "hint")]));
    const writing = document.activeElement?.closest?.("#tickets textarea")?.id;
    const unfolded = new Set([...document.querySelectorAll("#tickets details[open]")].map((one) => one.dataset.of));
    $("tickets").replaceChildren(...(told.tickets.length
      ? told.tickets.map((one) => behind.ticket(one, unfolded.has(String(one.ticket))))
      : [behind.line("p", "None yet: ask the bot for the help desk.", "hint")]));
    if (writing) $(writing)?.focus();
  },

  // The newest first, as many as can be read.
  requests(requests) {
    const items = [];
    let rows = 0;
    for (const { burst, count, since } of behind.repeated(behind.bursts(requests)).reverse()) {
      const lines = behind.counted(burst);
      if (rows && rows + 1 + lines.length > behind.most) { items.push(behind.line("li", "Older ones are left out.", "hint")); break; }
      rows += 1 + lines.length;
      const whole = burst.filter((one) => !one.batched).length, last = burst[burst.length - 1];
      const ms = Math.round((last.at + last.seconds - burst[0].at) * 1000);
      const asked = `${whole} request${whole === 1 ? "" : "s"}`;
      const item = behind.line("li", "");
      item.append(behind.line("b", count > 1 ? `${behind.time(since)} to ${behind.time(burst[0].at)}: ${count} times ${asked}` : `${behind.time(burst[0].at)}: ${asked} in ${ms} ms`), behind.list(lines.map(([one, times]) => {
        const line = behind.line("li", "", one.batched ? "batched" : "");
        line.append(behind.line("span", one.status || "broken", one.status >= 400 || !one.status ? "bad" : "good"), ` ${one.batched ? "in a batch" : one.system} `, behind.line("code", `${one.method} ${behind.path(one)}`), times > 1 ? ` ${times} times` : "");
        return line;
      })));
      items.push(item);
    }
    if (!items.length) items.push(behind.line("li", "Nothing yet."));
    $("requests").replaceChildren(...items);
  },

  most: 100, // rows of requests

  time: (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB"),

  // Without what is another one each time.
  path: (one) => one.path.replaceAll(state.person.id, "{person}").replace(/(\/download\/)[^?]+/, "$1…"),

  same: (one) => `${one.batched} ${one.status} ${one.system} ${one.method} ${behind.path(one)}`,

  // The requests of a burst, each with how often it was made.
  counted(burst) {
    const lines = new Map();
    for (const one of burst) {
      const [first, times] = lines.get(behind.same(one)) || [one, 0];
      lines.set(behind.same(one), [first, times + 1]);
    }
    return [...lines.values()];
  },

  // Whoever waits asks the same again and again, others between: that is one burst, where it came last.
  repeated(bursts) {
    const found = [];
    for (const burst of bursts) {
      const signature = behind.counted(burst).map(([one]) => behind.same(one)).sort().join("\n");
      const place = found.findLastIndex((one, index) => one.signature === signature && index >= found.length - 8);
      const [before] = place < 0 ? [] : found.splice(place, 1);
      found.push({ burst, signature, count: (before?.count || 0) + 1, since: before?.since || burst[0].at });
    }
    return found;
  },

  // A ticket as its agents see it, with what they do.
  ticket(one, unfolded) {
    const item = document.createElement("article"), text = document.createElement("textarea"), acts = behind.line("p", "", "acts");
    item.className = "ticket";
    const articles = behind.list(one.articles.map((note) => {
      const line = behind.line("li", "", note.public ? "public" : "internal");
      line.append(behind.line("b", note.public ? `Agent, to ${one.customer}` : "Photosync, internal note"), behind.line("p", note.text));
      return line;
    }), "articles");
    const evidence = behind.document("evidence.json, attached", one.evidence, unfolded);
    evidence.dataset.of = one.ticket;
    text.id = `answer-${one.ticket}`;
    text.rows = 2;
    text.placeholder = "Which page shows the old photo?";
    text.value = behind.drafts.get(one.ticket) || "";
    text.addEventListener("input", () => behind.drafts.set(one.ticket, text.value));
    const label = behind.line("label", "Write to the person");
    label.htmlFor = text.id;
    for (const [act, title] of [["take", "In work"], ["ask", "Ask"], ["solved", "Solved"]]) {
      const button = behind.line("button", title);
      button.type = "button";
      button.dataset.act = act;
      button.addEventListener("click", () => behind.act(one.ticket, act, text));
      acts.append(button);
    }
    item.append(behind.line("h3", `Ticket ${one.number}: ${one.title}`), behind.line("p", `${one.group}, customer ${one.customer}, state: ${one.state}`, "hint"), articles, evidence, label, text, acts);
    return item;
  },

  async act(ticket, act, text) {
    if (act === "ask" && !text.value.trim()) { text.focus(); return; }
    const done = await ask(`/api/desk/${state.person.id}`, { ticket, act, text: act === "take" ? "" : text.value });
    if (done.status !== 200) { toast("The help desk did not take that."); return; }
    if (act !== "take") behind.drafts.delete(ticket);
    text.value = behind.drafts.get(ticket) || "";
    behind.refresh();
  },

  // Requests that belong together: between two others is a second of silence.
  bursts(requests) {
    const bursts = [];
    for (const one of [...requests].sort((a, b) => a.at - b.at || a.number - b.number)) {
      const burst = bursts[bursts.length - 1], last = burst?.[burst.length - 1];
      if (last && one.at - (last.at + last.seconds) < 1) burst.push(one); else bursts.push([one]);
    }
    return bursts;
  },

  line(kind, text, looks = "") {
    const element = document.createElement(kind);
    element.textContent = text;
    if (looks) element.className = looks;
    return element;
  },

  list(items, looks = "") {
    const list = behind.line("ol", "", looks);
    list.append(...items);
    return list;
  },

  document(title, content, open) {
    const details = document.createElement("details"), text = behind.line("pre", JSON.stringify(content, null, 2));
    text.tabIndex = 0; // it scrolls
    details.open = open;
    details.append(behind.line("summary", title), text);
    return details;
  },
};

$("all-requests").addEventListener("change", () => behind.refresh());
