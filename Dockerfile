# Atomic App in a container, for machines that have a Docker Engine and nothing else:
#
#   docker build -t atomicapp .
#   docker run --rm -v /:/host -v /var/run/docker.sock:/var/run/docker.sock atomicapp run /path/to/app --provider docker
#
# The host's root at /host lets it read apps and answers by their absolute paths, and keep its state where the
# program on the host would (/var/lib/atomicapp). The engine's socket belongs to root, and who may talk to it is root
# on the host anyway: so there is no USER here.
#
# BASE: any image of a Debian with Python 3.11 or newer and its venv; git is added when it lacks.
# PIP_OPTIONS: for builds without internet, `--no-index --find-links=wheels` with the wheels in that folder.
ARG BASE=docker.io/library/python:3.12-slim

FROM ${BASE} AS build
# so that what is left of this stage can be found and removed: docker image prune --filter label=io.atomicapp.stage
LABEL io.atomicapp.stage=build
ARG PIP_OPTIONS=
WORKDIR /src
RUN python3 -m venv /opt/atomicapp
COPY . .
RUN /opt/atomicapp/bin/python -m pip install --no-cache-dir --no-compile ${PIP_OPTIONS} . \
 && /opt/atomicapp/bin/python -m pip uninstall --yes --quiet pip \
 && /opt/atomicapp/bin/python -m compileall -q /opt/atomicapp/lib

FROM ${BASE}
# artifacts may lie in git repositories
RUN command -v git >/dev/null || { apt-get update && apt-get install -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*; }
COPY --from=build /opt/atomicapp /opt/atomicapp
RUN ln -s /opt/atomicapp/bin/atomicapp /usr/local/bin/atomicapp
LABEL org.opencontainers.image.title="Atomic App" \
      org.opencontainers.image.description="A packager for composite, multi-container applications" \
      org.opencontainers.image.licenses="MIT"
# what a folder given by a relative path is relative to
WORKDIR /host
ENTRYPOINT ["/usr/local/bin/atomicapp"]
CMD ["--help"]
