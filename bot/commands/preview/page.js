"use strict";
// Every card twice, as wide as on a desktop and on a small phone, with a mark on what does not fit.
// `#SECTION` shows that section alone, for a picture of it; `#sizes` reports how high each of them is.

const shown = JSON.parse(document.getElementById("cards").textContent);
const WIDTHS = [["desktop", "Desktop, 480 px"], ["phone", "Phone, 320 px"]];

function element(name, options, ...children) {
  const made = Object.assign(document.createElement(name), options);
  made.append(...children);
  return made;
}

// What the channel keeps behind its three dots: people see it, so it is shown here.
function hiddenActions(card) {
  const titles = (card.actions || []).filter((one) => one.mode === "secondary").map((one) => one.title);
  if (!titles.length) return [];
  const list = element("ul", { className: "hidden-actions", lang: card.lang, dir: card.rtl ? "rtl" : "ltr" });
  list.append(...titles.map((title) => element("li", { textContent: title })));
  return [list];
}

function markCut(width) {
  const notes = [];
  for (const one of width.querySelectorAll(".ac-pushButton, .hidden-actions li")) {
    const title = one.title || one.textContent;
    const cut = [one, ...one.querySelectorAll("*")].some((part) => part.scrollWidth > part.clientWidth + 1);
    if (cut || [...title].length > shown.longest) {
      one.classList.add("cut");
      notes.push(cut ? `Cut at this width: ${title}` : `Longer than ${shown.longest} letters: ${title}`);
    }
  }
  const frame = width.querySelector(".card"), edges = frame.getBoundingClientRect();
  const outside = [...frame.querySelectorAll("*")].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width > 0 && (box.left < edges.left - 1 || box.right > edges.right + 1 || (one.scrollWidth > one.clientWidth + 1 && one.matches("p, label")));
  });
  if (outside.length) {
    frame.classList.add("cut");
    notes.push(`Wider than the card: ${outside[outside.length - 1].textContent || outside[outside.length - 1].tagName}`);
  }
  width.append(...notes.map((note) => element("p", { className: "note", dir: "auto", textContent: note })));
}

function drawSample(sample) {
  const widths = WIDTHS.map(([name, label]) => element("div", { className: `width ${name}` },
    element("small", { textContent: label }), cardFrame(sample.card, () => {}), ...hiddenActions(sample.card)));
  const title = element("h3", { textContent: sample.name });
  const notes = sample.problem ? [element("p", { className: "note", textContent: sample.problem })] : [];
  return element("article", { className: "sample" }, title, ...notes, element("div", { className: "widths" }, ...widths));
}

function drawSection(section) {
  const samples = element("div", { className: "samples" }, ...section.samples.map(drawSample));
  return element("section", { id: `section-${section.id}` }, element("h2", { textContent: `${shown.tag}: ${section.id}` }), samples);
}

async function start() {
  const only = decodeURIComponent(location.hash.slice(1));
  const chosen = shown.sections.filter((one) => one.id === only);
  document.querySelector("h1").textContent = document.title = `${shown.name} (${shown.tag}): every card`;
  document.getElementById("legend").textContent = shown.legend;
  document.getElementById("sections").append(...shown.sections.map((one) => element("a", { href: `#section-${one.id}`, textContent: one.id })));
  if (chosen.length) document.querySelector("header").remove();
  document.querySelector("main").append(...(chosen.length ? chosen : shown.sections).map(drawSection));
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));  // now they have their heights
  document.querySelectorAll(".width").forEach(markCut);
  document.body.dataset.drawn = "";
  if (only !== "sizes") { document.getElementById(only)?.scrollIntoView(); return; }
  // As high as each is alone, with the space around it.
  const sizes = shown.sections.map((one) => Math.ceil(document.getElementById(`section-${one.id}`).getBoundingClientRect().height) + 96);
  document.body.replaceChildren(element("pre", { id: "sizes", textContent: sizes.join(" ") }));
}

start();
