// From the amount due to the receipt.

import { make } from "/elements.js";
import { icon } from "/icons.js";
import { actions, badge, button, cancelButton, heading, middle, money, reason } from "/parts.js";

export const askingScreen = (page) => [
  middle(make("div", { class: "waiting", "aria-hidden": "true" }), heading(page.texts.asking), make("p", { class: "more" }, page.texts.askingMore)),
  actions(cancelButton(page)),
];

export function dueScreen(page) {
  const { texts, acts, state } = page;
  const { amount_due, allowed } = state.checkout;
  const pay = () => acts.pay("cash");
  return [
    middle(heading(amount_due === 0 ? texts.nothingDue : texts.due), amount(page), reason(page), split(page)),
    actions(cancelButton(page), allowed.includes("basket") && button(texts.change, acts.change),
      allowed.includes("pay") && button(amount_due === 0 ? texts.finish : texts.payCash, pay, "main")),
  ];
}

const amount = (page) => make("p", { class: "amount" }, money(page, page.state.checkout.amount_due));

/** How the sum is paid. Each figure is the agent's own; nothing is computed here. */
function split(page) {
  const { texts, state } = page;
  const { split: parts, basket_info } = state.checkout;
  const row = (name, cents, kind) => make("div", { class: kind }, make("dt", {}, name), make("dd", {}, money(page, cents)));
  return make("dl", { class: "split" }, row(texts.sum, basket_info.sum),
    parts.card > 0 && row(texts.fromCard, -parts.card), parts.bonus > 0 && row(texts.fromBonus, -parts.bonus),
    row(texts.due, state.checkout.amount_due, "result"));
}

export function awaitingCashScreen(page) {
  const { texts, state } = page;
  const isOpen = state.drawer?.state === "open";
  const isLeftOpen = isOpen && state.drawer.event === "left_open";
  const step = (name, text) => make("li", {}, badge(name), text);
  return [
    middle(heading(isOpen ? texts.payNow : texts.drawerOpening), amount(page),
      make("ol", { class: "how" }, step("coins", texts.payPut), step("drawer", texts.payClose)),
      isLeftOpen && make("p", { class: "reason", role: "status" }, icon("clock"), make("span", {}, texts.leftOpen))),
    actions(cancelButton(page)),
  ];
}

export const bookingScreen = ({ texts }) => [
  middle(make("div", { class: "waiting", "aria-hidden": "true" }), heading(texts.booking), make("p", { class: "more" }, texts.bookingMore)),
];

export const bookedLaterScreen = ({ texts, acts }) => [
  middle(badge("clock"), heading(texts.bookedLater), make("p", { class: "more" }, texts.bookedLaterMore)),
  actions(button(texts.done, acts.leave, "main")),
];

export function thanksScreen({ texts, acts, receipt }) {
  const paper = receipt && make("section", { class: "paper", "aria-label": texts.receipt, tabindex: "0" }, receipt.map(line));
  return [
    middle(badge("check", "good"), heading(texts.thanks), make("p", { class: "more" }, texts.thanksMore), paper),
    actions(button(texts.done, acts.leave, "main")),
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
      return make("dl", {}, make("div", {}, make("dt", {}, text(value.name)), make("dd", {}, text(value.value))));
    case "space":
      return make("div", { class: "space" });
    default:
      return null;
  }
}
