// Programs that the tests start, and what they print.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = process.env.P2P_CI ?? path.join(ROOT, "target/debug/p2p-ci");

// What a test leaves behind: it is undone in the opposite order.
export class Cleanup {
  constructor(test) {
    this.steps = [];
    test.after(async () => {
      for (const step of this.steps.reverse()) await step();
    });
  }

  add(step) {
    this.steps.push(step);
  }

  async directory() {
    const directory = await mkdtemp(path.join(tmpdir(), "p2p-ci-browser-"));
    this.add(() => rm(directory, { recursive: true, force: true }));
    return directory;
  }
}

function environment(home) {
  const { PATH, LANG } = process.env;
  return { PATH, LANG, HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home };
}

// A program that runs. Its files are below `home`.
export class Program {
  constructor(cleanup, home, words, directory = home) {
    this.child = spawn(PROGRAM, words, { cwd: directory, env: environment(home), stdio: ["pipe", "pipe", "pipe"] });
    this.errors = "";
    this.child.stderr.on("data", (chunk) => (this.errors += chunk));
    this.ended = once(this.child, "exit");
    const lines = createInterface({ input: this.child.stdout });
    this.lines = lines[Symbol.asyncIterator]();
    cleanup.add(() => this.end());
  }

  // What follows this beginning of a line of standard output.
  async after(beginning) {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error(`expected "${beginning}", found the end: ${this.errors}`);
      if (value.startsWith(beginning)) return value.slice(beginning.length);
    }
  }

  // Types a line.
  type(line) {
    this.child.stdin.write(`${line}\n`);
  }

  async end() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGTERM");
    await this.ended;
  }
}

// The output of a command that ends.
export async function output(home, words) {
  const options = { cwd: home, env: environment(home) };
  const { stdout } = await promisify(execFile)(PROGRAM, words, options);
  return stdout.trim();
}

// An index server with a status page, at the same addresses as before if they are given.
export async function startServer(cleanup, { home, listen = "127.0.0.1:0", admin = "127.0.0.1:0", options = [] } = {}) {
  home ??= await cleanup.directory();
  const program = new Program(cleanup, home, ["server", "--listen", listen, "--admin", admin, ...options]);
  const address = await program.after("listening on ");
  const page = await program.after("admin at ");
  return { program, home, address, admin: page, url: `http://${page}/` };
}

// A peer with a status page that shares a directory.
export async function startPeer(cleanup, index, directory, options = []) {
  const home = await cleanup.directory();
  const words = ["peer", index, "--share", ".", "--upload", "127.0.0.1:0", "--admin", "127.0.0.1:0", ...options, "share"];
  const program = new Program(cleanup, home, words, directory);
  await program.after("uploading from ");
  const page = await program.after("admin at ");
  return { program, home, directory, admin: page, url: `http://${page}/` };
}

// A laboratory with a status page.
export async function startLab(cleanup, words, directory) {
  const home = directory ?? (await cleanup.directory());
  const program = new Program(cleanup, home, ["lab", ...words, "--admin", "127.0.0.1:0"]);
  const page = await program.after("admin at ");
  return { program, home, admin: page, url: `http://${page}/` };
}

// The address of the page with its token, as the command prints it.
export async function urlWithToken({ home, admin }) {
  const printed = (await output(home, ["admin", "url"])).split("\n");
  const url = printed.find((line) => line.startsWith(`http://${admin}/#token=`));
  if (!url) throw new Error(`expected the address of ${admin}, found ${printed}`);
  return url;
}

// A peer that only registers RFCs: numbers and titles. It stays online until the test ends.
export class Registered {
  static async add(cleanup, index, records, from = "127.0.0.1") {
    const colon = index.lastIndexOf(":");
    const address = { port: Number(index.slice(colon + 1)), host: index.slice(0, colon), localAddress: from };
    const socket = net.connect(address);
    cleanup.add(() => socket.destroy());
    socket.setEncoding("utf8");
    for (const [number, title] of records) {
      socket.write(`ADD RFC ${number} P2P-CI/1.0\r\nHost: ${from}\r\nPort: 5678\r\nTitle: ${title}\r\n\r\n`);
    }
    let reply = "";
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      reply += chunk;
      if (reply.split("P2P-CI/1.0 ").length > records.length && reply.endsWith("\r\n\r\n")) break;
    }
    const refused = reply.split("\r\n").filter((line) => /^P2P-CI\/1\.0 [345]/.test(line));
    if (refused.length > 0) throw new Error(`expected records, found ${refused}`);
    // It reads what follows, and drops it.
    socket.resume();
    return new Registered(socket);
  }

  constructor(socket) {
    this.socket = socket;
  }

  // Whether the server has closed the connection.
  closed() {
    return this.socket.closed ? Promise.resolve() : once(this.socket, "close");
  }
}
