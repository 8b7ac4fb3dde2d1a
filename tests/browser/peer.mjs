// The page of a peer.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { checkAppearance, checkKeyboard } from "./appearance.mjs";
import { connected, eventually, open } from "./browser.mjs";
import { HOSTILE, RECORDS, showsAsText } from "./hostile.mjs";
import { Registered, startPeer, startServer, urlWithToken } from "./programs.mjs";

// A peer that shares these files, by name.
async function sharing(cleanup, server, files, options) {
  const directory = await cleanup.directory();
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(directory, name), content);
  return startPeer(cleanup, server.address, directory, options);
}

function row(page, region, name) {
  return page.getByRole("region", { name: region }).getByRole("row").filter({ hasText: name });
}

async function find(page, by, words) {
  const form = page.getByRole("search");
  await form.getByLabel("Look for").selectOption(by);
  if (words !== undefined) await form.getByRole("searchbox").fill(words);
  await form.getByRole("button", { name: "Find" }).click();
}

// Without the token a download cannot be started. With it the document is found, downloaded, and shared.
async function downloads(cleanup, browser) {
  const server = await startServer(cleanup);
  const content = Buffer.alloc(300_000, "The content of a lecture. ");
  const holder = await sharing(cleanup, server, { "Lecture 01.txt": content });
  await holder.program.after("registered 1 document");
  const peer = await sharing(cleanup, server, { "rfc793.txt": "own" });
  const { page, faults } = await open(cleanup, browser, peer.url);
  await connected(page);
  await find(page, "title", "lecture");
  const found = row(page, "Found documents", "Lecture");
  const download = found.getByRole("button", { name: "Download" });
  assert.equal(await download.isDisabled(), true);
  await page.goto(await urlWithToken(peer));
  await page.getByText("Changes permitted").waitFor();
  await find(page, "title", "lecture");
  await download.click();
  await page.locator("summary", { hasText: "Downloads that have ended" }).click();
  await row(page, "Downloads that have ended", "Lecture").getByText("complete", { exact: false }).waitFor();
  await found.getByText("shared here").waitFor();
  assert.ok(content.equals(await readFile(path.join(peer.directory, "Lecture 01.txt"))));
  await row(page, "Shared documents", "Lecture").getByText("registered", { exact: true }).waitFor();
  assert.deepEqual(faults, []);
}

// A slow download shows its progress, and can be cancelled with the keyboard alone; so can its history be read.
async function cancelsWithTheKeyboard(cleanup, browser) {
  const server = await startServer(cleanup);
  const holder = await sharing(cleanup, server, { "slow.bin": Buffer.alloc(5_000_000, 7) }, ["--upload-limit", "50k"]);
  await holder.program.after("registered 1 document");
  const peer = await sharing(cleanup, server, {});
  const { page, faults } = await open(cleanup, browser, await urlWithToken(peer));
  await page.getByText("Changes permitted").waitFor();
  const focusOn = async (name) => {
    const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.name ?? document.activeElement.textContent);
    for (let count = 0; count < 60; count += 1) {
      await page.keyboard.press("Tab");
      if (((await focused()) || (await page.evaluate(() => document.activeElement.textContent))) === name) return;
    }
    assert.fail(`expected ${name} to be reached by Tab`);
  };
  await focusOn("q");
  await page.keyboard.type("slow");
  await page.keyboard.press("Enter");
  await row(page, "Found documents", "slow.bin").waitFor();
  await focusOn("Download slow.bin");
  await page.keyboard.press("Enter");
  const running = row(page, "Running downloads", "slow.bin");
  await running.getByRole("progressbar").waitFor();
  await eventually(async () => (await running.getByRole("progressbar").getAttribute("value")) > 0, "progress");
  await focusOn("Why: history of slow.bin");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  const label = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  assert.equal(label, "Why: history of slow.bin");
  await focusOn("Cancel slow.bin");
  // The row changes meanwhile: before, its buttons were replaced, and the key had no effect.
  await page.keyboard.down("Space");
  const shown = await running.textContent();
  await eventually(async () => (await running.textContent()) !== shown, "progress while the key is pressed");
  await page.keyboard.up("Space");
  await page.locator("summary", { hasText: "Downloads that have ended" }).waitFor();
  await page.locator("summary", { hasText: "Downloads that have ended" }).click();
  await row(page, "Downloads that have ended", "slow.bin").getByText("cancelled").waitFor();
  assert.deepEqual(faults, []);
}

async function hostileTitles(cleanup, browser) {
  const server = await startServer(cleanup);
  await Registered.add(cleanup, server.address, RECORDS);
  const peer = await sharing(cleanup, server, { "<img src=x onerror=alert(1)>.txt": "1", "‮cod.txt": "2" });
  const { page, faults } = await open(cleanup, browser, await urlWithToken(peer));
  await page.getByText("Changes permitted").waitFor();
  await find(page, "rfcs");
  const found = page.getByRole("region", { name: "Found documents" });
  await showsAsText(found, HOSTILE);
  await row(page, "Shared documents", "onerror").waitFor();
  assert.deepEqual(faults, []);
}

async function looksRight(cleanup, browser) {
  const server = await startServer(cleanup);
  await Registered.add(cleanup, server.address, RECORDS);
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, number) => [`Lecture recording ${number}.txt`, `${number}`]));
  const holder = await sharing(cleanup, server, { "slow.bin": Buffer.alloc(5_000_000, 7), [`${"long".repeat(40)}.txt`]: "1" }, ["--upload-limit", "50k"]);
  await holder.program.after("registered 2 documents");
  const peer = await sharing(cleanup, server, files);
  for (const url of [peer.url, await urlWithToken(peer)]) {
    const { page, faults } = await open(cleanup, browser, url);
    await connected(page);
    await find(page, "rfcs");
    await page.getByRole("region", { name: "Found documents" }).waitFor();
    if (url !== peer.url) {
      await find(page, "title", "slow");
      await row(page, "Found documents", "slow").getByRole("button", { name: "Download" }).click();
      await row(page, "Running downloads", "slow").waitFor();
    }
    const name = url === peer.url ? "peer, read-only" : "peer";
    await checkAppearance(page, name);
    await page.setViewportSize({ width: 1280, height: 800 });
    await checkKeyboard(page);
    assert.deepEqual(faults, []);
  }
}

export const cases = [
  ["a document is found and downloaded", downloads],
  ["a download is cancelled, and its history read, with the keyboard alone", cancelsWithTheKeyboard],
  ["hostile titles and file names stay text on the page of a peer", hostileTitles],
  ["the page of a peer is accessible at each width", looksRight],
];
