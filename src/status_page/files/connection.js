// Requests to the program: the stream of events, reading, and changes with the token.
//
// The stream is read with fetch: an EventSource cannot send the token, and cannot read why it was refused.

const KEY = "p2p-ci-token";
// A stream without a heartbeat for this time is dead.
const SILENCE = 45_000;
// A browser opens few connections to a program. A page that is hidden for this time ends its stream.
const HIDDEN = 5_000;

let retry = 2000;

// Takes the token from the fragment of the address, and removes it there. Returns whether there was one.
function takeToken() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found === null) return false;
  sessionStorage.setItem(KEY, found.trim());
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

function headers() {
  const token = sessionStorage.getItem(KEY);
  // What is no token cannot be sent in a header.
  return token && /^[0-9a-fA-F]+$/.test(token) ? { "X-P2P-CI-Token": token } : {};
}

export function forgetToken() {
  sessionStorage.removeItem(KEY);
}

// The reason of a reply that is no success.
async function reason(response) {
  const text = (await response.text()).trim();
  return text.slice(0, 500) || `the program replied ${response.status}`;
}

async function object(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: headers(), cache: "no-store" });
  } catch {
    throw new Error("the program cannot be reached");
  }
  if (!response.ok) throw new Error(await reason(response));
  return response.json();
}

// Reads an object.
export function read(path, parameters = {}) {
  return object(`${path}?${new URLSearchParams(parameters)}`, {});
}

// Changes something. Returns what the program replies.
export function change(path, fields = {}) {
  return object(path, { method: "POST", body: new URLSearchParams(fields) });
}

// Reads events from a stream, until it ends.
async function readEvents(stream, alive, onEvent) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) readEvent(block, onEvent);
  }
}

function readEvent(block, onEvent) {
  let name = "message";
  let data = "";
  for (const line of block.split("\n")) {
    const [, field, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
    if (field === "event") name = value;
    if (field === "data") data += value;
    if (field === "retry") retry = Number(value) || retry;
  }
  if (data) onEvent(name, JSON.parse(data));
}

// Stays connected. Calls onEvent(name, object) for each event, and onConnection(state, text), where state is
// "connecting", "connected", "refused" or "lost".
export function connect({ onEvent, onConnection, onWrongToken }) {
  let abort = new AbortController();
  let wake = () => {};
  const again = () => {
    abort.abort();
    wake();
  };
  takeToken();
  addEventListener("hashchange", () => {
    if (takeToken()) again();
  });
  let hiding;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(() => abort.abort(), HIDDEN);
    else wake();
  });
  const shown = () => new Promise((resolve) => (document.hidden ? (wake = resolve) : resolve()));
  const run = async () => {
    for (;;) {
      await shown();
      abort = new AbortController();
      const state = await attempt(abort, { onEvent, onConnection, onWrongToken });
      if (state === "again" || abort.signal.aborted) continue;
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, retry);
      });
    }
  };
  run();
  return { again };
}

async function attempt(abort, { onEvent, onConnection, onWrongToken }) {
  let timer;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), SILENCE);
  };
  try {
    alive();
    const options = { headers: headers(), cache: "no-store", signal: abort.signal };
    const response = await fetch("/events", options);
    if (response.status === 401) {
      forgetToken();
      onWrongToken(await reason(response));
      return "again";
    }
    if (!response.ok) {
      onConnection("refused", await reason(response));
      return "refused";
    }
    onConnection("connected", "");
    await readEvents(response.body, alive, onEvent);
  } catch {
    // The program has ended, or the network is gone.
  } finally {
    clearTimeout(timer);
  }
  onConnection("lost", "");
  return "lost";
}
