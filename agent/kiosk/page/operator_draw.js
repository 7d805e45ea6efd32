// What the operator sees.

import { make, morph } from "/elements.js";
import { icon } from "/icons.js";
import { dayPanel, drawerPanel } from "/operator_day.js";
import { eventsPanel, latestPanel, waitingPanel } from "/operator_payments.js";
import { shortTime } from "/operator_parts.js";
import { button } from "/parts.js";

export function drawOperator(page) {
  document.documentElement.lang = page.language;
  document.title = page.texts.title;
  show("header", header(page));
  show("main", make("main", { id: "main" }, content(page)));
}

export const sayToOperator = (text) => show("notice", make("div", { id: "notice", role: "alert" }, text && make("p", {}, text)));

const show = (id, fresh) => morph(document.getElementById(id), fresh);

function header({ known, language, texts, acts }) {
  const choice = (tag, name) =>
    make("button", { type: "button", lang: tag, "aria-pressed": String(language === tag), onclick: () => acts.speak(tag) }, name);
  return make("header", { id: "header" }, make("h1", {}, texts.title), make("ul", { class: "states" }, states(known, texts)),
    make("div", { class: "languages", role: "group", "aria-label": texts.language }, choice("de", "Deutsch"), choice("en", "English")),
    known.name !== "" && make("p", { class: "who" }, icon("staff"), known.name, button(texts.signOut, acts.leave, "quiet")));
}

/** How the API, the readers, the drawer and the printer are, and why one is not ready: in the agent's words. */
function states({ connection, devices, drawer }, texts) {
  const state = (name, text, isGood) =>
    make("li", { class: isGood ? "good" : "bad" }, icon(isGood ? "check" : "warning"), make("span", {}, make("strong", {}, name), ` ${text}`));
  const device = (each) => {
    const name = each.kind === "scanner" ? `${texts.kinds.scanner} ${each.name}` : texts.kinds[each.kind];
    const level = each.kind === "drawer" && each.state === "present" && drawer ? `, ${texts.levels[drawer.state]}` : "";
    const why = each.reason ? `: ${each.reason}` : "";
    return state(name, texts.presences[each.state] + level + why, each.state === "present");
  };
  return [connection && state(texts.api, texts.connections[connection.api], connection.api === "online"), ...Object.values(devices).map(device)];
}

function content(page) {
  const { known, ticketInvalid, texts } = page;
  if (known.line === "denied" || (ticketInvalid && known.line !== "open")) {
    return message(texts.denied, ticketInvalid ? texts.ticketInvalid : texts.deniedMore);
  }
  if (known.line === "lost") return message(texts.title, texts.lost);
  if (known.name === "") return whoAreYou(page);
  return make("div", { class: "panels", "data-key": "panels" }, !known.recording && make("p", { class: "alarm", role: "alert" }, texts.notRecording),
    contradictions(page), waitingPanel(page), dayPanel(page), drawerPanel(page), latestPanel(page), eventsPanel(page));
}

/** What says, on the day that is shown, that money is elsewhere than the till has it. */
function contradictions({ known, language, texts }) {
  const said = known.report?.contradictions ?? [];
  const line = (each) => make("p", { "data-key": each.at }, `${shortTime(language, each.at)}: ${texts.contradicts(each)}`);
  return said.length > 0 && make("div", { class: "alarm contradictions", role: "alert", "data-key": "contradictions" }, said.map(line));
}

const message = (title, text) => make("section", { class: "message", "data-key": title }, make("h2", {}, title), make("p", {}, text));

function whoAreYou({ texts, acts }) {
  const enter = (event) => {
    event.preventDefault();
    acts.be(event.target.elements.name.value.trim());
  };
  const field = make("input", { name: "name", required: true, maxlength: "100", pattern: ".*\\S.*", autocomplete: "off" });
  return make("section", { class: "message", "data-key": "who" }, make("h2", {}, texts.whoHeading), make("p", {}, texts.whoMore),
    make("form", { onsubmit: enter }, make("label", {}, texts.name, field), make("button", { class: "main" }, texts.goOn)));
}
