"""Projects as units that run containers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from atomicapp.errors import ERROR, WARNING
from atomicapp.providers.units import syntax
from atomicapp.providers.units.parts import CONTAINER, NETWORK, SHARED_STEPS, VOLUME, Part, Settings, Units
from atomicapp.providers.units.writer import write
from atomicapp.workload import runs
from tests.compose import truth
from tests.compose.files import NAMES, read_input

INLINE = Settings("app", shared=SHARED_STEPS, inline=True, env_file=False, folder="/run/atomicapp")


def units(text: str, settings: Settings | None = None) -> Units:
    return write(truth.read(text), settings or Settings("app"))


def part(found: Units, subject: str, kind: str = CONTAINER) -> Part:
    return next(item for item in found.parts if (item.subject, item.kind) == (subject, kind))


def said(item: Part, *names: str) -> list[str]:
    return [syntax.joined(option.value) for option in item.unit.said("Service", *names)]


def ordering(item: Part, name: str) -> list[str]:
    return [option.value for option in item.unit.said("Unit", name)]


def faults(found: Units, severity: str = ERROR) -> list[str]:
    return [f"{issue.position.line}: {issue.message}" for issue in found.issues if issue.severity == severity]


def test_a_service_with_its_network_and_volume() -> None:
    found = units(
        "services:\n  web: {image: 'example/web:1', ports: ['80:80'], volumes: ['data:/d'], restart: always}\nvolumes: {data: {}}\n"
    )
    assert [(item.unit.name, item.kind, item.name) for item in found.parts] == [
        ("app_default-network.service", NETWORK, "app_default"),
        ("app_data-volume.service", VOLUME, "app_data"),
        ("app-web.service", CONTAINER, "app-web"),
    ]
    web = part(found, "web")
    assert web.unit.text == (
        "[Unit]\n"
        "Description=app: web\n"
        "After=docker.service\n"
        "Requires=docker.service\n"
        "After=app_default-network.service\n"
        "Requires=app_default-network.service\n"
        "After=app_data-volume.service\n"
        "Requires=app_data-volume.service\n"
        "StartLimitIntervalSec=0\n"
        "\n"
        "[Service]\n"
        "TimeoutStartSec=0\n"
        "Restart=always\n"
        "RestartSec=1\n"
        "SuccessExitStatus=137 143\n"
        'ExecStartPre=-/bin/sh -c "exec /usr/bin/docker rm --force app-web >/dev/null 2>&1"\n'
        'ExecStartPre=/bin/sh -c "/usr/bin/docker image inspect example/web:1 >/dev/null 2>&1'
        ' || exec /usr/bin/docker pull example/web:1 >/dev/null"\n'
        "ExecStart=/usr/bin/docker run \\\n"
        "    --name app-web \\\n"
        "    --network name=app_default,alias=web \\\n"
        "    -p 80:80 \\\n"
        "    -v app_data:/d \\\n"
        "    --rm \\\n"
        "    example/web:1\n"
        'ExecStop=-/bin/sh -c "exec /usr/bin/docker stop app-web >/dev/null"\n'
    )
    assert web.after == web.waits == ("app_default-network.service", "app_data-volume.service")
    assert part(found, "data", VOLUME).undo == ("/usr/bin/docker", "volume", "rm", "app_data")
    assert said(part(found, "default", NETWORK), "ExecStop") == ["-/usr/bin/docker network rm app_default"]


def test_units_that_start_with_the_machine() -> None:
    found = units("services: {web: {image: 'example/web:1'}}", Settings("app", install="multi-user.target"))
    assert all(item.unit.value("Install", "WantedBy") == "multi-user.target" for item in found.parts)


def test_names_of_components() -> None:
    text = "services: {db: {image: 'example/db:1', volumes: ['data:/d']}, web: {image: 'example/web:1'}}\nvolumes: {data: {}}"
    names = [item.unit.name for item in units(text, Settings("my app", component="a:db")).parts]
    assert names == [
        "my-app_default-network.service",
        "my-app-a_data-volume.service",
        "my-app-a-db.service",
        "my-app-a-db-web.service",
    ]


def test_a_name_of_the_author_is_that_of_the_container_only() -> None:
    web = part(units("services: {web: {image: 'example/web:1', container_name: docker}}"), "web")
    assert (web.unit.name, web.name) == ("app-web.service", "docker")


def test_replicas_are_instances_of_a_template() -> None:
    found = units(
        "services:\n"
        "  web: {image: 'example/web:1', scale: 3, depends_on: {db: {condition: service_healthy}}}\n"
        "  db: {image: 'example/db:1', scale: 2, healthcheck: {test: ready}}\n"
        "  log: {image: 'example/log:1', network_mode: 'service:web'}\n"
    )
    web = part(found, "web")
    assert web.unit.name == "app-web@.service"
    assert web.instances == ("app-web@1.service", "app-web@2.service", "app-web@3.service")
    assert web.name == "app-web-%i"
    assert said(web, "ExecStop") == ["-/bin/sh -c \"exec /usr/bin/docker stop 'app-web-%i' >/dev/null\""]
    assert ordering(web, "Requires") == ["docker.service", "app_default-network.service"]
    assert ordering(web, "Wants") == ["app-db@1.service", "app-db@2.service"]
    waits = [step for step in said(web, "ExecStartPre") if "Health" in step]
    assert ["app-db-1" in waits[0], "app-db-2" in waits[1]] == [True, True]
    log = part(found, "log")
    assert "--network container:app-web-1" in said(log, "ExecStart")[0]
    assert "app-web@1.service" in ordering(log, "After")


def test_no_replicas() -> None:
    web = part(units("services: {web: {image: 'example/web:1', scale: 0}}"), "web")
    assert (web.unit.name, web.instances) == ("app-web@.service", ())


@pytest.mark.parametrize(
    ("said_of_it", "options"),
    [
        ("restart: no", ["137 143"]),
        ("restart: on-failure", ["on-failure", "1", "137 143", "137 143"]),
        ("restart: unless-stopped", ["always", "1", "137 143"]),
        ("deploy: {restart_policy: {condition: any, delay: 1500ms}}", ["always", "1.5", "137 143"]),
    ],
)
def test_restarts(said_of_it: str, options: list[str]) -> None:
    web = part(units(f"services: {{web: {{image: 'example/web:1', {said_of_it}}}}}"), "web")
    assert said(web, "Restart", "RestartSec", "SuccessExitStatus", "RestartForceExitStatus") == options


def test_a_number_of_restarts() -> None:
    web = part(units("services: {web: {image: 'example/web:1', restart: 'on-failure:4'}}"), "web")
    assert ordering(web, "StartLimitBurst") == ["5"]
    assert ordering(web, "StartLimitIntervalSec") == ["55"]
    policy = "deploy: {restart_policy: {condition: on-failure, max_attempts: 4, window: 30d}}"
    web = part(units(f"services: {{web: {{image: 'example/web:1', {policy.replace('30d', '720h')}}}}}"), "web")
    assert ordering(web, "StartLimitIntervalSec") == ["2592000"]


def test_dependencies() -> None:
    found = units(
        "services:\n"
        "  web:\n    image: example/web:1\n    depends_on:\n"
        "      db: {condition: service_started, restart: true}\n"
        "      init: {condition: service_completed_successfully}\n"
        "      cache: {condition: service_started, required: false}\n"
        "  db: {image: 'example/db:1'}\n"
        "  cache: {image: 'example/cache:1'}\n"
        "  init: {image: 'example/init:1', restart: always}\n"
    )
    web, init = part(found, "web"), part(found, "init")
    assert ordering(web, "Requires")[2:] == ["app-db.service"]
    assert ordering(web, "Wants") == ["app-init.service", "app-cache.service"]
    assert ordering(web, "After")[2:] == ["app-db.service", "app-init.service", "app-cache.service"]
    assert [step for step in said(web, "ExecStartPre") if "is-active" in step] == [
        (
            '/bin/sh -c "case \\"$$(systemctl $${MANAGERPID:+--user} is-active app-init.service)\\" in active) ;;'
            ' *) echo app-init.service is not active >&2; exit 1;; esac"'
        )
    ]
    assert said(init, "Type", "RemainAfterExit", "Restart", "SuccessExitStatus") == ["oneshot", "yes", "on-failure"]
    assert init.once
    assert web.waits == ("app_default-network.service", "app-init.service")
    assert web.depth == 1
    assert [item.subject for item in found.parts if item.kind == CONTAINER][-1] == "web"


def test_services_of_other_machines_are_not_known() -> None:
    text = "services:\n  web: {image: 'example/web:1', depends_on: [db]}\n  db: {image: 'example/db:1'}\n"
    settings = Settings("app", groups={"web": "one", "db": "two"})
    web = part(units(text, settings), "web")
    assert ordering(web, "Requires") == ["docker.service", "app_default-network.service"]


def test_several_networks_and_an_open_input_need_more_than_one_command() -> None:
    found = units(
        "services:\n"
        "  web: {image: 'example/web:1', networks: {front: {}, back: {aliases: [inner], ipv4_address: 10.9.0.2}}}\n"
        "  cli: {image: 'example/cli:1', stdin_open: true, tty: true, networks: [front]}\n"
        "networks: {front: {}, back: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}\n"
    )
    web, cli = part(found, "web"), part(found, "cli")
    steps = said(web, "ExecStartPre")
    assert "docker create" in steps[-2]
    assert steps[-1] == "/usr/bin/docker network connect --alias inner --alias web --ip 10.9.0.2 app_back app-web"
    assert said(web, "ExecStart") == ["/usr/bin/docker start --attach app-web"]
    assert said(cli, "ExecStart") == ["/usr/bin/docker start --attach app-cli"]


def test_files_beside_the_units() -> None:
    found = units(
        "services:\n  web:\n    image: example/web:1\n    environment: {A: 'x y', B: \"two\\nlines\", KEY: $PASSWORD}\n"
        "    configs: [{source: page, target: /srv/page.html, uid: '7', mode: 0440}]\n    secrets: [key]\n"
        "configs: {page: {content: hello}}\nsecrets: {key: {environment: PASSWORD}}\n"
    )
    web = part(found, "web")
    assert [(file.path, file.text, oct(file.mode), file.uid, file.secret) for file in found.files] == [
        ("/etc/atomicapp/app/app-web/env", "A=x y\nKEY=hush\n", "0o600", 0, True),
        ("/etc/atomicapp/app/app-web/env-lines", 'B="two\nlines"\n', "0o600", 0, True),
        ("/etc/atomicapp/app/app-web/configs/srv-page.html", "hello", "0o440", 7, False),
        ("/etc/atomicapp/app/app-web/secrets/run-secrets-key", "hush", "0o444", 0, True),
    ]
    assert web.files == tuple(file.path for file in found.files)
    start = said(web, "ExecStart")[0]
    assert "--env-file /etc/atomicapp/app/app-web/env" in start
    assert " -e B " in start
    assert said(web, "EnvironmentFile") == ["/etc/atomicapp/app/app-web/env-lines"]
    assert "source=/etc/atomicapp/app/app-web/secrets/run-secrets-key,target=/run/secrets/key,readonly" in start
    assert "hush" not in web.unit.text
    assert "hush" in found.secrets


def test_files_in_the_units() -> None:
    long = "line of a page\n" * 3000
    found = units(
        "services:\n  web:\n    image: example/web:1\n    environment: {A: '50% of $$5', PATH: /app}\n    configs: [page]\n    secrets: [key]\n"
        f"configs: {{page: {{content: {long!r}}}}}\nsecrets: {{key: {{environment: PASSWORD}}}}\n".replace(
            "'line", '"line'
        ).replace("\\n'", '\\n"'),
        INLINE,
    )
    web = part(found, "web")
    assert found.files == ()
    assert said(web, "Environment") == ['"A=50%% of $5"']
    assert " -e A " in (start := syntax.joined(said(web, "ExecStart")[0]))
    assert " -e PATH=/app " in start, "it would change what the unit's own commands find"
    assert faults(found, WARNING) == [
        "6: the secret 'key' stands in the unit of the service, which all who reach the engine can read"
    ]
    assert all(len(line.encode()) < 2048 for line in web.unit.text.split("\n"))


@pytest.mark.skipif(not shutil.which("base64"), reason="base64 is not here")
def test_the_steps_of_a_file_write_it(tmp_path: Path) -> None:
    from atomicapp.providers.units import steps
    from tests.unit.providers.units.test_quoting import words_of

    text = "grün $x %i 'q' \"z\" \\\n" * 4000
    path = tmp_path / "it's here" / "file"
    for step in steps.file(str(path), text, 0o640, 0, 0):
        from atomicapp.providers.units import quoting

        words = words_of(syntax.joined(quoting.command(step)))
        subprocess.run([word.replace("chown 0:0", "true") for word in words], check=True)
    assert path.read_text() == text
    assert oct(path.stat().st_mode) == "0o100640"


def test_hooks_and_what_runs_before() -> None:
    found = write(read_input("hooks"), Settings("shop"))
    app = part(found, "app")
    pre = said(app, "ExecStartPre")
    assert [step for step in pre if "rm --force" in step] == [
        '-/bin/sh -c "exec /usr/bin/docker rm --force shop-app >/dev/null 2>&1"',
        '-/bin/sh -c "exec /usr/bin/docker rm --force shop-app-before-1 >/dev/null 2>&1"',
        '-/bin/sh -c "exec /usr/bin/docker rm --force shop-app-before-2 >/dev/null 2>&1"',
    ]
    assert pre[-1].endswith("example/tools:1 chown -R 1000:1000 /uploads")
    assert said(app, "ExecStartPost")[1:] == [
        "/usr/bin/docker exec --user root --privileged --workdir /srv --env LEVEL=debug shop-app app warm-up",
        "/usr/bin/docker exec shop-app touch /tmp/started",
    ]
    assert said(app, "ExecStop")[0].startswith("-/usr/bin/docker exec --user app")
    assert said(app, "ExecStop")[1] == '-/bin/sh -c "exec /usr/bin/docker stop --time 45 shop-app >/dev/null"'


def test_a_long_time_to_stop() -> None:
    web = part(units("services: {web: {image: 'example/web:1', stop_grace_period: 5m}}"), "web")
    assert said(web, "TimeoutStopSec") == ["360"]


def test_volumes_that_the_package_requires() -> None:
    text = "services: {web: {image: 'example/web:1', volumes: ['data:/d']}}\nvolumes: {data: {}}"
    found = units(text, Settings("app", volumes={"data": "app-required"}))
    assert [item.kind for item in found.parts] == [NETWORK, CONTAINER]
    assert "-v app-required:/d" in said(part(found, "web"), "ExecStart")[0]


def test_shared_things_as_steps() -> None:
    text = (
        "services: {web: {image: 'example/web:1', networks: [front, out], volumes: ['data:/d', 'there:/t']}}\n"
        "networks: {front: {internal: true}, out: {external: true}}\n"
        "volumes: {data: {driver_opts: {type: tmpfs}}, there: {external: true}}\n"
    )
    web = part(units(text, INLINE), "web")
    steps = said(web, "ExecStartPre")
    assert '/bin/sh -c "exec /usr/bin/docker volume create --opt type=tmpfs app_data >/dev/null"' in steps
    lock = "/usr/bin/flock /run/atomicapp-networks.lock"
    assert (
        f'{lock} /bin/sh -c "/usr/bin/docker network inspect app_front >/dev/null 2>&1'
        ' || exec /usr/bin/docker network create --internal app_front >/dev/null"'
    ) in [re.sub(" +", " ", step) for step in steps]
    assert not [
        step for step in steps if step.endswith((" out", " there")) and "create" in step and "docker create" not in step
    ]
    (removed,) = said(web, "ExecStopPost")
    assert removed.startswith(f"-{lock} /bin/sh -c ")
    assert '"exec /usr/bin/docker network rm app_front >/dev/null 2>&1"' in removed


def test_a_client_that_is_told_where_the_engine_is() -> None:
    settings = Settings("app", environment=(("DOCKER_HOST", "unix:///a b$%.sock"),), engine_unit="")
    web = part(units("services: {web: {image: 'example/web:1'}}", settings), "web")
    assert said(web, "Environment") == ['"DOCKER_HOST=unix:///a b$%%.sock"']
    assert "docker.service" not in web.unit.text


def test_what_can_not_be() -> None:
    found = units(
        "services:\n"
        "  web: {image: 'example/web:1', scale: 2, ports: ['8080:80']}\n"
        "  other: {image: 'example/web:1', configs: [{source: page, uid: me}, there]}\n"
        "configs: {page: {content: hello}, there: {external: true}}\n"
    )
    assert faults(found) == [
        "2: 2 replicas of web can't all have port 8080 of one machine",
        "3: the config 'there' is kept by a cluster, which this engine is not: nobody here can read it",
    ]
    assert faults(found, WARNING) == ["3: the owner 'me' of the config 'page' is no number: it belongs to root instead"]
    lines = "docker run -p 80:80 --name a example/web:1\ndocker run -p 127.0.0.1:80:80 --name b example/web:1\n"
    clash = write(runs.read(lines, "x_run"), Settings("app"))
    assert faults(clash) == ["2: port 80/tcp of the host is published twice: also by a"]


def test_ports_on_several_machines() -> None:
    text = "services: {web: {image: 'example/web:1', scale: 2, ports: ['8080:80']}}"
    assert faults(units(text, Settings("app", spread=True))) == []


def test_names_that_clash_are_told() -> None:
    found = units("services: {web: {image: 'example/a:1', container_name: app-db}, db: {image: 'example/b:1'}}")
    assert faults(found) == ["1: db and web would both be called app-db"]


def test_a_text_that_fits_into_no_line() -> None:
    text = f"services: {{web: {{image: 'example/web:1', command: [serve, {'x' * 3000}]}}}}"
    assert faults(units(text))[0].startswith("1: a text of 3,000 bytes fits into no line of a unit: 'xxx")
    assert faults(units(text, Settings("app", line_max=None))) == []


def test_commands_of_a_text() -> None:
    project = runs.read(
        "docker run -d --name db -v data:/d example/db:1\ndocker run --link db example/web:1\n", "x_run"
    )
    found = write(project, Settings("app"))
    assert [item.unit.name for item in found.parts if item.kind == CONTAINER] == ["app-db.service", "app-web.service"]
    assert "app-db.service" in ordering(part(found, "web"), "Requires")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("settings", [Settings("app", install="multi-user.target"), INLINE], ids=["placed", "inline"])
def test_all_inputs_are_units_that_read_again(name: str, settings: Settings) -> None:
    for item in write(read_input(name), settings).parts:
        again = syntax.read(item.unit.text, item.unit.name, item.unit.name)
        assert again.digest == item.unit.digest


def test_systemd_takes_them(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    (tmp_path / "docker.service").write_text("[Service]\nExecStart=/bin/true\n")
    files: list[str] = []
    for name in ("hooks", "limits", "networks", "queue", "shop", "volumes"):
        for item in write(read_input(name), Settings(name, install="multi-user.target")).parts:
            (tmp_path / item.unit.name).write_text(item.unit.text)
            for instance in item.instances:
                if instance != item.unit.name:
                    (tmp_path / instance).symlink_to(item.unit.name)
            files += item.instances
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files],
        cwd=tmp_path,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    # the docker client may be absent where the tests run
    said_of = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert said_of == []


def test_one_shows_its_health_to_those_that_run_elsewhere() -> None:
    text = (
        "services:\n  db: {image: d, healthcheck: {test: [CMD, ok]}}\n"
        "  near: {image: n, depends_on: {db: {condition: service_healthy}}}\n"
        "  far: {image: f, depends_on: {db: {condition: service_healthy, required: false}}}\n"
    )
    assert said(part(units(text), "db"), "ExecStartPost") == []
    (step,) = said(part(units(text, INLINE._replace(groups={"far": "far"})), "db"), "ExecStartPost")
    assert step.startswith("-/bin/sh -c ")
    assert "{{.State.Health.Status}}' app-db " in step
    (step,) = said(part(units(text, INLINE._replace(groups={"near": "near"})), "db"), "ExecStartPost")
    assert step.startswith("/bin/sh -c ")


BEFORE = "services: {web: {image: w, environment: {A: '1', B: x y}, pre_start: [{command: [m], environment: {A: '2', C: '3'}}]}}"


def test_variables_of_what_runs_before_are_handed_over_where_the_names_are_free() -> None:
    web = part(units(BEFORE, INLINE), "web")
    assert said(web, "Environment") == ["A=1", '"B=x y"', "C=3"]
    (before,) = [
        line for line in said(web, "ExecStartPre") if " docker run " in line.replace("/usr/bin/docker", " docker")
    ]
    # of one name systemd can hand over one value
    assert re.findall(r"-e (\S+)", before) == ["A=2", "B", "C"]


def test_variables_of_several_lines_stand_in_files_of_both() -> None:
    text = (
        'services: {web: {image: w, environment: {A: "1\\n2"}, pre_start: [{command: [m], environment: {C: "3\\n4"}}]}}'
    )
    found = units(text, Settings("app", folder="/files"))
    files = {file.path: file.text for file in found.files}
    assert files == {
        "/files/app/app-web/env-lines": 'A="1\n2"\n',
        "/files/app/app-web-before-1/env-lines": 'C="3\n4"\n',
    }
    assert said(part(found, "web"), "EnvironmentFile") == list(files)
    assert set(part(found, "web").files) == set(files)
