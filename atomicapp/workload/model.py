"""The engine-neutral picture of one container: what every reader fills and every provider's writer reads.

It holds all that the Docker client's `run` and a service of a Compose file can say, under names of no engine; what
stands beside the services of such a file is in `project`. Sizes are bytes, times are
nanoseconds (the finest unit that a reader can meet), lists keep the order of the text. An empty text, None or an
empty tuple means "not said": the engine's or the image's own default holds. As in atomicapp.model, annotations are values.
"""

from collections.abc import Mapping
from types import MappingProxyType

from atomicapp.position import Position
from atomicapp.records import NamedTuple

NOTHING: Mapping[str, str] = MappingProxyType({})
NOWHERE: Mapping[str, Position] = MappingProxyType({})

# Kinds of Mount.
BIND = "bind"
VOLUME = "volume"
TMPFS = "tmpfs"
IMAGE = "image"
NAMED_PIPE = "npipe"
CLUSTER = "cluster"

# Values of Pull.
PULL_ALWAYS = "always"
PULL_MISSING = "missing"
PULL_NEVER = "never"

# Conditions of Dependency.
STARTED = "started"
HEALTHY = "healthy"
COMPLETED = "completed"


class Env(NamedTuple):
    """One environment variable."""

    name: str
    value: str
    position: Position


class Port(NamedTuple):
    """A published port. `host` is empty (the engine chooses), a port, or a range of which the engine takes one."""

    container: int
    protocol: str
    host: str
    host_ip: str
    position: Position
    mode: str = ""
    """`host` for a port of each machine that runs it, `ingress` for one that all machines share, "" for the engine's way."""
    name: str = ""
    app_protocol: str = ""


class Exposed(NamedTuple):
    """A port that is told to the engine and not published."""

    container: int
    protocol: str
    position: Position


class Mount(NamedTuple):
    """Something mounted at `target`.

    A volume with an empty source is an anonymous one. `create_source` tells whether an absent host folder is made;
    `selinux` is "", `shared` (z) or `private` (Z); `recursive` is "", enabled, disabled, writable or readonly.
    `options` are those of a tmpfs in its short form (`size=64m,mode=1777`), None in its long one. `driver`, `driver_options` and `labels`
    describe the volume if it is made for this mount; `size` and `mode` a tmpfs.
    """

    kind: str
    source: str
    target: str
    position: Position
    read_only: bool = False
    create_source: bool = False
    selinux: str = ""
    propagation: str = ""
    recursive: str = ""
    consistency: str = ""
    no_copy: bool = False
    subpath: str = ""
    driver: str = ""
    driver_options: Mapping[str, str] = NOTHING
    labels: Mapping[str, str] = NOTHING
    options: str | None = None
    size: int | None = None
    mode: int | None = None


class VolumesFrom(NamedTuple):
    """The mounts of another container."""

    container: str
    mode: str
    position: Position


class Link(NamedTuple):
    """Another container, reachable here as `alias`; an external one belongs to nothing that is read here."""

    target: str
    alias: str
    position: Position
    external: bool = False


class Network(NamedTuple):
    """A network that the container is attached to, and how it appears there."""

    name: str
    position: Position
    aliases: tuple[str, ...] = ()
    ipv4: str = ""
    ipv6: str = ""
    link_local_ips: tuple[str, ...] = ()
    mac: str = ""
    driver_options: Mapping[str, str] = NOTHING
    gateway_priority: int = 0
    interface: str = ""
    priority: int = 0
    unnamed: bool = False
    """The name of the service is no alias there."""


class Dependency(NamedTuple):
    """Another workload that must be started, healthy or completed before. `restart`: this one is started anew when the
    other one is; not `required`: no fault when there is no such workload."""

    target: str
    condition: str
    position: Position
    restart: bool = False
    required: bool = True


class Healthcheck(NamedTuple):
    """How health is told. `test` is () for the image's own, ("NONE",) for none, else CMD or CMD-SHELL and words."""

    test: tuple[str, ...] = ()
    interval: int | None = None
    timeout: int | None = None
    start_period: int | None = None
    start_interval: int | None = None
    retries: int | None = None


