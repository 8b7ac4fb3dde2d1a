// The page of a peer: what it shares, what it downloads and uploads, and what others have.

import {
  access, announce, byId, bytes, cell, changeAndNotify, clock, count, counted, duration, element, numberCell, progressCell,
  read, scaled, sentence, setText, showRows, start,
} from "/page.js";

// Time without a key press after which the library is filtered.
const TYPING = 250;

// The last state, and the names of documents that are being downloaded, or have become complete.
let last = { ended: [] };
let downloading = new Set();
let complete = new Set();
let found = [];

// What a row looks like depends on the access, too.
function showDocuments(id, items, cells) {
  const mayChange = access.mayChange;
  showRows(id, items.map((item) => ({ ...item, mayChange })), (item) => item.key ?? item.name, cells);
}

// The fields that name a document in requests.
function named(document) {
  return "rfc" in document ? { rfc: document.rfc } : { file: document.file };
}

function nameCell(document) {
  return element("th", { scope: "row", "data-label": "Document" }, element("span", { class: "text" }, document.name));
}

// A button for a change. Without the token it is disabled, and the reason is described.
function changeButton(text, name, act) {
  const properties = { type: "button", "aria-label": `${text} ${name}`, onclick: act };
  if (!access.mayChange) Object.assign(properties, { disabled: true, "aria-describedby": "change-reason" });
  return element("button", properties, text);
}

// Addresses of other programs. None is broken into lines if it fits.
function endpoints(all) {
  return all.flatMap((endpoint, at) => [at > 0 ? ", " : "", element("span", { class: "endpoint" }, endpoint)]);
}

function whyButton(document) {
  const properties = { type: "button", "aria-label": `Why: history of ${document.name}`, "aria-haspopup": "dialog" };
  return element("button", { ...properties, "data-why": document.name, onclick: (event) => showWhy(document, event.currentTarget) }, "Why");
}

function actions(...buttons) {
  return cell("Action", element("div", { class: "actions" }, ...buttons));
}

function percent(done, length) {
  return `${Math.floor((100 * done) / length)} %`;
}

// Downloads

function stateOf(download) {
  const { state, bytes: done = 0, length, next_try: next, reason } = download;
  const amount = Number.isFinite(length) && length > 0
    ? `${bytes(done)} of ${bytes(length)}, ${percent(done, length)}`
    : done > 0 ? bytes(done) : "";
  if (state === "receiving") return amount;
  if (state === "cancelled") return "being cancelled";
  if (state === "retrying") {
    return [`tried again at ${clock(next)}`, reason, amount].filter(Boolean).join("; ");
  }
  return amount ? `waiting; ${amount}` : "waiting";
}

function downloadCells(download) {
  const { name, state, bytes: done = 0, length, bytes_per_second: rate, seconds_left: left, holders = 0, from } = download;
  const cancel = () => changeAndNotify("/page/cancel", named(download), () => `The download of ${name} is cancelled.`);
  return [
    nameCell(download),
    progressCell(`Download of ${name}`, done, length, stateOf(download)),
    numberCell("Rate", state === "receiving" && Number.isFinite(rate) ? `${scaled(rate)}/s` : "–"),
    numberCell("Remaining", state === "receiving" && Number.isFinite(left) ? duration(left) : "–"),
    cell("From", ...(holders === 0 ? ["–"] : from ? endpoints(from) : [counted(holders, "holder")])),
    actions(whyButton(download), state === "cancelled" ? null : changeButton("Cancel", name, cancel)),
  ];
}

const RESULTS = { complete: "complete", present: "was here already", failed: "not downloaded", cancelled: "cancelled" };

function resultOf({ result, bytes: length, reason }) {
  if (result === "complete") return `complete, ${bytes(length)}`;
  return reason ? `${RESULTS[result]}: ${reason}` : RESULTS[result];
}

function endedCells(ended) {
  return [
    nameCell(ended),
    cell("Result", element("span", { class: ended.result === "failed" ? "bad text" : "text" }, resultOf(ended))),
    cell("Time", clock(ended.time)),
    actions(whyButton(ended)),
  ];
}

