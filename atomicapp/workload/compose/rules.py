"""What becomes of the keys that the reader settles for every engine; a provider's table begins with these."""

from __future__ import annotations

from types import MappingProxyType

from atomicapp.workload.compose.keys import KEYS
from atomicapp.workload.fidelity import Rule, Table, approximated, kept, lost

_BUILD = "images are not built here; the image that is named is taken as it is"
_DEVELOP = "it serves the work on the sources, which are not part of an app"
_MODEL = "no language models are run here; run one as a service, and say its address in the environment"
_PROGRAM = "the service is left out: a program of the user's machine would make it"
_JOB = "jobs are not started by hand or by the clock here; write a service, with restart: no"

_SINGLE: dict[str, Rule] = {
    "name": kept("the deployment's own name goes before it"),
    "version": kept("it says nothing: there is one Compose Specification"),
    "include.path": kept(),
    "include.env_file": kept(),
    "include.project_directory": kept(),
    "jobs": lost(_JOB),
    "services.attach": lost("an app's containers run in the background; see `atomicapp logs`"),
    "services.env_file.format": kept(),
    "services.env_file.path": kept("its variables are part of the environment"),
    "services.env_file.required": kept(),
    "services.extends.file": kept(),
    "services.extends.service": kept(),
    "services.label_file": kept("its labels are part of the labels"),
    "services.models": lost(_MODEL),
    "services.models.endpoint_var": lost(_MODEL),
    "services.models.model_var": lost(_MODEL),
    "services.profiles": kept("services of profiles that are not active are left out"),
    "services.provider.options": lost(_PROGRAM),
    "services.provider.type": lost(_PROGRAM),
    "services.pull_refresh_after": approximated("the image is asked for at each start"),
    "services.umask": lost("no engine sets the umask of a container; set it in the command"),
    "services.use_api_socket": lost(
        "it hands the engine's socket and the caller's registry credentials to the container; mount the socket, if the app must have it"
    ),
}
_ROOMS = {"services.build.": lost(_BUILD), "services.develop.": lost(_DEVELOP), "models.": lost(_MODEL)}

RULES: Table = MappingProxyType(
    {**{key: rule for room, rule in _ROOMS.items() for key in sorted(KEYS) if key.startswith(room)}, **_SINGLE}
)