class FileGrant(NamedTuple):
    """A config or a secret of the project (`source`, its key there) as a file of the container. `mode` are the
    permission bits; an empty `uid` or `gid` is 0."""

    source: str
    target: str
    position: Position
    uid: str = ""
    gid: str = ""
    mode: int | None = None


class Hook(NamedTuple):
    """A command that is carried out in the container after its start, or before its stop."""

    command: tuple[str, ...]
    position: Position
    user: str = ""
    privileged: bool = False
    workdir: str = ""
    env: tuple[Env, ...] = ()


class PreStart(NamedTuple):
    """What is carried out to its end before the start of another workload, in a container of its own; once for all
    replicas, or once for each."""

    workload: "Workload"
    per_replica: bool = False


class Rollout(NamedTuple):
    """How replicas are replaced: so many at a time, nanoseconds between them, what follows a failure (`continue`,
    `pause`, `rollback`), for how long a failure counts, at which share of failures, and what comes first
    (`stop-first`, `start-first`)."""

    parallelism: int | None = None
    delay: int | None = None
    failure_action: str = ""
    monitor: int | None = None
    max_failure_ratio: float | None = None
    order: str = ""


class RestartRule(NamedTuple):
    """What a cluster does about a replica that ended: `condition` is none, on-failure or any; times in nanoseconds."""

    condition: str = ""
    delay: int | None = None
    max_attempts: int | None = None
    window: int | None = None


# Values of Scheduling.mode.
REPLICATED = "replicated"
GLOBAL = "global"
REPLICATED_JOB = "replicated-job"
GLOBAL_JOB = "global-job"


class Scheduling(NamedTuple):
    """How a cluster runs it: mode ("" is replicated), where its replicas may be and how they are replaced.

    `constraints` are texts as Swarm has them (`node.labels.disk == ssd`), `spread` the labels to spread over, in order.
    `concurrent` is how many replicas of a job run at a time (0: all). `generic` are countable things of a node that it
    asks for (kind -> number). `labels` are those of the service, not of its containers.
    """

    mode: str = ""
    endpoint_mode: str = ""
    constraints: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    max_per_node: int = 0
    update: Rollout | None = None
    rollback: Rollout | None = None
    restart: RestartRule | None = None
    generic: Mapping[str, int] = MappingProxyType({})
    labels: Mapping[str, str] = NOTHING
    concurrent: int = 0


class Restart(NamedTuple):
    """What follows an end: `no`, `always`, `on-failure` (at most `retries` times if not 0), `unless-stopped`."""

    policy: str = "no"
    retries: int = 0


class Logging(NamedTuple):
    """Where the log goes."""

    driver: str = ""
    options: Mapping[str, str] = NOTHING


class Ulimit(NamedTuple):
    """A process limit; -1 is unlimited."""

    name: str
    soft: int
    hard: int
    position: Position


class Device(NamedTuple):
    """A device of the host. `permissions` is made of r, w and m."""

    host: str
    container: str
    permissions: str
    position: Position


class DeviceRequest(NamedTuple):
    """Devices found by a driver: GPUs, or CDI names. `number` -1 is all."""

    driver: str
    number: int
    ids: tuple[str, ...]
    capabilities: tuple[str, ...]
    options: Mapping[str, str]
    position: Position


class DeviceRate(NamedTuple):
    """A limit (bytes or operations per second) or a weight for one block device."""

    path: str
    rate: int
    position: Position


class BlockIo(NamedTuple):
    """Limits of block devices."""

    weight: int | None = None
    weight_devices: tuple[DeviceRate, ...] = ()
    read_bps: tuple[DeviceRate, ...] = ()
    write_bps: tuple[DeviceRate, ...] = ()
    read_iops: tuple[DeviceRate, ...] = ()
    write_iops: tuple[DeviceRate, ...] = ()


