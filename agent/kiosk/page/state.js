// What the screen knows: a plain object, changed by events only. Nothing of the page and nothing of the network here.

const FINAL = new Set(["completed", "cancelled", "failed", "resolved"]);
const IN_FRONT = new Set(["draft", "applying", "due", "awaiting_cash", "starting", "unsure"]);
const BEGINNING = new Set(["draft", "applying", "due", "awaiting_cash"]);

export const begin = () => ({
  line: "lost", // to the agent: open, lost, denied
  checkout: null, // the one that the customer stands before, or has just finished
  balanceOf: null, // a card that was scanned while there was no checkout
  devices: {},
  drawer: null, // the last thing it did, or its level where that changed otherwise
  api: "online",
  recording: true,
});

export const isOver = (checkout) => FINAL.has(checkout.phase) || checkout.phase === "confirmed";
export const isGone = (state, kind) => Object.values(state.devices).some((device) => device.kind === kind && device.state !== "present");

/**
 * Is what a call answers older than what an event has told meanwhile? Events come in order, but an answer may be late:
 * it says how the checkout was when the call was done.
 */
export const isOvertaken = (known, answered) => known?.id === answered.id && instant(answered.updated) < instant(known.updated);

/** A text that sorts as time goes: a Date would cut the microseconds off. */
const instant = (text) => text.replace(/Z$/, "").replace(/^([^.]*)$/, "$1.").padEnd("2026-01-01T00:00:00.000000".length, "0");

/** Return what is known after an event. */
export function after(state, name, data) {
  switch (name) {
    case "snapshot":
      return {
        ...state,
        checkout: inFront(state.checkout, data),
        devices: Object.fromEntries(data.devices.map((device) => [`${device.kind} ${device.name}`, device])),
        drawer: data.drawer,
        api: data.connection.api,
        recording: data.recording,
      };
    case "checkout":
      return follows(state.checkout, data) ? { ...state, checkout: data, balanceOf: null, recording: true } : state;
    case "card_checked":
      return state.checkout === null ? { ...state, balanceOf: data.card } : state;
    case "drawer":
      return { ...state, drawer: data };
    case "drawer_level":
      return state.drawer?.state === data.state ? state : { ...state, drawer: data };
    case "device":
      return { ...state, devices: { ...state.devices, [`${data.kind} ${data.name}`]: data } };
    case "connection":
      return { ...state, api: data.api };
    case "busy":
      return data.busy || state.checkout === null || isOver(state.checkout) ? state : { ...state, checkout: null };
    case "not_recorded":
      return { ...state, recording: false };
    default:
      return state;
  }
}

/** Is this the checkout on the screen, or the next one? A payment of before, booked late, is none of both. */
function follows(shown, told) {
  if (shown !== null && shown.id === told.id) return true;
  return (shown === null || isOver(shown)) && BEGINNING.has(told.phase);
}

/** Where nobody stands before the till, what is still being booked is nobody's to look at. */
function inFront(shown, { checkouts, busy }) {
  const same = checkouts.find((checkout) => shown !== null && checkout.id === shown.id);
  const active = busy ? checkouts.findLast((checkout) => checkout.kind === "sale" && IN_FRONT.has(checkout.phase)) : undefined;
  return same ?? active ?? shown;
}
