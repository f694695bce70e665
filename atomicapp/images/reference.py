"""Names of images, by Docker's rules.

    [docker://][REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST]

The first part of a name is a registry when it holds a dot, a colon or a capital letter, or is `localhost`;
otherwise the registry is Docker Hub, whose one-word repositories lie below `library/`.
"""

from __future__ import annotations

import re

from atomicapp.errors import UsageError
from atomicapp.records import NamedTuple

HUB = "docker.io"
HUB_API = "registry-1.docker.io"
DEFAULT_TAG = "latest"
SCHEME = "docker://"

_MAX_NAME = 255
_COMPONENT = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(rf"(?:{_COMPONENT}(?:\.{_COMPONENT})*|\[[0-9a-fA-F:]+\])(?::(?P<port>[0-9]{{1,5}}))?", re.ASCII)
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", re.ASCII)
_BARE_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HINT = "a reference looks like localhost:5000/team/app:1.0 or docker.io/library/app@sha256:..."


class Reference(NamedTuple):
    """A full name. `registry` is `HOST[:PORT]`, `tag` is empty only beside a digest, `digest` is `ALGORITHM:HEX`."""

    registry: str
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference; UsageError says which part is wrong."""
        rest = text.removeprefix(SCHEME)
        if not rest:
            raise UsageError("the image reference is empty", hint=_HINT)
        if "://" in rest:
            scheme = rest.partition("://")[0]
            raise _wrong(text, f"'{shown(scheme)}://' does not belong there", _HINT)
        rest, at, digest = rest.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise _wrong(text, f"'{shown(digest)}' is no digest", "a digest is sha256: and 64 hexadecimal digits")
        registry, rest = _split_registry(rest)
        rest, colon, tag = rest.partition(":")
        if colon and not _TAG.fullmatch(tag):
            raise _wrong(
                text,
                f"'{shown(tag)}' is no tag",
                "a tag has 1 to 128 letters, digits, '_', '.', '-' and does not begin with '.' or '-'",
            )
        registry = _check_registry(text, registry)
        repository = _check_repository(text, registry, rest)
        return cls(registry, repository, tag if tag or digest else DEFAULT_TAG, digest)

    @property
    def api_host(self) -> str:
        """The host and port to which the registry's requests go."""
        return HUB_API if self.registry == HUB else self.registry

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def target(self) -> str:
        """What to ask the registry for: the digest if there is one, else the tag."""
        return self.digest or self.tag

    @property
    def familiar(self) -> str:
        """The name as people write it: Docker Hub's prefix is left out where it can be read again without."""
        short = self.name.removeprefix(f"{HUB}/library/").removeprefix(f"{HUB}/")
        mistaken = _split_registry(short)[0] != HUB or _BARE_ID.fullmatch(short)
        return self._suffixed(self.name if mistaken else short)

    def __str__(self) -> str:
        return self._suffixed(self.name)

    def _suffixed(self, name: str) -> str:
        return f"{name}{':' + self.tag if self.tag else ''}{'@' + self.digest if self.digest else ''}"


def is_digest(text: str) -> bool:
    """Whether a text is a digest of an algorithm that is understood."""
    return bool(_DIGEST.fullmatch(text))


def _split_registry(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if slash and (first == "localhost" or any(sign in first for sign in ".:") or first != first.lower()):
        return first, rest
    return HUB, text


def _check_registry(text: str, registry: str) -> str:
    match = _REGISTRY.fullmatch(registry)
    if not match:
        raise _wrong(text, f"'{shown(registry)}' is no registry", "write it as HOST or HOST:PORT")
    if match["port"] and not 0 < int(match["port"]) < 65536:
        raise _wrong(text, f"port {match['port']} does not exist", "ports are 1 to 65535")
    return HUB if registry in ("index.docker.io", HUB_API) else registry


def _check_repository(text: str, registry: str, repository: str) -> str:
    if not repository:
        raise _wrong(text, "there is no repository name", _HINT)
    if not _REPOSITORY.fullmatch(repository):
        hint = _HINT
        if repository != repository.lower():
            hint = f"repository names are lower case: {shown(repository.lower())}"
        raise _wrong(
            text,
            f"'{shown(repository)}' is no repository name (lower-case letters and digits, "
            "separated by '.', '_', '__', '-' or '/')",
            hint,
        )
    if registry == HUB and "/" not in repository:
        if _BARE_ID.fullmatch(repository):
            raise _wrong(text, "64 hexadecimal digits are an image id, not a name", _HINT)
        repository = f"library/{repository}"
    if len(registry) + 1 + len(repository) > _MAX_NAME:
        raise _wrong(text[:40] + "...", f"the name is longer than {_MAX_NAME} characters", "choose a shorter one")
    return repository


def shown(text: str, limit: int = 200) -> str:
    """Foreign text for a message: control characters and what is no Unicode are escaped, long ones are cut."""
    text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return text if text.isprintable() else ascii(text)[1:-1]


def _wrong(text: str, cause: str, hint: str) -> UsageError:
    return UsageError(f"'{shown(text, 80)}' is no image reference: {cause}", hint=hint)
