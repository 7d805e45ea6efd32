// A question to the operator: some fields, then yes or no.

import { make } from "/elements.js";

/** Ask, and return the answers by their names; null: no. `question`: title, text, fields, and what yes is called. */
export function askFor({ title, text, fields = [], yes }, { no }) {
  return new Promise((answer) => {
    const form = make("form", { method: "dialog" }, make("h2", { id: "question" }, title), text && make("p", {}, text), fields.map(field),
      make("div", { class: "actions" }, make("button", { value: "yes", class: "main" }, yes), make("button", { value: "no", formnovalidate: true }, no)));
    const dialog = make("dialog", { "aria-labelledby": "question" }, form);
    dialog.addEventListener("close", () => {
      answer(dialog.returnValue === "yes" ? answers(form) : null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function field({ name, label, choices, yesNo }) {
  if (choices) {
    const choice = ([value, text]) => make("label", { class: "choice" }, make("input", { type: "radio", name, value, required: true }), text);
    return make("fieldset", {}, make("legend", {}, label), Object.entries(choices).map(choice));
  }
  if (yesNo) return make("label", { class: "choice" }, make("input", { type: "checkbox", name }), label);
  return make("label", {}, label, make("input", { name, required: true, maxlength: "500", autocomplete: "off" }));
}

function answers(form) {
  const boxes = [...form.querySelectorAll("[type=checkbox]")].map((box) => [box.name, box.checked]);
  return { ...Object.fromEntries(new FormData(form)), ...Object.fromEntries(boxes) };
}
