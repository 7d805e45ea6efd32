// Plays the hardware around the agent. It knows nothing of checkouts: it pushes drawers and pulls cables.

const POLL_MS = 1000;
const FRAME_PX = 60; // around the screen

const place = document.getElementById("kiosk");
const frame = document.createElement("iframe");
frame.title = "The kiosk's screen";
let size = place.clientWidth > place.clientHeight ? "1280x800" : "1080x1920";

async function ask(method, path) {
  const response = await fetch(path, { method });
  document.getElementById("problem").textContent = response.ok ? "" : `${path}: ${response.status}`;
  return response.status === 200 ? response.json() : null;
}

// The screen, as large as there is room

function fit() {
  const [width, height] = size.split("x").map(Number);
  const scale = Math.min((place.clientWidth - FRAME_PX) / width, (place.clientHeight - FRAME_PX) / height);
  frame.width = width;
  frame.height = height;
  frame.style.setProperty("--scale", String(scale));
  for (const button of document.querySelectorAll("[data-size]")) button.setAttribute("aria-pressed", String(button.dataset.size === size));
}

for (const button of document.querySelectorAll("[data-size]")) {
  button.addEventListener("click", () => {
    size = button.dataset.size;
    fit();
  });
}

async function logIn() {
  frame.src = (await ask("POST", "/tickets/screen")).url;
}

// The hardware

function show(state) {
  document.getElementById("drawer").textContent = [state.drawer_open ? "open" : "closed", state.jammed && "jammed"].filter(Boolean).join(", ");
  document.getElementById("cables").textContent = [!state.reader && "reader out", !state.drawer && "drawer out"].filter(Boolean).join(", ");
  document.getElementById("network").textContent = state.network ? (state.slow ? "slow" : "") : "lost";
  document.getElementById("booked").replaceChildren(...state.booked.map(booking));
}

function booking({ kind, amount, redeemed }) {
  const line = document.createElement("li");
  line.textContent = `${kind}: ${(amount / 100).toFixed(2)} EUR, from the card ${(redeemed / 100).toFixed(2)} EUR`;
  return line;
}

function buttonOf({ name, text }) {
  const button = document.createElement("button");
  button.type = "button";
  button.id = `act-${name}`;
  button.textContent = text;
  button.addEventListener("click", async () => {
    await ask("POST", `/acts/${name}`);
    await look();
  });
  return button;
}

async function look() {
  const state = await ask("GET", "/state");
  if (state !== null) show(state);
  return state;
}

document.getElementById("screen").addEventListener("click", logIn);
document.getElementById("operator").addEventListener("click", async () => {
  const page = window.open("about:blank"); // while the browser knows that a person asked for it
  page.location = (await ask("POST", "/tickets/operator")).url;
});
new ResizeObserver(fit).observe(place);
place.append(frame);
fit();
const { acts } = await look();
for (const group of document.querySelectorAll("[data-group]")) {
  group.append(...acts.filter((act) => act.group === group.dataset.group).map(buttonOf));
}
await logIn();
setInterval(look, POLL_MS);
