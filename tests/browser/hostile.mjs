// Titles that would do harm if they were more than text.

import assert from "node:assert/strict";

export const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "</script><script>alert(2)</script>",
  "\u202egnissap \u2066is\u2069 this \u200f\u061c",
  "&lt;b&gt; ' \" ` ${alert(3)} {{4}} javascript:alert(5)",
  "x".repeat(400),
];

// The same as records: numbers and titles.
export const RECORDS = HOSTILE.map((title, at) => [at + 1, title]);

// Controls of the direction of text are removed or shown as escapes; everything else is text.
const plain = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]|\\u\{?[0-9a-f]+\}?/gi, "");

// Waits until an element shows these texts. No element was made of them, and their controls concern no other text.
export async function showsAsText(place, texts) {
  await place.getByText(texts[0]).first().waitFor();
  const shown = plain(await place.evaluate((element) => element.textContent));
  for (const text of texts) assert.ok(shown.includes(plain(text).trim()), `expected ${text}, found ${shown}`);
  assert.equal(await place.locator("img, script, b").count(), 0);
  const spread = await place.page().evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const { textContent: text, parentElement: parent } = walker.currentNode;
      const isIsolated = ["isolate", "isolate-override", "plaintext"].includes(getComputedStyle(parent).unicodeBidi);
      if (/[\u202a-\u202e\u2066-\u2069]/.test(text) && !isIsolated) found.push(parent.outerHTML.slice(0, 200));
    }
    return found;
  });
  assert.deepEqual(spread, []);
}
