"""Registries of the tests: Debian's docker-registry on a free port, plain, with a password, or with TLS on top."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.engines.process import Daemon, free_port, listens, needs, run

USERNAME = "alice"
PASSWORD = "s3cret: with a colon"


class Registry(NamedTuple):
    """A registry that runs. `host` is what stands before the first slash of a reference; `cafile` is None without TLS."""

    host: str
    port: int
    username: str
    password: str
    cafile: Path | None
    log: Path
    daemon: Daemon

    def stop(self) -> None:
        self.daemon.stop()


def start(
    folder: Path, *, auth: bool = False, tls: bool = False, port: int = 0, address: str = "127.0.0.1"
) -> Registry:
    """Start one that keeps its blobs below `folder`; stop it with its `stop`. With TLS it is certified for the loopback."""
    needs("docker-registry")
    port = port or free_port()
    config = [
        "version: 0.1",
        "log: {level: info}",
        f"storage: {{filesystem: {{rootdirectory: {folder / 'blobs'}}}, delete: {{enabled: true}}}}",
        "http:",
        f"  addr: {address}:{port}",
        "  secret: tests",
    ]
    if tls:
        authority(folder)
        config.append(f"  tls: {{certificate: {folder / 'server.crt'}, key: {folder / 'server.key'}}}")
    if auth:
        needs("htpasswd")
        (folder / "htpasswd").write_text(run("htpasswd", "-inB", USERNAME, stdin=PASSWORD))
        config.append(f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}")
    (folder / "config.yml").write_text("\n".join(config) + "\n")
    log = folder / "registry.log"
    daemon = Daemon(["docker-registry", "serve", str(folder / "config.yml")], log)
    daemon.wait_until(lambda: listens(port, address))
    return Registry(
        host=f"{'localhost' if address == '127.0.0.1' else address}:{port}",
        port=port,
        username=USERNAME if auth else "",
        password=PASSWORD if auth else "",
        cafile=folder / "ca.crt" if tls else None,
        log=log,
        daemon=daemon,
    )


def authority(folder: Path) -> None:
    """A CA (ca.crt) in `folder`, and a certificate by it (server.crt, server.key) for localhost and 127.0.0.1."""
    needs("openssl")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    # the default configuration of some systems adds a second basicConstraints
    (folder / "openssl.cnf").write_text("[req]\ndistinguished_name=dn\n[dn]\n")
    config = ["-config", str(folder / "openssl.cnf")]
    run(
        *("openssl", "req", "-x509", *key, *config, "-days", "2", "-subj", "/CN=Test CA"),
        *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-addext", "subjectKeyIdentifier=hash"),
        *("-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt")),
    )
    run(
        *("openssl", "req", *key, *config, "-subj", "/CN=localhost"),
        *("-keyout", str(folder / "server.key"), "-out", str(folder / "server.csr")),
    )
    names = folder / "names"
    names.write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    run(
        *("openssl", "x509", "-req", "-in", str(folder / "server.csr"), "-days", "2", "-extfile", str(names)),
        *("-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"),
        *("-out", str(folder / "server.crt")),
    )
