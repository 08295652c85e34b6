"use strict";
// What whoever evaluates the bot wants to see: its requests, the case with its log, the ticket as it was sent.

const behind = {
  begin() {
    for (const id of ["requests", "case", "tickets"]) $(id).replaceChildren();
    behind.refresh();
  },

  // Soon, and once for all that happens meanwhile.
  refresh() {
    if (behind.timer || !state.person || !panes.shows("behind")) return;
    behind.timer = setTimeout(async () => {
      behind.timer = 0;
      const person = state.person, told = await ask(`/api/behind/${person.id}`);
      if (person === state.person && told.requests) behind.draw(told);
    }, 300);
  },

  draw(told) {
    $("requests").replaceChildren(...behind.bursts(told.requests).reverse().map((burst) => {
      const item = behind.line("li", ""), time = new Date(burst[0].at * 1000).toLocaleTimeString("en-GB");
      const whole = burst.filter((one) => !one.batched), last = burst[burst.length - 1];
      const ms = Math.round((last.at + last.seconds - burst[0].at) * 1000);
      item.append(behind.line("b", `${time}: ${whole.length} request${whole.length === 1 ? "" : "s"} in ${ms} ms`), behind.list(burst.map((one) => {
        const line = behind.line("li", "", one.batched ? "batched" : "");
        line.append(behind.line("span", one.status || "broken", one.status >= 400 || !one.status ? "bad" : "good"), ` ${one.batched ? "in a batch" : one.system} `, behind.line("code", `${one.method} ${one.path.replaceAll(state.person.id, "{person}")}`));
        return line;
      })));
      return item;
    }));
    if (!told.requests.length) $("requests").append(behind.line("li", "Nothing yet."));
    const found = told.case;
    $("case").replaceChildren(...(found ? [
      behind.line("p", `${found.case}: ${found.verdict || "not looked yet"}${found.reason ? ` (${found.reason})` : ""}, ${found.outcome || "open"}`),
      behind.list(found.log.map((one) => behind.line("li", `${one.at.slice(11, 19)} ${one.kind} ${one.what}`)), "log"),
      behind.document("All that is kept of it, as photosync case --json prints it", found),
    ] : [behind.line("p", "No case yet: it begins with the first look.", "hint")]));
    const sent = [...told.tickets.map((one) => ["Ticket", one]), ...told.comments.map((one) => ["Comment to", one])];
    $("tickets").replaceChildren(...(sent.length
      ? sent.map(([kind, one]) => behind.document(`${kind} ${one.number}`, one.body))
      : [behind.line("p", "None yet: ask the bot for the helpdesk.", "hint")]));
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

  document(title, content) {
    const details = document.createElement("details"), text = behind.line("pre", JSON.stringify(content, null, 2));
    text.tabIndex = 0; // it scrolls
    details.append(behind.line("summary", title), text);
    return details;
  },
};
