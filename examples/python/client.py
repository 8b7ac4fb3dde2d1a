"""A peer of P2P-CI/1.0: `python3 client.py INDEX PORT FOLDER`, then `list`, `lookup N` or `get N`."""
import email.utils, os, pathlib, platform, re, socket, socketserver, sys, threading
VERSION = "P2P-CI/1.0"

def read_lines(file, most=64):
    """Reads the lines before the next empty line. Raises ValueError if there is none."""
    lines = []
    while line := file.readline(4097):
        if not line.endswith(b"\n") or len(lines) == most:
            raise ValueError("a line without an end, or too many lines")
        if not line.strip():
            return lines
        lines.append(line.decode().rstrip("\r\n"))
    raise ValueError("the connection has ended")

def headers_of(lines):
    """The values of headers by their names in lower case. Raises ValueError if a colon is missing."""
    return {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}

class Upload(socketserver.StreamRequestHandler):
    """Answers the GET of another peer, in a thread of its own."""
    timeout = 20
    def handle(self):
        status, path = self.answer()
        head, document = [f"{VERSION} {status}"], path.read_bytes() if path else b""
        if path:
            head += [f"Date: {email.utils.formatdate(usegmt=True)}", f"OS: {platform.system()}",
                     f"Last-Modified: {email.utils.formatdate(path.stat().st_mtime, usegmt=True)}",
                     f"Content-Length: {len(document)}", "Content-Type: text/plain"]
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + document)
    def answer(self):
        """The status of the reply, and the file that is sent."""
        try:
            line, *lines = read_lines(self.rfile)
            words, headers = line.split() or [""], headers_of(lines)
        except (ValueError, OSError):
            return "400 Bad Request", None
        if words[-1].startswith("P2P-CI") and words[-1] != VERSION:
            return "505 P2P-CI Version Not Supported", None
        is_get = words[:2] == ["GET", "RFC"] and words[3:] == [VERSION] and "host" in headers
        if not is_get or not re.fullmatch("[1-9][0-9]{0,8}", words[2]):
            return "400 Bad Request", None
        path = self.server.folder / f"rfc{words[2]}.txt"
        return ("200 OK", path) if path.is_file() else ("404 Not Found", None)

class Index:
    """The connection to the index server. The records of this peer last as long as it does."""
    def __init__(self, host, port, upload_port):
        self.socket = socket.create_connection((host, port))
        self.file = self.socket.makefile("rb")
        self.endpoint = f"Host: {self.socket.getsockname()[0]}", f"Port: {upload_port}"
    def ask(self, words, *headers):
        """Sends a request. Returns the status, and the records after it."""
        self.socket.sendall("\r\n".join([f"{words} {VERSION}", *self.endpoint, *headers, "", ""]).encode())
        status = read_lines(self.file)[0].split(" ", 1)[1]
        return [status] + (read_lines(self.file, 100_000) if status.startswith("200") else [])
    def add(self, path):
        title = re.sub("[^!-~]+", " ", path.read_text(errors="replace")[:60]).strip()
        return self.ask(f"ADD RFC {path.stem[3:]}", f"Title: {title}")

def download(host, port, path):
    """Fetches a document from a holder. The file gets its name when it is complete."""
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(f"GET RFC {path.stem[3:]} {VERSION}\r\nHost: {host}\r\nOS: Python\r\n\r\n".encode())
        status, *lines = read_lines(file := connection.makefile("rb"))
        length = int(headers_of(lines).get("content-length", -1))
        document = file.read(length) if " 200 " in status else b""
    if len(document) != length:
        raise ValueError(f"{status}, {len(document)} of {length} bytes")
    path.with_suffix(".part").write_bytes(document)
    os.replace(path.with_suffix(".part"), path)

def get(index, path):
    for _, host, port in [row.rsplit(" ", 2) for row in index.ask(f"LOOKUP RFC {path.stem[3:]}")[1:]]:
        try:
            download(host, int(port), path)
            return [f"saved {path.name} from {host}:{port}", *index.add(path)]
        except (OSError, ValueError) as error:
            print(f"{host}:{port} failed: {error}")
    return ["no peer has sent it"]

def main(host, port, folder):
    uploads = socketserver.ThreadingTCPServer(("", 0), Upload)
    uploads.daemon_threads, uploads.folder = True, pathlib.Path(folder)
    threading.Thread(target=uploads.serve_forever, daemon=True).start()
    index = Index(host, port, uploads.server_address[1])
    for path in sorted(uploads.folder.glob("rfc*.txt")):
        print(path.name, *index.add(path), sep=": ")
    print(f"serving on port {uploads.server_address[1]}", flush=True)
    for line in sys.stdin:
        command, number, *_ = line.split() + ["", ""]
        if command == "list":
            print(*index.ask("LIST ALL"), sep="\n", flush=True)
        elif command == "lookup":
            print(*index.ask(f"LOOKUP RFC {number}"), sep="\n", flush=True)
        elif command == "get":
            print(*get(index, uploads.folder / f"rfc{number}.txt"), sep="\n", flush=True)

main(*sys.argv[1:4])
