"""An index server of P2P-CI/1.0: `python3 server.py [PORT]`."""
import re
import socketserver
import sys
import threading

VERSION = "P2P-CI/1.0"
NUMBER = re.compile("[1-9][0-9]{0,8}")
KNOWN = ("host", "port", "title")

records = []  # the newest first: (number, title, host, port, the connection that has added it)
lock = threading.Lock()  # several connections use the records


class Refused(Exception):
    """A request is answered with this status."""


class Broken(Exception):
    """The end of a request is not known, so no other request can follow."""


def parse(lines):
    """The words of a request line, and its headers by their names in lower case."""
    words, headers = lines[0].split() or [""], {}
    if words[-1].startswith("P2P-CI") and words[-1] != VERSION:
        raise Refused("505 P2P-CI Version Not Supported")
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or (name in headers and name in KNOWN):
            raise Refused("400 Bad Request")
        headers[name] = value.strip()
    port = headers.get("port", "")
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise Refused("400 Bad Request")
    if words[-1] != VERSION or not re.fullmatch("[!-~]{1,253}", headers.get("host", "")):
        raise Refused("400 Bad Request")
    return words[:-1], headers


def rows(number=None):
    """The records of an RFC, or all, in the order of their numbers. Equal ones are one line."""
    found = [record[:4] for record in records if number in (None, record[0])]
    found = sorted(dict.fromkeys(found), key=lambda record: record[0])
    return ["RFC %d %s %s %d" % record for record in found]


def add(number, headers, owner):
    """Adds a record. A second ADD of the same connection corrects the title."""
    title, host, port = headers["title"], headers["host"], int(headers["port"])
    new = (number, title, host, port, owner)
    same = [old for old in records if (old[0], *old[2:]) == (number, host, port, owner)]
    if same != [new]:
        records[:] = [new] + [old for old in records if old not in same]
    return ["RFC %d %s %s %d" % new[:4]]


def answer(lines, owner):
    """The records of the reply to a request."""
    words, headers = parse(lines)
    if words == ["LIST", "ALL"]:
        return rows()
    if len(words) != 3 or words[1] != "RFC" or not NUMBER.fullmatch(words[2]):
        raise Refused("400 Bad Request")
    if words[0] == "ADD" and "title" in headers:
        return add(int(words[2]), headers, owner)
    if words[0] == "LOOKUP":
        found = rows(int(words[2]))
        if not found:
            raise Refused("404 Not Found")
        return found
    raise Refused("400 Bad Request")


class Peer(socketserver.StreamRequestHandler):
    """The connection of one peer."""

    def read_head(self):
        """The lines of the next request, without those before it that are empty; None at the end."""
        lines, size = [], 0
        while size <= 16384:
            line = self.rfile.readline(4097)
            size += len(line)
            if not line:
                return None
            if not line.endswith(b"\n") or (not lines and len(line) > 2048):
                raise Broken
            text = line.rstrip(b"\n").removesuffix(b"\r")
            if any(byte < 32 and byte != 9 for byte in text):
                raise Broken
            if text.strip():
                lines.append(text)
            elif lines:
                return lines
        raise Broken

    def handle(self):
        try:
            while (lines := self.read_head()) is not None:
                try:
                    with lock:
                        found = answer([line.decode() for line in lines], self)
                    reply = [f"{VERSION} 200 OK", "", *found, "", ""]
                except Refused as refused:
                    reply = [f"{VERSION} {refused}", "", ""]
                except UnicodeDecodeError:
                    reply = [f"{VERSION} 400 Bad Request", "", ""]
                self.wfile.write("\r\n".join(reply).encode())
        except Broken:
            self.wfile.write(f"{VERSION} 400 Bad Request\r\n\r\n".encode())
        except OSError:
            pass  # the connection was lost
        finally:
            with lock:
                records[:] = [record for record in records if record[4] is not self]


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if __name__ == "__main__":
    with Server(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7734), Peer) as server:
        print(f"listening on port {server.server_address[1]}", flush=True)
        server.serve_forever()
