// The page of an index server.

import { access, byId, bytes, cell, changeAndNotify, count, counted, duration, element, numberCell, read, sentence, setText, showRows, start, syncRows } from "/page.js";

// Pauses between two readings of the list of peers.
const [PAUSE, REFRESH] = [2000, 15_000];

// A button that changes something. Its name tells a screen reader what it acts on.
function action(text, name, act) {
  return element("button", { type: "button", "aria-label": name, onclick: act }, text);
}

class Peers {
  constructor() {
    this.page = 0;
    this.seen = "";
    this.next = 0;
    this.timer = null;
    this.reading = 0;
    const first = () => {
      this.page = 0;
      this.readSoon(250);
    };
    byId("peers-filter").addEventListener("input", first);
    byId("peers-order").addEventListener("change", first);
    byId("peers-form").addEventListener("submit", (event) => event.preventDefault());
    byId("peers-back").addEventListener("click", () => this.turn(-1));
    byId("peers-next").addEventListener("click", () => this.turn(1));
    setInterval(() => this.readSoon(0), REFRESH);
  }

  turn(pages) {
    this.page += pages;
    this.read();
    byId("peers-list").focus();
  }

  noteChange(seen) {
    if (this.seen === seen) return;
    this.seen = seen;
    this.readSoon(Math.max(0, this.next - performance.now()));
  }

  readSoon(time) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), time);
  }

  async read() {
    this.next = performance.now() + PAUSE;
    this.reading += 1;
    const reading = this.reading;
    try {
      const list = await read("/page/peers", { q: byId("peers-filter").value, sort: byId("peers-order").value, page: this.page });
      // Another reading has begun meanwhile.
      if (reading === this.reading) this.show(list);
    } catch {
      // The connection is lost, which the page says. The list is read again then.
    }
  }

  show({ total, matching, page, pages, first, peers }) {
    this.page = page;
    const last = first + peers.length - 1;
    const some = matching === total ? "" : ` that ${matching === 1 ? "matches" : "match"}, of ${count(total)}`;
    setText("peers-summary", total === 0 ? "No peer is online." : peers.length === 0 ? `None of ${counted(total, "peer")} matches.` : `${count(first)} to ${count(last)} of ${counted(matching, "peer")}${some}`);
    byId("peers-pages").hidden = pages < 2;
    byId("peers-back").disabled = page === 0;
    byId("peers-next").disabled = page >= pages - 1;
    showRows("peers-list", peers.map((peer) => ({ ...peer, access: access.mayChange })), (peer) => peer.number, cells);
  }
}

const peers = new Peers();

function cells(peer) {
  const more = peer.endpoints > 1 ? ` and ${count(peer.endpoints - 1)} more` : "";
  const name = peer.endpoint ? `${peer.endpoint}${more}` : peer.records > 0 ? "hidden" : "nothing yet";
  const kick = () => changeAndNotify("/page/kick", { target: peer.number }, ({ closed }) => `${counted(closed, "connection")} closed. The peer may connect again.`).then(() => peers.read());
  const ban = () => {
    byId("ban-network").value = host(peer.address ?? "");
    byId("ban-network").focus();
  };
  return [
    numberCell("Number", String(peer.number)),
    cell("Registers as", element("span", { class: "text" }, name)),
    numberCell("Records", count(peer.records)),
    cell("Address", element("span", { class: "text" }, peer.address ?? "hidden")),
    cell("Connected for", duration(peer.connected_seconds)),
    element("td", { class: "change", "data-label": "Actions" }, element("span", { class: "actions" }, action("Close", `Close connection ${peer.number}`, kick), action("Ban…", `Ban the address of connection ${peer.number}`, ban))),
  ];
}

// An address without its port.
function host(address) {
  return address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

byId("search-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const { documents, records, has_more: hasMore } = await read("/page/search", { q: byId("search-words").value });
    const more = hasMore ? " There are more: search for more words." : "";
    setText("search-summary", documents.length === 0 ? "No title has these words." : `${counted(records, "record")} of ${counted(documents.length, "document")}.${more}`);
    showRows("found", documents, (found) => `${found.document} ${found.title}`, (found) => [
      cell("Document", element("span", { class: "text" }, found.document)),
      cell("Title", element("span", { class: "text" }, found.title)),
      cell("Held by", element("span", { class: "text" }, found.holders?.join(", ") ?? counted(found.count, "peer"))),
    ]);
  } catch (error) {
    setText("search-summary", sentence(error.message));
    byId("found").hidden = true;
  }
});

function showTotals({ methods, refusals }) {
  const time = (method) => (method.answered + method.refused === 0 ? "–" : method.mean_microseconds < 1000 ? `${count(method.mean_microseconds)} µs` : `${count(method.mean_microseconds / 1000)} ms`);
  syncRows(byId("methods"), methods, (method) => method.method, (method) => [
    element("th", { scope: "row" }, method.method),
    numberCell("Answered", count(method.answered)),
    numberCell("Refused", count(method.refused)),
    numberCell("Mean time", time(method)),
  ]);
  const causes = refusals.map(({ cause, count: times }) => `${cause.replaceAll("_", " ")} ${count(times)}`);
  setText("refusals", causes.length === 0 ? "Nothing was refused." : `Refused because of: ${causes.join(", ")}.`);
}

function showBans(bans) {
  byId("no-bans").hidden = bans.length > 0;
  syncRows(byId("ban-rows"), bans, (ban) => ban, (ban) => [
    element("td", {}, ban),
    element("td", { class: "change" }, action("End the ban", `End the ban of ${ban}`, () => changeAndNotify("/page/unban", { network: ban }, () => `${ban} may connect again.`))),
  ]);
}

byId("ban-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = byId("ban-network");
  const isDone = await changeAndNotify("/page/ban", { network: input.value.trim() }, ({ network, closed }) => `${network} is banned; ${counted(closed, "connection")} closed.`);
  if (isDone) input.value = "";
});

start({
  onHello() {
    peers.read();
  },
  onState(state) {
    setText("peers-now", count(state.peers));
    setText("peers-limit", `of at most ${count(state.peers_limit)}`);
    setText("records-now", count(state.records));
    setText("records-limit", `of at most ${count(state.records_limit)}`);
    setText("index-now", bytes(state.index_bytes));
    setText("index-limit", `of at most ${bytes(state.index_bytes_limit)}`);
    showTotals(state);
    showBans(state.bans);
    peers.noteChange(`${state.peers} ${state.records}`);
  },
});
