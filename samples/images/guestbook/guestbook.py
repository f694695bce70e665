"""A guestbook: the page shows the entries, its form adds one.

Entries are written to the leader of Redis and read from a follower: LEADER and FOLLOWER are HOST:PORT. Served on port
8080; GET /ready says whether entries can be read.
"""

import html
import os
import signal
import socket
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import redis

KEY = "entries"
SHOWN = 100  # entries on the page, the newest first
LONGEST = 500  # characters of an entry
LARGEST = 10_000  # bytes of a form
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
<form method="post" action="/">
<input name="entry" maxlength="{longest}" required autofocus>
<button>Sign</button>
</form>
<ul>
{entries}
</ul>
<footer>served by {host}</footer>
</body>
</html>
"""


def server(name: str) -> redis.Redis:
    """The Redis that a variable names; nothing is connected yet."""
    host, _, port = os.environ[name].partition(":")
    return redis.Redis(host, int(port or 6379), decode_responses=True, socket_timeout=5, socket_connect_timeout=5)


class Guestbook(BaseHTTPRequestHandler):
    leader = server("LEADER")
    follower = server("FOLLOWER")
    title = os.environ.get("TITLE", "Guestbook")
    timeout = 30

    def do_GET(self) -> None:
        self.guarded({"/": self.show, "/ready": self.ready}.get(self.path, self.unknown))

    def do_POST(self) -> None:
        self.guarded(self.sign if self.path == "/" else self.unknown)

    def guarded(self, work: Callable[[], None]) -> None:
        """Redis may be away for a while: then the answer says so, and the next try may succeed."""
        try:
            work()
        except redis.RedisError as error:
            self.log_error("%s", error)
            self.answer(503, "the guestbook's store does not answer: try again soon\n", "text/plain")

    def unknown(self) -> None:
        self.answer(404, "there is only one page: /\n", "text/plain")

    def ready(self) -> None:
        self.follower.ping()
        self.answer(200, "ready\n", "text/plain")

    def show(self) -> None:
        entries = self.follower.lrange(KEY, 0, SHOWN - 1)
        text = PAGE.format(
            title=html.escape(self.title),
            longest=LONGEST,
            entries="\n".join(f"<li>{html.escape(entry)}</li>" for entry in entries),
            host=html.escape(socket.gethostname()),
        )
        self.answer(200, text)

    def sign(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST:
            self.answer(400, f"a form has at most {LARGEST} bytes\n", "text/plain")
            return
        form = parse_qs(self.rfile.read(int(length)).decode(errors="replace"))
        entry = form.get("entry", [""])[0].strip()[:LONGEST]
        if entry:
            self.leader.lpush(KEY, entry)
        # the page is fetched anew, so that loading it again signs nothing a second time
        self.answer(303, "", location="/")

    def answer(self, status: int, text: str, kind: str = "text/html", location: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        # the probes of the engine would drown the visitors; a request that is none has no path
        if getattr(self, "path", "") != "/ready":
            super().log_request(code, size)


if __name__ == "__main__":
    # the first process of a container is not ended by a signal that it does not take
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("", 8080), Guestbook).serve_forever()
