// The reference screen of a self-service kiosk. It knows no rule about checkouts: what may be done next stands in
// `allowed` of the checkout, and everything that happens comes as an event.

import { call, follow, logIn } from "/agent.js";
import { articles, shop } from "/catalogue.js";
import { draw, fill, money } from "/draw.js";
import { after, begin, isOver } from "/state.js";
import { languages } from "/texts.js";

const THANKS_MS = 30_000; // to read the receipt, before the next customer sees it
const NOTICE_MS = 8_000;

let language = navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
let state = begin();
let receipt = null;
let ticketInvalid = false;
let typing = false;
let dismissTimer = 0;
let noticeTimer = 0;

const texts = () => languages[language];

function render() {
  document.documentElement.lang = language;
  document.title = shop;
  fill("shop", shop);
  const button = document.getElementById("language");
  button.textContent = texts().otherLanguage;
  button.lang = language === "de" ? "en" : "de";
  draw({ state, receipt, ticketInvalid, typing, language, texts: texts(), articles, acts });
}

function say(text) {
  clearTimeout(noticeTimer);
  fill("notice", text);
  noticeTimer = setTimeout(() => fill("notice", ""), NOTICE_MS);
}

// What the customer does

let lastCall = Promise.resolve();

/** Make the calls one after the other: the next one is made of what the one before answered. */
function ask(method, path, body = () => undefined) {
  lastCall = lastCall.then(() => tryToAsk(method, path, body));
  return lastCall;
}

async function tryToAsk(method, path, body) {
  try {
    hear("checkout", await call(method, path(), body()));
    say("");
  } catch (error) {
    if (error.checkout) hear("checkout", error.checkout);
    say(texts().problems[error.name] ?? texts().problem);
  }
}

const on = (path) => () => `/v1/checkouts/${state.checkout.id}${path}`;
const cash = (amount) => ({ method: "cash", amount });

const acts = {
  begin: () => ask("POST", () => "/v1/checkouts", () => ({})),
  add: (article, pieces) => ask("PUT", on("/basket"), () => ({ products: withMore(article, pieces) })),
  type: () => {
    typing = !typing;
    render();
  },
  useCard: async (value, csc) => {
    typing = false;
    await ask("PUT", on("/card"), () => ({ value, csc }));
  },
  removeCard: () => ask("DELETE", on("/card")),
  apply: (use_balance) => ask("POST", on("/apply"), () => ({ use_balance })),
  pay: () => ask("POST", on("/pay"), () => cash(state.checkout.amount_due)),
  payOffline: () => ask("POST", on("/pay"), () => cash(state.checkout.basket_info.sum)),
  change: () => ask("PUT", on("/basket"), () => ({ products: state.checkout.basket.products })),
  cancel: () => ask("POST", on("/cancel"), () => ({})),
  dismiss,
};

function withMore(article, pieces) {
  const lines = state.checkout.basket.products.map((line) => ({ ...line }));
  const line = lines.find((each) => each.articleNumber === article.articleNumber);
  if (line) line.quantity += pieces;
  else lines.push({ id: Math.max(0, ...lines.map((each) => each.id ?? 0)) + 1, ...article, quantity: pieces });
  return lines.filter((each) => each.quantity > 0);
}

function dismiss() {
  clearTimeout(dismissTimer);
  receipt = null;
  state = { ...state, checkout: null };
  render();
}

// What happens

function hear(name, data) {
  const before = state.checkout;
  state = after(state, name, data);
  if (name === "scan") hearScan(data);
  if (name === "card_checked" && data.card.balance !== null) say(texts().balance(money({ state, language }, data.card.balance)));
  if (name === "card_refused") say(texts().cards[data.reason]);
  if (before?.id !== state.checkout?.id) {
    receipt = null;
    typing = false;
  }
  if (state.checkout !== null && isOver(state.checkout) && before?.phase !== state.checkout.phase) finish();
  render();
}

function hearScan(scan) {
  if (scan.refused) say(texts().scans[scan.refused]);
  else if (scan.card && state.checkout === null) say(texts().scans.nobody);
  else if (scan.code) hearCode(scan.code);
}

function hearCode(code) {
  const article = articles.find((each) => each.ean === code);
  if (article && state.checkout?.allowed.includes("basket")) acts.add(article, 1);
  else say(texts().scans.unknownCode);
}

async function finish() {
  clearTimeout(dismissTimer);
  dismissTimer = setTimeout(dismiss, THANKS_MS);
  const { id, receipts } = state.checkout;
  if (!receipts.includes("customer")) return;
  const found = await call("GET", `/v1/checkouts/${id}/receipt`).catch(() => null);
  if (state.checkout?.id !== id) return;
  receipt = found && found.lines;
  render();
}

/** After a gap the checkout on the screen may have ended unseen. */
async function catchUp() {
  if (state.checkout === null || isOver(state.checkout)) return;
  const now = await call("GET", `/v1/checkouts/${state.checkout.id}`).catch(() => null);
  if (now !== null) hear("checkout", now);
}

document.getElementById("language").addEventListener("click", () => {
  language = language === "de" ? "en" : "de";
  render();
});

render();
await logIn().catch(() => {
  ticketInvalid = true;
});
follow(
  (name, data) => {
    hear(name, data);
    if (name === "snapshot") catchUp();
  },
  (line) => {
    state = { ...state, line };
    render();
  },
);
