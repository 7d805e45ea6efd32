// Before paying: nobody is there, a card's balance is shown, the basket is filled.

import { language as articleLanguage } from "/catalogue.js";
import { make } from "/elements.js";
import { icon } from "/icons.js";
import { actions, badge, button, cancelButton, cardPicture, heading, middle, money, reason } from "/parts.js";

export function idleScreen({ texts, acts, state }) {
  const way = (name, text) => make("li", {}, make("span", { class: "badge" }, icon(name)), text);
  return [
    make("div", { class: "hello" }, heading(texts.welcome),
      make("ol", { class: "how", "aria-label": texts.how }, way("basket", texts.howChoose), way("card", texts.howCard), way("coins", texts.howPay)),
      state.drawer?.state === "open" && make("p", { class: "reason", role: "status" }, icon("drawer"), texts.closeDrawer)),
    button(texts.begin, acts.begin, "start"),
  ];
}

export const balanceScreen = (page) => [
  middle(heading(page.texts.balanceHeading), cardPicture(page, page.state.balanceOf), make("p", { class: "more" }, page.texts.balanceBegin)),
  actions(button(page.texts.done, page.acts.leave, "quiet"), button(page.texts.begin, page.acts.begin, "main")),
];

export const stillThereScreen = (page) => [
  middle(badge("clock"), heading(page.texts.stillThere), make("p", { class: "more" }, page.texts.stillThereMore)),
  actions(cancelButton(page), button(page.texts.stay, page.acts.stay, "main")),
];

export function basketScreen(page) {
  const { texts, articles } = page;
  return [
    make("section", { class: "shelf" }, heading(texts.chooseHeading),
      make("ul", { class: "articles", "aria-label": texts.articles }, articles.map((article) => tile(page, article)))),
    make("section", { class: "till", "aria-labelledby": "basket" },
      make("h2", { id: "basket" }, icon("basket"), texts.basket), reason(page), lines(page), total(page),
      actions(cancelButton(page), onwards(page))),
  ];
}

function tile(page, { icon: name, line }) {
  const price = money(page, line.priceOne);
  const add = () => page.acts.add(line, 1);
  return make("li", {}, make("button", { type: "button", class: "tile", onclick: add, "aria-label": page.texts.add(line.desc, price), "data-key": line.articleNumber },
    icon(name), make("span", { lang: articleLanguage }, line.desc), make("strong", {}, price)));
}

function lines(page) {
  const { products } = page.state.checkout.basket;
  if (products.length === 0) return make("p", { class: "empty" }, page.texts.emptyBasket);
  return make("ul", { class: "lines" }, products.map((line) => basketLine(page, line)));
}

function basketLine(page, line) {
  const { texts, acts, state } = page;
  const change = (sign, label, pieces) =>
    make("button", { type: "button", class: "step", "aria-label": label(line.desc), onclick: () => acts.add(line, pieces), "data-key": sign }, sign);
  const may = state.checkout.allowed.includes("basket");
  return make("li", { "data-key": String(line.articleNumber) },
    make("span", { class: "what", lang: articleLanguage }, line.desc ?? line.articleNumber),
    make("span", { class: "pieces" }, may && change("−", texts.less, -1), make("span", { class: "count" }, String(line.quantity)), may && change("+", texts.one, 1)),
    make("span", { class: "cents" }, money(page, line.quantity * line.priceOne)));
}

const total = (page) =>
  make("p", { class: "total" }, make("span", {}, page.texts.total), make("strong", {}, money(page, page.state.checkout.basket_info.sum)));

/** Without the API there is nothing to ask of a card: cash is taken at once. */
function onwards({ texts, acts, state }) {
  const isEmpty = state.checkout.basket.products.length === 0;
  if (state.api === "online") return !isEmpty && button(texts.goOn, () => acts.goTo("card"), "main");
  return !isEmpty && state.checkout.allowed.includes("pay") && button(texts.payCash, acts.payOffline, "main");
}
