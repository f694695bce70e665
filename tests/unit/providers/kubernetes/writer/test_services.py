"""Names, addresses and ports: how services reach each other, and how they are reached."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.providers.kubernetes.writer import Around, write
from atomicapp.providers.kubernetes.writer.rules import table
from atomicapp.workload.fidelity import judge
from tests.unit.providers.kubernetes.writer.made import bodies, container, project, service


def test_a_service_that_lists_ports_has_an_address_of_its_own() -> None:
    found = service("ports: ['8080:80']\nexpose: ['9000', '53/udp', '80']")["Service/web"]
    assert found["spec"] == {
        "selector": {"app.kubernetes.io/name": "web"},
        "ports": [
            {"name": "tcp-80", "port": 80},
            {"name": "tcp-9000", "port": 9000},
            {"name": "udp-53", "port": 53, "protocol": "UDP"},
        ],
    }


def test_a_service_that_lists_none_is_reached_at_all_of_them() -> None:
    found = service("tty: true")
    assert found["Service/web"]["spec"] == {"clusterIP": "None", "selector": {"app.kubernetes.io/name": "web"}}
    assert list(found) == ["Deployment/web", "Service/web"]


def test_endpoint_mode_dnsrr_is_headless() -> None:
    assert service("expose: ['80']\ndeploy: {endpoint_mode: dnsrr}")["Service/web"]["spec"]["clusterIP"] == "None"


def test_ports_that_other_texts_name_are_among_those_of_a_service() -> None:
    text = (
        "services:\n"
        "  web:\n"
        "    image: example/web:1\n"
        "    environment: {A: 'amqp://queue:5672/x', B: 'queue:99999', C: 'other:1234', D: 'queue:7.5'}\n"
        "    command: [--store, 'Queue:4369']\n"
        "    configs: [site]\n"
        "  queue: {image: 'example/queue:3', ports: ['15672:15672'], networks: {default: {aliases: [mq]}}}\n"
        "configs: {site: {content: 'see mq:61613'}}\n"
    )
    ports = [item["port"] for item in bodies(text)["Service/queue"]["spec"]["ports"]]
    assert ports == [15672, 4369, 5672, 61613]


def test_the_one_pod_of_a_service_is_found_before_it_is_ready() -> None:
    one = service("expose: ['80']\nvolumes: ['data:/data']", "volumes: {data: {}}\n")["Service/web"]["spec"]
    many = service("expose: ['80']\nvolumes: ['data:/data']\nscale: 2", "volumes: {data: {}}\n")["Service/web"]["spec"]
    assert one["publishNotReadyAddresses"] is True
    assert "publishNotReadyAddresses" not in many


@pytest.mark.parametrize("mode", ["none", "container:other"])
def test_what_has_no_network_of_its_own_has_no_name(mode: str) -> None:
    assert "Service/web" not in service(f"network_mode: {mode}")


def test_a_job_has_a_name_only_where_it_listens() -> None:
    assert "Service/web" not in service("deploy: {mode: replicated-job}")
    assert "Service/web" in service("deploy: {mode: replicated-job}\nexpose: ['80']")


# ---------------------------------------------------------------- further names


def test_aliases_and_names_of_containers_are_services_too() -> None:
    found = service("container_name: web-one\nnetworks: {default: {aliases: [page, PAGE, web, my_page]}}")
    assert {key for key in found if key.startswith("Service/")} == {"Service/web", "Service/web-one", "Service/page"}
    assert found["Service/page"]["spec"] == found["Service/web"]["spec"]


def test_a_name_of_several_services_leads_to_all_of_them() -> None:
    text = (
        "services:\n"
        "  a: {image: 'example/a:1', expose: ['80'], networks: {default: {aliases: [api]}}}\n"
        "  b: {image: 'example/b:1', expose: ['81'], networks: {default: {aliases: [api]}}}\n"
        "  c: {image: 'example/c:1', expose: ['82'], networks: {default: {aliases: [a]}}}\n"
    )
    found = bodies(text, app="app")
    spec = found["Service/api"]["spec"]
    assert spec["selector"] == {"io.atomicapp.called/api": "answers", "app.kubernetes.io/instance": "app"}
    assert [item["port"] for item in spec["ports"]] == [80, 81]
    assert found["Service/a"]["spec"]["selector"]["io.atomicapp.called/a"] == "answers"

    def called(name: str) -> set[str]:
        labels = found[f"Deployment/{name}"]["spec"]["template"]["metadata"]["labels"]
        return {key.partition("/")[2] for key in labels if key.startswith("io.atomicapp.called/")}

    assert (called("a"), called("b"), called("c")) == ({"a", "api"}, {"api"}, {"a"})


LINKS = """\
services:
  web: {image: 'example/web:1', links: ['db:store', db, 'db:other']}
  app: {image: 'example/app:1', links: ['cache:store']}
  db: {image: 'example/db:1'}
  other: {image: 'example/other:1'}
  cache: {image: 'example/cache:1'}
