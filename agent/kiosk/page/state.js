// What the screen knows: a plain object, changed by events only. Nothing of the page and nothing of the network here.

const FINAL = new Set(["completed", "cancelled", "failed", "resolved"]);
const IN_FRONT = new Set(["draft", "applying", "due", "awaiting_cash", "starting", "unsure"]);

export const begin = () => ({
  line: "lost", // to the agent: open, lost, denied
  checkout: null, // the one that the customer stands before, or has just finished
  devices: {},
  drawer: null, // the last thing it did
  api: "online",
  recording: true,
});

export const isOver = (checkout) => FINAL.has(checkout.phase) || checkout.phase === "confirmed";

/** Return what is known after an event. */
export function after(state, name, data) {
  switch (name) {
    case "snapshot":
      return {
        ...state,
        checkout: inFront(state.checkout, data.checkouts),
        devices: Object.fromEntries(data.devices.map((device) => [`${device.kind} ${device.name}`, device])),
        drawer: data.drawer,
        api: data.connection.api,
        recording: data.recording,
      };
    case "checkout":
      return { ...state, checkout: follows(state.checkout, data) ? data : state.checkout, recording: true };
    case "drawer":
      return { ...state, drawer: data };
    case "device":
      return { ...state, devices: { ...state.devices, [`${data.kind} ${data.name}`]: data }, drawer: known(state, data) };
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
  return (shown === null || isOver(shown)) && ["draft", "applying", "due", "awaiting_cash"].includes(told.phase);
}

/** What a drawer did last says nothing any more once its line is gone. */
const known = (state, device) => (device.kind === "drawer" && device.state !== "present" ? null : state.drawer);

function inFront(shown, checkouts) {
  const same = checkouts.find((checkout) => shown !== null && checkout.id === shown.id);
  return same ?? checkouts.findLast((checkout) => IN_FRONT.has(checkout.phase)) ?? shown;
}
