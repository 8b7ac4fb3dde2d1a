// What holds for every page: its width, contrast and structure (axe-core), the keyboard, and motion.

import assert from "node:assert/strict";
import axe from "axe-core";

export const WIDTHS = [360, 1280, 3840];
const SCHEMES = ["light", "dark"];

// The page does not scroll sideways, nothing is outside of it, and no address is broken into lines.
async function checkWidth(page, name) {
  const outside = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const found = document.documentElement.scrollWidth > width ? [`the page, by ${document.documentElement.scrollWidth - width} px`] : [];
    for (const element of document.body.querySelectorAll("*")) {
      const { left, right, height, width: own } = element.getBoundingClientRect();
      const scrolls = element.parentElement.closest(".scroll, .unseen, svg") || element.matches(".skip, .unseen");
      if (!scrolls && own > 1 && height > 1 && (right > width + 1 || left < -1)) {
        found.push(`${element.tagName} ${element.id || element.className}: ${left} to ${right} of ${width}`);
      }
    }
    // On a narrow screen the second part of a cell would be below the heading of its column.
    for (const { childNodes, textContent } of document.querySelectorAll("table.cards td")) {
      if (childNodes.length > 1) found.push(`a cell of ${childNodes.length} parts: ${textContent}`);
    }
    // There each cell is a line of its card.
    for (const cell of document.querySelectorAll("table.cards tbody tr > *")) {
      const { width: own } = cell.getBoundingClientRect();
      const { width: whole } = cell.parentElement.getBoundingClientRect();
      if (getComputedStyle(cell).display === "grid" && own < whole - 1) {
        found.push(`the cell of ${cell.textContent} has ${own} of ${whole} px`);
      }
    }
    for (const { scrollWidth, clientWidth, ariaLabel } of document.querySelectorAll(".scroll:not(details .scroll)")) {
      if (scrollWidth > clientWidth + 1) found.push(`${ariaLabel}, by ${scrollWidth - clientWidth} px`);
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      for (const { index, 0: endpoint } of walker.currentNode.textContent.matchAll(/\d+\.\d+\.\d+\.\d+:\d+/g)) {
        const range = document.createRange();
        range.setStart(walker.currentNode, index);
        range.setEnd(walker.currentNode, index + endpoint.length);
        const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
        if (lines.size > 1) found.push(`${endpoint} in ${lines.size} lines`);
      }
    }
    return found;
  });
  assert.deepEqual(outside, [], name);
}

async function checkAccessibility(page, name) {
  // A style of the page may need a moment to apply; no transition must run.
  const findings = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    const node = ({ html, failureSummary }) => `${html.slice(0, 200)}: ${failureSummary}`;
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node).join("; ")}`);
  });
  assert.deepEqual(findings, [], name);
}

// Every width in both schemes. `arrange` is called for each.
export async function checkAppearance(page, name, arrange = async () => {}) {
  // The policy of the page forbids scripts of others; what is evaluated over the debugging protocol is none.
  await page.evaluate(axe.source);
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: width > 2000 ? 2160 : 800 });
      await arrange();
      const where = `${name}, ${colorScheme}, ${width} px`;
      await checkWidth(page, where);
      await checkAccessibility(page, where);
    }
  }
}

// Nothing moves for users who do not want it.
export async function checkMotion(page) {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const moving = await page.evaluate(() => {
    const seconds = (text) => Math.max(...text.split(",").map((one) => parseFloat(one)));
    const moves = (element) => {
      const style = getComputedStyle(element);
      return seconds(style.transitionDuration) > 0.01 || (style.animationName !== "none" && seconds(style.animationDuration) > 0.01);
    };
    return [...document.querySelectorAll("*")].filter(moves).map((element) => element.outerHTML.slice(0, 100));
  });
  assert.deepEqual(moving, []);
}

// Visits the whole page with the Tab key. Every control gets the focus, is in sight then, and shows it.
export async function checkKeyboard(page) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    getSelection().removeAllRanges();
    scrollTo(0, 0);
  });
  const wanted = await page.evaluate(() => {
    const controls = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    const found = [...document.querySelectorAll(controls)].filter((element) => element.checkVisibility() && !element.disabled);
    found.forEach((element, number) => element.setAttribute("data-visited", `no ${number}`));
    return found.length;
  });
  const hidden = [];
  for (let count = 0; count < wanted + 5; count += 1) {
    await page.keyboard.press("Tab");
    const fault = await page.evaluate(() => {
      const focused = document.activeElement;
      if (!focused || focused === document.body) return null;
      focused.setAttribute("data-visited", "yes");
      const style = getComputedStyle(focused);
      const { left, top, right, bottom } = focused.getBoundingClientRect();
      const isInSight = right > left && bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
      const isOutlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
      const name = focused.outerHTML.slice(0, 120);
      if (!isInSight) return `out of sight: ${name}`;
      return isOutlined ? null : `without an outline: ${name}`;
    });
    if (fault) hidden.push(fault);
  }
  const unvisited = await page.evaluate(() => {
    const found = [...document.querySelectorAll("[data-visited^=no]")].filter((element) => element.isConnected && element.checkVisibility());
    const texts = found.map((element) => element.outerHTML.slice(0, 120));
    document.querySelectorAll("[data-visited]").forEach((element) => element.removeAttribute("data-visited"));
    return texts;
  });
  assert.deepEqual({ hidden, unvisited }, { hidden: [], unvisited: [] });
  assert.ok(wanted > 5, `expected controls, found ${wanted}`);
}
