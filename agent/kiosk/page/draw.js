// What the screen looks like in each state. Built of elements, never of text that is read as markup.

import { isOver } from "/state.js";

/** Make an element. Properties that are functions are listeners; children are elements, texts or nothing. */
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function fill(id, ...texts) {
  const shown = texts.filter(Boolean).map((text) => make("p", {}, text));
  const place = document.getElementById(id);
  if (place.textContent !== shown.map((each) => each.textContent).join("")) place.replaceChildren(...shown);
}

const button = (text, act, kind) => make("button", { type: "button", class: kind, click: act, "data-focus": text }, text);
const heading = (text) => make("h1", { tabindex: "-1", "data-focus": "heading" }, text);

export const money = (screen, cents) =>
  new Intl.NumberFormat(screen.language, {
    style: "currency",
    currency: screen.state.checkout?.basket_info.currency ?? "EUR",
  }).format(cents / 100);

let drawnScreen = "";

/** Draw everything anew. The focus stays on the same control, or goes to the heading of another screen. */
export function draw(screen) {
  const name = screenOf(screen);
  const main = document.getElementById("main");
  const focus = document.activeElement?.dataset?.focus;
  const fields = Object.fromEntries([...main.querySelectorAll("input")].map((input) => [input.name, input.value]));
  main.replaceChildren(...SCREENS[name](screen).filter(Boolean));
  main.className = CENTRED.has(name) ? "centred" : "";
  fill("banners", ...banners(screen));
  for (const input of main.querySelectorAll("input")) input.value = fields[input.name] ?? "";
  const same = [...main.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focus);
  if (name !== drawnScreen) main.querySelector("h1").focus();
  else if (focus !== undefined) (same ?? main.querySelector("input, h1")).focus();
  drawnScreen = name;
}

function screenOf({ state, ticketInvalid }) {
  const { checkout } = state;
  if (state.line === "denied" || (ticketInvalid && state.line !== "open")) return "notLoggedIn";
  if (state.line === "lost") return "noAgent";
  if (!state.recording) return "staff";
  if (checkout === null) return "idle";
  if (checkout.phase === "awaiting_cash") return needsStaff(checkout) ? "staff" : "awaitingCash";
  return { draft: "basket", applying: "asking", due: "due", starting: "booking", unsure: "booking",
    confirmed: "bookedLater", attention: "staff", completed: "thanks", resolved: "thanks",
    cancelled: "given", failed: "given" }[checkout.phase];
}

const needsStaff = (checkout) => checkout.interrupted || checkout.drawer_trouble !== null;
const CENTRED = new Set(["idle", "noAgent", "notLoggedIn", "asking", "booking", "bookedLater", "given"]);

function banners({ state, texts }) {
  const gone = (kind) => Object.values(state.devices).some((each) => each.kind === kind && each.state !== "present");
  return [
    state.api === "offline" && texts.offline,
    state.api === "not_authorised" && texts.notAuthorised,
    gone("scanner") && texts.scannerMissing,
    gone("drawer") && texts.drawerMissing,
    gone("printer") && texts.printerMissing,
  ];
}

const SCREENS = {
  notLoggedIn: ({ texts, ticketInvalid }) => [
    heading(texts.notLoggedIn),
    make("p", {}, ticketInvalid ? texts.ticketInvalid : texts.notLoggedInMore),
  ],
  noAgent: ({ texts }) => [heading(texts.noAgent)],
  idle: ({ texts, acts, state }) => [
    heading(texts.welcome),
    state.drawer?.state === "open" && make("p", {}, texts.closeDrawer),
    button(texts.begin, acts.begin, "main start"),
  ],
  basket: (screen) => [heading(screen.texts.basket), make("div", { class: "two" }, goods(screen), till(screen))],
  asking: ({ texts, state, acts }) => [heading(texts.asking), cancelIfAllowed(texts, state, acts)],
  due: dueScreen,
  awaitingCash: awaitingCashScreen,
  booking: ({ texts }) => [heading(texts.booking)],
  bookedLater: ({ texts, acts }) => [
    heading(texts.bookedLater),
    make("p", {}, texts.bookedLaterMore),
    make("div", { class: "actions" }, button(texts.done, acts.dismiss, "main")),
  ],
  thanks: ({ texts, acts, receipt }) => [
    heading(texts.thanks),
    receipt && make("section", { class: "receipt scroll", "aria-label": texts.receipt, tabindex: "0" }, receipt.map(line)),
    make("div", { class: "actions" }, button(texts.done, acts.dismiss, "main")),
  ],
  given: ({ texts, state, acts }) => [
    heading(state.checkout.phase === "failed" ? texts.failed : texts.cancelled),
    state.drawer?.state === "open" && make("p", {}, texts.closeDrawer),
    make("div", { class: "actions" }, button(texts.done, acts.dismiss, "main")),
  ],
  staff: staffScreen,
};

function reasonOf({ state, texts }) {
  const text = state.checkout.error?.error_user ?? texts.reasons[state.checkout.reason];
  return text && make("p", { role: "status" }, text);
}

const cancelIfAllowed = (texts, state, acts) =>
  state.checkout.allowed.includes("cancel") &&
  make("div", { class: "actions" }, button(texts.cancel, acts.cancel));

function goods(screen) {
  const { articles, acts, state } = screen;
  const can = state.checkout.allowed.includes("basket");
  return make("div", {}, can && make("ul", { class: "articles" }, articles.map((article) => make("li", {}, make(
    "button", { type: "button", click: () => acts.add(article, 1), "data-focus": `add ${article.articleNumber}` },
    make("span", {}, article.desc), make("strong", {}, money(screen, article.priceOne)))))), basketTable(screen));
}

