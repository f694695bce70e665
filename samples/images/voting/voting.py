"""A poll in three programs: `vote` takes votes into a queue, `worker` moves them to a database, `result` counts them.

    voting.py vote | worker | result

The question is in the file CONFIG (JSON: `title`, `options`), the password of the database in the file DB_PASSWORD_FILE;
QUEUE is the host of Redis, DB_HOST that of MariaDB. Both pages are served on port 8080; GET /ready says whether what is
behind them answers.
"""

import html
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pymysql
import redis

VOTES = "votes"
ALIVE = Path("/tmp/alive")  # touched while the worker works, for check.py
LARGEST = 10_000  # bytes of a form
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
POLL = json.loads(Path(os.environ.get("CONFIG", "/etc/voting.json")).read_text())


def queue() -> redis.Redis:
    return redis.Redis(
        os.environ.get("QUEUE", "redis"), decode_responses=True, socket_timeout=10, socket_connect_timeout=5
    )


def database() -> pymysql.Connection:
    return pymysql.connect(
        host=os.environ.get("DB_HOST", "db"),
        user=os.environ.get("DB_USER", "voting"),
        password=Path(os.environ["DB_PASSWORD_FILE"]).read_text().strip(),
        database=os.environ.get("DB_NAME", "voting"),
        autocommit=True,
        connect_timeout=5,
        read_timeout=10,
    )


class Page(BaseHTTPRequestHandler):
    timeout = 30

    def do_GET(self) -> None:
        self.guarded({"/": self.show, "/ready": self.ready}.get(self.path, self.unknown))

    def do_POST(self) -> None:
        self.guarded(self.post if self.path == "/" else self.unknown)

    def guarded(self, work: Callable[[], None]) -> None:
        """What is behind the page may be away for a while: then the answer says so, and the next try may succeed."""
        try:
            work()
        except (redis.RedisError, pymysql.MySQLError) as error:
            self.log_error("%s", error)
            self.answer(503, "what is behind this page does not answer: try again soon\n", "text/plain")

    def unknown(self) -> None:
        self.answer(404, "there is only one page: /\n", "text/plain")

    def ready(self) -> None:
        raise NotImplementedError

    def show(self) -> None:
        raise NotImplementedError

    def post(self) -> None:
        self.answer(405, "this page takes no forms\n", "text/plain")

    def page(self, body: str) -> None:
        self.answer(200, PAGE.format(title=html.escape(POLL["title"]), body=body))

    def answer(self, status: int, text: str, kind: str = "text/html", **headers: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        # the checks of the engine would drown the visitors; a request that is none has no path
        if getattr(self, "path", "") != "/ready":
            super().log_request(code, size)


class Vote(Page):
    def ready(self) -> None:
        queue().ping()
        self.answer(200, "ready\n", "text/plain")

    def show(self) -> None:
        buttons = "\n".join(
            f'<button name="vote" value="{html.escape(option, quote=True)}">{html.escape(option)}</button>'
            for option in POLL["options"]
        )
        self.page(f'<form method="post" action="/">\n{buttons}\n</form>')

    def post(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST:
            self.answer(400, f"a form has at most {LARGEST} bytes\n", "text/plain")
            return
        vote = parse_qs(self.rfile.read(int(length)).decode(errors="replace")).get("vote", [""])[0]
        if vote not in POLL["options"]:
            self.answer(400, "that is no choice\n", "text/plain")
            return
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        voter = cookies["voter"].value[:32] if "voter" in cookies else secrets.token_hex(8)
        queue().rpush(VOTES, json.dumps([voter, vote]))
        self.answer(303, "", Location="/", Set_Cookie=f"voter={voter}; HttpOnly; SameSite=Strict")


class Result(Page):
    def ready(self) -> None:
        with closing(database()) as found, found.cursor() as cursor:
            cursor.execute("SELECT 1")
        self.answer(200, "ready\n", "text/plain")

    def show(self) -> None:
        with closing(database()) as found, found.cursor() as cursor:
            cursor.execute("SELECT vote, COUNT(*) FROM votes GROUP BY vote")
            counts = dict(cursor.fetchall())
        rows = "\n".join(f"<li>{html.escape(option)}: {counts.get(option, 0)}</li>" for option in POLL["options"])
        self.page(f"<ul>\n{rows}\n</ul>")


def work() -> None:
    """Move votes, one for each voter, from the queue to the database, for ever."""
    with closing(database()) as found, found.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS votes (voter VARCHAR(32) PRIMARY KEY, vote VARCHAR(200) NOT NULL)")
        print("moving votes to the database", flush=True)
        waiting = queue()
        while True:
            item = waiting.blpop([VOTES], timeout=2)
            ALIVE.touch()
            if item is not None:
                cursor.execute("REPLACE INTO votes (voter, vote) VALUES (%s, %s)", json.loads(item[1]))


def main(program: str) -> int:
    # the first process of a container is not ended by a signal that it does not take
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if program == "worker":
        try:
            work()
        except (redis.RedisError, pymysql.MySQLError) as error:
            # started again by the engine, which waits a little longer each time
            print(f"voting: {error}", file=sys.stderr)
            return 1
    pages = {"vote": Vote, "result": Result}
    if program not in pages:
        print(f"voting.py: expected vote, worker or result, not '{program}'", file=sys.stderr)
        return 2
    ThreadingHTTPServer(("", 8080), pages[program]).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
