"""Containers that wait, in front of a service, until those that it depends on are healthy.

`atomicapp run` needs none: it makes what depends on others when these are ready. They are for what `convert` writes,
which any tool may carry out. A name of a headless Service is found as soon as a pod behind it is ready, and that is all
that is asked for: `getent` or `nslookup` is in nearly every image that has a shell. The image is the service's own, for
no other is sure to be there.
"""

from __future__ import annotations

from atomicapp.providers.kubernetes.writer import steering
from atomicapp.providers.kubernetes.writer.around import Json, said
from atomicapp.providers.kubernetes.writer.facts import JOB, Facts
from atomicapp.providers.kubernetes.writer.names import label
from atomicapp.providers.kubernetes.writer.services import tells_ready
from atomicapp.workload import model
from atomicapp.workload.model import Workload

SCRIPT = """\
domain=
while read -r key first rest; do
  if [ "$key" = search ]; then domain=.$first; fi
done </etc/resolv.conf
if command -v getent >/dev/null; then
  found() { getent hosts "$1"; }
elif command -v nslookup >/dev/null; then
  found() { nslookup "$1$domain"; }
else
  echo "neither getent nor nslookup is here: not waiting for $*"
  exit 0
fi
for name; do
  until found "$name" >/dev/null 2>&1; do
    echo "waiting for $name"
    sleep 2
  done
done
"""


def awaited(root: str, facts: Facts) -> list[str]:
    """The services that must be healthy before this one starts, and that can be waited for by their name."""
    if not any(work.depends_on for work in facts.members[root]):
        return []
    found = {
        facts.roots[item.target]: None
        for work in facts.members[root]
        for item in work.depends_on
        if item.condition == model.HEALTHY and item.required and item.target in facts.roots
    }
    return [name for name in found if name != root and facts.kinds[name] != JOB]


def waiter(work: Workload) -> str:
    """The image of the container that waits; "" for none."""
    image = steering.of(work, steering.WAIT) or work.image
    return "" if image == "none" else image


def containers(root: str, facts: Facts) -> list[Json]:
    """The container that waits, if there is anything to wait for."""
    targets = awaited(root, facts)
    image = waiter(facts.services[root]) if targets else ""
    if not image:
        return []
    arguments = [ready_name(name, facts) for name in targets]
    name = label(f"{facts.names[root]}-wait")
    return [said(name=name, image=image, command=["sh", "-c", SCRIPT, "wait"], args=arguments)]


def ready_name(root: str, facts: Facts) -> str:
    """The name that is found only when a pod of the service is ready: its own, or that of a Service for this alone."""
    return facts.names[root] if tells_ready(root, facts) else label(f"{facts.names[root]}-ready")
