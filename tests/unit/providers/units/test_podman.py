"""The units that come of Podman's files, by their names."""

from __future__ import annotations

import pytest

from atomicapp.providers.units import names, podman


@pytest.mark.parametrize(
    ("file", "unit"),
    [
        ("web.container", "web.service"),
        ("web@.container", "web@.service"),
        ("web@blue.container", "web@blue.service"),
        ("data.volume", "data-volume.service"),
        ("front.network", "front-network.service"),
        ("all.pod", "all-pod.service"),
        ("app.kube", "app.service"),
        ("base.image", "base-image.service"),
        ("own.build", "own-build.service"),
    ],
)
def test_each_file_has_its_unit(file: str, unit: str) -> None:
    assert podman.is_file(file)
    assert podman.service(file) == unit
    assert not names.fault(unit)
    assert file in podman.files(unit)


def test_a_unit_that_is_called_as_a_type_alone_has_no_file_of_that_type() -> None:
    assert list(podman.files("-volume.service")) == ["-volume.container", "-volume.kube"]
