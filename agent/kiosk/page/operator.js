// The operator's page: what waits for a person, the day, the drawer, and what happened last. Like the screen it asks
// `allowed` what may be done. Its calls go below /operator, where the operator's cookie is sent.

import { call, follow, logIn } from "/agent.js";
import { askFor } from "/dialog.js";
import { operatorEnglish } from "/operator_english.js";
import { operatorGerman } from "/operator_german.js";
import { drawOperator, sayToOperator } from "/operator_draw.js";
import { isOvertaken } from "/state.js";

const BASE = "/operator";
const LANGUAGES = { de: operatorGerman, en: operatorEnglish };
const REFRESH_MS = 300; // what belongs together happens at once: one look at the journal is enough for it
const NOTICE_MS = 10_000;
const LATEST = 12; // payments and events that are shown
const LISTED = `${BASE}/v1/checkouts?limit=${LATEST}`;
const OVER = new Set(["completed", "cancelled", "failed", "resolved"]);

let language = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in LANGUAGES) ?? "en";
let known = {
  line: "lost",
  name: sessionStorage.getItem("name") ?? "",
  open: {}, // checkouts that are not over
  latest: [],
  devices: {},
  drawer: null,
  connection: null,
  recording: true,
  day: "", // today
  report: null,
  history: [],
};
let ticketInvalid = false;
let refreshTimer = 0;
let noticeTimer = 0;

const texts = () => LANGUAGES[language];

function render() {
  drawOperator({ known, language, ticketInvalid, texts: texts(), acts });
}

function notice(text) {
  clearTimeout(noticeTimer);
  sayToOperator(text);
  noticeTimer = setTimeout(() => sayToOperator(""), NOTICE_MS);
}

function learn(news) {
  known = { ...known, ...news };
  render();
}

// What the operator does

/** Ask for what the act needs, then do it, and say who did it. */
async function decide(path, question, body) {
  const answers = await askFor(question, texts());
  if (answers === null) return;
  try {
    const answer = await call("POST", BASE + path, { ...body, ...answers, by: known.name });
    if (answer !== null) hearAnswer(answer);
    notice(texts().isDone);
  } catch (error) {
    if (error.checkout) hearAnswer(error.checkout);
    notice(error.status ? error.message : texts().lost);
  }
}

const on = (checkout, path) => `/v1/checkouts/${checkout.id}${path}`;

const acts = {
  speak: (tag) => {
    language = tag;
    render();
  },
  be: (name) => {
    sessionStorage.setItem("name", name);
    learn({ name });
  },
  leave: async () => {
    sessionStorage.removeItem("name");
    await call("DELETE", `${BASE}/v1/session`).catch(() => null);
    location.reload();
  },
  showDay: (day) => {
    learn({ day });
    refresh();
  },
  print: () => window.print(),
  openDrawer: () => decide("/v1/drawer/open", texts().ask.openDrawer, {}),
  confirm: (checkout, amount) => decide(on(checkout, "/confirm"), texts().ask.confirm(amount), { amount: checkout.amount_due ?? checkout.basket_info.sum }),
  cancel: async (checkout) => {
    if ((await askFor(texts().ask.cancel, texts())) === null) return;
    await call("POST", BASE + on(checkout, "/cancel"), {}).then(hearAnswer, (error) => notice(error.message));
  },
  retry: (checkout) => decide(on(checkout, "/retry"), texts().ask.retry, { new_transaction: false }),
  retryAnew: (checkout) => decide(on(checkout, "/retry"), texts().ask.retryAnew, { new_transaction: true }),
  resolve: (checkout) => decide(on(checkout, "/resolve"), texts().ask.resolve, {}),
  reverse: (checkout) => decide(on(checkout, "/reverse"), texts().ask.reverse, {}),
};

// What happens

function hear(name, data) {
  if (name === "snapshot") {
    learn({
      open: Object.fromEntries(data.checkouts.map((checkout) => [checkout.id, checkout])),
      devices: Object.fromEntries(data.devices.map((device) => [`${device.kind} ${device.name}`, device])),
      drawer: data.drawer,
      connection: data.connection,
      recording: data.recording,
    });
  } else if (name === "checkout") hearCheckout(data);
  else if (name === "drawer" || name === "drawer_level") learn({ drawer: data });
  else if (name === "device") learn({ devices: { ...known.devices, [`${data.kind} ${data.name}`]: data } });
  else if (name === "connection") learn({ connection: data });
  else if (name === "not_recorded") learn({ recording: false });
  if (["snapshot", "checkout", "drawer", "unexpected"].includes(name)) refreshSoon();
}

function hearCheckout(checkout) {
  const { [checkout.id]: _, ...others } = known.open;
  const isOver = OVER.has(checkout.phase);
  const isListed = known.latest.some((each) => each.id === checkout.id);
  const latest = isListed || !isOver ? known.latest.map((each) => (each.id === checkout.id ? checkout : each)) : [checkout, ...known.latest];
  learn({ open: isOver ? others : { ...others, [checkout.id]: checkout }, latest, recording: true });
}

function hearAnswer(checkout) {
  const shown = known.open[checkout.id] ?? known.latest.find((each) => each.id === checkout.id);
  if (!isOvertaken(shown, checkout)) hearCheckout(checkout);
}

function refreshSoon() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refresh, REFRESH_MS);
}

/** What is no event: the sheet of the day, the last payments, the last entries of the journal. */
async function refresh() {
  const day = known.day;
  const asked = [`${BASE}/v1/report${day && `?day=${day}`}`, LISTED, `${BASE}/v1/history?limit=${LATEST}`];
  const [report, listed, history] = await Promise.all(asked.map((path) => call("GET", path))).catch(() => [null]);
  if (report && day === known.day) learn({ report, latest: listed.checkouts, history: history.events });
}

render();
await logIn().catch(() => {
  ticketInvalid = true;
});
follow(hear, (line) => learn({ line }), BASE);
