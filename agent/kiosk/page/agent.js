// The agent, as a page talks to it: calls, and the stream of events. `/v1` and nothing else.

const RECONNECT_MS = 2000; // after the browser gave up; it tries again by itself in all other cases

export class Refused extends Error {
  constructor(problem) {
    super(problem.title);
    this.name = problem.type.split(":").pop();
    this.status = problem.status;
    this.checkout = problem.checkout;
  }
}

/** Make a call. Throws Refused, or TypeError where the agent is not there. */
export async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  if (method === "POST") options.headers["Idempotency-Key"] = newKey();
  const response = await fetch(path, options);
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer);
  return answer;
}

/** Numbers that nobody guesses. `crypto.randomUUID` is for https only. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Exchange the ticket of the address, if there is one, for the cookie; and forget the ticket. Throws Refused. */
export async function logIn() {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  if (ticket === null) return;
  history.replaceState(null, "", location.pathname);
  await call("POST", "/v1/session", { ticket });
}

const EVENTS = [
  "snapshot", "checkout", "scan", "card_checked", "card_refused", "drawer", "drawer_level", "device", "connection", "busy",
  "not_recorded", "unexpected",
];

/** Follow the stream for ever. `on(name, data)` hears each event, `onLine("open" | "lost" | "denied")` the line. */
export function follow(on, onLine, base = "") {
  let lastId = "";
  const connect = () => {
    const source = new EventSource(`${base}/v1/events` + (lastId && `?since=${encodeURIComponent(lastId)}`));
    source.onopen = () => onLine("open");
    source.onerror = async () => {
      onLine("lost");
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      if (await isDenied(base)) onLine("denied");
      setTimeout(connect, RECONNECT_MS);
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        lastId = event.lastEventId || lastId;
        on(name, JSON.parse(event.data));
      });
    }
  };
  connect();
}

async function isDenied(base) {
  try {
    return (await fetch(`${base}/v1/devices`)).status === 401;
  } catch {
    return false;
  }
}