"""


def test_links_give_names_but_take_none_from_others() -> None:
    found = bodies(LINKS)
    assert found["Service/store"]["spec"]["selector"] == {"app.kubernetes.io/name": "db"}
    assert found["Service/other"]["spec"]["selector"] == {"app.kubernetes.io/name": "other"}
    judged = judge(project(LINKS), table())
    verdicts = {item.said.subject: item.verdict for item in judged if item.said.key == "services.links"}
    assert {verdict.outcome for verdict in verdicts.values()} == {"lost"}
    assert verdicts["web"].how.endswith(": other")
    assert verdicts["app"].how.endswith(": store")


def test_names_that_kubernetes_does_not_take() -> None:
    text = "services:\n  My_App: {image: 'example/a:1', expose: ['80']}\n  3d: {image: 'example/b:1'}\n"
    found = bodies(text)
    assert {"Deployment/my-app", "Service/my-app", "Service/s-3d"} <= set(found)
    said = {
        item.said.subject: item.verdict for item in judge(project(text), table()) if item.said.key == "services.image"
    }
    assert said["My_App"].outcome == said["3d"].outcome == "approximated"
    assert "my-app" in said["My_App"].how


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (
            "services: {a_b: {image: 'example/a:1'}, a-b: {image: 'example/b:1'}}",
            "the service 'a-b' would be called 'a-b'",
        ),
        (
            "services: {a: {image: 'example/a:1', volumes: ['x_y:/x', 'x-y:/y']}}\nvolumes: {x_y: {}, x-y: {}}",
            "the volume 'x-y' would be called 'x-y'",
        ),
        (
            (
                "services: {a: {image: 'example/a:1', configs: [p, q]}}\n"
                "configs: {p: {content: p, name: n}, q: {content: q, name: N}}"
            ),
            "the config 'q' would be called 'n'",
        ),
    ],
)
def test_names_that_clash_on_the_cluster(rest: str, message: str) -> None:
    issues = write(project(rest), Around()).issues
    assert [issue.severity for issue in issues] == ["error"]
    assert issues[0].message.startswith(message)
    assert issues[0].position.line > 0


# ---------------------------------------------------------------- the outside


@pytest.mark.parametrize(
    ("ports", "kind", "listed"),
    [
        ("'8080:80'", "LoadBalancer", [{"name": "tcp-8080", "port": 8080, "targetPort": 80}]),
        ("'80:80'", "LoadBalancer", [{"name": "tcp-80", "port": 80}]),
        ("'30080:80'", "NodePort", [{"name": "tcp-30080", "port": 30080, "targetPort": 80, "nodePort": 30080}]),
        ("80", "NodePort", [{"name": "tcp-80", "port": 80}]),
        ("'8000-8010:80'", "NodePort", [{"name": "tcp-80", "port": 80}]),
        (
            "'8080:80', '30443:443', '53:53/udp'",
            "LoadBalancer",
            [
                {"name": "tcp-8080", "port": 8080, "targetPort": 80},
                {"name": "tcp-30443", "port": 30443, "targetPort": 443, "nodePort": 30443},
                {"name": "udp-53", "port": 53, "protocol": "UDP"},
            ],
        ),
        (
            "{target: 80, published: 8080, name: page, app_protocol: http}",
            "LoadBalancer",
            [{"name": "page", "port": 8080, "appProtocol": "http", "targetPort": 80}],
        ),
        (
            "{target: 80, published: 8080, name: Much_Too_Long_A_Name}",
            "LoadBalancer",
            [{"name": "tcp-8080", "port": 8080, "targetPort": 80}],
        ),
        (
            "'8080:80', '127.0.0.1:9000:9000', '[::1]:9001:9001'",
            "LoadBalancer",
            [{"name": "tcp-8080", "port": 8080, "targetPort": 80}],
        ),
    ],
)
def test_published_ports(ports: str, kind: str, listed: list[dict[str, Any]]) -> None:
    found = service(f"ports: [{ports}]")["Service/web-published"]["spec"]
    assert found == {"type": kind, "selector": {"app.kubernetes.io/name": "web"}, "ports": listed}


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort", "ClusterIP"])
@pytest.mark.parametrize("where", ["labels: {%s}", "deploy: {labels: {%s}}"])
def test_a_label_chooses_how_ports_are_published(kind: str, where: str) -> None:
    label = where % f"io.atomicapp.kubernetes.publish: {kind}"
    found = service(f"ports: ['30080:80']\n{label}")
    assert found["Service/web-published"]["spec"]["type"] == kind
    assert ("nodePort" in found["Service/web-published"]["spec"]["ports"][0]) == (kind != "ClusterIP")
    assert "io.atomicapp.kubernetes" not in str(found["Deployment/web"])


@pytest.mark.parametrize("ports", ["'127.0.0.1:8080:80'", "{target: 80, published: 8080, mode: host}"])
def test_what_is_for_the_machine_has_no_way_out(ports: str) -> None:
    assert "Service/web-published" not in service(f"ports: [{ports}]")


def test_ports_of_the_node() -> None:
    said = (
        "ports: [{target: 80, published: 8080, mode: host}, {target: 80, published: 8081, mode: host}, "
        "{target: 53, published: 53, protocol: udp, mode: host, host_ip: 192.0.2.1}, {target: 90, mode: host}]"
    )
    assert container(said)["ports"] == [
        {"containerPort": 80, "hostPort": 8080},
        {"containerPort": 53, "protocol": "UDP", "hostPort": 53, "hostIP": "192.0.2.1"},
        {"containerPort": 90},
    ]
    judged = judge(project("services:\n  web:\n    image: example/web:1\n    " + said), table())
    published = [item.verdict.outcome for item in judged if item.said.key == "services.ports.published"]
    assert published == ["kept", "lost", "kept"]


# ---------------------------------------------------------------- networks

APART = """\
services:
  web: {image: 'example/web:1', ports: ['80:8080'], networks: [front]}
  app: {image: 'example/app:1', networks: [front, back]}
  db: {image: 'example/db:1', networks: [back]}
