// Tests of the status pages in Chromium. `run` installs what they need.

import test from "node:test";

import { launch } from "./browser.mjs";
import * as common from "./common.mjs";
import * as lab from "./lab.mjs";
import * as peer from "./peer.mjs";
import { Cleanup } from "./programs.mjs";
import * as server from "./server.mjs";

const cases = [...common.cases, ...server.cases, ...peer.cases, ...lab.cases];

test("status pages", { concurrency: 3 }, async (all) => {
  const browser = await launch();
  all.after(() => browser.close());
  const started = cases.map(([name, run]) => {
    return all.test(name, { timeout: 120_000 }, (one) => run(new Cleanup(one), browser));
  });
  await Promise.all(started);
});
