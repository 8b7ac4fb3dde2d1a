// Chromium, and pages whose faults are recorded.

import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

// Debian's Chromium. None is ever downloaded.
function executable() {
  const names = process.env.PATH.split(path.delimiter).map((directory) => path.join(directory, "chromium"));
  return names.find((name) => {
    try {
      accessSync(name, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// A deadline for everything that the tests wait for. It is long for a machine that is busy.
export const PATIENCE = 45_000;

export function launch() {
  // Without shared memory and a processor for graphics, as in a container.
  const args = ["--disable-dev-shm-usage", "--disable-gpu"];
  return chromium.launch({ executablePath: executable(), args, timeout: PATIENCE });
}

// Opens a page whose faults are recorded: errors and warnings on the console, which include violations of the
// Content-Security-Policy, exceptions, dialogs, and requests to other places.
export async function open(cleanup, browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  cleanup.add(() => context.close());
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) faults.push(`request: ${request.url()}`);
  });
  const response = await page.goto(url);
  assert.equal(response.status(), 200);
  return { page, context, faults, response };
}

export async function connected(page) {
  await page.locator("#connection[data-state=connected]").waitFor();
}

// Waits until a function of the test returns what it should.
export async function eventually(check, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    if (await check()) return;
    assert.ok(Date.now() < end, `expected ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
