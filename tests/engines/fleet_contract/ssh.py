"""Stands in for `ssh`: `python ssh.py SOCKET [OPTIONS] HOST COMMAND` asks the contract server what COMMAND prints on HOST."""

from __future__ import annotations

import http.client
import socket
import sys
from urllib.parse import urlencode


def main(socket_path: str, *words: str) -> int:
    rest = list(words)
    while rest and rest[0].startswith("-"):
        # every option of ours has its value behind it
        del rest[:2]
    host, *command = rest
    connection = http.client.HTTPConnection("fleet")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(socket_path)
    connection.request("GET", "/ssh?" + urlencode({"host": host.rpartition("@")[2], "command": " ".join(command)}))
    sys.stdout.write(connection.getresponse().read().decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