function basketTable(screen) {
  const { state, texts } = screen;
  const { basket, basket_info } = state.checkout;
  if (basket.products.length === 0) return make("p", {}, texts.emptyBasket);
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": texts.basket },
    make("table", { class: "lines" },
      make("tbody", {}, basket.products.map((product) => basketRow(screen, product))),
      make("tfoot", {}, make("tr", {}, make("th", { scope: "row", colspan: "2" }, texts.total),
        make("td", { class: "cents" }, money(screen, basket_info.sum))))));
}

function basketRow(screen, product) {
  const { articles, acts, texts, state } = screen;
  const article = state.checkout.allowed.includes("basket") && articles.find((each) => each.articleNumber === String(product.articleNumber));
  const step = (sign, label, pieces) => make("button", { type: "button", "aria-label": label(product.desc),
    "data-focus": `${sign} ${product.articleNumber}`, click: () => acts.add(article, pieces) }, sign);
  return make("tr", {}, make("th", { scope: "row" }, String(product.desc ?? product.articleNumber ?? "")),
    make("td", {}, article && step("−", texts.less, -1), ` ${product.quantity} `, article && step("+", texts.one, 1)),
    make("td", { class: "cents" }, money(screen, product.quantity * product.priceOne)));
}

function till(screen) {
  const { state, texts, acts } = screen;
  const { checkout } = state;
  const may = (act) => checkout.allowed.includes(act);
  const hasBalance = (checkout.card?.balance ?? 0) > 0 && state.api === "online";
  return make("div", {}, reasonOf(screen), cardPanel(screen), make("div", { class: "actions" },
    may("cancel") && button(texts.cancel, acts.cancel),
    may("apply") && hasBalance && button(texts.payWithoutBalance, () => acts.apply(false)),
    may("apply") && hasBalance && button(texts.payWithBalance, () => acts.apply(true), "main"),
    may("apply") && !hasBalance && state.api === "online" && button(texts.pay, () => acts.apply(false), "main"),
    may("pay") && state.api !== "online" && button(texts.payCash, acts.payOffline, "main")));
}

function cardPanel(screen) {
  const { state, texts, acts, typing } = screen;
  const { card, allowed } = state.checkout;
  if (card !== null) {
    const known = card.balance !== null ? texts.balance(money(screen, card.balance)) : texts.cardUnchecked;
    return make("section", { class: "card" }, make("p", {}, texts.card(card.number)), make("p", {}, known),
      allowed.includes("card") && button(texts.removeCard, acts.removeCard));
  }
  return allowed.includes("card") && make("section", { class: "card" }, make("p", {}, texts.scanCard),
    typing ? cardForm(texts, acts) : button(texts.typeCard, acts.type));
}

function cardForm(texts, acts) {
  const field = (name, label, length) => make("label", {}, label, make("input", { name, inputmode: "numeric",
    autocomplete: "off", maxlength: length, required: true, "data-focus": name }));
  const send = (event) => {
    event.preventDefault();
    const { number, code } = event.target.elements;
    acts.useCard(number.value, code.value);
  };
  return make("form", { submit: send }, field("number", texts.cardNumber, "19"), field("code", texts.cardCode, "4"),
    make("button", { class: "main" }, texts.useCard));
}

function dueScreen(screen) {
  const { state, texts, acts } = screen;
  const { checkout } = state;
  const { amount_due, split, allowed } = checkout;
  return [
    heading(texts.due),
    make("p", { class: "amount" }, money(screen, amount_due)),
    reasonOf(screen),
    split.card > 0 && make("p", {}, texts.fromCard(money(screen, split.card))),
    split.bonus > 0 && make("p", {}, texts.fromBonus(money(screen, split.bonus))),
    basketTable(screen),
    make("div", { class: "actions" },
      allowed.includes("cancel") && button(texts.cancel, acts.cancel),
      allowed.includes("basket") && button(texts.change, acts.change),
      allowed.includes("pay") && button(amount_due === 0 ? texts.finish : texts.payCash, acts.pay, "main")),
  ];
}

function awaitingCashScreen(screen) {
  const { state, texts, acts } = screen;
  const open = state.drawer?.state === "open";
  const left = open && state.drawer.event === "left_open";
  return [
    heading(open ? texts.payNow : texts.drawerOpening),
    make("p", { class: "amount" }, money(screen, state.checkout.amount_due)),
    make("p", {}, left ? texts.closeDrawer : texts.payInto),
    cancelIfAllowed(texts, state, acts),
  ];
}

function staffScreen(screen) {
  const { state, texts, acts } = screen;
  const { checkout } = state;
  const why = !state.recording ? texts.staffRecording
    : checkout.interrupted ? texts.staffInterrupted
    : checkout.drawer_trouble ? texts.staffDrawer
    : texts.staffAttention;
  return [
    make("section", { class: "staff" }, heading(texts.staff), make("p", {}, why)),
    checkout !== null && !isOver(checkout) && checkout.amount_due !== null &&
      make("p", { class: "amount" }, money(screen, checkout.amount_due)),
    checkout !== null && cancelIfAllowed(texts, state, acts),
  ];
}

/** A line of the receipt, by the API's own types; what is not known is left out. */
function line({ type, value }) {
  const decoration = value?.decoration ?? [];
  const text = (words) => (decoration.includes("important") ? make("strong", {}, words) : words);
  switch (type) {
    case "separator":
      return value?.caption ? make("h2", {}, value.caption) : make("hr");
    case "textline":
      return make("p", { class: decoration.find((each) => each.startsWith("align-")) }, text(value.text));
    case "name-value":
      return make("dl", {}, make("dt", {}, text(value.name)), make("dd", {}, text(value.value)));
    case "space":
      return make("div", { class: "space" });
    default:
      return null;
  }
}
