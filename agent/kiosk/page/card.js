// The customer card: scanned, typed on the screen's own keys, and what is to be done with its balance.

import { make } from "/elements.js";
import { actions, badge, button, cardPicture, heading, middle, reason } from "/parts.js";

const LENGTHS = { number: 19, code: 4 };

export const cardScreen = (page) => (page.state.checkout.card === null ? scanFirst(page) : cardKnown(page));

function scanFirst(page) {
  const { texts, acts, state } = page;
  const mayType = state.checkout.allowed.includes("card");
  return [
    middle(badge("card", "scanning"), heading(texts.cardHeading), make("p", { class: "more" }, texts.cardMore), reason(page),
      mayType && button(texts.typeCard, () => acts.goTo("typing"), "quiet")),
    actions(button(texts.back, () => acts.goTo("basket"), "quiet"), onwards(page, texts.noCard, "")),
  ];
}

function cardKnown(page) {
  const { texts, acts, state } = page;
  const { card, allowed } = state.checkout;
  const hasBalance = (card.balance ?? 0) > 0 && state.api === "online";
  return [
    middle(heading(hasBalance ? texts.useHeading : texts.cardKnownHeading), cardPicture(page, card), note(page, hasBalance), reason(page),
      allowed.includes("card") && button(texts.removeCard, acts.removeCard, "quiet")),
    actions(button(texts.back, () => acts.goTo("basket"), "quiet"),
      hasBalance && allowed.includes("apply") && button(texts.payWithoutBalance, () => acts.apply(false)),
      hasBalance && allowed.includes("apply") ? button(texts.payWithBalance, () => acts.apply(true), "main") : onwards(page, texts.collectPoints, "main")),
  ];
}

function note({ texts, state }, hasBalance) {
  if (hasBalance) return make("p", { class: "more" }, texts.useMore);
  return state.checkout.card.valid === null && state.api === "online" && make("p", { class: "more", role: "status" }, texts.checkingCard);
}

function onwards({ texts, acts, state }, text, kind) {
  const { allowed } = state.checkout;
  if (state.api !== "online") return allowed.includes("pay") && button(texts.payCash, acts.payOffline, "main");
  return allowed.includes("apply") && button(text, () => acts.apply(false), kind);
}

export function typingScreen(page) {
  const { texts, acts, typed } = page;
  const isWhole = typed.number.length >= 12 && typed.code.length === LENGTHS.code;
  return [
    middle(heading(texts.typeHeading), reason(page),
      make("form", { class: "entry", id: "entry", onsubmit: (event) => submit(event, isWhole, acts) },
        field(page, "number", texts.cardNumber), field(page, "code", texts.cardCode), keys(page))),
    actions(button(texts.back, () => acts.goTo("card"), "quiet"),
      make("button", { class: "main", form: "entry", "aria-disabled": String(!isWhole), "data-key": "use" }, texts.useCard)),
  ];
}

function submit(event, isWhole, acts) {
  event.preventDefault();
  if (isWhole) acts.useCard();
}

function field({ typed, acts }, name, label) {
  const change = (event) => acts.type({ [name]: event.target.value.replace(/\D/g, "").slice(0, LENGTHS[name]) });
  return make("label", { class: typed.field === name ? "chosen" : false }, label,
    make("input", { name, value: typed[name], inputmode: "none", autocomplete: "off", maxlength: String(LENGTHS[name]),
      oninput: change, onfocus: () => typed.field !== name && acts.type({ field: name }) }));
}

/** A kiosk has no keyboard. After the number's last digit the digits go on in the other field. */
function keys({ typed, acts, texts }) {
  const press = (digit) => {
    const field = typed.field === "number" && typed.number.length >= 16 && typed.code === "" ? "code" : typed.field;
    acts.type({ field, [field]: (typed[field] + digit).slice(0, LENGTHS[field]) });
  };
  const key = (digit) => make("button", { type: "button", onclick: () => press(digit), "data-key": digit }, digit);
  const erase = () => acts.type({ [typed.field]: typed[typed.field].slice(0, -1) });
  return make("div", { class: "keys", role: "group", "aria-label": texts.digits }, [..."123456789"].map(key), make("span"), key("0"),
    make("button", { type: "button", "aria-label": texts.erase, onclick: erase, "data-key": "erase" }, "⌫"));
}
