// Makes the picture of the README: the page of an index server with a few peers. `tests/browser/screenshot` runs it.
// Names, addresses and titles are always the same. It takes two minutes, so that the charts have something to show.

import { open, connected, launch } from "./browser.mjs";
import { Cleanup, Registered, startServer, urlWithToken } from "./programs.mjs";

const TIME = 120_000;
const WIDTH = 1200;
// A picture of the README is small: what is below is cut off.
const MOST_HEIGHT = 1000;

// What the peers have, by their addresses.
const PEERS = {
  "127.1.0.11": ["Transmission Control Protocol", "Internet Protocol", "Internet Control Message Protocol"],
  "127.1.0.12": ["User Datagram Protocol", "Domain names - implementation and specification"],
  "127.1.0.13": ["HTTP Semantics", "HTTP Caching", "HTTP/1.1", "The Transport Layer Security (TLS) Protocol Version 1.3"],
  "127.1.0.14": ["Simple Mail Transfer Protocol", "Internet Message Format"],
};
const NUMBERS = {
  "Transmission Control Protocol": 9293, "Internet Protocol": 791, "Internet Control Message Protocol": 792,
  "User Datagram Protocol": 768, "Domain names - implementation and specification": 1035, "HTTP Semantics": 9110,
  "HTTP Caching": 9111, "HTTP/1.1": 9112, "The Transport Layer Security (TLS) Protocol Version 1.3": 8446,
  "Simple Mail Transfer Protocol": 5321, "Internet Message Format": 5322,
};

const WORDS = ["protocol", "http", "internet", "transport", "quic"];

function requests(count, from) {
  const all = Object.values(NUMBERS);
  return Array.from({ length: count }, (_, at) => {
    const number = from + at;
    const headers = "Host: localhost\r\nPort: 5678\r\n";
    if (number % 7 === 3) return `SEARCH ALL P2P-CI/1.0\r\n${headers}Title: ${WORDS[number % WORDS.length]}\r\n\r\n`;
    if (number % 11 === 5) return `LOOKUP RFC ${number % 9000} P2P-CI/1.0\r\n${headers}\r\n`;
    return `LOOKUP RFC ${all[number % all.length]} P2P-CI/1.0\r\n${headers}\r\n`;
  });
}

async function make(path) {
  const steps = [];
  const cleanup = new Cleanup({ after: (step) => steps.push(step) });
  try {
    const browser = await launch();
    cleanup.add(() => browser.close());
    const server = await startServer(cleanup, { listen: "127.0.0.1:7734", admin: "127.0.0.1:9734" });
    const peers = [];
    for (const [address, titles] of Object.entries(PEERS)) {
      const records = titles.map((title) => [NUMBERS[title], title]);
      peers.push(await Registered.add(cleanup, server.address, records, address));
    }
    const options = { viewport: { width: WIDTH, height: 900 }, colorScheme: "light", locale: "en-GB", timezoneId: "UTC" };
    const { page, faults } = await open(cleanup, browser, await urlWithToken(server), options);
    await connected(page);
    let sent = 0;
    const end = Date.now() + TIME;
    while (Date.now() < end) {
      // Some more and some fewer requests, as people ask.
      const count = Math.round(4 + 3 * Math.sin(sent / 40));
      peers[sent % peers.length].socket.write(requests(count, sent).join(""));
      sent += count;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    if (faults.length > 0) throw new Error(faults.join("; "));
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    const clip = { x: 0, y: 0, width: WIDTH, height: Math.min(height, MOST_HEIGHT) };
    await page.screenshot({ path, fullPage: true, clip });
  } finally {
    for (const step of steps.reverse()) await step();
  }
}

await make(process.argv[2]);
