// What the pages of all programs have in common, tested with an index server.

import assert from "node:assert/strict";
import http from "node:http";

import { checkMotion } from "./appearance.mjs";
import { connected, eventually, open } from "./browser.mjs";
import { startServer, urlWithToken } from "./programs.mjs";

// The page is the same after the program was restarted, and does not reload.
async function reconnects(cleanup, browser) {
  const server = await startServer(cleanup);
  const { page, faults } = await open(cleanup, browser, server.url);
  await connected(page);
  await page.evaluate(() => (window.isSamePage = true));
  await server.program.end();
  await page.locator("#connection[data-state=lost]").waitFor();
  await startServer(cleanup, { ...server, listen: server.address });
  await connected(page);
  assert.equal(await page.evaluate(() => window.isSamePage), true);
  // Chromium reports failed requests, and nothing else.
  assert.deepEqual(faults.filter((fault) => !/net::ERR_(CONNECTION_REFUSED|INCOMPLETE|EMPTY_RESPONSE|CONNECTION_RESET)/.test(fault)), []);
}

// Opens a stream of events, and returns its status.
function stream(cleanup, url) {
  return new Promise((resolve, reject) => {
    const request = http.get(new URL("/events", url), { agent: false }, (response) => {
      response.on("error", () => {});
      response.resume();
      resolve({ status: response.statusCode, request });
    });
    request.on("error", reject);
    cleanup.add(() => request.destroy());
  });
}

// The 17th page is told why it gets no events, and gets them when another one is closed.
async function seventeenStreams(cleanup, browser) {
  const server = await startServer(cleanup);
  const streams = [];
  for (let count = 0; count < 16; count += 1) streams.push(await stream(cleanup, server.url));
  assert.deepEqual(streams.map(({ status }) => status), Array(16).fill(200));
  assert.equal((await stream(cleanup, server.url)).status, 503);
  const { page, faults } = await open(cleanup, browser, server.url);
  await page.locator("#connection[data-state=refused]").waitFor();
  await page.getByText("16 status pages are open already").waitFor();
  streams[0].request.destroy();
  await connected(page);
  assert.equal(await page.locator("#notice").isVisible(), false);
  assert.deepEqual(faults.filter((fault) => !fault.includes("the server responded with a status of 503")), []);
}

// The policy forbids scripts that are not files of the program, whatever gets into the page.
async function forbidsScripts(cleanup, browser) {
  const server = await startServer(cleanup);
  const { page, faults, response } = await open(cleanup, browser, server.url);
  await connected(page);
  const policy = (await response.allHeaders())["content-security-policy"];
  for (const directive of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
    assert.ok(policy.includes(directive), `expected ${directive}, found ${policy}`);
  }
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.deepEqual(faults, []);
  // Each would run if the page could be made to do it.
  const attempts = await page.evaluate(() => {
    const run = "window.hasRun = true";
    const tries = {
      markup: () => (document.createElement("p").innerHTML = `<img src=x onerror="${run}">`),
      listener: () => document.createElement("img").setAttribute("onerror", run),
      text: () => (document.createElement("script").textContent = run),
      source: () => (document.createElement("script").src = "http://192.0.2.1/x.js"),
      document: () => document.write(`<script>${run}</script>`),
      script: () => {
        const script = document.createElement("script");
        script.append(run);
        document.body.append(script);
      },
      image: () => (new Image().src = "http://192.0.2.1/x.png"),
      request: () => fetch("http://192.0.2.1/").catch(() => {}),
      base: () => {
        const base = document.createElement("base");
        base.href = "http://192.0.2.1/";
        document.head.append(base);
      },
      form: () => {
        const form = document.createElement("form");
        form.action = "http://192.0.2.1/";
        document.body.append(form);
        form.submit();
      },
    };
    return Object.entries(tries).map(([name, attempt]) => {
      try {
        attempt();
        return `${name}: done`;
      } catch {
        return `${name}: refused`;
      }
    });
  });
  const refused = ["markup", "listener", "text", "source", "document"].map((name) => `${name}: refused`);
  assert.deepEqual(attempts.slice(0, refused.length), refused);
  const reports = ["HTMLScriptElement was directly modified", "img-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'"];
  for (const report of reports) {
    await eventually(() => faults.some((fault) => fault.includes(report)), `${report} in ${faults}`);
  }
  assert.equal(await page.evaluate(() => window.hasRun), undefined);
}

// The token is taken from the address, which then does not show it, and survives a reload. It can be forgotten.
async function tokenOpensControls(cleanup, browser) {
  const server = await startServer(cleanup);
  const { page, faults } = await open(cleanup, browser, server.url);
  await connected(page);
  await page.getByText("Read-only.").waitFor();
  assert.equal(await page.locator(".change:visible").count(), 0);
  const url = await urlWithToken(server);
  await page.goto(url);
  await page.getByText("Changes permitted").waitFor();
  assert.equal(page.url(), server.url);
  await page.reload();
  await page.getByText("Changes permitted").waitFor();
  await page.getByRole("button", { name: "Forget the token" }).click();
  await page.getByText("Read-only.").waitFor();
  assert.deepEqual(faults, []);
  await page.goto(url.replace(/.{8}$/, "00000000"));
  await page.getByText("the token is wrong", { exact: false }).waitFor();
  await page.getByText("Read-only.").waitFor();
  assert.deepEqual(faults.filter((fault) => !fault.includes("status of 401")), []);
}

async function doesNotMove(cleanup, browser) {
  const server = await startServer(cleanup);
  const { page, faults } = await open(cleanup, browser, server.url);
  await connected(page);
  await checkMotion(page);
  assert.deepEqual(faults, []);
}

// A browser opens six connections to a program. A page that is not seen must not keep one.
async function hiddenPageEndsItsStream(cleanup, browser) {
  const server = await startServer(cleanup);
  const { page, faults } = await open(cleanup, browser, server.url);
  await connected(page);
  const hide = (isHidden) => page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
  await hide(true);
  await page.locator("#connection[data-state=lost]").waitFor();
  for (let count = 0; count < 16; count += 1) assert.equal((await stream(cleanup, server.url)).status, 200);
  await server.program.end();
  await startServer(cleanup, { ...server, listen: server.address });
  await hide(false);
  await connected(page);
  assert.deepEqual(faults, []);
}

// A chart of a program that has just been started begins with the start.
async function chartsBeginWithTheStart(cleanup, browser) {
  const server = await startServer(cleanup);
  const { page, faults } = await open(cleanup, browser, server.url);
  await connected(page);
  const lines = page.locator(".chart .line");
  // The first two samples are taken after 10 and 20 seconds.
  await eventually(async () => /^M[\d. ]+L/.test(await lines.first().getAttribute("d")), "a line");
  const [, x] = /^M([\d.]+) /.exec(await lines.first().getAttribute("d"));
  assert.ok(Number(x) < 600 - 15, `expected a line that can be seen, found one that begins at ${x} of 600`);
  assert.equal(await page.getByText("5 min ago").first().isVisible(), true);
  assert.deepEqual(faults, []);
}

export const cases = [
  ["a page reconnects after a restart of its program", reconnects],
  ["the 17th page is told why it gets no events", seventeenStreams],
  ["the policy of a page forbids other scripts", forbidsScripts],
  ["the token opens the controls", tokenOpensControls],
  ["a page that is hidden ends its stream", hiddenPageEndsItsStream],
  ["a chart begins with the start of a program", chartsBeginWithTheStart],
  ["nothing moves with prefers-reduced-motion", doesNotMove],
];
