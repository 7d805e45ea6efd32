// What this kiosk sells. An example: a shop puts its own articles here, or replaces the page by its own program.
// A line goes to the API as it stands here, with its quantity.

export const shop = "John's Bakery";

export const articles = [
  { articleNumber: "30037", ean: "", desc: "Sandwich Romano", priceOne: 349, tax: 7 },
  { articleNumber: "30200", ean: "", desc: "Fruit salad, small bowl", priceOne: 249, tax: 7 },
  { articleNumber: "51", ean: "4999012345678", desc: "Water, mildly sprinkling, 0.25 ltr.", priceOne: 99, tax: 19 },
];
