// The sheet of a day, its chart, and the drawer's openings. Every figure comes from the agent: nothing is added up here.

import { drawn, make } from "/elements.js";
import { panel, shortTime, written } from "/operator_parts.js";
import { button } from "/parts.js";

const WIDTH = 480;
const HEIGHT = 110;
const LABEL_EVERY = 6; // hours

export function dayPanel(page) {
  const { known, texts, acts } = page;
  const { report } = known;
  if (report === null) return panel("day", texts.dayHeading);
  const choose = make("input", { type: "date", value: report.day, onchange: (event) => acts.showDay(event.target.value) });
  return panel("day", texts.dayHeading, make("div", { class: "controls" }, make("label", {}, texts.date, choose), button(texts.print, acts.print)),
    report.totals.length === 0 && make("p", { class: "empty" }, texts.nothingPaid), report.totals.map((totals) => sheet(page, totals)));
}

function sheet({ texts, language }, totals) {
  const { currency } = totals;
  const line = (kind, name, count, cents) =>
    make("tr", { class: kind }, make("th", { scope: "row" }, name), make("td", {}, count), make("td", { class: "cents" }, written(language, cents, currency)));
  const row = (kind, name) => line(kind, texts[name], texts.payments(totals[name].count), totals[name].cents);
  return make("div", { class: "sheet", "data-key": currency },
    make("table", {}, make("tbody", {}, row("whole", "confirmed"), row("part", "booked"), row("part", "waiting"), row("part", "resolved"),
      row("", "refunded"), row("", "reversed"), line("whole", texts.inDrawer, "", totals.drawer), row("", "cashless"), row("", "loyalty"))),
    chart(texts, language, totals));
}

/** A bar for each hour; who cannot see it reads the same as a table. */
function chart(texts, language, { hours, currency }) {
  const label = (hour) => new Date(hour.begin).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const row = (hour) => make("tr", {}, make("th", { scope: "row" }, label(hour)), make("td", {}, written(language, hour.confirmed.cents, currency)));
  return make("figure", {}, make("figcaption", {}, texts.chart), bars(hours, label),
    make("table", { class: "unseen" }, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, texts.hour), make("th", { scope: "col" }, texts.cash))),
      make("tbody", {}, hours.filter((hour) => hour.confirmed.count > 0).map(row))));
}

function bars(hours, label) {
  const most = Math.max(1, ...hours.map((hour) => hour.confirmed.cents));
  const width = WIDTH / hours.length;
  const bar = (hour, place) => {
    const height = (hour.confirmed.cents / most) * HEIGHT;
    return drawn("rect", { x: place * width + 2, y: HEIGHT - height, width: width - 4, height, rx: 3 });
  };
  const mark = (hour, place) => drawn("text", { x: place * LABEL_EVERY * width + 2, y: HEIGHT + 18 }, label(hour));
  const ground = drawn("path", { d: `M0 ${HEIGHT}h${WIDTH}` });
  return drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT + 22}`, class: "chart", "aria-hidden": "true" },
    ground, ...hours.map(bar), ...hours.filter((_, place) => place % LABEL_EVERY === 0).map(mark));
}

const seconds = (language, length) => length.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export function drawerPanel({ known, texts, language, acts }) {
  const { openings, openings_without_sale } = known.report ?? { openings: [], openings_without_sale: 0 };
  const why = ({ reason, by, asked_by, checkout, open_s }) =>
    [checkout ? texts.sale : reason ?? texts.openedBy[by], asked_by, open_s !== null && texts.lasted(seconds(language, open_s))].filter(Boolean).join(", ");
  const row = (opening) =>
    make("li", { class: opening.without_sale ? "alone" : false }, make("span", {}, shortTime(language, opening.at)), make("span", {}, why(opening)),
      opening.without_sale && make("strong", {}, texts.withoutSale));
  return panel("drawer", texts.drawerHeading, make("div", { class: "controls" }, button(texts.openDrawer, acts.openDrawer, "main")),
    make("p", {}, texts.openings(openings.length, openings_without_sale)),
    openings.length > 0 && make("ol", { class: "openings", tabindex: "0", "aria-label": texts.openingsList }, openings.toReversed().map(row)));
}
