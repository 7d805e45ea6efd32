// Elements of the pages: made of names and values, never of text that is read as markup; and how a drawn page becomes
// the next one without losing focus, scroll position or a finger that is on a button.

const SVG = "http://www.w3.org/2000/svg";
const LISTENERS = ["onclick", "onsubmit", "oninput", "onfocus", "onchange"];

/** Make an element. `on…` properties are listeners; children are elements, texts, lists of them, or nothing. */
export function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (typeof value === "function") element[name] = value;
    else if (name === "value") element.value = element.drawnValue = value;
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make an element of a drawing. A drawing says nothing that the text beside it does not. */
export function drawn(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Change `old` into `fresh`, in place as far as they are alike. What has another `data-key` is not alike. */
export function morph(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const listener of LISTENERS) old[listener] = fresh[listener];
  if (fresh.drawnValue !== undefined && old.value !== fresh.value) old.value = fresh.value; // else a person types there
  const children = [...fresh.childNodes];
  children.forEach((child, place) => {
    const there = old.childNodes[place];
    if (there === undefined) old.append(child);
    else if (!alike(there, child)) there.replaceWith(child);
    else if (child.nodeType === Node.ELEMENT_NODE) morph(there, child);
    else if (there.data !== child.data) there.data = child.data;
  });
  while (old.childNodes.length > children.length) old.lastChild.remove();
}

const alike = (one, other) => one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;
