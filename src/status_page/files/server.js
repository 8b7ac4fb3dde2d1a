// The page of an index server.

import { bytes, count, setText, start } from "/page.js";

start({
  onState(state) {
    setText("peers-now", count(state.peers));
    setText("peers-limit", `of at most ${count(state.peers_limit)}`);
    setText("records-now", count(state.records));
    setText("records-limit", `of at most ${count(state.records_limit)}`);
    setText("index-now", bytes(state.index_bytes));
    setText("index-limit", `of at most ${bytes(state.index_bytes_limit)}`);
  },
});
