"""What a container of a unit is given besides its command: variables, configs, secrets, and the files that they stand in. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from atomicapp.errors import ERROR, WARNING
from atomicapp.providers.docker import command
from atomicapp.providers.units import names, quoting, steps
from atomicapp.providers.units.lines import Lines
from atomicapp.providers.units.parts import File, Group, Settings
from atomicapp.records import NamedTuple
from atomicapp.workload import model
from atomicapp.workload.model import Env, FileGrant, Workload
from atomicapp.workload.project import FileSpec, Project

Step = tuple[steps.Words, str]
"""A command, and the prefix that tells systemd how to take its failure."""

_CONFIG_MODE = 0o444
_ENV_MODE = 0o600
_ENV_LINE = 60_000  # the docker client reads no longer ones
_CLIENT = ("PATH", "HOME", "IFS", "ENV", "TMPDIR", "SHELL")
"""Variables that mean something to the docker command, or to the shell around it."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Inside(NamedTuple):
    """What is to be done for the files of a container: the workload without the variables that stand in one, the steps that
    write them, the options that give them to the container, their paths, and what [Service] is to say of them."""

    work: Workload
    steps: list[Step]
    options: list[Group]
    paths: list[str]
    service: list[tuple[str, str]]


class Insides:
    """What each container of a project is given; the files of all of them are in `files`, by their paths."""

    def __init__(self, project: Project, settings: Settings, lines: Lines) -> None:
        self.project = project
        self.settings = settings
        self.lines = lines
        self.files: dict[str, File] = {}

    def of(self, stem: str, asked: Workload, work: Workload, handed: dict[str, str] | None = None) -> Inside:
        """The files of a container. `asked` is the service as its author has it, `work` as it is run; `handed` are the
        variables that systemd has for all commands of the unit, to which those of this one come."""
        inside, folder = self.variables(stem, work, handed=handed), self.folder(stem)
        for grants, specs, what in (
            (asked.configs, self.project.configs, "config"),
            (asked.secrets, self.project.secrets, "secret"),
        ):
            for grant in grants:
                self._granted(inside, folder, grant, specs[grant.source], what)
        for option in work.security.options:
            if command.is_profile(option):
                place = work.place("security_opt")
                file = File(f"{folder}/seccomp.json", option[len("seccomp=") :], _CONFIG_MODE, 0, 0, False, place)
                self._file(inside, file, "--security-opt", f"seccomp={file.path}")
        return inside

    def folder(self, stem: str) -> str:
        """Where the files of a container lie."""
        return f"{self.settings.folder}/{names.clean(self.settings.app)}/{stem}"

    def variables(
        self,
        stem: str,
        work: Workload,
        *,
        handed: dict[str, str] | None = None,
        fits: Callable[[Env], bool] | None = None,
    ) -> Inside:
        """The variables of a container, and no more; `fits` tells which of them its engine reads from a file as they are."""
        inside, folder = Inside(work, [], [], [], []), self.folder(stem)
        handed = {} if handed is None else handed
        if self.settings.env_file:
            fitting = [item for item in work.env if (fits or fits_file)(item)]
            if fitting:
                text = "".join(f"{item.name}={item.value}\n" for item in fitting)
                file = File(f"{folder}/env", text, _ENV_MODE, 0, 0, True, fitting[0].position)
                self._file(inside, file, "--env-file", file.path)
                inside = self._without(inside, fitting)
        # what docker's file can't say, or nobody can place: systemd hands it to the docker command, which takes it over, so
        # that no list of processes shows it. Of one name it can have one value
        told = [
            item for item in inside.work.env if is_handed_over(item) and handed.get(item.name, item.value) == item.value
        ]
        new = [item for item in told if item.name not in handed]
        handed |= {item.name: item.value for item in new}
        if new and self.settings.env_file and not self.settings.inline:
            text = "".join(f"{item.name}={quoting.variable(item.value)}\n" for item in new)
            file = File(f"{folder}/env-lines", text, _ENV_MODE, 0, 0, True, new[0].position)
            self.files[file.path] = file
            inside.paths.append(file.path)
            inside.service.append(("EnvironmentFile", file.path))
        elif new:
            inside.service.extend(self._variable(item) for item in new)
        return self._handed_over(inside, told) if told else inside

    @staticmethod
    def _without(inside: Inside, items: Sequence[Env]) -> Inside:
        env = tuple(item for item in inside.work.env if item not in items)
        return inside._replace(work=inside.work._replace(env=env))

    def _handed_over(self, inside: Inside, items: Sequence[Env]) -> Inside:
        inside.options.extend(("-e", item.name) for item in items)
        return self._without(inside, items)

    def _variable(self, item: Env) -> tuple[str, str]:
        name, value = self.lines.command("Environment", [[f"{item.name}={item.value}"]], item.position)
        return name, value.replace("$$", "$")

    def _granted(self, inside: Inside, folder: str, grant: FileGrant, spec: FileSpec, what: str) -> None:
        if spec.content is None:
            message = (
                f"the {what} '{grant.source}' is kept by a cluster, which this engine is not: nobody here can read it"
            )
            hint = f"give it by `file`, `environment` or `content` (it is declared at {spec.position})"
            self.lines.say(ERROR, message, grant.position, "external", hint)
            return
        path = f"{folder}/{what}s/{names.clean(*grant.target.split('/'))}"
        mode = grant.mode if grant.mode is not None else _CONFIG_MODE
        owner = [self._id(text, grant, what) for text in (grant.uid, grant.gid)]
        file = File(path, spec.content, mode, owner[0], owner[1], what == "secret", grant.position)
        if file.secret and self.settings.inline:
            message = f"the secret '{grant.source}' stands in the unit of the service, which all who reach the engine can read"
            self.lines.say(
                WARNING,
                message,
                grant.position,
                "readable-secret",
                "give it to the machines by another way, if it matters",
            )
        fields = [f"type={model.BIND}", f"source={path}", f"target={grant.target}", "readonly"]
        self._file(inside, file, "--mount", command.fields(fields))

    def _id(self, text: str, grant: FileGrant, what: str) -> int:
        if not text or text.isdigit():
            return int(text or "0")
        message = f"the owner '{text}' of the {what} '{grant.source}' is no number: it belongs to root instead"
        self.lines.say(WARNING, message, grant.position, "owner", "write the id of the user or group")
        return 0

    def _file(self, inside: Inside, file: File, *option: str) -> None:
        inside.options.append(option)
        inside.paths.append(file.path)
        if self.settings.inline:
            inside.steps.extend((step, "") for step in steps.file(file.path, file.text, file.mode, file.uid, file.gid))
        else:
            self.files[file.path] = file


def fits_file(item: Env) -> bool:
    """Whether a file of variables can say it."""
    plain = item.name and not item.name.startswith("#") and not any(char.isspace() for char in item.name)
    return bool(plain) and not set("\n\r\0") & set(item.value) and len(item.value.encode()) < _ENV_LINE


def is_handed_over(item: Env) -> bool:
    """Whether the docker command may have a variable in its own environment, where it would not change what that does."""
    name = item.name
    own = name in _CLIENT or name.startswith(("DOCKER_", "LD_")) or name.lower().endswith("_proxy")
    return bool(_VARIABLE.fullmatch(name)) and not own and "\0" not in item.value
