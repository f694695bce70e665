"""Groups of options that several verbs share, and what they mean."""

from __future__ import annotations

import argparse
import os

from atomicapp.errors import UsageError
from atomicapp.model import Target
from atomicapp.params.formats import FORMATS


def app(parser: argparse.ArgumentParser, what: str = "a folder, an image reference, oci:DIR or a tar") -> None:
    """The positional APP; taken from $IMAGE when it is not given."""
    parser.add_argument("app", metavar="APP", nargs="?", help=f"{what} (default: $IMAGE)")


def deployment(parser: argparse.ArgumentParser) -> None:
    """The positional APP of verbs that look after a deployment."""
    app(parser, "the name of a deployment, or the app it was run from")
    parser.add_argument("-n", "--name", default="", help="the name of the deployment, when APP is an app")


def components(parser: argparse.ArgumentParser) -> None:
    """`-c COMPONENT`, for verbs that show something of each."""
    parser.add_argument(
        "-c", "--component", action="append", default=[], help="only this component; may be given again"
    )


def required_app(options: argparse.Namespace) -> str:
    """APP as given, or $IMAGE; UsageError when there is neither."""
    found = options.app or os.environ.get("IMAGE", "")
    if not found:
        raise UsageError("no APP was given", hint="name a folder, an image or a deployment, or set $IMAGE")
    return str(found)


def answers(parser: argparse.ArgumentParser, *, asking: bool = True) -> None:
    """Where the values of params come from."""
    group = parser.add_argument_group("params (command line > environment > answers > defaults)")
    group.add_argument(
        "-a", "--answers", metavar="FILE", default="", help="answers: a file, a URL, or - for standard input"
    )
    group.add_argument(
        "-p", "--param", metavar="[SCOPE:]NAME=VALUE", action="append", default=[],
        help="one value; may be given again. Secrets belong into answers or ATOMICAPP_PARAM_[SCOPE__]NAME",
    )  # fmt: skip
    if asking:
        group.add_argument("--ask", action="store_true", help="ask for every param, not only for missing ones")
        group.add_argument(
            "--write-answers", metavar="FILE", default="", help="write the values in use, without secrets"
        )
    answers_format(group)


def answers_format(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--answers-format",
        metavar="|".join(FORMATS),
        type=_answers_format,
        default="ini",
        help="the format of answers that are written",
    )


def _answers_format(text: str) -> str:
    if text not in FORMATS:
        raise argparse.ArgumentTypeError(f"answers can't be written as {text}: use {', '.join(FORMATS)}")
    return text


def provider(parser: argparse.ArgumentParser) -> None:
    """Which engine, and how it is reached."""
    group = parser.add_argument_group("engine")
    group.add_argument("--provider", default="", help="docker, or any that the app has artifacts for")
    group.add_argument("--namespace", default="", help="the namespace on the engine (default: default)")
    group.add_argument(
        "--provider-context",
        metavar="NAME",
        default="",
        help="the context of the configuration file (default: its current)",
    )
    group.add_argument(
        "--provider-api",
        metavar="URL",
        default="",
        help="the address of the engine; on systemd docker or podman, for what is to run containers",
    )
    group.add_argument(
        "--provider-auth",
        metavar="TOKEN",
        default="",
        help="a token, on Marathon USER:PASSWORD too (better: provider-auth in answers)",
    )
    group.add_argument(
        "--provider-cafile", metavar="FILE", default="", help="the CA that signed the engine's certificate"
    )
    group.add_argument(
        "--provider-config", metavar="FILE", default="", help="a configuration file of the engine's client"
    )
    group.add_argument(
        "--provider-tlsverify", metavar="True|False", default=None, type=_boolean, help="check the engine's certificate"
    )


def changing(parser: argparse.ArgumentParser) -> None:
    """What a run may do on the engine beyond what is its own."""
    group = parser.add_argument_group("what it may do")
    group.add_argument(
        "--create-namespace",
        action="store_true",
        help="make the namespace where it is absent; uninstall removes it again",
    )
    group.add_argument(
        "--force-conflicts", action="store_true",
        help="take over fields that others have set (Kubernetes' field managers), or apps that a deployment of others holds "
        "(Marathon), which is refused else",
    )  # fmt: skip
    group.add_argument(
        "--init-swarm",
        action="store_true",
        help="make a swarm of the Docker Engine where it is in none; nothing undoes it",
    )


def engine_target(options: argparse.Namespace, target: Target) -> Target:
    """A target with the options that say how its engine is reached put in, as far as they are given."""
    found = given(options)
    return target._replace(
        namespace=found.get("namespace", target.namespace),
        api=found.get("provider-api", target.api),
        auth=found.get("provider-auth", target.auth),
        cafile=found.get("provider-cafile", target.cafile),
        config=found.get("provider-config", target.config),
        context=found.get("provider-context", target.context),
        tlsverify=found.get("provider-tlsverify", str(target.tlsverify).lower()) != "false",
    )


def registry(parser: argparse.ArgumentParser) -> None:
    """How registries are reached."""
    group = parser.add_argument_group("registry")
    group.add_argument(
        "--insecure-registry", metavar="HOST", action="append", default=[],
        help="talk plain http to this registry (loopback addresses need no option)",
    )  # fmt: skip
    group.add_argument("--registry-cafile", metavar="FILE", default="", help="a CA to trust for registries")


def output(parser: argparse.ArgumentParser, formats: tuple[str, ...] = ("text", "json"), default: str = "text") -> None:
    """`-o FORMAT`."""
    parser.add_argument("-o", "--output-format", "--format", choices=formats, default=default, help="how to report")


def locking(parser: argparse.ArgumentParser) -> None:
    """How long to wait for another run."""
    parser.add_argument(
        "--lock-timeout", metavar="SECONDS", type=seconds, default=600.0,
        help="wait this long for another command on the same deployment (default 600)",
    )  # fmt: skip


def waiting(parser: argparse.ArgumentParser) -> None:
    """Whether and how long to wait for readiness."""
    parser.add_argument(
        "--wait", action=argparse.BooleanOptionalAction, default=True, help="wait until everything is ready (default)"
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=seconds, default=300.0, help="how long to wait for it (default 300)"
    )


def given(options: argparse.Namespace) -> dict[str, str]:
    """The options that count as params of the scope general."""
    names = ("provider", "namespace", *(f"provider-{name}" for name in ("api", "auth", "cafile", "config", "context")))
    found = {name: getattr(options, name.replace("-", "_"), "") for name in (*names, "provider-tlsverify")}
    return {name: value for name, value in found.items() if value}


def seconds(text: str) -> float:
    """A number of seconds, also with a unit: 90, 1.5, 2m, 1h."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    try:
        value = float(text[:-1]) * units[text[-1]] if text[-1:] in units else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds: write 90, 2m or 1h")
    return value


def _boolean(text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"'{text}' is neither True nor False")
    return text.lower()