class Resources(NamedTuple):
    """Limits of memory, processors and processes. `cpus` counts billionths of a processor; `memory_swap` -1 is
    unlimited; the fields from `windows_cpu_count` on mean something to Windows engines only."""

    memory: int | None = None
    memory_reservation: int | None = None
    memory_swap: int | None = None
    memory_swappiness: int | None = None
    kernel_memory: int | None = None
    cpus: int | None = None
    cpu_reservation: int | None = None
    cpu_shares: int | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpu_rt_period: int | None = None
    cpu_rt_runtime: int | None = None
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids: int | None = None
    oom_kill_disable: bool = False
    oom_score_adj: int | None = None
    windows_cpu_count: int | None = None
    windows_cpu_percent: int | None = None
    windows_io_bandwidth: int | None = None
    windows_io_iops: int | None = None


class Security(NamedTuple):
    """Rights taken and given. `options` are those of the engine (`label=`, `apparmor=`, `seccomp=` with the profile's
    JSON in place of its file name); `all_system_paths` lifts the masks from /proc and /sys."""

    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    all_system_paths: bool = False
    read_only_root: bool = False


class Namespaces(NamedTuple):
    """The kernel namespaces: `host`, `private`, `container:NAME`, and so on. `network` is "" when networks are
    named in Workload.networks, else host, none, bridge, default or container:NAME."""

    network: str = ""
    pid: str = ""
    ipc: str = ""
    uts: str = ""
    user: str = ""
    cgroup: str = ""


class Dns(NamedTuple):
    """Name resolution inside."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Workload(NamedTuple):
    """One container. `where` gives the place of what is no item of its own, by field name (`privileged`, `memory`).

    `service` is what others of its project call it ("" for what stands alone), `name` what the container is called on the
    engine.
    """

    image: str
    position: Position
    name: str = ""
    service: str = ""
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: tuple[Env, ...] = ()
    ports: tuple[Port, ...] = ()
    exposed: tuple[Exposed, ...] = ()
    publish_all: bool = False
    mounts: tuple[Mount, ...] = ()
    volumes_from: tuple[VolumesFrom, ...] = ()
    volume_driver: str = ""
    networks: tuple[Network, ...] = ()
    links: tuple[Link, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    healthcheck: Healthcheck | None = None
    restart: Restart = Restart()
    replicas: int = 1
    scheduling: Scheduling = Scheduling()
    configs: tuple[FileGrant, ...] = ()
    secrets: tuple[FileGrant, ...] = ()
    pre_start: tuple[PreStart, ...] = ()
    post_start: tuple[Hook, ...] = ()
    pre_stop: tuple[Hook, ...] = ()
    credential_spec: Mapping[str, str] = NOTHING
    auto_remove: bool = False
    resources: Resources = Resources()
    block_io: BlockIo = BlockIo()
    ulimits: tuple[Ulimit, ...] = ()
    devices: tuple[Device, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    device_rules: tuple[str, ...] = ()
    security: Security = Security()
    namespaces: Namespaces = Namespaces()
    sysctls: Mapping[str, str] = NOTHING
    user: str = ""
    groups: tuple[str, ...] = ()
    workdir: str = ""
    hostname: str = ""
    domainname: str = ""
    dns: Dns = Dns()
    extra_hosts: tuple[str, ...] = ()
    shm_size: int | None = None
    logging: Logging = Logging()
    labels: Mapping[str, str] = NOTHING
    annotations: Mapping[str, str] = NOTHING
    stop_signal: str = ""
    stop_grace: int | None = None
    """Seconds between the stop signal and the kill; None for the image's or the engine's default."""
    init: bool | None = None
    tty: bool = False
    stdin: bool = False
    platform: str = ""
    runtime: str = ""
    isolation: str = ""
    pull: str = PULL_MISSING
    cgroup_parent: str = ""
    storage_options: Mapping[str, str] = NOTHING
    where: Mapping[str, Position] = NOWHERE

    def place(self, field: str) -> Position:
        """Where a field was said; the workload itself when it was not."""
        return self.where.get(field, self.position)
