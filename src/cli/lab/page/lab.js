// The page of a laboratory: its scenario, its peers, and what they download.

import {
  access, byId, bytes, cell, count, counted, element, numberCell, progressCell, setText, showRows, start,
} from "/page.js";

const FAULTS = { alters: "dishonest: sends altered documents", stops: "stops in the middle of documents" };
const PRESENCE = { expected: "has not joined yet", joined: "joined", left: "has left" };

// A time of the laboratory, as its lines on the terminal have it.
function at(seconds) {
  return `${seconds.toFixed(1)} s`;
}

function text(shown) {
  return element("span", { class: "text" }, shown);
}

function showScenario({ title, about, duration_seconds: duration, phase, steps, steps_taken: taken, documents, carried_bytes: carried, connections }) {
  setText("title", title);
  setText("about", about.replaceAll("\n", " ").trim());
  byId("about").hidden = about === "";
  setText("duration", duration === null ? "until it is ended" : `of at most ${counted(duration, "second")}`);
  setText("steps", `${count(taken)} of ${count(steps)}`);
  setText("phase", { steps: "the schedule runs", downloads: "waiting for downloads", commands: "commands are typed" }[phase]);
  setText("delivered", count(documents.delivered));
  setText("wanted", `of ${count(documents.wanted)} wanted`);
  setText("received", bytes(documents.bytes));
  setText("carried", `TCP has carried ${bytes(carried)} on ${counted(connections, "connection")}`);
  const { failed, retried, holders_failed: holders } = documents;
  byId("failures").hidden = failed + retried + holders === 0;
  setText("failures", `${counted(holders, "failure")} of holders, ${counted(retried, "retry", "retries")}, ${counted(failed, "document")} given up.`);
}

function stateOf({ presence, fault, is_slow: isSlow }) {
  const isHere = presence === "joined";
  return [PRESENCE[presence], fault && FAULTS[fault], isHere && isSlow ? "slow" : null].filter(Boolean).join("; ");
}

function showPeers(peers) {
  const here = peers.filter(({ presence }) => presence === "joined").length;
  setText("peers-now", count(here));
  setText("peers-others", `of ${count(peers.length)}`);
  const bad = peers.filter(({ presence, fault, is_slow: isSlow }) => presence === "joined" && (fault || isSlow)).length;
  const left = peers.filter(({ presence }) => presence === "left").length;
  setText("peers-summary", `${count(here)} online, ${count(left)} left, ${count(peers.length - here - left)} not joined yet; ${count(bad)} online with a fault or slow.`);
  showRows("peers", peers, ({ number }) => number, (peer) => [
    numberCell("Peer", String(peer.number)),
    cell("Group", text(peer.group)),
    cell("State", element("span", { class: peer.fault || peer.is_slow ? "bad" : peer.presence === "joined" ? "good" : "muted" }, stateOf(peer))),
    numberCell("Documents", peer.presence === "joined" ? count(peer.documents) : "–"),
    numberCell("Latency", peer.presence === "joined" ? `${count(peer.latency_milliseconds)} ms` : "–"),
    numberCell("Rate", peer.presence !== "joined" ? "–" : peer.bytes_per_second === null ? "unlimited" : `${bytes(peer.bytes_per_second)}/s`),
    cell("Address", text(peer.presence !== "joined" ? "–" : peer.address ?? "hidden")),
  ]);
}

function showTransfers({ transfers, all_transfers: all }) {
  const others = all > transfers.length ? `, ${count(all - transfers.length)} are not shown` : "";
  setText("transfers-summary", all === 0 ? "No download runs." : `${counted(all, "download")}${others}.`);
  showRows("transfers", transfers, ({ number }) => number, ({ peer, document, bytes: done, length, from }) => [
    numberCell("Peer", String(peer)),
    cell("Document", text(document)),
    progressCell(`Download of ${document} by peer ${peer}`, done, length, length === null ? "waiting" : `${bytes(done)} of ${bytes(length)}`),
    cell("From", text(from.join(", ") || "–")),
  ]);
}

function showSchedule({ phase, steps, steps_taken: taken, coming }) {
  const left = steps - taken;
  const later = left > coming.length ? ` These are the next ${count(coming.length)}.` : "";
  const none = phase === "commands" ? "Commands are typed where the laboratory was started." : "All steps were taken.";
  setText("coming-summary", left === 0 ? none : `${counted(left, "step")} to take.${later}`);
  const keyed = coming.map((step, place) => ({ ...step, number: taken + place }));
  showRows("coming", keyed, ({ number }) => number, (step) => [numberCell("At", at(step.at)), cell("Step", element("code", {}, step.text))]);
}

function showNotes(notes) {
  const isHidden = notes.length === 0 && !access.showsAddresses;
  const none = isHidden ? "Events are hidden here, because they contain addresses." : "Nothing has happened yet.";
  setText("notes-summary", notes.length === 0 ? none : "The last events, the newest first.");
  showRows("notes", notes, ({ number }) => number, (note) => [numberCell("At", at(note.time)), cell("Event", text(note.text))]);
}

start({
  hasChanges: false,
  onState(state) {
    showScenario(state);
    showPeers(state.peers);
    showTransfers(state);
    showSchedule(state);
    showNotes(state.notes);
  },
});
