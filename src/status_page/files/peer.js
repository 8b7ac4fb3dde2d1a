// The page of a peer.

import { count, setText, start } from "/page.js";

start({
  onState(state) {
    setText("documents", count(state.documents));
    setText("readers", count(state.readers));
    setText("registered", `${count(state.registered_records)} records registered`);
  },
});
