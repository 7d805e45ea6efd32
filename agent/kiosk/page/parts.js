// What several screens are made of.

import { make } from "/elements.js";
import { icon } from "/icons.js";

export const button = (text, act, kind, ...more) =>
  make("button", { type: "button", class: kind, onclick: act, "data-key": text }, ...(more.length > 0 ? more : [text]));

export const heading = (text) => make("h1", { tabindex: "-1" }, text);
export const actions = (...buttons) => make("div", { class: "actions" }, ...buttons);
export const badge = (name, kind = "") => make("div", { class: `badge ${kind}` }, icon(name));

/** A screen that says one thing: in the middle, large. */
export const middle = (...children) => make("div", { class: "middle" }, ...children);

export function money({ state, language }, cents) {
  const currency = state.checkout?.basket_info.currency ?? "EUR";
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(cents / 100);
}

/** Why the checkout stands where it stands: in the API's words for people, or in ours. While there is no connection the
 * banner says so. */
export function reason({ state, texts }) {
  if (state.api !== "online") return null;
  const text = state.checkout.error?.error_user ?? texts.reasons[state.checkout.reason];
  return text ? make("p", { class: "reason", role: "status" }, icon("warning"), make("span", {}, text)) : null;
}

/** A customer card as it lies in a hand, with what is known of it. */
export function cardPicture(page, card) {
  const { texts } = page;
  const known = card.balance === null ? texts.balanceUnknown : money(page, card.balance);
  return make("section", { class: "plastic", "aria-label": texts.customerCard },
    make("p", { class: "owner" }, page.shop, icon("card")),
    make("p", { class: "digits" }, make("span", { class: "unseen" }, texts.cardNumberIs(card.number)),
      make("span", { "aria-hidden": "true" }, card.number.replaceAll("*", "•").replace(/(.{4})(?=.)/gu, "$1 "))),
    make("p", { class: "holds" }, make("span", {}, texts.balance), make("strong", {}, known)));
}

export const cancelButton = ({ texts, state, acts }) =>
  state.checkout.allowed.includes("cancel") && button(texts.cancel, acts.cancel, "quiet");
