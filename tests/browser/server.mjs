// The page of an index server.

import assert from "node:assert/strict";

import { checkAppearance, checkKeyboard } from "./appearance.mjs";
import { connected, eventually, open } from "./browser.mjs";
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

const peers = (page) => page.getByRole("region", { name: "Peers that are online" });
const rows = (place) => place.locator("tbody").getByRole("row");

// A list of peers has pages; a filter finds a peer of another page by its address.
async function listsPeers(cleanup, browser) {
  const server = await startServer(cleanup, { options: ["--connections-per-address", "100"] });
  for (let number = 1; number <= 52; number += 1) {
    const records = Array.from({ length: number === 7 ? 3 : 1 }, (_, at) => [number * 10 + at, `Title ${number}`]);
    await Registered.add(cleanup, server.address, records, `127.1.0.${number}`);
  }
  const { page, faults } = await open(cleanup, browser, server.url);
  const summary = page.locator("#peers-summary");
  await summary.getByText("1 to 50 of 52 peers").waitFor();
  await rows(peers(page)).filter({ hasText: "127.1.0.52" }).waitFor();
  await page.getByRole("button", { name: "Next page" }).click();
  await summary.getByText("51 to 52 of 52 peers").waitFor();
  assert.equal(await rows(peers(page)).count(), 2);
  assert.equal(await page.getByRole("button", { name: "Next page" }).isDisabled(), true);
  await page.getByLabel("Order").selectOption("records");
  await summary.getByText("1 to 50 of 52 peers").waitFor();
  await rows(peers(page)).first().getByText("127.1.0.7:5678").waitFor();
  await page.getByLabel("Filter by number").fill("127.1.0.33:");
  await summary.getByText("1 to 1 of 1 peer that matches, of 52").waitFor();
  await rows(peers(page)).getByText("127.1.0.33:5678").waitFor();
  await page.getByLabel("Filter by number").fill("no such peer");
  await summary.getByText("None of 52 peers matches.").waitFor();
  assert.equal(await peers(page).isVisible(), false);
  assert.deepEqual(faults, []);
}

async function findsTitles(cleanup, browser) {
  const server = await startServer(cleanup);
  for (const address of ["127.1.0.1", "127.1.0.2"]) {
    await Registered.add(cleanup, server.address, [[793, "Transmission Control Protocol"], [1, HOSTILE[0]]], address);
  }
  const { page, faults } = await open(cleanup, browser, server.url);
  await connected(page);
  const search = async (words) => {
    await page.getByRole("searchbox", { name: "Words of the title" }).fill(words);
    await page.getByRole("button", { name: "Search" }).click();
  };
  const found = page.getByRole("region", { name: "Found documents" });
  // The search structure may be some titles behind.
  await eventually(async () => {
    await search("control protocol");
    return page.locator("#search-summary").getByText("2 records of 1 document.").isVisible();
  }, "the title");
  const row = rows(found).filter({ hasText: "RFC 793" });
  for (const holder of ["127.1.0.1:5678", "127.1.0.2:5678"]) await row.getByText(holder).waitFor();
  await search("onerror");
  await showsAsText(found, [HOSTILE[0]]);
  await search("absent");
  await page.getByText("No title has these words.").waitFor();
  assert.equal(await found.isVisible(), false);
  assert.deepEqual(faults, []);
}

// Closing a connection, a ban and its end, each with the token alone.
async function closesAndBans(cleanup, browser) {
  const server = await startServer(cleanup);
  const first = await Registered.add(cleanup, server.address, [[1, "One"]], "127.1.0.1");
  const second = await Registered.add(cleanup, server.address, [[2, "Two"]], "127.1.0.2");
  const { page, faults } = await open(cleanup, browser, server.url);
  await connected(page);
  await rows(peers(page)).filter({ hasText: "127.1.0.1" }).waitFor();
  assert.equal(await page.getByRole("button", { name: /Close connection|Ban/ }).count(), 0);
  await page.goto(await urlWithToken(server));
  await page.getByText("Changes permitted").waitFor();
  const row = (address) => rows(peers(page)).filter({ hasText: address });
  const [isClosed, isBanned] = [first.closed(), second.closed()];
  await row("127.1.0.1").getByRole("button", { name: "Close connection" }).click();
  await page.getByText("1 connection closed.", { exact: false }).waitFor();
  await isClosed;
  await row("127.1.0.1").waitFor({ state: "detached" });
  await row("127.1.0.2").getByRole("button", { name: "Ban the address" }).click();
  const network = page.getByLabel("Network or address");
  assert.equal(await network.inputValue(), "127.1.0.2");
  await page.getByRole("button", { name: "Ban, and close its connections" }).click();
  await page.getByText("127.1.0.2/32 is banned; 1 connection closed.").waitFor();
  await isBanned;
  await assert.rejects(Registered.add(cleanup, server.address, [[2, "Two"]], "127.1.0.2"));
  await page.getByRole("button", { name: "End the ban of 127.1.0.2/32" }).click();
  await page.getByText("No network is banned.").waitFor();
  await Registered.add(cleanup, server.address, [[2, "Two"]], "127.1.0.2");
  await row("127.1.0.2").waitFor();
  await network.fill("no network");
  await page.getByRole("button", { name: "Ban, and close its connections" }).click();
  await page.getByText("Expected a network such as", { exact: false }).waitFor();
  assert.deepEqual(faults.filter((fault) => !fault.includes("status of 400")), []);
}

export const cases = [
  ["the list of peers has pages and a filter", listsPeers],
  ["titles are found on the page of an index server", findsTitles],
  ["connections are closed, and networks banned, with the token", closesAndBans],
  ["peers and requests appear on the page of an index server, hostile titles as text", showsPeersAndRequests],
  ["the page of an index server is accessible at each width", looksRight],
];
