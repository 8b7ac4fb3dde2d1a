// The page of a laboratory.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";

import { checkAppearance, checkKeyboard } from "./appearance.mjs";
import { connected, open } from "./browser.mjs";
import { HOSTILE } from "./hostile.mjs";
import { startLab, urlWithToken } from "./programs.mjs";

// Peers of each kind: one joins, is slow, is dishonest, and leaves; one reads as long as the test lasts.
const SCENARIO = `
title = ${JSON.stringify(HOSTILE[0])}
about = ${JSON.stringify(`${HOSTILE[1]}\nof two lines`)}
duration = "5 min"

[[peers]]
name = "holder"
count = 2
rate = "1 MiB"
documents = { first = 9001, count = 2, size = "20 KiB" }

[[peers]]
name = "slow"
rate = "4 KiB"
documents = { first = 9101, count = 1, size = "1 MiB" }

[[peers]]
name = "dishonest"
rate = "1 MiB"
fault = "alters"
documents = { first = 9201, count = 1, size = "20 KiB" }

[[peers]]
name = "reader"
joins = "1 s"
rate = "1 MiB"
gets = ["RFC 9001", "RFC 9101"]
gets_at = "2 s"

[[events]]
at = "3 s"
do = "leave 1"

[[events]]
at = "4 min"
do = "join 1"
`;

async function run(cleanup, options = []) {
  const directory = await cleanup.directory();
  await writeFile(path.join(directory, "all.toml"), SCENARIO);
  return startLab(cleanup, ["run", "all.toml", "--no-plot", ...options], directory);
}

const row = (page, region, text) => page.getByRole("region", { name: region }).getByRole("row").filter({ hasText: text });

// Peers join and leave, and documents arrive, while the page is open. What the scenario says stays text.
async function showsScenario(cleanup, browser) {
  const lab = await run(cleanup);
  const { page, faults } = await open(cleanup, browser, lab.url);
  await connected(page);
  assert.equal(await page.locator("#title").textContent(), HOSTILE[0]);
  assert.equal(await page.locator("#about").textContent(), `${HOSTILE[1]} of two lines`);
  assert.equal(await page.locator("main img, main script").count(), 0);
  const peers = "Peers of the scenario";
  await row(page, peers, "reader").getByText("joined").waitFor();
  await row(page, peers, "slow").getByText("joined; slow").waitFor();
  await row(page, peers, "dishonest").getByText("dishonest: sends altered documents").waitFor();
  await row(page, peers, "holder").first().getByText("has left").waitFor();
  await page.locator("#delivered").getByText("1", { exact: true }).waitFor();
  const running = row(page, "Running downloads", "RFC 9101");
  await running.getByRole("progressbar", { name: "Download of RFC 9101 by peer 5" }).waitFor();
  await running.getByText("peer 3").waitFor();
  await row(page, "Next steps", "join 1").getByText("240.0 s").waitFor();
  await row(page, "The last events", "peer 5 has RFC 9001, 20480 bytes").waitFor();
  assert.match(await page.locator("#steps").textContent(), /^7 of 8$/);
  assert.equal(await page.locator("#access").isVisible(), false);
  assert.deepEqual(faults, []);
}

async function looksRight(cleanup, browser) {
  const lab = await run(cleanup);
  const { page, faults } = await open(cleanup, browser, await urlWithToken(lab));
  await connected(page);
  await row(page, "Running downloads", "RFC 9101").waitFor();
  await row(page, "Peers of the scenario", "has left").waitFor();
  await checkAppearance(page, "laboratory");
  await page.setViewportSize({ width: 1280, height: 800 });
  await checkKeyboard(page);
  assert.deepEqual(faults, []);
}

// Commands that are typed appear on the page; it stays when the laboratory has ended.
async function showsTypedCommands(cleanup, browser) {
  const lab = await startLab(cleanup, ["2"]);
  const { page, faults } = await open(cleanup, browser, lab.url);
  await page.getByText("commands are typed", { exact: true }).waitFor();
  lab.program.type("slow 2 4 KiB");
  lab.program.type("get 1 all");
  await row(page, "Running downloads", "RFC").getByText("peer 2").waitFor();
  await row(page, "The last requests", "LOOKUP").first().waitFor();
  lab.program.type("leave 2");
  await row(page, "Peers of the scenario", "has left").waitFor();
  lab.program.type("quit");
  await page.locator("#connection[data-state=lost]").waitFor();
  assert.equal(await row(page, "Peers of the scenario", "has left").count(), 1);
  assert.deepEqual(faults.filter((fault) => !/net::ERR_/.test(fault)), []);
}

export const cases = [
  ["the page of a laboratory shows its scenario", showsScenario],
  ["what is typed in a laboratory appears on its page", showsTypedCommands],
  ["the page of a laboratory is accessible at each width", looksRight],
];
