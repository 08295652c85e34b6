"use strict";
// A card on a page, drawn by the renderer that Adaptive Cards ships: for the demo's chat, and for the pages of
// `photosync locales preview`, which open without a server. Styles: cards.css.

const markdown = window.markdownit({ html: false, linkify: false });
AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = markdown.render(text);
  result.didProcess = true;
};

// ---- looks of cards, for light and dark ----
function hostConfig() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const text = dark ? "#eceef6" : "#1d2030", soft = dark ? "#a6abc0" : "#5d6379", brand = dark ? "#b3b8fa" : "#3f47b0";
  const colour = (value) => ({ default: value, subtle: value === text ? soft : value });
  const style = (background) => ({
    backgroundColor: background,
    foregroundColors: {
      default: colour(text), dark: colour(text), light: colour(text), accent: colour(brand),
      good: colour(dark ? "#8fd19e" : "#1e7e34"), warning: colour(dark ? "#f4c76b" : "#8a5a00"), attention: colour(dark ? "#f2b8b5" : "#b3261e"),
    },
  });
  return new AdaptiveCards.HostConfig({
    fontFamily: "inherit", supportsInteractivity: true,
    textBlock: { headingLevel: 3 },
    fontSizes: { small: 13, default: 15, medium: 16, large: 19, extraLarge: 24 },
    fontWeights: { lighter: 300, default: 400, bolder: 650 },
    spacing: { small: 6, default: 10, medium: 14, large: 18, extraLarge: 24, padding: 16 },
    imageSizes: { small: 48, medium: 96, large: 160 },
    lineHeights: { small: 19, default: 22, medium: 24, large: 28, extraLarge: 34 },
    containerStyles: {
      default: style(dark ? "#21232d" : "#ffffff"), emphasis: style(dark ? "#2a2d39" : "#f2f3f9"), accent: style(dark ? "#303353" : "#e8e9fb"),
      good: style(dark ? "#1f3a2a" : "#e3f4e8"), warning: style(dark ? "#3d3218" : "#fdf1d8"), attention: style(dark ? "#45231f" : "#fde7e5"),
    },
    actions: { maxActions: 6, spacing: "default", buttonSpacing: 8, actionsOrientation: "horizontal", actionAlignment: "left", showCard: { actionMode: "inline" } },
    inputs: { label: { requiredInputs: { weight: "bolder" }, optionalInputs: { weight: "default" } } },
  });
}

// A card's content with what this renderer does not know of: pictures for the dark theme, which Teams shows there, and
// what is already typed in it.
function prepared(content, typed) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return JSON.parse(JSON.stringify(content), (_, one) => {
    const twin = dark && one?.themedUrls?.find?.((other) => other.theme === "Dark");
    if (twin) one.url = twin.url;
    if (typed?.has(one?.id) && /^Input\./.test(one.type)) one.value = typed.get(one.id);
    return one;
  });
}

// The card as an element; `act` is called with the renderer's action when a button is pressed. `typed` is what its
// inputs hold, by their ids; the element's `inputs()` are the renderer's.
function cardFrame(content, act, typed) {
  const card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = hostConfig();
  card.parse(prepared(content, typed));
  card.onExecuteAction = act;
  const frame = document.createElement("div");
  frame.className = "card";
  if (content.rtl) frame.dir = "rtl";
  frame.lang = content.lang || "";
  frame.append(card.render());
  frame.inputs = () => card.getAllInputs();
  // The renderer's own words, as Teams has its own beside those of a card.
  for (const one of frame.querySelectorAll(".ac-pushButton[aria-expanded]")) if (one.ariaLabel === "More options") one.lang = "en";
  return frame;
}
