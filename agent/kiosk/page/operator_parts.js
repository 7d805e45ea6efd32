// What the panels of the operator's page are made of.

import { make } from "/elements.js";

export const panel = (name, title, ...content) =>
  make("section", { class: `panel ${name}`, "aria-labelledby": name, "data-key": name }, make("h2", { id: name }, title), ...content);

export const written = (language, cents, currency) => new Intl.NumberFormat(language, { style: "currency", currency }).format(cents / 100);

/** The hour and minute; before today the day, too. */
export function shortTime(language, at) {
  const time = new Date(at);
  const isToday = time.toDateString() === new Date().toDateString();
  return time.toLocaleString(language, { ...(isToday ? {} : { day: "numeric", month: "short" }), hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}