networks: {front: {}, back: {internal: %s}}
"""


def policies(text: str) -> dict[str, Any]:
    return {key: item["spec"] for key, item in bodies(text).items() if key.startswith("NetworkPolicy/")}


def test_no_policies_where_all_share_a_network() -> None:
    text = APART.replace("networks: [front]}", "networks: [front, back]}").replace(
        "app:1', networks: [front, back]", "app:1'"
    )
    assert policies("services: {a: {image: 'example/a:1'}, b: {image: 'example/b:1'}}") == {}
    assert policies(text % "false") != {}
    assert policies(APART.replace("[back]", "[front]") % "false") == {}


def test_networks_let_in_their_own_pods_only() -> None:
    found = policies(APART % "false")
    assert set(found) == {f"NetworkPolicy/{name}" for name in ("network-front", "network-back", "web-published")}
    pods = {"matchLabels": {"io.atomicapp.network/back": "attached"}}
    assert found["NetworkPolicy/network-back"] == {
        "podSelector": pods,
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": pods}]}],
    }
    assert found["NetworkPolicy/web-published"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "web"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": 8080, "protocol": "TCP"}]}],
    }
    labels = bodies(APART % "false")["Deployment/app"]["spec"]["template"]["metadata"]["labels"]
    assert {"io.atomicapp.network/front", "io.atomicapp.network/back"} <= set(labels)


def test_an_internal_network_lets_nothing_out_but_to_its_own() -> None:
    found = policies(APART % "true")
    pods = {"matchLabels": {"io.atomicapp.network/back": "attached"}}
    names = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    assert found["NetworkPolicy/network-back"]["egress"] == [{"to": [{"podSelector": pods}]}, names]
    # what is in another network too gets out by that one
    assert found["NetworkPolicy/network-front"]["egress"] == [{}]


def test_the_network_of_all_components_lets_in_what_is_not_of_the_file() -> None:
    text = "services: {a: {image: 'example/a:1'}, b: {image: 'example/b:1', networks: [x]}}\nnetworks: {x: {}}"
    found = policies(text)["NetworkPolicy/network-default"]
    near = {"matchExpressions": [{"key": "io.atomicapp.apart", "operator": "DoesNotExist"}]}
    assert found["ingress"] == [{"from": [{"podSelector": near}]}]
    assert "io.atomicapp.apart" in bodies(text)["Deployment/b"]["spec"]["template"]["metadata"]["labels"]
    assert "io.atomicapp.apart" not in bodies(text)["Deployment/a"]["spec"]["template"]["metadata"]["labels"]


def test_no_network_lets_nothing_in_or_out() -> None:
    found = policies("services: {a: {image: 'example/a:1', network_mode: none}}")
    assert found == {
        "NetworkPolicy/a-isolated": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "a"}},
            "policyTypes": ["Ingress", "Egress"],
        }
    }


# ---------------------------------------------------------------- labels that choose


@pytest.mark.parametrize(
    ("service_labels", "volume_labels", "message"),
    [
        ("publish: nodeport", "", "publish: 'nodeport' is not LoadBalancer, NodePort or ClusterIP"),
        ("publsh: NodePort", "", "there is no label io.atomicapp.kubernetes.publsh of a service"),
        ("size: 1Gi", "", "there is no label io.atomicapp.kubernetes.size of a service"),
        ("wait: ''", "", "wait: '' is not an image, or none"),
        ("", "size: much", "size: 'much' is not a size such as 10Gi"),
        ("", "access-mode: RWX", "access-mode: 'RWX' is not ReadWriteOnce"),
        ("", "storage-class: 'A B'", "storage-class: 'A B' is not the name of a class"),
        ("", "wait: none", "there is no label io.atomicapp.kubernetes.wait of a volume"),
    ],
)
def test_labels_that_choose_nothing_are_errors(service_labels: str, volume_labels: str, message: str) -> None:
    ours = "io.atomicapp.kubernetes."
    text = (
        f"services:\n  a:\n    image: example/a:1\n    volumes: ['data:/d']\n"
        f"    labels: {{{ours + service_labels if service_labels else ''}}}\n"
        f"volumes:\n  data: {{labels: {{{ours + volume_labels if volume_labels else ''}}}}}\n"
    )
    (issue,) = write(project(text), Around()).issues
    assert message in issue.message
    assert issue.position.line == (5 if service_labels else 7)
