"""What concerns several things at once, profiles, and files that are wrong as a whole."""

from __future__ import annotations

import pytest

from .helpers import faults, project

SERVICES = "services:\n  web: {image: web, %s}\n  db: {image: db}\n"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("depends_on: [bd]", "2:34 the service 'bd' is not defined | known: db, web"),
        ("depends_on: {bd: {condition: service_started}}", "2:34 the service 'bd' is not defined | known: db, web"),
        ("depends_on: {bd: {condition: service_started, required: false}}", "2:34 the service 'bd' is not defined"),
        ("depends_on: [web]", "2:34 the service web depends on itself | remove this"),
        ("depends_on: {db: {}}", "2:38 depends_on: 'condition' is missing"),
        ("links: ['dbs:x']", "2:29 the service 'dbs' is not defined | did you mean 'db'?"),
        ("volumes_from: [dbs]", "2:36 the service 'dbs' is not defined"),
        ("network_mode: 'service:dbs'", "2:21 the service 'dbs' is not defined"),
        ("pid: 'service:dbs'", "2:21 the service 'dbs' is not defined"),
        ("ipc: 'service:web'", "2:21 the service web refers to itself"),
        ("networks: [fron]", "2:32 the network 'fron' is not defined | did you mean 'front'?"),
        ("networks: {fron: {}}", "2:32 the network 'fron' is not defined | did you mean 'front'?"),
        ("volumes: ['dat:/a']", "2:31 the volume 'dat' is not defined | did you mean 'data'?"),
        ("configs: [con]", "2:31 the config 'con' is not defined | did you mean 'conf'?"),
        ("secrets: [{source: key}]", "2:31 the secret 'key' is not defined | known: token"),
        ("credential_spec: {config: con}", "2:21 the config 'con' is not defined | did you mean 'conf'?"),
        ("networks: [front], network_mode: host", "2:21 networks can't be joined with network_mode 'host'"),
        ("ports: [80], network_mode: 'service:db'", "2:21 ports can't be joined with network_mode 'service:db'"),
        ("mac_address: 02:42:ac:11:65:43, network_mode: host", "2:21 mac_address can't be joined with network_mode"),
        ("container_name: one, scale: 2", "2:21 container_name gives one name to 2 containers"),
        ("deploy: {mode: global, replicas: 2}", "2:21 replicas can't be joined with deploy.mode global"),
        (
            "ports: ['80:80', '80:81']",
            "2:38 the host's port 80/tcp is published by the service web too, at compose.yaml:2:29",
        ),
    ],
)
def test_what_does_not_fit(keys: str, expected: str) -> None:
    rest = "networks: {front: }\nvolumes: {data: }\nconfigs: {conf: {content: a}}\nsecrets: {token: {external: true}}\n"
    found = faults(SERVICES % keys + rest)
    assert len(found) == 1
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("80:80", "80:81", True),
        ("80:80", "80:80/udp", False),
        ("80:80", "127.0.0.1:80:80", True),
        ("127.0.0.1:80:80", "80:80", True),
        ("127.0.0.1:80:80", "127.0.0.2:80:80", False),
        ("0.0.0.0:80:80", "127.0.0.1:80:80", True),
        ("127.0.0.1:80:80", "0.0.0.0:80:80", True),
        ("[::]:80:80", "127.0.0.1:80:80", False),
        ("[::1]:80:80", "[::]:80:80", True),
        ("80-90:80", "85:80", False),
        ("80-81:80-81", "81:80", True),
        ("80", "80", False),
    ],
)
def test_ports_of_the_host(one: str, other: str, clash: bool) -> None:
    text = f"services:\n  a: {{image: a, ports: ['{one}']}}\n  b: {{image: b, ports: ['{other}']}}\n"
    if not clash:
        project(text)
        return
    (found,) = faults(text)
    assert found.startswith("3:25 the host's port")
    assert found.endswith("by the service a too, at compose.yaml:2:25 | publish one of them at another port")


def test_names_of_containers() -> None:
    (found,) = faults("services:\n  a: {image: a, container_name: cc}\n  b: {image: b, container_name: cc}\n")
    assert found == "3:17 the container_name 'cc' is that of the service a too | give each its own"


def test_cycles() -> None:
    text = "services:\n" + "".join(
        f"  {name}: {{image: x, {needs}}}\n"
        for name, needs in (
            ("a", "depends_on: [b]"),
            ("b", "depends_on: {c: {condition: service_healthy}}"),
            ("c", "volumes_from: [a]"),
            ("d", "network_mode: 'service:e'"),
            ("e", "pid: 'service:d'"),
            ("f", "depends_on: [a, d], links: [g]"),
            ("g", "depends_on: [h], links: [f]"),
            ("h", "tty: true"),
        )
    )
    assert faults(text) == [
        "4:32 services depend on each other in a cycle: a -> b -> c -> a | remove one of these",
        "6:17 services depend on each other in a cycle: d -> e -> d | remove one of these",
    ]


