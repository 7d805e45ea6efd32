// When it does not go on by itself: a person is needed, the agent is away, the screen is not logged in, or it was given up.

import { make } from "/elements.js";
import { isOver } from "/state.js";
import { actions, badge, button, cancelButton, heading, middle, money } from "/parts.js";

export function staffScreen(page) {
  const { checkout } = page.state;
  const isOpen = checkout !== null && !isOver(checkout);
  return [
    middle(badge("staff", "alarm"), heading(page.texts.staff), make("p", { class: "more" }, why(page)),
      isOpen && checkout.amount_due !== null && make("p", { class: "amount" }, money(page, checkout.amount_due))),
    isOpen && page.state.recording && actions(cancelButton(page)),
  ];
}

function why({ state, texts }) {
  if (!state.recording) return texts.staffRecording;
  if (state.checkout.interrupted) return texts.staffInterrupted;
  const isTheDrawer = state.checkout.drawer_trouble && state.checkout.drawer_trouble !== "message_torn";
  return isTheDrawer ? texts.staffDrawer : texts.staffAttention;
}

export const lostScreen = ({ texts }) => [
  middle(make("div", { class: "waiting", "aria-hidden": "true" }), heading(texts.noAgent), make("p", { class: "more" }, texts.noAgentMore)),
];

export const deniedScreen = ({ texts, ticketInvalid }) => [
  middle(badge("warning", "alarm"), heading(texts.notLoggedIn), make("p", { class: "more" }, ticketInvalid ? texts.ticketInvalid : texts.notLoggedInMore)),
];

export function givenUpScreen({ texts, state, acts }) {
  const hasFailed = state.checkout.phase === "failed";
  return [
    middle(badge(hasFailed ? "warning" : "check"), heading(hasFailed ? texts.failed : texts.cancelled),
      make("p", { class: "more" }, hasFailed ? texts.failedMore : texts.cancelledMore),
      state.drawer?.state === "open" && make("p", { class: "reason", role: "status" }, texts.closeDrawer)),
    actions(button(texts.done, acts.leave, "main")),
  ];
}
