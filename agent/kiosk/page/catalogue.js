// What this kiosk sells. An example: a shop puts its own articles here, or replaces the page by its own program.

export const shop = "John's Bakery";
export const language = "en"; // of the articles' names

/** `line` goes to the API as it stands here, with a number and a quantity. */
export const articles = [
  { icon: "sandwich", line: { articleNumber: "30037", ean: "", desc: "Sandwich Romano", priceOne: 349, tax: 7 } },
  { icon: "bowl", line: { articleNumber: "30200", ean: "", desc: "Fruit salad, small bowl", priceOne: 249, tax: 7 } },
  { icon: "bottle", line: { articleNumber: "51", ean: "4999012345678", desc: "Water, mildly sprinkling, 0.25 ltr.", priceOne: 99, tax: 19 } },
  { icon: "croissant", line: { articleNumber: "30051", ean: "4012345678901", desc: "Butter croissant", priceOne: 145, tax: 7 } },
  { icon: "pretzel", line: { articleNumber: "30012", ean: "", desc: "Pretzel", priceOne: 95, tax: 7 } },
  { icon: "cup", line: { articleNumber: "60", ean: "", desc: "Coffee, large", priceOne: 280, tax: 19 } },
];
