"""Mounts, claims, configs and secrets."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.providers.kubernetes.writer.around import Claim
from tests.unit.providers.kubernetes.writer.made import bodies, container, pod, service

DATA = "volumes: {data: {}}\n"


@pytest.mark.parametrize(
    ("said", "rest", "mount", "volume"),
    [
        ("/data", "", {"name": "data"}, {"name": "data", "emptyDir": {}}),
        ("data:/data", DATA, {"name": "data"}, {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}),
        (
            "data:/data:ro",
            DATA,
            {"name": "data", "readOnly": True},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        ),
        ("/srv/a_b:/data", "", {"name": "a-b"}, {"name": "a-b", "hostPath": {"path": "/srv/a_b"}}),
        ("/:/data", "", {"name": "root"}, {"name": "root", "hostPath": {"path": "/"}}),
        (
            "/srv:/data:rslave",
            "",
            {"name": "srv", "mountPropagation": "HostToContainer"},
            {"name": "srv", "hostPath": {"path": "/srv"}},
        ),
        ("/srv:/data:rshared", "", {"name": "srv"}, {"name": "srv", "hostPath": {"path": "/srv"}}),
        (
            "{type: tmpfs, target: /data, tmpfs: {size: 16m}}",
            "",
            {"name": "data"},
            {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        ),
        (
            "{type: volume, source: data, target: /data, volume: {subpath: a/b}}",
            DATA,
            {"name": "data", "subPath": "a/b"},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        ),
        (
            "{type: cluster, source: data, target: /data}",
            "volumes: {data: {external: true, name: csi_1}}\n",
            {"name": "data"},
            {"name": "data", "persistentVolumeClaim": {"claimName": "csi-1"}},
        ),
        (
            "data:/data",
            "volumes: {data: {driver_opts: {type: nfs, o: 'addr=nas,ro', device: ':/export'}}}\n",
            {"name": "data"},
            {"name": "data", "nfs": {"server": "nas", "path": "/export", "readOnly": True}},
        ),
        (
            "data:/data",
            "volumes: {data: {driver_opts: {type: nfs4, device: 'nas:/export'}}}\n",
            {"name": "data"},
            {"name": "data", "nfs": {"server": "nas", "path": "/export"}},
        ),
        (
            "data:/data",
            "volumes: {data: {driver: local, driver_opts: {type: none, o: bind, device: /srv/x}}}\n",
            {"name": "data"},
            {"name": "data", "hostPath": {"path": "/srv/x"}},
        ),
        (
            "data:/data",
            "volumes: {data: {driver_opts: {type: tmpfs, device: tmpfs, o: 'size=100m,uid=1000'}}}\n",
            {"name": "data"},
            {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "100Mi"}},
        ),
    ],
)
def test_mounts(said: str, rest: str, mount: dict[str, Any], volume: dict[str, Any]) -> None:
    quoted = said if said.startswith("{") else f"'{said}'"
    found = pod(f"volumes: [{quoted}]", rest)
    assert found["containers"][0]["volumeMounts"] == [{"mountPath": "/data", **mount}]
    assert found["volumes"] == [volume]


def test_what_has_no_name_is_never_shared() -> None:
    found = pod("volumes: [/a/data, /b/data]\ntmpfs: [/c/data, /d/data]")
    assert [item["name"] for item in found["volumes"]] == ["data", "data-2", "data-3", "data-4"]
    assert len({item["name"] for item in found["containers"][0]["volumeMounts"]}) == 4


def test_images_and_pipes_are_not_mounted() -> None:
    assert "volumes" not in pod("volumes: [{type: image, source: 'example/x:1', target: /data}]")


def test_shared_memory_is_memory_of_the_node() -> None:
    found = pod("shm_size: 64m")
    assert found["volumes"] == [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}]
    assert found["containers"][0]["volumeMounts"] == [{"name": "shm", "mountPath": "/dev/shm"}]


def test_devices_are_for_privileged_containers_only() -> None:
    assert "volumes" not in pod("devices: [/dev/fuse]")
    found = pod("privileged: true\ndevices: ['/dev/fuse:/dev/other']")
    assert found["volumes"] == [{"name": "fuse", "hostPath": {"path": "/dev/fuse"}}]
    assert found["containers"][0]["volumeMounts"] == [{"name": "fuse", "mountPath": "/dev/other"}]


# ---------------------------------------------------------------- claims


@pytest.mark.parametrize(
    ("spec", "name", "asked"),
    [
        ("{}", "data", {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}),
        (
            "{name: My_Data}",
            "my-data",
            {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        ),
        (
            "{driver_opts: {size: 20G}}",
            "data",
            {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}},
        ),
        (
            (
                "{labels: {io.atomicapp.kubernetes.size: 5Gi, io.atomicapp.kubernetes.access-mode: ReadWriteMany, "
                "io.atomicapp.kubernetes.storage-class: fast}}"
            ),
            "data",
            {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "5Gi"}},
                "storageClassName": "fast",
            },
        ),
    ],
)
def test_claims(spec: str, name: str, asked: dict[str, Any]) -> None:
    found = service("volumes: ['data:/data']", f"volumes: {{data: {spec}}}\n")[f"PersistentVolumeClaim/{name}"]
    assert found["spec"] == asked
    assert "annotations" not in found["metadata"]


def test_no_claim_for_what_is_there_already() -> None:
    found = service("volumes: ['data:/data']", "volumes: {data: {external: true, name: other}}\n")
    assert not [key for key in found if key.startswith("PersistentVolumeClaim")]
    spec = found["Deployment/web"]["spec"]["template"]["spec"] if "Deployment/web" in found else {}
    spec = spec or found["StatefulSet/web"]["spec"]["template"]["spec"]
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "other"}


def test_a_requirement_of_the_package_goes_before() -> None:
    said = "volumes: ['data:/data', 'more:/more']"
    found = service(
        said,
        "volumes: {data: {}, more: {}}\n",
        claim=lambda key: Claim("the-claim", "ReadOnlyMany") if key == "data" else None,
    )
    assert [key for key in found if key.startswith("Persistent")] == ["PersistentVolumeClaim/more"]
    spec = found["StatefulSet/web"]["spec"]["template"]["spec"]
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "the-claim"}
    assert [item.get("readOnly") for item in spec["containers"][0]["volumeMounts"]] == [True, None]


SHARED = """\
services:
  a: {image: example/a:1, volumes: ['data:/data']}
  b: {image: example/b:1, volumes: ['data:/data:ro']}
  c: {image: example/c:1}
