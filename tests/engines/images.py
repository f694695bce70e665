"""The images that tests run: busybox from Debian's busybox-static, and those of the samples."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tomllib
from pathlib import Path

from tests.engines.docker import LABEL, ROOT, DockerEngine
from tests.engines.process import missing, needs, run

CACHE = Path(
    os.environ.get("ATOMICAPP_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atomicapp-samples"
)
"""Where what takes long to make is kept between runs. A constant: tests have another HOME."""

BUSYBOX = "atomicapp-test/busybox:1"
TOOL = "atomicapp-test/tool:1"
BUSYBOX_DOCKERFILE = f"""\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "mkdir", "-p", "/tmp", "/www", "/etc"]
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN echo root:x:0:0::/:/bin/sh >/etc/passwd; echo root:x:0: >/etc/group; echo hello >/www/index.html
LABEL {LABEL}
ENV PATH=/bin
CMD ["sh"]
"""


def busybox(engine: DockerEngine, folder: Path) -> str:
    """Build busybox on the engine, with all applets in /bin and a page /www/index.html that says hello."""
    program = next((path for path in map(Path, ("/bin/busybox", "/usr/bin/busybox")) if path.exists()), None)
    if program is None:
        missing("not installed: busybox-static")
    with engine.lock("busybox"):
        if engine.docker("images", "-q", BUSYBOX):
            return BUSYBOX
        shutil.copy(program, folder / "busybox")
        (folder / "Dockerfile").write_text(BUSYBOX_DOCKERFILE)
        engine.docker("build", "--quiet", "--tag", BUSYBOX, str(folder))
    return BUSYBOX


def push(engine: DockerEngine, image: str, reference: str) -> str:
    """Push a copy of an image of the engine to `reference`; the extra name does not stay."""
    engine.docker("tag", image, reference)
    engine.docker("push", reference)
    engine.docker("rmi", reference)
    return reference


def run_script(engine: DockerEngine, script: Path, *words: str) -> None:
    """Carry out a script that makes images on the engine, with what is kept between runs."""
    env = {"DOCKER_HOST": engine.host, "ATOMICAPP_CACHE": str(CACHE), "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    run("bash", str(script), *words, env=env)


def samples(engine: DockerEngine, *names: str) -> dict[str, str]:
    """Build the images of the samples (all, or those named); their short names -> references."""
    needs("mmdebstrap", "flock")
    wanted = names or ("mariadb", "wordpress", "httpd", "redis", "guestbook", "voting")
    with engine.lock("samples"):
        run_script(engine, ROOT / "samples" / "images" / "build.sh", *wanted)
    return {name: f"atomicapp-samples/{name}" for name in wanted}


def tool(engine: DockerEngine, folder: Path) -> str:
    """The image of the tool itself by the project's Dockerfile, with nothing taken from the network while it builds."""
    base = samples(engine, "python")["python"]
    for name in ("atomicapp", "providers", "nulecule_specs"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for pattern in ("Dockerfile", ".dockerignore", "setup.py", "pyproject.toml", "README*", "LICENSE"):
        for path in ROOT.glob(pattern):
            shutil.copy(path, folder)
    shutil.copytree(_wheels(), folder / "wheels")
    options = "--no-index --find-links=wheels"
    words = ("--build-arg", f"BASE={base}", "--build-arg", f"PIP_OPTIONS={options}", "--label", LABEL)
    engine.docker("build", "--quiet", "--tag", TOOL, *words, str(folder))
    return TOOL


def _wheels() -> Path:
    """A folder with the wheels of all that the project needs, for the Python 3.11 of Debian 12; kept between runs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], "wheel"]
    found = CACHE / f"wheels-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:16]}"
    if not found.exists():
        part = CACHE / f"{found.name}.{os.getpid()}"
        target = ("--only-binary=:all:", "--implementation=cp", "--python-version=3.11")
        run(sys.executable, "-m", "pip", "download", "--quiet", *target, "--dest", str(part), *wanted)
        part.rename(found)
    return found
