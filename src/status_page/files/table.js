// Tables. The page has only an element for each, with an id and these attributes:
// data-label: the name of the region, which scrolls; data-caption: what the rows are;
// data-columns: the columns, separated by |. A column of numbers ends with #, one of buttons for changes with !.

import { byId, element, syncRows } from "/dom.js";

const CLASSES = { "#": "number", "!": "change" };

function head(column) {
  const [, name, kind = ""] = /^(.*?) ?([#!]?)$/.exec(column);
  const text = kind === "!" ? element("span", { class: "unseen" }, name) : name;
  return element("th", { scope: "col", class: CLASSES[kind] }, text);
}

function build(place) {
  const { label, caption, columns } = place.dataset;
  place.classList.add("scroll", "tall");
  for (const [name, value] of Object.entries({ tabindex: "0", role: "region", "aria-label": label })) place.setAttribute(name, value);
  place.replaceChildren(element(
    "table",
    { class: "cards" },
    element("caption", { class: "unseen" }, caption),
    element("thead", {}, element("tr", {}, ...columns.split("|").map(head))),
    element("tbody"),
  ));
}

// Builds all tables of the page, or of an element.
export function buildTables(parent = document) {
  for (const place of parent.querySelectorAll("[data-columns]")) build(place);
}

// Shows rows in the table with this id, or hides it if there are none.
export function showRows(id, items, key, cells) {
  byId(id).hidden = items.length === 0;
  syncRows(byId(id).querySelector("tbody"), items, key, cells);
}
