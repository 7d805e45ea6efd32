// The reference screen of a self-service kiosk. It knows no rule about checkouts: what may be done next stands in
// `allowed` of the checkout, and everything that happens comes as an event.

import { call, follow, logIn } from "/agent.js";
import { articles, shop } from "/catalogue.js";
import { draw, say } from "/draw.js";
import { english } from "/english.js";
import { german } from "/german.js";
import { after, begin, isOvertaken, isOver } from "/state.js";

const LANGUAGES = { de: german, en: english };
const THANKS_MS = 45_000; // to read the receipt; counted anew with every touch
const BALANCE_MS = 15_000;
const NOTICE_MS = 10_000;

const usual = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in LANGUAGES) ?? "en";
const nothingTyped = { number: "", code: "", field: "number" };

let language = usual;
let state = begin();
let step = "basket"; // of a draft: basket, card, typing
let typed = nothingTyped;
let receipt = null;
let ticketInvalid = false;
let isQuiet = false; // nobody has done anything for so long that it is asked whether somebody is there
let leaveTimer = 0;
let quietTimer = 0;
let noticeTimer = 0;

function render() {
  draw({ state, step, typed, receipt, isQuiet, ticketInvalid, language, texts: LANGUAGES[language], shop, articles, acts });
}

function notice(text) {
  clearTimeout(noticeTimer);
  say(text);
  noticeTimer = setTimeout(() => say(""), NOTICE_MS);
}

// What the customer does

let lastCall = Promise.resolve();

/** Make the calls one after the other: each is made of what the one before answered. */
function ask(method, path, body = () => undefined) {
  lastCall = lastCall.then(() => tryToAsk(method, path, body));
  return lastCall;
}

async function tryToAsk(method, path, body) {
  try {
    hearAnswer(await call(method, path(), body()));
    say("");
  } catch (error) {
    if (error.checkout) hearAnswer(error.checkout);
    notice(problem(error.name));
  }
}

const problem = (name) => LANGUAGES[language].problems[name] ?? LANGUAGES[language].problem;
const on = (path) => () => `/v1/checkouts/${state.checkout.id}${path}`;

const acts = {
  speak: (tag) => {
    language = tag;
    render();
  },
  begin: () => ask("POST", () => "/v1/checkouts", () => ({})),
  add: (article, pieces) => ask("PUT", on("/basket"), () => ({ products: withMore(article, pieces) })),
  goTo: (name) => {
    step = name;
    typed = nothingTyped;
    render();
  },
  type: (change) => {
    typed = { ...typed, ...change };
    render();
  },
  useCard: async () => {
    const { number, code } = typed;
    acts.goTo("card");
    await ask("PUT", on("/card"), () => ({ value: number, csc: code }));
  },
  removeCard: () => ask("DELETE", on("/card")),
  apply: (use_balance) => ask("POST", on("/apply"), () => ({ use_balance })),
  pay: (method) => ask("POST", on("/pay"), () => ({ method, amount: state.checkout.amount_due })),
  payOffline: () => ask("POST", on("/pay"), () => ({ method: "cash", amount: state.checkout.basket_info.sum })),
  change: async () => {
    step = "basket";
    await ask("PUT", on("/basket"), () => ({ products: state.checkout.basket.products }));
  },
  cancel: () => ask("POST", on("/cancel"), () => ({})),
  stay: async () => {
    const { phase, basket, use_balance, handed_over } = state.checkout;
    if (!handed_over) await ask("PUT", on("/basket"), () => ({ products: basket.products }));
    if (phase === "due") await ask("POST", on("/apply"), () => ({ use_balance }));
  },
  leave,
};

function withMore(article, pieces) {
  const lines = state.checkout.basket.products.map((line) => ({ ...line }));
  const line = lines.find((each) => each.articleNumber === article.articleNumber);
  if (line) line.quantity += pieces;
  else lines.push({ id: Math.max(0, ...lines.map((each) => each.id ?? 0)) + 1, ...article, quantity: pieces });
  return lines.filter((each) => each.quantity > 0);
}

/** The next customer finds the screen as if nobody had been there. */
function leave() {
  clearTimeout(leaveTimer);
  state = { ...state, checkout: null, balanceOf: null };
  language = usual;
  startAnew();
  render();
}

function startAnew() {
  receipt = null;
  step = "basket";
  typed = nothingTyped;
}

function leaveLater(afterMs) {
  clearTimeout(leaveTimer);
  leaveTimer = setTimeout(leave, afterMs);
}

// What happens

function hear(name, data) {
  const before = state.checkout;
  state = after(state, name, data);
  if (name === "scan") hearScan(data);
  if (name === "card_checked" && state.balanceOf !== null) leaveLater(BALANCE_MS);
  if (name === "card_refused") notice(LANGUAGES[language].cards[data.reason]);
  const now = state.checkout;
  if (before?.id !== now?.id) {
    clearTimeout(leaveTimer);
    startAnew();
  }
  if (now === null && before !== null) language = usual;
  if (before?.updated !== now?.updated) askLater(now, name === "snapshot" ? Date.now() - Date.parse(now?.updated) : 0);
  if (step === "basket" && now?.card && !before?.card && now.basket.products.length > 0) step = "card";
  if (now !== null && isOver(now) && before?.phase !== now.phase) finish();
  render();
}

/** Whoever is slow is asked at half the time after which the agent gives a purchase up, and loses nothing unwarned. */
function askLater(checkout, quietMs) {
  clearTimeout(quietTimer);
  isQuiet = false;
  if (!checkout?.idle_s) return;
  quietTimer = setTimeout(() => {
    isQuiet = true;
    render();
  }, checkout.idle_s * 500 - quietMs);
}

function hearAnswer(checkout) {
  if (!isOvertaken(state.checkout, checkout)) hear("checkout", checkout);
}

function hearScan(scan) {
  const texts = LANGUAGES[language];
  if (scan.refused) notice(texts.scans[scan.refused]);
  else if (scan.code) hearCode(scan.code);
}

function hearCode(code) {
  const article = articles.find((each) => each.line.ean === code);
  if (article && state.checkout?.allowed.includes("basket")) acts.add(article.line, 1);
  else notice(LANGUAGES[language].scans[article ? "nobody" : "unknownCode"]);
}

async function finish() {
  leaveLater(THANKS_MS);
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
  if (now !== null) hearAnswer(now);
}

for (const touch of ["pointerdown", "keydown"]) {
  document.addEventListener(touch, () => {
    if (state.checkout !== null && isOver(state.checkout)) leaveLater(THANKS_MS);
  });
}

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