volumes: {data: %s}
"""


def test_pods_that_share_what_one_node_has_run_on_one_node() -> None:
    found = bodies(SHARED % "{}")
    for key in ("StatefulSet/a", "Deployment/b"):
        template = found[key]["spec"]["template"]
        assert template["metadata"]["labels"]["io.atomicapp.volume/data"] == "mounted"
        terms = template["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert terms[0]["labelSelector"] == {"matchLabels": {"io.atomicapp.volume/data": "mounted"}}
    assert "affinity" not in found["Deployment/c"]["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    "spec",
    [
        "{external: true}",
        "{labels: {io.atomicapp.kubernetes.access-mode: ReadWriteMany}}",
        "{driver_opts: {type: nfs, o: addr=nas, device: ':/x'}}",
    ],
)
def test_pods_run_anywhere_when_every_node_has_what_they_share(spec: str) -> None:
    found = bodies(SHARED % spec)
    workloads = [item for key, item in found.items() if key.endswith(("/a", "/b")) and "template" in item["spec"]]
    assert len(workloads) == 2
    assert all("affinity" not in item["spec"]["template"]["spec"] for item in workloads)


def test_a_requirement_that_many_nodes_have_binds_nobody() -> None:
    found = bodies(SHARED % "{}", claim=lambda key: Claim("data", "ReadWriteMany"))
    assert "affinity" not in found["Deployment/b"]["spec"]["template"]["spec"]


def test_what_each_node_runs_asks_for_a_claim_that_all_can_have() -> None:
    found = service("volumes: ['data:/data']\ndeploy: {mode: global}", DATA)
    assert found["PersistentVolumeClaim/data"]["spec"]["accessModes"] == ["ReadWriteMany"]


def test_volumes_of_another_service() -> None:
    text = (
        "services:\n"
        "  web: {image: example/web:1, volumes_from: ['db:ro'], volumes: ['/own']}\n"
        "  db: {image: example/db:1, volumes: ['data:/data', '/nameless', '/srv:/own']}\n"
        "volumes: {data: {}}\n"
    )
    mounts = bodies(text)["Deployment/web"]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert [(item["name"], item["mountPath"], item.get("readOnly")) for item in mounts] == [
        ("own", "/own", None),
        ("data", "/data", True),
    ]


# ---------------------------------------------------------------- configs and secrets

FILES = "configs: {page: {content: hello}}\nsecrets: {key: {environment: PASSWORD}}\n"


def test_configs_and_secrets_are_files_of_the_container() -> None:
    found = service("configs: [page]\nsecrets: [{source: key, target: db}]", FILES)
    assert found["ConfigMap/page"]["data"] == {"page": "hello"}
    assert found["Secret/key"]["stringData"] == {"key": "hush"}
    spec = found["Deployment/web"]["spec"]["template"]["spec"]
    assert spec["volumes"] == [
        {"name": "config-page", "configMap": {"name": "page", "defaultMode": 0o444}},
        {"name": "secret-key", "secret": {"secretName": "key", "defaultMode": 0o444}},
    ]
    assert spec["containers"][0]["volumeMounts"] == [
        {"name": "config-page", "mountPath": "/page", "subPath": "page", "readOnly": True},
        {"name": "secret-key", "mountPath": "/run/secrets/db", "subPath": "key", "readOnly": True},
    ]


def test_a_changed_file_rolls_the_pods() -> None:
    def checksum(content: str) -> str:
        found = service("configs: [page]", f"configs: {{page: {{content: {content}}}}}\n")
        return str(found["Deployment/web"]["spec"]["template"]["metadata"]["annotations"]["checksum/files"])

    assert checksum("one") != checksum("two")


def test_a_config_with_a_secret_of_the_package_is_kept_as_a_secret() -> None:
    found = service("configs: [page]", FILES, holds_secret=lambda text: text == "hello")
    assert "ConfigMap/page" not in found
    assert found["Secret/page-config"]["stringData"] == {"page": "hello"}
    volumes = found["Deployment/web"]["spec"]["template"]["spec"]["volumes"]
    assert volumes == [{"name": "config-page", "secret": {"secretName": "page-config", "defaultMode": 0o444}}]


def test_what_is_external_is_only_named() -> None:
    found = service("configs: [page]", "configs: {page: {external: true, name: Their_Page}}\n")
    assert not [key for key in found if key.startswith("ConfigMap")]
    template = found["Deployment/web"]["spec"]["template"]
    assert template["spec"]["volumes"][0]["configMap"]["name"] == "their-page"
    assert "annotations" not in template["metadata"]


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("mode: 0400", 0o400),
        ("mode: 0440, uid: '1000'", 0o444),
        ("mode: 0400, uid: '0'", 0o400),
        ("mode: 0640, gid: '5'", 0o644),
        ("mode: 0700, uid: '5'", 0o707),
        ("uid: '5'", 0o444),
    ],
)
def test_all_may_do_what_the_owner_may(said: str, mode: int) -> None:
    found = pod(f"secrets: [{{source: key, {said}}}]", FILES)
    assert found["volumes"][0]["secret"]["defaultMode"] == mode


def test_a_file_beside_the_compose_file_is_mounted_from_a_config() -> None:
    found = container("volumes: ['./page.html:/srv/index.html:ro']")
    assert [item["mountPath"] for item in found["volumeMounts"]] == ["/srv/index.html"]
