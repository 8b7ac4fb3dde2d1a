// Charts of the last hour, and the same numbers as a table.

import { count, drawn, element, scaled } from "/dom.js";

const HOUR = 3600;
// The shortest time of a chart, in seconds: that of a program that has just been started.
const SHORTEST = 300;
const [WIDTH, HEIGHT] = [600, 100];
// A row of the table.
const ROW = 300;

function shown(series, value) {
  if (value === undefined) return "–";
  const text = series.unit === "bytes" ? scaled(value) : count(value);
  return series.kind === "rate" ? `${text}/s` : text;
}

// The next number with one or two digits, such as 1.5, 20 or 25, of a unit of bytes, too.
function roundUp(value, unit) {
  if (value <= 0) return 1;
  if (unit === "bytes" && value > 1024) return 1024 * roundUp(value / 1024, unit);
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
  return steps.find((step) => step * power >= value) * power;
}

// Draws all series into an element. `hello` describes them.
export class Charts {
  constructor(parent, hello) {
    this.series = hello.series;
    this.samples = hello.samples;
    this.interval = hello.interval_seconds;
    this.figures = this.series.map((series, at) => this.figure(series, at));
    this.rows = element("tbody");
    const heads = this.series.map((series) => element("th", { scope: "col", class: "number" }, series.label));
    const table = element(
      "table",
      {},
      element("caption", { class: "unseen" }, "Averages of five minutes in the last hour"),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Time"), ...heads)),
      this.rows,
    );
    const scroll = element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Values of the last hour" },
      table,
    );
    this.details = element("details", { ontoggle: () => this.fillTable() }, element("summary", {}, "Show as a table"), scroll);
    this.waiting = element("p", { class: "muted" }, `The first values appear ${this.interval} seconds after the start.`);
    const all = element("div", { class: "charts" }, ...this.figures.map((figure) => figure.root));
    parent.replaceChildren(this.waiting, all, this.details);
    this.draw();
  }

  figure(series, at) {
    const line = drawn("path", { class: "line" });
    const area = drawn("path", { class: "area" });
    const grid = drawn("path", { class: "grid", d: `M0 0.5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}` });
    const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" };
    const picture = drawn("svg", attributes, grid, area, line);
    const [now, top] = [element("span", { class: "now" }), element("span", { class: "top" })];
    const axis = element("p", { class: "axis muted", "aria-hidden": "true" });
    const root = element(
      "div",
      { class: "chart" },
      element("h3", {}, series.label, now),
      element("div", { class: "plot" }, picture, top),
      axis,
    );
    return { root, series, at: at + 1, line, area, picture, now, top, axis };
  }

  add(sample) {
    this.samples.push(sample);
    while (this.samples.length > HOUR / this.interval) this.samples.shift();
    this.draw();
    this.fillTable();
  }

  draw() {
    this.waiting.hidden = this.samples.length > 0;
    const last = this.samples.at(-1)?.[0] ?? 0;
    // Until an hour after the start of the program, a chart begins with the start, in steps of five minutes.
    const time = Math.min(HOUR, Math.max(SHORTEST, Math.ceil(last / SHORTEST) * SHORTEST));
    const minutes = (seconds) => (seconds === HOUR ? "1 hour" : `${seconds / 60} min`);
    for (const { series, at, line, area, picture, now, top, axis } of this.figures) {
      axis.replaceChildren(...[`${minutes(time)} ago`, minutes(time / 2), "now"].map((text) => element("span", {}, text)));
      const values = this.samples.map((sample) => sample[at]);
      const most = values.reduce((one, other) => Math.max(one, other), 0);
      const height = roundUp(most, series.unit);
      const points = this.samples.map((sample) => {
        const x = WIDTH - ((last - sample[0]) / time) * WIDTH;
        const y = HEIGHT - (sample[at] / height) * (HEIGHT - 2) - 1;
        return `${x.toFixed(1)} ${y.toFixed(1)}`;
      });
      // A sample is the mean of the interval before it: the first one alone is drawn as a line, too.
      if (points.length === 1) {
        const [x, y] = points[0].split(" ");
        points.unshift(`${(x - (this.interval / time) * WIDTH).toFixed(1)} ${y}`);
      }
      const first = points.length > 0 ? points[0].split(" ")[0] : WIDTH;
      line.setAttribute("d", points.length > 0 ? `M${points.join("L")}` : "");
      area.setAttribute("d", points.length > 0 ? `M${first} ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z` : "");
      const current = shown(series, values.at(-1));
      now.textContent = current;
      top.textContent = shown(series, height);
      picture.setAttribute("aria-label", `${series.label} in the last hour: now ${current}, at most ${shown(series, values.length > 0 ? most : undefined)}`);
    }
  }

  // A row for each five minutes, the last ones first.
  fillTable() {
    if (!this.details.open) return;
    const last = this.samples.at(-1)?.[0] ?? 0;
    const rows = [];
    for (let ago = 0; ago < HOUR; ago += ROW) {
      const some = this.samples.filter(([at]) => last - at >= ago && last - at < ago + ROW);
      if (some.length === 0) break;
      const mean = (at) => some.reduce((sum, sample) => sum + sample[at], 0) / some.length;
      const cells = this.figures.map(({ series, at }) => element("td", { class: "number" }, shown(series, mean(at))));
      const label = ago === 0 ? "last 5 minutes" : `${ago / 60} to ${(ago + ROW) / 60} minutes ago`;
      rows.push(element("tr", {}, element("th", { scope: "row" }, label), ...cells));
    }
    this.rows.replaceChildren(...rows);
  }
}
