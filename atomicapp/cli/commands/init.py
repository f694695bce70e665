"""Make the files of a new app: Nulecule, Dockerfile, README.md, answers.conf.sample and an artifact for each provider."""

from __future__ import annotations

import argparse
from pathlib import Path

from atomicapp import io
from atomicapp.cli import ask
from atomicapp.cli.ui import Ui
from atomicapp.errors import AtomicAppError, UsageError
from atomicapp.host import in_host
from atomicapp.nulecule import load as loading
from atomicapp.store import name_for
from atomicapp.version import SPEC_VERSION

EXAMPLES = """
  atomicapp init myapp
  atomicapp init myapp --destination ./apps/myapp
"""

_NULECULE = """\
---
specversion: {spec}
id: {name}

metadata:
  name: {name}
  appversion: "0.1.0"
  description: Describe {name} here

graph:
  - name: {name}
    params:
      - name: image
        description: The container image to run
        default: docker.io/library/httpd
      - name: hostport
        description: The port of the host that Docker publishes it on
        default: "8080"
        constraints:
          - allowed_pattern: "[0-9]+"
            description: A port number
    artifacts:
      docker:
        - file://artifacts/docker/{name}_run
      kubernetes:
        - file://artifacts/kubernetes/{name}_deployment.yaml
        - file://artifacts/kubernetes/{name}_service.yaml
"""
_DOCKERFILE = """\
# `atomicapp build . -t NAME` makes the same package without a daemon
FROM scratch
LABEL io.projectatomic.nulecule.specversion="{spec}" \\
      io.projectatomic.nulecule.providers="docker,kubernetes"
COPY Nulecule Dockerfile README.md /application-entity/
COPY artifacts /application-entity/artifacts
"""
_README = """\
# {name}

    atomicapp run . --provider docker          # http://localhost:8080
    atomicapp run . --provider kubernetes      # at the node port that it tells
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: "{name}"
spec:
  selector:
    matchLabels:
      app: "{name}"
  template:
    metadata:
      labels:
        app: "{name}"
    spec:
      automountServiceAccountToken: false
      containers:
        - name: "{name}"
          image: $image
          ports:
            - name: http
              containerPort: 80
          readinessProbe:
            tcpSocket:
              port: http
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: "{name}"
spec:
  # reached by a port of every node; ClusterIP is for within the cluster only
  type: NodePort
  selector:
    app: "{name}"
  ports:
    - name: http
      port: 80
"""
_ANSWERS = """\
[general]
provider = docker
namespace = default

[{name}]
image = docker.io/library/httpd
hostport = 8080
"""


def files(name: str) -> dict[str, str]:
    """The texts of a new app by path."""
    texts = {
        "Nulecule": _NULECULE,
        "Dockerfile": _DOCKERFILE,
        "README.md": _README,
        "answers.conf.sample": _ANSWERS,
        f"artifacts/docker/{name}_run": "docker run -d -p $hostport:80 $image\n",
        f"artifacts/kubernetes/{name}_deployment.yaml": _DEPLOYMENT,
        f"artifacts/kubernetes/{name}_service.yaml": _SERVICE,
    }
    return {path: text.replace("{name}", name).replace("{spec}", SPEC_VERSION) for path, text in texts.items()}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app_name", metavar="NAME", help="the name of the app")
    parser.add_argument("--destination", metavar="DIR", default="", help="where to make it (default ./NAME)")
    parser.add_argument("--force", action="store_true", help="do not ask when the folder is not empty")


def run(options: argparse.Namespace, ui: Ui) -> int:
    name = options.app_name
    if name_for(name, "") != name:
        raise UsageError(
            f"'{name}' can't be the name of an app", hint=f"use small letters, digits and '-': {name_for(name, '')}"
        )
    folder = Path(in_host(options.destination or name))
    filled = folder.is_dir() and any(folder.iterdir()) and not options.force
    if filled and not ask.confirm(f"{folder} is not empty: write the files of {name} into it?"):
        raise AtomicAppError(f"{folder} is not empty", hint="choose another --destination, or --force writes into it")
    for path, text in files(name).items():
        target = folder / path
        with io.writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        io.write_text(target, text)
    nulecule = loading.load(folder)
    ui.print(f"made {nulecule.id} in {folder}")
    ui.print(
        f"next: edit {folder}/Nulecule, then `atomicapp validate {folder}` and `atomicapp run {folder} --provider docker`"
    )
    return 0
