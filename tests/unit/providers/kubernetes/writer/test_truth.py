"""The tables of kubernetes and openshift tell of every key, and the truth."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.model import Target
from atomicapp.providers import kubernetes, openshift
from atomicapp.providers.base import Provider
from atomicapp.providers.kubernetes.writer import Around, write
from atomicapp.providers.openshift import routes
from tests.compose import truth
from tests.unit.providers.kubernetes.writer.made import project

PROVIDERS: tuple[Provider, ...] = (kubernetes, openshift)
WRITE = {"kubernetes": write, "openshift": routes.write}

# what these say in their texts is what is done anyway; the other tests of this folder try them in other texts
SAME = frozenset(
    {
        "name",
        "services.deploy.endpoint_mode",
        "services.deploy.resources.reservations.devices.count",
        "services.deploy.resources.reservations.devices.driver",
        "services.gpus.driver",
        "services.healthcheck.disable",
        "services.networks",
        "services.pre_start.per_replica",
        "services.userns_mode",
        "services.volumes.volume.nocopy",
        "volumes.driver",
    }
)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.NAME)
@pytest.mark.parametrize("converted", [False, True])
def test_the_tables_tell_of_every_key_and_of_no_other(provider: Provider, converted: bool) -> None:
    assert truth.gaps(provider.fidelity(converted=converted)) == ([], [])


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.NAME)
def test_what_is_told_of_a_run_is_true(provider: Provider) -> None:
    def made(text: str) -> Any:
        found = WRITE[provider.NAME](project(text), Around("app"))
        assert found.issues == ()
        return [(item.body, item.service, item.level, item.after, item.waits) for item in found.objects]

    routed = {"services.ports.published"} if provider.NAME == "openshift" else set()
    assert truth.lies(provider.fidelity(), made, SAME | routed) == {}


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.NAME)
def test_what_is_told_of_what_convert_writes_is_true(provider: Provider) -> None:
    def made(text: str) -> Any:
        return provider.convert(project(text), Target("app"))

    routed = {"services.ports.published"} if provider.NAME == "openshift" else set()
    assert truth.lies(provider.fidelity(converted=True), made, SAME | routed) == {}