function showDownloads({ running_downloads: downloads, more_downloads: more, ended }) {
  const key = (one) => `${one.time} ${one.name}`;
  const known = new Set(last.ended.map(key));
  if (last.isShown) {
    for (const one of ended.filter((one) => !known.has(key(one)))) announce(`${one.name}: ${resultOf(one)}`);
  }
  downloading = new Set(downloads.map((one) => one.name));
  complete = new Set(ended.filter((one) => ["complete", "present"].includes(one.result)).map((one) => one.name));
  showDocuments("downloads", downloads, downloadCells);
  const others = more > 0 ? `, ${count(more)} more are not shown` : "";
  setText("downloads-summary", downloads.length === 0 ? "No download runs." : `${counted(downloads.length, "download")}${others}.`);
  byId("ended-part").hidden = ended.length === 0;
  showDocuments("ended", ended.map((one) => ({ ...one, key: key(one) })), endedCells);
}

// Uploads

function showUploads({ running_uploads: uploads, more_uploads: more }) {
  const keyed = uploads.map((one, at) => ({ ...one, key: `${one.name} ${one.reader ?? at}` }));
  showDocuments("uploads", keyed, ({ name, sent, length, bytes_per_second: rate, reader, ...document }) => [
    nameCell({ name, ...document }),
    progressCell(`Upload of ${name}`, sent, length, `${bytes(sent)} of ${bytes(length)}, ${percent(sent, Math.max(1, length))}`),
    numberCell("Rate", `${scaled(rate)}/s`),
    cell("Reader", reader ?? "hidden"),
  ]);
  const others = more > 0 ? `, ${count(more)} more are not shown` : "";
  setText("uploads-summary", uploads.length === 0 ? "No document is being uploaded." : `${counted(uploads.length, "upload")}${others}.`);
}

// Finding

function foundCells(document) {
  const { name, title, bytes: length, holders, from, status } = document;
  const download = () => changeAndNotify("/page/download", named(document), () => `The download of ${name} is requested.`);
  const action = {
    here: "shared here",
    downloading: "being downloaded",
    none: "no other peer",
  }[status];
  return [
    nameCell(document),
    cell("Title", element("span", { class: "text" }, title)),
    numberCell("Size", Number.isFinite(length) ? bytes(length) : "–"),
    cell("Holders", ...(from && holders > 0 ? [`${count(holders)}: `, ...endpoints(from)] : [count(holders)])),
    actions(action ? element("span", { class: "muted" }, action) : changeButton("Download", name, download)),
  ];
}

function showFound() {
  const status = ({ name, is_here: isHere, holders }) => {
    if (isHere || complete.has(name)) return "here";
    if (downloading.has(name)) return "downloading";
    return holders > 0 ? "free" : "none";
  };
  showDocuments("found", found.map((document) => ({ ...document, status: status(document) })), foundCells);
}

async function find(event) {
  event.preventDefault();
  const form = byId("find");
  const [by, q] = [form.elements.by.value, form.elements.q.value];
  const button = form.querySelector("button");
  // A disabled button would lose the focus.
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  setText("find-summary", "Asking the index…");
  try {
    const reply = await read("/page/find", { by, q });
    found = reply.documents;
    const more = reply.is_truncated ? ` There are more: look for ${by === "title" ? "more words" : "words of a title"}.` : "";
    const missing = reply.incomplete ? ` The result may be incomplete: ${sentence(reply.incomplete)}` : "";
    setText("find-summary", `${found.length === 0 ? "Nothing was found." : `${counted(found.length, "document")}.`}${more}${missing}`);
  } catch (error) {
    found = [];
    setText("find-summary", sentence(error.message));
  }
  button.removeAttribute("aria-disabled");
  showFound();
}

function adaptForm() {
  const { by, q } = byId("find").elements;
  const labels = { title: "Words", name: "RFC number or file name" };
  const isNeeded = by.value in labels;
  byId("find-text").hidden = !isNeeded;
  q.disabled = !isNeeded;
  if (isNeeded) setText("find-label", labels[by.value]);
}

// The library

const library = { first: 0, number: 0, seen: "", timer: null };

