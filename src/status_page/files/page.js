// What the pages of all programs have in common.

import { Charts } from "/chart.js";
import { change, connect, forgetToken, read } from "/connection.js";
import { byId, bytes, cell, clock, count, counted, duration, element, numberCell, progressCell, scaled, setText, syncRows, visible } from "/dom.js";
import { buildTables, showRows } from "/table.js";

export { byId, bytes, cell, change, clock, count, counted, duration, element, numberCell, progressCell, read, scaled, setText, showRows, syncRows };

buildTables();

// What this page may do. It changes with each connection.
export const access = { mayChange: false, showsAddresses: false };

const MOST_REQUESTS = 50;
const COLUMNS = "Time|Method|Document or words|Status|Records #|Peer";

let charts = null;
// When the program was started, on the clock of this page.
let started = null;
let connection = null;

// Says something to screen readers.
export function announce(text) {
  setText("announcements", text);
}

// Shows the result of what the user has done, until it is closed.
export function notify(text, isError = false) {
  const message = byId("message");
  message.classList.toggle("error", isError);
  message.hidden = false;
  message.querySelector("p").textContent = visible(text);
}

// Changes something, and shows the result.
export async function changeAndNotify(path, fields, describe) {
  try {
    notify(describe(await change(path, fields)));
    return true;
  } catch (error) {
    notify(sentence(error.message), true);
    return false;
  }
}

export function sentence(text) {
  const end = /[.!?]$/.test(text) ? "" : ".";
  return text.charAt(0).toUpperCase() + text.slice(1) + end;
}

// Begins. `onHello` is called after each connection, `onState` with each state. `hasChanges` says whether the page
// can change something.
export function start({ onHello = () => {}, onState = () => {}, hasChanges = true }) {
  setText("place", location.host);
  listSections();
  byId("message").querySelector("button").addEventListener("click", () => {
    byId("message").hidden = true;
  });
  const requests = byId("requests") ? new Requests(byId("requests")) : null;
  const events = {
    hello(hello) {
      showAccess(hello, hasChanges);
      showProcess(hello.process);
      started = performance.now() - hello.uptime_seconds * 1000;
      showUptime();
      setText("version", `p2p-ci ${hello.program} ${hello.version}`);
      if (byId("charts")) charts = new Charts(byId("charts"), hello);
      requests?.begin();
      onHello(hello);
    },
    state(state) {
      setText("readiness", state.not_ready_because ? `not ready: ${state.not_ready_because}` : "ready");
      onState(state);
    },
    sample({ sample, process }) {
      charts?.add(sample);
      showProcess(process);
    },
    requests(event) {
      requests?.add(event);
    },
  };
  connection = connect({
    onEvent: (name, data) => events[name]?.(data),
    onConnection: showConnection,
    onWrongToken: (text) => notify(sentence(text), true),
  });
  setInterval(showUptime, 1000);
}

function showUptime() {
  const isConnected = byId("connection").dataset.state === "connected";
  if (started !== null && isConnected) setText("uptime", duration((performance.now() - started) / 1000));
}

function showConnection(state, text) {
  const shown = { connected: "Connected", lost: "Connection lost, connecting again", refused: "Not connected" };
  byId("connection").dataset.state = state;
  setText("connection", shown[state]);
  document.body.classList.toggle("stale", state !== "connected");
  const notice = byId("notice");
  notice.hidden = state !== "refused";
  notice.textContent = state === "refused" ? `The program does not send events: ${visible(sentence(text))} Connecting again.` : "";
}

function showAccess({ may_change: mayChange, shows_addresses: showsAddresses }, hasChanges) {
  access.mayChange = mayChange;
  access.showsAddresses = showsAddresses;
  document.body.dataset.access = mayChange ? "change" : "read";
  const place = byId("access");
  // Without changes, the token is of use only to show addresses.
  place.hidden = !hasChanges && showsAddresses;
  const lock = () => {
    forgetToken();
    connection.again();
  };
  place.replaceChildren(
    ...(mayChange
      ? ["Changes permitted ", element("button", { type: "button", onclick: lock }, "Forget the token")]
      : [hasChanges ? "Read-only. For changes, open the address that " : "Addresses are hidden. To see them, open the address that ", element("code", {}, "p2p-ci admin url"), " prints."]),
  );
}

function showProcess(process) {
  if (!process) return;
  setText("resident", bytes(process.resident_bytes));
  setText("threads", `${counted(process.threads, "thread")}, ${counted(process.open_files, "open file")}`);
}

function listSections() {
  const headings = document.querySelectorAll("main section > h2[id]");
  const links = [...headings].map((heading) => {
    return element("li", {}, element("a", { href: `#${heading.id}` }, heading.textContent));
  });
  byId("sections").replaceChildren(...links);
}

// The requests that the program answers, the last one first.
class Requests {
  constructor(parent) {
    this.requests = [];
    this.number = 0;
    this.total = 0;
    this.dropped = 0;
    this.isPaused = false;
    this.pause = element("button", { type: "button", "aria-pressed": "false", onclick: () => this.toggle() }, "Pause");
    this.summary = element("p", { class: "muted" });
    this.scroll = element("div", { id: "last-requests", "data-label": "The last requests", "data-caption": "The last requests, the newest first", "data-columns": COLUMNS });
    parent.replaceChildren(element("div", { class: "tools" }, this.summary, this.pause), this.scroll);
    buildTables(parent);
    this.draw();
  }

  begin() {
    this.scroll.classList.toggle("without-addresses", !access.showsAddresses);
  }

  toggle() {
    this.isPaused = !this.isPaused;
    this.pause.setAttribute("aria-pressed", String(this.isPaused));
    this.draw();
  }

  add({ requests, dropped }) {
    this.dropped += dropped;
    this.total += requests.length + dropped;
    for (const request of requests) {
      this.number += 1;
      this.requests.unshift({ ...request, number: this.number });
    }
    this.requests.length = Math.min(this.requests.length, MOST_REQUESTS);
    if (!this.isPaused) this.draw();
  }

  draw() {
    const others = this.dropped > 0 ? `; ${count(this.dropped)} were too many to show` : "";
    this.summary.textContent = this.total === 0
      ? "No request since this page was opened."
      : `${counted(this.total, "request")} since this page was opened${others}.`;
    showRows("last-requests", this.requests, (request) => request.number, (request) => [
      cell("Time", clock(request.time)),
      cell("Method", request.method),
      cell("Document or words", element("span", { class: "text" }, request.subject || (request.method === "other" ? "malformed" : "–"))),
      cell("Status", element("span", { class: request.status < 400 ? "good" : "bad" }, String(request.status))),
      numberCell("Records", request.records === null ? "–" : count(request.records)),
      cell("Peer", request.client ?? "hidden"),
    ]);
  }
}
