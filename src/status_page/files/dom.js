// Elements and texts. Nothing is parsed as HTML: strings become text nodes.

const SVG = "http://www.w3.org/2000/svg";

// Controls, and what changes how adjacent text is shown without being seen: the characters that are escaped on a
// terminal, too.
const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e007f}]/gu;

// A text in which they are visible escapes. A name with one could be taken for another name.
export function visible(text) {
  return text.replace(INVISIBLE, (found) => `\\u{${found.codePointAt(0).toString(16)}}`);
}

function fill(created, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) {
      created.addEventListener(name.slice(2), value);
    } else if (value === true) {
      created.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      created.setAttribute(name, name.startsWith("aria-") ? visible(String(value)) : value);
    }
  }
  const shown = children.filter((child) => child !== null && child !== undefined);
  created.append(...shown.map((child) => (typeof child === "string" ? visible(child) : child)));
  return created;
}

// An element with attributes, listeners (`onclick`) and children.
export function element(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

// The same for a drawing.
export function drawn(name, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

export function byId(id) {
  return document.getElementById(id);
}

// Sets the text of the element with this id, if the page has one, and if it has changed.
export function setText(id, text) {
  const found = byId(id);
  const shown = visible(text);
  if (found && found.textContent !== shown) found.textContent = shown;
}

// Replaces the cells of a row that have changed. A button that is replaced while it is pressed would not be clicked.
function setCells(row, cells) {
  const before = [...row.cells];
  cells.forEach((cell, at) => {
    const old = before[at];
    if (!old) {
      row.append(cell);
    } else if (!old.isEqualNode(cell)) {
      const focused = [...old.querySelectorAll("button, a")].indexOf(document.activeElement);
      old.replaceWith(cell);
      if (focused >= 0) cell.querySelectorAll("button, a")[focused]?.focus();
    }
  });
  before.slice(cells.length).forEach((old) => old.remove());
}

// Makes the rows of a table body those of `items`. Rows that stay keep their elements, so that the focus stays,
// too. `cells` returns the cells of a row; it is called again only if the item has changed.
export function syncRows(body, items, key, cells) {
  const before = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  let place = body.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const version = JSON.stringify(item);
    let row = before.get(name);
    before.delete(name);
    if (!row) {
      row = element("tr", { "data-key": name });
    }
    if (row.version !== version) {
      row.version = version;
      setCells(row, cells(item));
    }
    if (row === place) {
      place = place.nextElementSibling;
    } else {
      body.insertBefore(row, place);
    }
  }
  for (const row of before.values()) row.remove();
}

// A cell with the heading of its column, which narrow screens show beside the content. The content is one element, or
// its parts would be placed below the heading.
export function cell(label, ...children) {
  const content = children.length > 1 ? [element("span", {}, ...children)] : children;
  return element("td", { "data-label": label }, ...content);
}

export function numberCell(label, text) {
  return element("td", { "data-label": label, class: "number" }, text);
}

// A cell with a progress bar. Its length is unknown if it is no number.
export function progressCell(label, done, length, text) {
  const known = Number.isFinite(length) && length > 0;
  const bar = element("progress", {
    "aria-label": label,
    max: known ? length : null,
    value: known ? Math.min(done, length) : null,
  });
  return cell("Progress", element("div", { class: "progress" }, bar, element("span", {}, text)));
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

// A number with separators: all digits of large ones, few of small ones.
export function count(value) {
  if (!Number.isFinite(value)) return "–";
  return value >= 100 ? whole.format(value) : precise.format(value);
}

export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

// A number of bytes with its unit.
export function scaled(value) {
  if (!Number.isFinite(value)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${count(value)} ${units[unit]}`;
}

export function bytes(value) {
  return value < 1023.5 ? counted(value, "byte") : scaled(value);
}

// A time in the two largest of its units.
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [minutes, hours, days] = [whole / 60, whole / 3600, whole / 86400].map(Math.floor);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

const time = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

// The local time of a number of milliseconds since 1970.
export function clock(milliseconds) {
  return time.format(new Date(milliseconds));
}
