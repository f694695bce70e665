"""Workloads: an app with N nested apps, a Helm chart with N subcharts that makes the same objects, and these as a file.

Each nested app has 4 params, and renders a ConfigMap, a Service and a Deployment that use them. With `replicas` "0" a
cluster can hold the objects at no cost.
"""

from __future__ import annotations

from pathlib import Path

PARAMS = {"image": "registry.example.com/service:1.0", "port": "8080", "level": "info", "replicas": "2"}

_CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  labels: {{app: {name}}}
data:
  LEVEL: "{level}"
  PORT: "{port}"
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {name}
  labels: {{app: {name}}}
spec:
  selector: {{app: {name}}}
  ports:
    - name: http
      port: {port}
      targetPort: {port}
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{app: {name}}}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
        - name: main
          image: {image}
          envFrom:
            - configMapRef: {{name: {name}}}
          ports:
            - containerPort: {port}
          readinessProbe:
            httpGet: {{path: /, port: {port}}}
"""
_COMPOSE = """\
  {name}:
    image: {image}
    environment:
      LEVEL: ${{LEVEL:-{level}}}
      PORT: "{port}"
    expose: ["{port}"]
    configs:
      - source: {name}
        target: /etc/main.conf
    healthcheck:
      test: [CMD, check, --port, "{port}"]
      interval: 5s
    deploy:
      replicas: {replicas}
"""
TEMPLATES = {"configmap.yaml": _CONFIG, "service.yaml": _SERVICE, "deployment.yaml": _DEPLOYMENT}
OBJECTS_EACH = len(TEMPLATES)
_REPLICAS = PARAMS["replicas"]


def app(folder: Path, number: int, replicas: str = _REPLICAS) -> Path:
    """An app whose nested apps lie in external/; returns its folder."""
    folder.mkdir(parents=True)
    graph = []
    for index in range(number):
        name = f"service-{index}"
        graph.append(f"  - name: {name}\n    source: docker://registry.example.com/{name}\n")
        inner = folder / "external" / name
        (inner / "artifacts").mkdir(parents=True)
        files = []
        for file, template in TEMPLATES.items():
            text = template.format(name=name, **{param: f"${param}" for param in PARAMS})
            (inner / "artifacts" / file).write_text(text)
            files.append(f"        - file://artifacts/{file}\n")
        params = "".join(
            f"      - name: {param}\n        description: The {param} of the service\n        default: '{value}'\n"
            for param, value in {**PARAMS, "replicas": replicas}.items()
        )
        (inner / "Nulecule").write_text(
            f"specversion: 0.0.2\nid: {name}\nmetadata:\n  name: {name}\n  appversion: 1.0.0\n"
            f"graph:\n  - name: main\n    params:\n{params}    artifacts:\n      kubernetes:\n{''.join(files)}"
        )
    (folder / "Nulecule").write_text(f"specversion: 0.0.2\nid: many\ngraph:\n{''.join(graph)}")
    (folder / "answers.conf").write_text("[general]\nprovider = kubernetes\n[service-0:main]\nlevel = debug\n")
    return folder


def chart(folder: Path, number: int, replicas: str = _REPLICAS) -> Path:
    """A chart whose subcharts lie in charts/; returns its folder."""
    folder.mkdir(parents=True)
    dependencies = "".join(f"  - {{name: service-{index}, version: 1.0.0}}\n" for index in range(number))
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: many\nversion: 1.0.0\ndependencies:\n{dependencies}")
    (folder / "values.yaml").write_text("service-0:\n  level: debug\n")
    for index in range(number):
        name = f"service-{index}"
        inner = folder / "charts" / name
        (inner / "templates").mkdir(parents=True)
        (inner / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
        values = {**PARAMS, "replicas": replicas}
        (inner / "values.yaml").write_text("".join(f"{param}: '{value}'\n" for param, value in values.items()))
        for file, template in TEMPLATES.items():
            text = template.format(name=name, **{param: f"{{{{ .Values.{param} }}}}" for param in PARAMS})
            (inner / "templates" / file).write_text(text)
    return folder


def manifest(file: Path, number: int, replicas: str = _REPLICAS) -> Path:
    """The objects that both of them make, in one file; returns it."""
    values = {**PARAMS, "replicas": replicas}
    objects = [
        template.format(name=f"service-{index}", **{**values, "level": "info" if index else "debug"})
        for index in range(number)
        for template in TEMPLATES.values()
    ]
    file.write_text("---\n".join(objects))
    return file


def compose(file: Path, number: int) -> Path:
    """A Compose file with N services, of which each becomes a ConfigMap, a Service and a Deployment; returns it."""
    names = [f"service-{index}" for index in range(number)]
    services = "".join(
        _COMPOSE.format(name=name, **PARAMS) + (f"    depends_on: [{before}]\n" if before else "")
        for name, before in zip(names, ["", *names], strict=False)
    )
    configs = "".join(f"  {name}:\n    content: level=${{LEVEL:-info}}\n" for name in names)
    file.write_text(f"name: many\nservices:\n{services}configs:\n{configs}")
    return file
