// The page of an index server.

import assert from "node:assert/strict";

import { checkAppearance, checkKeyboard } from "./appearance.mjs";
import { connected, open } from "./browser.mjs";
import { HOSTILE, RECORDS, showsAsText } from "./hostile.mjs";
import { Registered, startServer, urlWithToken } from "./programs.mjs";

async function looksRight(cleanup, browser) {
  const server = await startServer(cleanup);
  await Registered.add(cleanup, server.address, RECORDS);
  const { page, faults } = await open(cleanup, browser, await urlWithToken(server));
  await connected(page);
  await checkAppearance(page, "index server");
  await page.setViewportSize({ width: 1280, height: 800 });
  await checkKeyboard(page);
  assert.deepEqual(faults, []);
}

// What a peer adds and asks for appears while the page is open, as text.
async function showsPeersAndRequests(cleanup, browser) {
  const server = await startServer(cleanup);
  const { page, faults } = await open(cleanup, browser, server.url);
  await connected(page);
  const peer = await Registered.add(cleanup, server.address, RECORDS);
  await page.locator("#peers-now").getByText("1", { exact: true }).waitFor();
  await page.locator("#records-now").getByText(String(RECORDS.length), { exact: true }).waitFor();
  const requests = page.getByRole("region", { name: "The last requests" });
  await requests.getByRole("row").filter({ hasText: "ADD" }).filter({ hasText: "RFC 1" }).waitFor();
  for (const title of HOSTILE) {
    peer.socket.write(`SEARCH ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: ${title}\r\n\r\n`);
  }
  await requests.getByRole("row").filter({ hasText: "xxxx" }).waitFor();
  await showsAsText(requests, HOSTILE.slice(0, -1));
  assert.match(await requests.textContent(), /\\u\{202e\}/);
  peer.socket.destroy();
  await page.locator("#peers-now").getByText("0", { exact: true }).waitFor();
  await page.locator("#records-now").getByText("0", { exact: true }).waitFor();
  assert.deepEqual(faults, []);
}

export const cases = [
  ["peers and requests appear on the page of an index server, hostile titles as text", showsPeersAndRequests],
  ["the page of an index server is accessible at each width", looksRight],
];
