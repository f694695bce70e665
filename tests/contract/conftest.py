"""The cases: every provider, on every engine that speaks to it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import pytest

from atomicapp import providers
from atomicapp.model import Target
from atomicapp.planning import diff
from atomicapp.planning.apply import Observer, apply
from tests.contract.case import Case
from tests.contract.driver import plan_of
from tests.engines.docker import DockerEngine


def docker_case(host: str, image: str) -> Case:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    run = f"docker run -d --label io.atomicapp.test=1 --stop-timeout 1 --network {name}"
    return Case(
        provider=providers.load("docker"),
        target=Target(name, api=host),
        web=f"{run} -e COLOUR=blue {image} sh -c 'echo hello; exec sleep 1000'",
        web_changed=f"{run} -e COLOUR=green {image} sh -c 'echo hello; exec sleep 1000'",
        broken=f"{run} {image} sh -c 'echo boom; exit 3'",
        db=f"{run} -v {name}-data:/data {image} sh -c 'echo 1 >>/data/starts; exec sleep 1000'",
    )


@pytest.fixture(params=["docker"])
def case(request: pytest.FixtureRequest, docker_engine: DockerEngine, busybox_image: str) -> Iterator[Case]:
    """A deployment of its own on each engine; whatever a test leaves of it is removed."""
    found = docker_case(docker_engine.host, busybox_image)
    yield found
    with contextlib.closing(found.provider.connect(found.target)) as session:
        left = diff.uninstall(session.observe(found.target.app, ()), purge_data=True)
        apply(plan_of(found, left), session, Observer())
