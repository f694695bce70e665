"""Where the server is and who we are there."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from atomicapp.errors import EngineError
from atomicapp.model import Target
from atomicapp.providers.kubernetes import config
from atomicapp.providers.kubernetes.config import Access

T = Target("app")


def kubeconfig(
    user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": "https://one:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "d"}},
            {"name": "bad", "context": {"cluster": "absent"}},
        ],
    }
    found["clusters"].append({"name": "d", "cluster": {"server": "http://two"}})
    return found


def find(folder: Path, body: object = None, target: Target = T, **environ: str) -> Access:
    file = folder / ".kube" / "config"
    file.parent.mkdir(exist_ok=True)
    if body is not None:
        file.write_text(body if isinstance(body, str) else yaml.safe_dump(body))
    return config.find(target, {"PATH": "/usr/bin:/bin", **environ}, folder, folder / "pod")


def refused(folder: Path, body: object = None, target: Target = T, **environ: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        find(folder, body, target, **environ)
    return caught.value


def test_the_users_own_file_is_taken(tmp_path: Path) -> None:
    found = find(tmp_path, kubeconfig({"token": "t"}))
    assert (found.server, found.token, found.verify) == ("https://one:6443", "t", True)


def test_an_asked_context_goes_before_the_current_one(tmp_path: Path) -> None:
    assert find(tmp_path, kubeconfig(), T._replace(context="two")).server == "http://two"
    assert "one of" not in refused(tmp_path, kubeconfig(), T._replace(context="x")).message
    assert "bad, one, two" in refused(tmp_path, kubeconfig(), T._replace(context="x")).hint
    assert "no cluster named 'absent'" in refused(tmp_path, kubeconfig(), T._replace(context="bad")).message
    assert "names no current context" in refused(tmp_path, {**kubeconfig(), "current-context": ""}).message


def test_a_file_that_is_asked_for_goes_before_all(tmp_path: Path) -> None:
    (tmp_path / "own").write_text(yaml.safe_dump(kubeconfig(cluster={"server": "https://own"})))
    target = T._replace(config=str(tmp_path / "own"), api="https://api")
    assert find(tmp_path, kubeconfig(), target, KUBECONFIG="/nowhere").server == "https://own"
    assert "/nowhere" in refused(tmp_path, target=T._replace(config="/nowhere")).message


def test_the_servers_address_and_token_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("pem")
    target = T._replace(api="https://api:1/", auth="secret", cafile=str(tmp_path / "ca"), tlsverify=False)
    assert find(tmp_path, None, target) == Access(
        "https://api:1", "--provider-api", token="secret", ca="pem", verify=False
    )
    assert "tcp://x" in refused(tmp_path, None, T._replace(api="tcp://x")).message
    assert "--provider-cafile" in refused(tmp_path, None, target._replace(cafile="/nowhere")).message


def test_files_of_the_environment_are_merged(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(yaml.safe_dump({"current-context": "two"}))
    (tmp_path / "b").write_text(yaml.safe_dump(kubeconfig()))
    listed = f"{tmp_path / 'a'}:{tmp_path / 'absent'}:{tmp_path / 'b'}"
    assert find(tmp_path, KUBECONFIG=listed).server == "http://two"
    assert "which is not there" in refused(tmp_path, KUBECONFIG="/nowhere").message


def test_the_account_of_the_pod_is_the_last_resort(tmp_path: Path) -> None:
    assert "no Kubernetes cluster is known" in refused(tmp_path).message
    pod = tmp_path / "pod"
    pod.mkdir()
    (pod / "token").write_text("t\n")
    (pod / "ca.crt").write_text("pem")
    found = find(tmp_path, KUBERNETES_SERVICE_HOST="fd00::1", KUBERNETES_SERVICE_PORT="6443")
    assert (found.server, found.token, found.ca) == ("https://[fd00::1]:6443", "t", "pem")


def test_certificates_stand_in_the_file_or_beside_it(tmp_path: Path) -> None:
    beside = tmp_path / ".kube"
    beside.mkdir()
    (beside / "key.pem").write_text("key")
    coded = base64.b64encode(b"cert").decode()
    user = {"client-certificate-data": coded, "client-key": "key.pem"}
    cluster = {"insecure-skip-tls-verify": True, "tls-server-name": "n", "proxy-url": "http://p"}
    found = find(tmp_path, kubeconfig(user, cluster))
    assert (found.certificate, found.key, found.verify, found.server_name, found.proxy) == (
        *("cert", "key", False, "n", "http://p"),
    )
    assert "no base64" in refused(tmp_path, kubeconfig({"client-certificate-data": "//79"})).message


def test_tokens_of_files_and_passwords(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t\n")
    assert find(tmp_path, kubeconfig({"tokenFile": str(tmp_path / "token")})).token == "t"
    found = find(tmp_path, kubeconfig({"username": "u", "password": "p"}))
    assert (found.username, found.password) == ("u", "p")
    assert "auth-provider" in refused(tmp_path, kubeconfig({"auth-provider": {"name": "gcp"}})).message


def plugin(folder: Path, script: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"command": "sh", "args": ["-c", script], "apiVersion": "client.authentication.k8s.io/v1", **more}}


def test_a_credential_plugin_is_asked(tmp_path: Path) -> None:
    status = json.dumps({"status": {"token": "t", "clientCertificateData": "c", "clientKeyData": "k"}})
    script = f"""printf '%s' "$KUBERNETES_EXEC_INFO" > {tmp_path}/asked; test "$X" = y && echo '{status}'"""
    cluster = {"certificate-authority-data": base64.b64encode(b"pem").decode()}
    env = [{"name": "X", "value": "y"}]
    found = find(tmp_path, kubeconfig(plugin(tmp_path, script, env=env, provideClusterInfo=True), cluster))
    assert (found.token, found.certificate, found.key) == ("t", "c", "k")
    asked = json.loads((tmp_path / "asked").read_text())
    assert asked["kind"] == "ExecCredential"
    assert asked["spec"]["cluster"]["server"] == "https://one:6443"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no >&2; exit 3", "ended with 3: no"),
        ("echo x", "gave no ExecCredential"),
        ("echo '{\"status\": {}}'", "neither a token nor a certificate"),
    ],
)
def test_a_plugin_that_fails_is_told(tmp_path: Path, script: str, said: str) -> None:
    assert said in refused(tmp_path, kubeconfig(plugin(tmp_path, script))).message


def test_a_plugin_that_is_not_installed(tmp_path: Path) -> None:
    error = refused(tmp_path, kubeconfig({"exec": {"command": "./absent", "installHint": "install it"}}))
    assert "can't be run" in error.message
    assert error.hint == "install it"


@pytest.mark.parametrize("text", ["a: b: c\n", "- a\n"])
def test_what_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    assert "kubeconfig" in refused(tmp_path, text).message
