// Payments: what waits for a person with the decisions that are allowed, the latest ones, and what happened last.

import { make } from "/elements.js";
import { icon } from "/icons.js";
import { panel, shortTime, written } from "/operator_parts.js";
import { button } from "/parts.js";

const MONEY_TAKEN = new Set(["confirmed", "starting", "unsure", "attention"]);

const needsPerson = (checkout) => MONEY_TAKEN.has(checkout.phase) || checkout.interrupted || checkout.drawer_trouble !== null;

export function waitingPanel(page) {
  const { known, texts } = page;
  const open = Object.values(known.open);
  const waits = open.filter(needsPerson);
  const others = open.filter((each) => !needsPerson(each));
  return panel("waiting", texts.waitingHeading,
    waits.length === 0 && make("p", { class: "empty" }, icon("check"), texts.nothingWaits),
    open.length > 0 && make("ul", { class: "payments" }, [...waits, ...others].map((each) => payment(page, each))));
}

function payment(page, checkout) {
  const { texts, language } = page;
  const amount = amountOf(page, checkout);
  const since = texts.since(shortTime(language, checkout.waiting_since ?? checkout.updated));
  return make("li", { class: needsPerson(checkout) ? "urgent" : false, "data-key": checkout.id },
    make("p", { class: "top" }, make("strong", { class: "sum" }, amount), make("span", { class: "phase" }, texts.phases[checkout.phase]), make("span", {}, since)),
    whyHere(page, checkout),
    make("dl", {}, facts(checkout, texts).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
    make("div", { class: "actions" }, decisions(page, checkout, amount)));
}

const amountOf = ({ language }, { amount_due, basket_info }) => written(language, amount_due ?? basket_info.sum, basket_info.currency);

function whyHere({ texts }, { reversal, interrupted, drawer_trouble }) {
  const reasons = [reversal && texts.reversal(reversal.by, reversal.reason), interrupted && texts.interrupted, texts.troubles[drawer_trouble]].filter(Boolean);
  return reasons.length > 0 && make("p", {}, reasons.join("; "));
}

function facts({ reason, evidence, error, card, merchantRef, transaction_id }, texts) {
  return [
    [texts.reason, texts.reasons[reason]],
    [texts.apiSays, error && (error.error_user ?? error.error_details ?? error.error)],
    [texts.evidence, evidence && [texts.evidences[evidence.kind], evidence.by].filter(Boolean).join(", ")],
    [texts.card, card?.number],
    [texts.reference, merchantRef],
    [texts.transaction, transaction_id],
  ].filter(([, value]) => value);
}

function decisions({ texts, acts }, checkout, amount) {
  const may = (act) => checkout.allowed.includes(act);
  return [
    may("confirm") && button(texts.confirm, () => acts.confirm(checkout, amount), "main"),
    may("retry") && button(texts.retry, () => acts.retry(checkout), "main"),
    may("retry") && button(texts.retryAnew, () => acts.retryAnew(checkout)),
    may("resolve") && button(texts.resolve, () => acts.resolve(checkout)),
    may("cancel") && button(texts.cancel, () => acts.cancel(checkout)),
  ];
}

export function latestPanel(page) {
  const { known, texts, language, acts } = page;
  const row = (checkout) => {
    const { resolution, reversal, reversed_by } = checkout;
    const more = [
      texts.phases[checkout.phase],
      resolution && `${resolution.by}: ${resolution.note}`,
      reversal && texts.reversal(reversal.by, reversal.reason),
      reversed_by !== null && texts.wasReversed,
    ].filter(Boolean);
    return make("tr", { "data-key": checkout.id }, make("td", {}, shortTime(language, checkout.updated)), make("td", { class: "cents" }, amountOf(page, checkout)),
      make("td", {}, more.join(", ")), make("td", {}, checkout.allowed.includes("reverse") && button(texts.reverse, () => acts.reverse(checkout))));
  };
  return panel("latest", texts.latestHeading, known.latest.length === 0
    ? make("p", { class: "empty" }, texts.noPayments)
    : make("table", {}, head(texts.time, texts.amount, texts.state, texts.act), make("tbody", {}, known.latest.map(row))));
}

export function eventsPanel({ known, texts, language }) {
  const row = ({ at, event, data, phase }) =>
    make("tr", {}, make("td", {}, shortTime(language, at)), make("td", {}, texts.drawerEvents[data.event] ?? texts.events[event] ?? event),
      make("td", {}, texts.phases[phase] ?? (data.reason === "sale" ? texts.sale : data.reason) ?? data.status ?? ""), make("td", {}, data.asked_by ?? (event === "DrawerTold" ? "" : data.by ?? "")));
  return panel("events", texts.eventsHeading,
    make("table", {}, head(texts.time, texts.event, texts.facts, texts.who), make("tbody", {}, known.history.map(row))));
}

const head = (...names) => make("thead", {}, make("tr", {}, names.map((name) => make("th", { scope: "col" }, name))));
