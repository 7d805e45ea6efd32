// Which screen is to be seen in each state, and what surrounds it.

import { cardScreen, typingScreen } from "/card.js";
import { make, morph } from "/elements.js";
import { deniedScreen, givenUpScreen, lostScreen, staffScreen } from "/help.js";
import { icon } from "/icons.js";
import { askingScreen, awaitingCashScreen, bookedLaterScreen, bookingScreen, dueScreen, thanksScreen } from "/paying.js";
import { balanceScreen, basketScreen, idleScreen, stillThereScreen } from "/shopping.js";
import { isGone } from "/state.js";

const SCREENS = {
  asking: askingScreen,
  awaitingCash: awaitingCashScreen,
  balance: balanceScreen,
  basket: basketScreen,
  bookedLater: bookedLaterScreen,
  booking: bookingScreen,
  card: cardScreen,
  denied: deniedScreen,
  due: dueScreen,
  givenUp: givenUpScreen,
  idle: idleScreen,
  lost: lostScreen,
  staff: staffScreen,
  stillThere: stillThereScreen,
  thanks: thanksScreen,
  typing: typingScreen,
};
const OF_PHASE = {
  applying: "asking",
  due: "due",
  starting: "booking",
  unsure: "booking",
  confirmed: "bookedLater",
  attention: "staff",
  completed: "thanks",
  resolved: "thanks",
  cancelled: "givenUp",
  failed: "givenUp",
};
const STEPS = ["stepBasket", "stepCard", "stepPay", "stepDone"];
const STEP_OF = {
  basket: "stepBasket",
  card: "stepCard",
  typing: "stepCard",
  asking: "stepPay",
  due: "stepPay",
  awaitingCash: "stepPay",
  booking: "stepPay",
  bookedLater: "stepDone",
  thanks: "stepDone",
};

function screenOf({ state, step, isQuiet, ticketInvalid }) {
  const { checkout } = state;
  if (state.line === "denied" || (ticketInvalid && state.line !== "open")) return "denied";
  if (state.line === "lost") return "lost";
  if (!state.recording) return "staff";
  if (checkout === null) return state.balanceOf === null ? "idle" : "balance";
  if (isQuiet) return "stillThere";
  if (checkout.phase === "draft") return step;
  if (checkout.phase === "awaiting_cash") return needsStaff(checkout) ? "staff" : "awaitingCash";
  return OF_PHASE[checkout.phase];
}

const needsStaff = (checkout) => checkout.interrupted || checkout.drawer_trouble !== null;

/** Draw everything. The focus stays where it is, and goes to the heading of another screen. */
export function draw(page) {
  const name = screenOf(page);
  const isAnother = document.body.dataset.screen !== name;
  document.documentElement.lang = page.language;
  document.title = `${page.texts[STEP_OF[name]] ?? page.texts.welcome} – ${page.shop}`;
  document.body.dataset.screen = name;
  show("header", make("header", { id: "header" }, brand(page), steps(page, name), languages(page)));
  show("banners", make("div", { id: "banners", role: "status" }, banners(page).filter(Boolean).map(banner)));
  show("main", make("main", { id: "main" }, make("div", { class: `screen ${name}`, "data-key": name }, SCREENS[name](page))));
  if (isAnother) window.scrollTo(0, 0);
  if (isAnother || document.activeElement === document.body) document.querySelector("h1").focus({ preventScroll: true });
}

/** Say something for a moment, above everything else; nothing: be silent. */
export const say = (text) =>
  show("notice", make("div", { id: "notice", role: "alert" }, text && make("p", {}, icon("flag"), make("span", {}, text))));

const show = (id, fresh) => morph(document.getElementById(id), fresh);
const banner = (text) => make("p", { "data-key": text }, icon("warning"), make("span", {}, text));

const brand = ({ shop }) => make("p", { class: "brand" }, make("span", { class: "mark", "aria-hidden": "true" }, shop[0]), shop);

function steps({ texts }, screen) {
  const present = STEPS.indexOf(STEP_OF[screen]);
  if (present === -1) return null;
  const step = (name, place) =>
    make("li", { class: place < present ? "past" : false, "aria-current": place === present && "step" },
      make("span", { class: "number", "aria-hidden": "true" }, place < present ? icon("check") : String(place + 1)), texts[name]);
  return make("ol", { class: "steps", "aria-label": texts.steps, "data-key": "steps" }, STEPS.map(step));
}

function languages({ language, texts, acts }) {
  const choice = (tag, name) =>
    make("button", { type: "button", lang: tag, "aria-pressed": String(language === tag), onclick: () => acts.speak(tag), "data-key": tag }, name);
  return make("div", { class: "languages", role: "group", "aria-label": texts.language, "data-key": "languages" },
    choice("de", "Deutsch"), choice("en", "English"));
}

function banners({ state, texts }) {
  if (state.line !== "open") return [];
  return [
    state.api === "offline" && texts.offline,
    state.api === "not_authorised" && texts.notAuthorised,
    isGone(state, "scanner") && texts.scannerMissing,
    isGone(state, "drawer") && texts.drawerMissing,
    isGone(state, "paid_message") && texts.paidMessageMissing,
    isGone(state, "printer") && texts.printerMissing,
  ];
}