async function showLibrary() {
  const { q, state } = byId("library-filter").elements;
  library.number += 1;
  const number = library.number;
  let page;
  try {
    page = await read("/page/library", { q: q.value, state: state.value, first: library.first });
  } catch (error) {
    if (number === library.number) setText("library-summary", sentence(error.message));
    return;
  }
  // A later request may have been answered first.
  if (number !== library.number) return;
  const { all, admitted, rows_of_page: size, documents } = page;
  if (documents.length === 0 && admitted > 0 && library.first > 0) {
    library.first = Math.floor((admitted - 1) / size) * size;
    showLibrary();
    return;
  }
  showDocuments("library", documents, libraryCells);
  const of = admitted === all ? counted(all, "document") : `${count(admitted)} of ${counted(all, "document")}`;
  const shown = documents.length < admitted
    ? `Rows ${count(library.first + 1)} to ${count(library.first + documents.length)} of ${of}.`
    : `${of}.`;
  setText("library-summary", shown);
  library.size = size;
  byId("library-back").disabled = library.first === 0;
  byId("library-next").disabled = library.first + documents.length >= admitted;
}

function libraryCells(document) {
  const { title, bytes: length, state, refused_with: refused } = document;
  const states = { registered: "registered", refused: `refused: ${refused}`, waiting: "not registered yet" };
  return [
    nameCell(document),
    cell("Title", element("span", { class: "text" }, title)),
    numberCell("Size", Number.isFinite(length) ? bytes(length) : "–"),
    cell("State", element("span", { class: state === "refused" ? "bad" : null }, states[state])),
    actions(whyButton(document)),
  ];
}

function turn(pages) {
  library.first = Math.max(0, library.first + pages * (library.size ?? 0));
  byId("library").scrollTop = 0;
  showLibrary();
}

function filterSoon() {
  clearTimeout(library.timer);
  library.timer = setTimeout(() => {
    library.first = 0;
    showLibrary();
  }, TYPING);
}

// The history of a document

async function showWhy(document, opener) {
  const dialog = byId("why");
  setText("why-heading", `History of ${document.name}`);
  byId("why-events").replaceChildren();
  byId("why-lines").replaceChildren();
  setText("why-note", "Reading…");
  const region = opener.closest("[role=region]")?.id;
  dialog.onclose = () => restoreFocus(opener, region, document.name);
  dialog.showModal();
  byId("why-heading").focus();
  try {
    const { events, lines, is_hidden: isHidden } = await read("/page/why", named(document));
    byId("why-events").replaceChildren(...events.map(({ time, what }) => {
      const when = new Date(time);
      return element("li", {}, element("time", { datetime: when.toISOString() }, when.toLocaleString()), " ", element("span", { class: "text" }, what));
    }));
    byId("why-lines").replaceChildren(...lines.map((line) => element("li", { class: "text" }, line)));
    const nothing = events.length === 0 ? "It was not downloaded by this program." : "";
    setText("why-note", isHidden ? "The history is shown only with the token, because it names other programs." : nothing);
  } catch (error) {
    setText("why-note", sentence(error.message));
  }
}

// The row of the button may have been drawn again while the dialog was open.
function restoreFocus(opener, region, name) {
  if (opener.isConnected) {
    opener.focus();
    return;
  }
  const buttons = [...document.querySelectorAll("button[data-why]")];
  const same = buttons.find((button) => button.dataset.why === name && button.closest("[role=region]")?.id === region);
  (same ?? byId("main")).focus();
}

byId("find").addEventListener("submit", find);
byId("find").elements.by.addEventListener("change", adaptForm);
byId("library-filter").addEventListener("submit", (event) => event.preventDefault());
byId("library-filter").addEventListener("input", filterSoon);
byId("library-back").addEventListener("click", () => turn(-1));
byId("library-next").addEventListener("click", () => turn(1));

start({
  onHello() {
    byId("change-reason").hidden = access.mayChange;
    for (const id of ["uploads"]) byId(id).classList.toggle("without-addresses", !access.showsAddresses);
    library.seen = "";
  },
  onState(state) {
    setText("documents", count(state.documents));
    setText("registered", state.registered ? `${counted(state.registered_records, "record")} registered` : `not registered: ${state.not_registered_because}`);
    setText("downloads-now", count(state.running_downloads.length + state.more_downloads));
    setText("downloads-total", `${counted(state.downloads, "document")}, ${bytes(state.downloaded_bytes)} since the start`);
    setText("uploads-now", count(state.running_uploads.length + state.more_uploads));
    setText("uploads-total", `${counted(state.uploads, "document")}, ${bytes(state.uploaded_bytes)} since the start`);
    showDownloads(state);
    showUploads(state);
    last = { ...state, isShown: true };
    showFound();
    const seen = `${state.documents} ${state.registered_records} ${state.registered}`;
    if (seen !== library.seen) {
      library.seen = seen;
      showLibrary();
    }
  },
});
