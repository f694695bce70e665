"""The samples as packages in a registry, and the pages that they serve: what tests on every engine share."""

from __future__ import annotations

import random
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.engines.cluster import Cluster
from tests.engines.docker import ROOT
from tests.engines.program import Program

SECRETS = ("a-password-for-both", "the-root-of-all")
"""What the tests answer for `general:db_password` and `mariadb:mariadb:db_root_password`."""


def fetch(url: str, form: dict[str, str] | None = None) -> str:
    """The page at `url`, redirections followed, polled as long as nobody answers or it says 5xx."""
    data = urllib.parse.urlencode(form).encode() if form else None
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, data, timeout=30) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 or time.monotonic() > deadline:
                raise
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)


def until(look: Callable[[], str], good: Callable[[str], object]) -> str:
    """What `look` sees once `good` says yes to it; fails with what it saw at last."""
    deadline = time.monotonic() + 60
    while not good(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return seen


def install_wordpress(url: str, title: str) -> None:
    """Fill in WordPress' own form, which writes to the database; once installed, it stays as it is."""
    page = fetch(
        f"{url}wp-admin/install.php?step=2",
        {
            "weblog_title": title,
            "user_name": "admin",
            "admin_password": "pw-of-admin-1",
            "admin_password2": "pw-of-admin-1",
            "pw_weak": "1",
            "admin_email": "a@example.com",
        },
    )
    assert "<h1>Success!</h1>" in page or "Already Installed" in page


def enforce(cluster: Cluster, namespace: str, level: str) -> None:
    """Have the cluster refuse pods in a namespace that ask for more than a level of the Pod Security Standards."""
    labels = {"pod-security.kubernetes.io/enforce": level}
    path = f"/api/v1/namespaces/{namespace}"
    cluster.call("PATCH", path, {"metadata": {"labels": labels}}, kind="application/merge-patch+json")


def free_node_port(cluster: Cluster) -> int:
    """A node port that no Service has, of those that the cluster does not choose by itself."""
    services = cluster.call("GET", "/api/v1/services")["items"]
    taken = {port.get("nodePort") for service in services for port in service["spec"].get("ports", ())}
    return random.choice([port for port in range(30000, 30086) if port not in taken])


def copy(sample: str, folder: Path, registry: str) -> Path:
    """A copy of a sample below `folder`, whose references lead to `registry` in place of the one on port 5000."""
    target = folder / sample
    shutil.copytree(ROOT / "samples" / sample, target)
    nulecule = target / "Nulecule"
    nulecule.write_text(nulecule.read_text().replace("localhost:5000", registry))
    return target


def package(program: Program, folder: Path, registry: str, *names: str) -> None:
    """Build and push samples as `REGISTRY/NAME-app`."""
    for name in names:
        reference = f"{registry}/{name}-app"
        program("build", str(copy(name, folder, registry)), "-t", reference)
        program("push", reference)