def test_all_faults_are_told_at_once_and_by_place() -> None:
    text = (
        "services:\n  a: {image: a, imag: b, ports: [x], networks: [n], env_file: no.env}\n"
        "  b: {build: .}\n  c: {}\nvolumes: {v: {drive: x}}\nnetwork: {}\n"
    )
    assert faults(text, files={}) == [
        "2:17 unknown key 'imag' | did you mean 'image'?",
        "2:34 ports 'x': the container port 'x' is not a port (1 to 65535) or a range of ports",
        "2:49 the network 'n' is not defined",
        "2:63 env_file 'no.env': there is no such file in the package | add it, or correct the path",
        "3:7 the service b is only built, and names no image | build the image beforehand and name it: image: NAME:TAG",
        "4:3 the service c names no image | expected image: NAME:TAG",
        "5:15 unknown key 'drive' | did you mean 'driver'?",
        "6:1 unknown key 'network' | did you mean 'networks'?",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 the file is empty | a Compose file has the key services, with a service or more"),
        ("# nothing\n", "1:1 the file is empty"),
        ("[]", "1:1 expected a mapping, found list"),
        ("just text", "1:1 expected a mapping, found text"),
        ("{}", "1:1 the file has no service | expected the key services"),
        ("services:", "1:10 services: expected a mapping, found nothing"),
        ("services: {}", "1:1 the file has no service"),
        ("services: {web: }", "1:17 services: expected a mapping, found nothing"),
        ("services: {web: [a]}", "1:17 services: expected a mapping, found a list"),
        ("services: {'a b': {image: c}}", "1:12 'a b': expected a name of letters, digits, '_', '.' and '-'"),
        ("services: {a: {image: ''}}", "1:16 the name of the image is empty"),
        ("services: {a: {image: c}, a: {image: c}}", "1:27 the key 'a' stands here twice"),
        ("services: {a: {<<: b, image: c}}", "1:20 '<<' merges mappings, and this is none"),
        (
            "version: 3\nservices: {a: {image: c}}",
            "1:10 version: expected a text, found the number 3 | write it in quotes",
        ),
        ("name: Shop\nservices: {a: {image: c}}", "1:7 name 'Shop': expected a name of lower case letters"),
        ("services: {a: {image: c}}\nvolumes:", "2:9 volumes: expected a mapping, found nothing"),
        ("services: {a: {image: c}}\n---\nservices: {}", "2:1 YAML syntax: the file holds more than one document"),
        (
            "services: {a: {image: c}}\nvolumes: {v: {external: true, driver: d}}",
            "2:31 volumes: 'driver' can't be joined",
        ),
        (
            "services: {a: {image: c}}\nvolumes: {v: {external: maybe}}",
            "2:25 volumes.external 'maybe': expected true or",
        ),
        ("services: {a: {image: c}}\njobs: {j: {image: c}}", "2:11 jobs: 'triggers' is missing"),
        ("services: {a: {image: c}}\njobs: {j: {triggers: {}, imag: a}}", "2:22 triggers: expected manual or schedule"),
        ("services: {a: {image: c}}\nmodels: {m: {}}", "2:13 models: 'model' is missing"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole(text: str, expected: str) -> None:
    found = faults(text)
    assert found[0].startswith(expected)
    assert len(found) == (2 if "imag: a" in text else 1)


# ---------------------------------------------------------------- profiles

PROFILES = """
services:
  app: {image: app, depends_on: {mail: {condition: service_started, required: false}}}
  mail: {image: mail, profiles: [dev, test], networks: [n], volumes: [v:/v]}
  tool: {image: tool, profiles: [ops], depends_on: [app]}
networks: {n: }
volumes: {v: }
"""


def test_services_of_profiles_that_are_not_active_are_left_out() -> None:
    found = project(PROFILES)
    assert [work.service for work in found.services] == ["app"]
    assert found.services[0].depends_on == ()
    assert not found.volumes
    assert list(found.networks) == ["default"]
    assert [(issue.severity, issue.position.line, issue.code) for issue in found.issues] == [
        ("note", 4, "profile"),
        ("note", 5, "profile"),
        ("note", 6, "unused"),
        ("note", 7, "unused"),
    ]
    assert {item.key for item in found.said if item.subject in ("mail", "tool")} == {"services.profiles"}


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        (["dev"], ["app", "mail"]),
        (["test", "other"], ["app", "mail"]),
        (["ops"], ["app", "tool"]),
        (["*"], ["app", "mail", "tool"]),
    ],
)
def test_services_of_active_profiles(profiles: list[str], expected: list[str]) -> None:
    assert [work.service for work in project(PROFILES, profiles=profiles).services] == expected
    variables = {"COMPOSE_PROFILES": ",".join(profiles)}
    assert [work.service for work in project(PROFILES, variables).services] == expected


def test_what_is_left_out_can_not_be_needed() -> None:
    text = "services:\n  a: {image: a, depends_on: [b], links: [b]}\n  b: {image: b, profiles: [p]}\n"
    assert faults(text) == [
        "2:30 the service a depends on 'b', which is left out: none of its profiles (p) is active | activate its profile, or say required: false",
        "2:42 the service 'b' is left out: none of its profiles (p) is active",
    ]


def test_a_fault_of_what_is_left_out_is_told_too() -> None:
    (found,) = faults("services:\n  a: {image: a}\n  b: {imag: b, profiles: [p]}\n")
    assert found.startswith("3:7 unknown key 'imag'")


def test_a_service_of_a_program_is_left_out() -> None:
    found = project("services:\n  a: {image: a, depends_on: [b]}\n  b: {provider: {type: x, options: {y: [z]}}}\n")
    assert [work.service for work in found.services] == ["a"]
    assert found.services[0].depends_on == ()
    assert [item.key for item in found.said if item.subject == "b"] == [
        "services.provider.type",
        "services.provider.options",
    ]
