"""Texts of docker run commands as workloads, and every fault at its word."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import SpecError
from atomicapp.workload.docker_run import parse
from atomicapp.workload.model import Healthcheck, Restart, Workload
from atomicapp.workload.options import LONG, SHORT
from tests.unit.properties import examples

SHARED = Path(__file__).resolve().parents[4] / "shared" / "compat" / "golden"


def one(text: str) -> Workload:
    (found,) = parse(text, "run").workloads
    return found


def faults(text: str, files: dict[str, str] | None = None) -> list[str]:
    def read(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    with pytest.raises(SpecError) as caught:
        parse(text, "run", read=read if files is not None else None)
    for issue in caught.value.issues:
        assert issue.excerpt or issue.position.file != "run" or not text
    return [
        f"{issue.position.line}:{issue.position.column} {issue.message}"
        for issue in caught.value.issues
        if issue.severity == "error"
    ]


def warnings(text: str) -> list[str]:
    return [f"{issue.position.line}:{issue.position.column} {issue.message}" for issue in parse(text, "run").issues]


# ---------------------------------------------------------------- which lines count


@pytest.mark.parametrize(
    "text",
    [
        "docker run img",
        "sudo docker run img",
        "sudo -E docker run img",
        "/usr/bin/docker run img",
        "podman run img",
        "docker container run img",
        "  docker run img  # that is all",
        "# a comment\n\n\ndocker run \\\n   img\n",
        "docker run -- img",
    ],
)
def test_accepted_commands(text: str) -> None:
    assert one(text).image == "img"


def test_each_line_is_a_command() -> None:
    found = parse("docker run --name a img\ndocker run --name b img x y\n", "run").workloads
    assert [(work.name, work.command, work.position.line) for work in found] == [("a", None, 1), ("b", ("x", "y"), 2)]


def test_other_commands_are_said_and_skipped() -> None:
    assert warnings("docker pull img\ndocker run -d img\necho done\nsudo\n") == [
        "1:1 'docker pull img' is no `docker run` command and is not carried out",
        "3:1 'echo done' is no `docker run` command and is not carried out",
        "4:1 'sudo' is no `docker run` command and is not carried out",
    ]
    assert warnings("docker\ndocker run -d img") == ["1:1 'docker' is no `docker run` command and is not carried out"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 no `docker run` command is here"),
        ("# nothing\n", "1:1 no `docker run` command is here"),
        ("docker pull x", "1:1 no `docker run` command is here"),
        ("docker --tls run x", "1:8 '--tls' stands before `run`: it tells the docker client which engine to use"),
        ("docker -H tcp://x run x", "1:8 '-H' stands before `run`: it tells the docker client which engine to use"),
        (
            "docker --nme x run x",
            "1:8 '--nme' stands between docker and `run`, where an option of the client itself is",
        ),
        ("A=b docker run x", "1:1 'A=' sets a variable for the docker client, which is not used here"),
        ("docker run", "1:1 the command names no image"),
        ("docker run -d", "1:12 the command names no image"),
        ("docker run -", "1:12 '-' is not a valid name of an image"),
        ("docker run -d IMAGE", "1:15 'IMAGE' is not a valid name of an image"),
        ("docker run --name", "1:12 --name needs a value"),
        ("docker run -p", "1:12 -p needs a value"),
        ("docker run -d --nam x img", "1:15 unknown option '--nam' of docker run"),
        ("docker run -d -z img", "1:15 unknown option '-z' of docker run"),
        ("docker run -name x img", "1:12 unknown option '-n' of docker run"),
        ("docker run -d -p 80:x img", "1:18 -p '80:x': the container port 'x' is not a port (1 to 65535) or a range"),
        ("docker run -p80:x img", "1:14 -p '80:x': the container port"),
        ("docker run --memory=5q img", "1:21 --memory '5q': expected a size such as 512m or 2g"),
        ("docker run --rm=maybe img", "1:17 --rm 'maybe': expected true or false"),
        ("docker run --quiet=maybe img", "1:20 --quiet 'maybe': expected true or false"),
        ("docker run -v $(pwd):/x img", "1:15 '$(' asks a shell for a command's output: no shell runs here"),
        ("docker run `cat image`", "1:12 '`' asks a shell for a command's output: no shell runs here"),
        ("docker run --cidfile x img", "1:12 --cidfile can't be honoured: it writes a file on the machine where"),
        ("docker run --use-api-socket img", "1:12 --use-api-socket can't be honoured"),
        ("docker run --help", "1:12 --help can't be honoured"),
        ("docker run -e FOO img", "1:15 'FOO' has no value: docker would take it from the environment of the one who"),
        ("docker run -e =x img", "1:15 ''=x'' is no NAME=VALUE"),
        ("docker run --env-file e img", "1:23 --env-file 'e' can't be read here: the app's files are not at hand"),
        ("docker run --security-opt x img", "1:27 --security-opt 'x': expected NAME=VALUE"),
        ("docker run img 'a\0b'", "1:16 a NUL character can't be passed to a container"),
        ("docker run --rm --restart always img", "1:12 --rm and --restart contradict each other"),
        ("docker run --no-healthcheck --health-cmd x img", "1:42 --no-healthcheck contradicts the --health options"),
        ("docker run --log-driver none --log-opt a=b img", "1:40 --log-opt means nothing to the log driver none"),
        ("docker run --uts host -h x img", "1:26 --hostname can't be set in the host's UTS namespace"),
        ("docker run --stop-timeout -5 img", "1:27 --stop-timeout: expected seconds, or -1"),
        ("docker run -v /a:/x -v /b:/x/ img", "1:24 two mounts at /x: the other one is at run:1:15"),
        ("docker run --net host --net n1 img", "1:29 the network mode 'host' can't be joined with the network n1"),
        ("docker run --net n1 --net host img", "1:18 the network mode 'host' can't be joined with the network n1"),
        ("docker run --net n1 --net n1 img", "1:27 the network n1 is given twice"),
        ("docker run --net name=n1,ip=1.2.3.4 --ip 1.2.3.5 img", "1:42 --ip is also said in --network"),
        ("docker run --ip 1.2.3.5 img", "1:17 --ip needs a network of its own"),
        ("docker run --net bridge --net-alias x img", "1:37 --network-alias needs a network of its own"),
        ("docker run --net host --link a img", "1:30 --link can't be joined with --network host"),
        ("docker run --net host --mac-address 92:d0:c6:0a:29:33 img", "1:37 --mac-address can't be joined with"),
        ("docker run --net container:a -p 80 img", "1:33 --publish can't be joined with --network container:a"),
        ("docker run --net container:a -h x img", "1:33 --hostname can't be joined with --network container:a"),
        ("docker run --net container: img", "1:18 container: needs a name after the colon"),
        ("docker run --pid container: img", "1:18 --pid 'container:': container: needs a name after the colon"),
        ("docker run --ipc somehow img", "1:18 --ipc 'somehow': expected one of host, private, shareable, none or"),
    ],
)
def test_faults(text: str, expected: str) -> None:
    found = faults(text)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_all_faults_at_once_in_the_order_of_the_text() -> None:
    text = "docker run -d -p 99999:80 --nme x -e FOO \\\n  --rm --restart always img; ls\ndocker run --pull x img\n"
    assert [fault.split(" ")[0] for fault in faults(text)] == ["1:18", "1:27", "1:38", "2:3", "2:28", "3:19"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("docker run --nme x img", "did you mean --name?"),
        ("docker run -name x img", "did you mean --name?"),
        ("docker run --publsh 80:80 img", "did you mean --publish?"),
        ("docker run --somethingelse img", "see `docker run --help`"),
    ],
)
def test_did_you_mean(text: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, "run")
    assert caught.value.issues[0].hint == hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker run -d --name a --name b img", "1:24 --name is given again; the last one counts"),
        ("docker run --detach=false img", "1:21 --detach=false has no meaning here"),
        ("docker run -i img", "1:12 -i opens no terminal here"),
        ("docker run -t img", "1:12 -t opens no terminal here"),
        ("docker run -d -a stdout img", "1:15 -a has no meaning here"),
        ("docker run -d --sig-proxy=false img", "1:15 --sig-proxy has no meaning here"),
        ("docker run -d --detach-keys x img", "1:15 --detach-keys has no meaning here"),
        ("docker run -d --disable-content-trust img", "1:15 --disable-content-trust has no meaning here"),
        ("docker run -d --kernel-memory 5m img", "1:15 --kernel-memory is gone from current kernels"),
        ("docker run -d --cpu-count 5 img", "1:15 --cpu-count means something to Windows engines only"),
        ("docker run -d --net host -p 80 img", "1:29 published ports have no effect with --network host"),
        ("docker run -d --net host -P img", "1:26 published ports have no effect with --network host"),
        ("docker run -d --rm img", "1:15 --rm: the container is gone when it ends, with its log"),
        ("docker run -d -e A=$B img", "1:20 '$B' stays as it is"),
    ],
)
def test_warnings(text: str, expected: str) -> None:
    (found,) = warnings(text)
    assert found.startswith(expected)


# ---------------------------------------------------------------- what options become


@pytest.mark.parametrize(
    ("words", "field", "expected"),
    [
        ("-dit", "tty", True),
        ("-dit", "stdin", True),
        ("-d --rm=false", "auto_remove", False),
        ("-d --rm", "auto_remove", True),
        ("-d --init=0", "init", False),
        ("--name=a", "name", "a"),
        ("--name a", "name", "a"),
        ("-w/x", "workdir", "/x"),
        ("-w=/x", "workdir", "/x"),
        ("-dw /x", "workdir", "/x"),
        ("--entrypoint ''", "entrypoint", ("",)),
        ("--entrypoint sh", "entrypoint", ("sh",)),
        ("--restart on-failure:2", "restart", Restart("on-failure", 2)),
        ("--no-healthcheck", "healthcheck", Healthcheck(("NONE",))),
        ("--health-retries 2", "healthcheck", Healthcheck(retries=2)),
        ("--health-retries 0", "healthcheck", None),
        ("--health-cmd 'a b'", "healthcheck", Healthcheck(("CMD-SHELL", "a b"))),
        ("-l a -l b=c", "labels", {"a": "", "b": "c"}),
        ("--sysctl a=1", "sysctls", {"a": "1"}),
        ("--group-add a --group-add 5", "groups", ("a", "5")),
        ("--stop-timeout 0", "stop_grace", 0),
        ("--shm-size 1m", "shm_size", 1 << 20),
        ("--isolation default", "isolation", "default"),
        ("--storage-opt size=1G", "storage_options", {"size": "1G"}),
        ("--annotation a=b", "annotations", {"a": "b"}),
        ("-u 0 -u 1", "user", "1"),
    ],
)
def test_fields(words: str, field: str, expected: Any) -> None:
    assert getattr(one(f"docker run {words} img"), field) == expected


def test_words_after_the_image_are_the_commands() -> None:
    assert one("docker run -d img -p 80 --name x").command == ("-p", "80", "--name", "x")


def test_a_value_may_look_like_an_option() -> None:
    assert one("docker run --name -d img").name == "-d"


def test_the_last_of_two_values_for_a_variable_counts() -> None:
    assert [(item.name, item.value) for item in one("docker run -e A=1 -e B=2 -e A=3 img").env] == [
        ("A", "3"),
        ("B", "2"),
    ]


def test_places() -> None:
    work = one("docker run -d \\\n  --privileged --memory 5m \\\n  img x")
    assert work.place("privileged")[1:] == (2, 3)
    assert work.place("memory")[1:] == (2, 25)
    assert work.place("image")[1:] == (3, 3)
    assert work.place("user") == work.position == ("run", 1, 1)


def test_network_modes() -> None:
    assert one("docker run --net container:x img").namespaces.network == "container:x"
    assert one("docker run img").namespaces.network == ""
    work = one("docker run --mac-address 92:d0:c6:0a:29:33 img")
    assert [(network.name, network.mac) for network in work.networks] == [("default", "92:d0:c6:0a:29:33")]


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "library/nginx:1.25",
        "localhost:5000/a/b_c.d--e:T_a-g.1",
        "Registry.Example.com/x",
        "[::1]:5000/x",
        "a@sha256:" + "0" * 64,
        "host/a:1@sha256:" + "0" * 64,
    ],
)
def test_images(image: str) -> None:
    assert one(f"docker run {image}").image == image


# ---------------------------------------------------------------- files


def test_files_of_the_app() -> None:
    files = {
        "config/env": "\ufeffA=1\n# no\n\n  B=two words \r\nC=\n",
        "labels": "a=b\nc\n",
        "seccomp.json": '{\n "defaultAction": "SCMP_ACT_ALLOW"\n}',
    }
    text = "docker run --env-file config/env -e A=2 --label-file labels -l a=c --security-opt seccomp=seccomp.json img"
    (work,) = parse(text, "run", read=files.__getitem__).workloads
    assert [(item.name, item.value) for item in work.env] == [("A", "2"), ("B", "two words "), ("C", "")]
    assert work.env[1].position == ("config/env", 4, 0)
    assert work.labels == {"a": "c", "c": ""}
    assert work.security.options == ('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--env-file /etc/passwd", "1:23 --env-file '/etc/passwd' is not a file of the app"),
        ("--env-file ../x", "1:23 --env-file '../x' is not a file of the app"),
        ("--env-file ''", "1:23 --env-file '' is not a file of the app"),
        ("--env-file none", "1:23 --env-file 'none': No such file or directory"),
        ("--env-file bad", "2:0 expected a variable as NAME=VALUE"),
        ("--label-file bad", "1:0 expected a label as NAME=VALUE"),
        ("--security-opt seccomp=bad", "1:27 the seccomp profile bad is not JSON"),
        ("--security-opt seccomp=/etc/x", "1:27 --security-opt seccomp= '/etc/x' is not a file of the app"),
    ],
)
def test_bad_files(words: str, expected: str) -> None:
    found = faults(f"docker run {words} img", {"bad": "=x\nNO_VALUE\n" if "label" in words else "A=1\nNO_VALUE\n"})
    assert found[0].startswith(expected)


def test_a_reader_that_refuses_is_quoted() -> None:
    def read(path: str) -> str:
        raise SpecError.single("it is a link that leads outside", parse("docker run x", "run").workloads[0].position)

    with pytest.raises(SpecError, match="it is a link that leads outside") as caught:
        parse("docker run --env-file x img", "run", read=read)
    assert caught.value.issues[0].code == "no-file"


# ---------------------------------------------------------------- any text, and what comes back


@examples
@given(st.text())
def test_any_text_is_read_or_a_spec_error(text: str) -> None:
    with suppress(SpecError):
        parse(text, "run")


OPTION_WORDS = st.sampled_from([*(f"--{name}" for name in LONG), *(f"-{letter}" for letter in SHORT)])
LOOSE = st.one_of(
    OPTION_WORDS, st.text(" =:,/-az019'\"\\$\n", max_size=12), st.sampled_from(["img", "80", "a=b", "/x"])
)


@examples
@given(st.lists(LOOSE, max_size=8))
def test_any_mix_of_options_is_read_or_a_spec_error(words: list[str]) -> None:
    for joined in (" ".join(words), shlex.join(words)):
        with suppress(SpecError):
            parse(f"docker run {joined}", "run", read=lambda path: "A=1\nb\n")


NAMES = st.from_regex(r"[a-z][a-z0-9_]{1,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
PORTS = st.integers(1, 65535)


@examples
@given(
    env=st.dictionaries(NAMES, TEXTS, max_size=4),
    labels=st.dictionaries(NAMES, TEXTS, max_size=4),
    ports=st.lists(st.tuples(PORTS, PORTS), max_size=3, unique=True),
    volumes=st.lists(st.tuples(NAMES, NAMES), max_size=3, unique_by=lambda pair: pair[1]),
    memory=st.integers(1, 1 << 40),
    command=st.lists(TEXTS, max_size=4),
    flags=st.sets(st.sampled_from(["privileged", "read-only", "init", "publish-all", "oom-kill-disable"])),
    equals=st.booleans(),
)
def test_options_come_back(
    env: dict[str, str],
    labels: dict[str, str],
    ports: list[tuple[int, int]],
    volumes: list[tuple[str, str]],
    memory: int,
    command: list[str],
    flags: set[str],
    equals: bool,
) -> None:
    pairs = [("--env", f"{name}={value}") for name, value in env.items()]
    pairs += [("--label", f"{name}={value}") for name, value in labels.items()]
    pairs += [("--publish", f"{host}:{container}") for host, container in ports]
    pairs += [("--volume", f"{source}:/{target}") for source, target in volumes]
    pairs += [("--memory", str(memory))]
    words = [word for name, value in pairs for word in ([f"{name}={value}"] if equals else [name, value])]
    words += [f"--{flag}" for flag in sorted(flags)]
    work = one("docker run -d " + " \\\n".join(shlex.quote(word) for word in [*words, "img", *command]))
    assert {item.name: item.value for item in work.env} == env
    assert work.labels == labels
    assert [(int(port.host), port.container) for port in work.ports] == ports
    assert [(mount.source, mount.target) for mount in work.mounts] == [(name, f"/{path}") for name, path in volumes]
    assert work.resources.memory == memory
    assert list(work.command or ()) == command
    found = {
        "privileged": work.security.privileged,
        "read-only": work.security.read_only_root,
        "init": bool(work.init),
        "publish-all": work.publish_all,
        "oom-kill-disable": work.resources.oom_kill_disable,
    }
    assert {name for name, value in found.items() if value} == flags


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded real apps (../shared/compat) are not at hand")
def test_the_artifacts_of_real_apps() -> None:
    files = [path for path in SHARED.rglob("docker/*/rendered/**/*") if path.is_file()]
    assert len(files) > 30
    for path in files:
        found = parse(path.read_text(), path.name)
        assert len(found.workloads) == 1
        assert found.issues == ()
