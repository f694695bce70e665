"""For each key of the Compose Specification two texts that differ in just that key.

    project(PAIRS["services.init"][0]), project(PAIRS["services.init"][1])

A writer that keeps or approximates a key gives different output for the two, one that loses it gives the same. QUIET are
the keys that change nothing in what is read, so that no output can differ.
"""

from __future__ import annotations

from atomicapp.workload.compose import read
from atomicapp.workload.project import Project

FILES = {
    "one.env": "ONE=1\n",
    "raw.env": "ONE='1'\n",
    "one.labels": "com.example.one=1\n",
    "page.html": "<h1>page</h1>\n",
    "key.txt": "hush\n",
    "base.yaml": "services: {base: {image: example/web:1, environment: {BASE: 1}}}\n",
    "more.yaml": "services: {more: {image: example/more:1, environment: {TAG: '${TAG:-none}'}}}\n",
    "part/less.yaml": "services: {less: {image: example/less:1, env_file: [less.env]}}\n",
    "part/less.env": "LESS=1\n",
    "tag.env": "TAG=7\n",
    "less.env": "LESS=0\n",
}
VARIABLES = {"GREETING": "hello", "PASSWORD": "hush"}
WEB = "services:\n  web:\n    image: example/web:1\n"


def project(text: str) -> Project:
    """The project of a text of PAIRS."""
    return read(text, "compose.yaml", variables=VARIABLES, files=FILES.__getitem__)


def _indented(text: str, blanks: int) -> str:
    return "".join(f"{' ' * blanks}{line}\n" for line in text.split("\n") if line)


def _pair(without: str, said: str, rest: str = "") -> tuple[str, str]:
    """Two texts whose service `web` has some keys; `rest` follows its keys in both."""
    return WEB + _indented(without, 4) + rest, WEB + _indented(said, 4) + rest


_DB = "  db:\n    image: example/db:1\n"
_NEEDED = "  db:\n    image: example/db:1\n    healthcheck: {test: [CMD, ready]}\n"
_FRONT = "networks: {front: {}}\n"
_DATA = "volumes: {data: {}}\n"
_CONFIG = "configs: {page: {content: hello}}\n"
_SECRET = "secrets: {key: {environment: PASSWORD}}\n"
_LLM = "models: {llm: {model: example/llm}}\n"

# what a service says alone
_ALONE: dict[str, str] = {
    "annotations": "annotations: {com.example.note: yes}",
    "attach": "attach: false",
    "blkio_config.weight": "blkio_config: {weight: 300}",
    "build.additional_contexts": "build: {additional_contexts: {more: ./more}}",
    "build.args": "build: {args: {VERSION: 1}}",
    "build.cache_from": "build: {cache_from: ['example/web:cache']}",
    "build.cache_to": "build: {cache_to: ['type=local,dest=cache']}",
    "build.context": "build: .",
    "build.dockerfile": "build: {dockerfile: Dockerfile.web}",
    "build.dockerfile_inline": "build: {dockerfile_inline: FROM scratch}",
    "build.entitlements": "build: {entitlements: [network.host]}",
    "build.extra_hosts": "build: {extra_hosts: ['one=192.0.2.1']}",
    "build.isolation": "build: {isolation: default}",
    "build.labels": "build: {labels: {com.example.built: yes}}",
    "build.network": "build: {network: host}",
    "build.no_cache": "build: {no_cache: true}",
    "build.no_cache_filter": "build: {no_cache_filter: [base]}",
    "build.platforms": "build: {platforms: [linux/amd64]}",
    "build.privileged": "build: {privileged: true}",
    "build.provenance": "build: {provenance: mode=max}",
    "build.pull": "build: {pull: true}",
    "build.sbom": "build: {sbom: true}",
    "build.shm_size": "build: {shm_size: 64m}",
    "build.ssh": "build: {ssh: [default]}",
    "build.tags": "build: {tags: ['example/web:built']}",
    "build.target": "build: {target: final}",
    "build.ulimits": "build: {ulimits: {nofile: 1024}}",
    "cap_add": "cap_add: [NET_ADMIN]",
    "cap_drop": "cap_drop: [MKNOD]",
    "cgroup": "cgroup: host",
    "cgroup_parent": "cgroup_parent: example.slice",
    "command": "command: [serve, --verbose]",
    "container_name": "container_name: web-one",
    "cpu_count": "cpu_count: 2",
    "cpu_percent": "cpu_percent: 50",
    "cpu_period": "cpu_period: 50000",
    "cpu_quota": "cpu_quota: 25000",
    "cpu_rt_period": "cpu_rt_period: 500000",
    "cpu_rt_runtime": "cpu_rt_runtime: 400000",
    "cpu_shares": "cpu_shares: 512",
    "cpus": "cpus: 0.5",
    "cpuset": "cpuset: 0,1",
    "credential_spec.file": "credential_spec: {file: web.json}",
    "credential_spec.registry": "credential_spec: {registry: web}",
    "deploy.endpoint_mode": "deploy: {endpoint_mode: dnsrr}",
    "deploy.labels": "deploy: {labels: {com.example.tier: front}}",
    "deploy.mode": "deploy: {mode: global}",
    "deploy.placement.constraints": "deploy: {placement: {constraints: [node.labels.disk == ssd]}}",
    "deploy.placement.max_replicas_per_node": "deploy: {placement: {max_replicas_per_node: 1}}",
    "deploy.placement.preferences.spread": "deploy: {placement: {preferences: [{spread: node.labels.rack}]}}",
    "deploy.replicas": "deploy: {replicas: 3}",
    "deploy.resources.limits.cpus": "deploy: {resources: {limits: {cpus: 0.5}}}",
    "deploy.resources.limits.memory": "deploy: {resources: {limits: {memory: 128M}}}",
    "deploy.resources.limits.pids": "deploy: {resources: {limits: {pids: 100}}}",
    "deploy.resources.reservations.cpus": "deploy: {resources: {reservations: {cpus: 0.25}}}",
    "deploy.resources.reservations.memory": "deploy: {resources: {reservations: {memory: 64M}}}",
    "deploy.restart_policy.condition": "deploy: {restart_policy: {condition: on-failure}}",
    "deploy.rollback_config.delay": "deploy: {rollback_config: {delay: 5s}}",
    "deploy.rollback_config.failure_action": "deploy: {rollback_config: {failure_action: continue}}",
    "deploy.rollback_config.max_failure_ratio": "deploy: {rollback_config: {max_failure_ratio: 0.25}}",
    "deploy.rollback_config.monitor": "deploy: {rollback_config: {monitor: 20s}}",
    "deploy.rollback_config.order": "deploy: {rollback_config: {order: start-first}}",
    "deploy.rollback_config.parallelism": "deploy: {rollback_config: {parallelism: 2}}",
    "deploy.update_config.delay": "deploy: {update_config: {delay: 5s}}",
    "deploy.update_config.failure_action": "deploy: {update_config: {failure_action: rollback}}",
    "deploy.update_config.max_failure_ratio": "deploy: {update_config: {max_failure_ratio: 0.25}}",
    "deploy.update_config.monitor": "deploy: {update_config: {monitor: 20s}}",
    "deploy.update_config.order": "deploy: {update_config: {order: start-first}}",
    "deploy.update_config.parallelism": "deploy: {update_config: {parallelism: 2}}",
    "device_cgroup_rules": "device_cgroup_rules: ['c 1:3 mr']",
    "devices.source": "devices: [/dev/fuse]",
    "dns": "dns: 192.0.2.53",
    "dns_opt": "dns_opt: ['ndots:2']",
    "dns_search": "dns_search: example.com",
    "domainname": "domainname: example.com",
    "entrypoint": "entrypoint: [/bin/serve]",
    "env_file.path": "env_file: one.env",
    "environment": "environment: {COLOR: red}",
    "expose": "expose: [9000]",
    "external_links": "external_links: ['other:there']",
    "extra_hosts": "extra_hosts: ['one=192.0.2.1']",
    "gpus.count": "gpus: all",
    "group_add": "group_add: [1001]",
    "healthcheck.disable": "healthcheck: {disable: true}",
    "healthcheck.test": "healthcheck: {test: [CMD, ready]}",
    "hostname": "hostname: webhost",
    "init": "init: true",
    "ipc": "ipc: host",
    "isolation": "isolation: default",
    "label_file": "label_file: one.labels",
    "labels": "labels: {com.example.color: red}",
    "logging.driver": "logging: {driver: local}",
    "mac_address": "mac_address: 02:42:ac:11:65:43",
    "mem_limit": "mem_limit: 128m",
    "mem_reservation": "mem_reservation: 64m",
    "mem_swappiness": "mem_swappiness: 10",
    "network_mode": "network_mode: host",
    "oom_kill_disable": "oom_kill_disable: true",
    "oom_score_adj": "oom_score_adj: 100",
    "pid": "pid: host",
    "pids_limit": "pids_limit: 100",
    "platform": "platform: linux/amd64",
    "ports.target": "ports: [80]",
    "post_start.command": "post_start: [{command: [warm, up]}]",
    "pre_start": "pre_start: [{command: [migrate]}]",
    "pre_stop.command": "pre_stop: [{command: [drain]}]",
    "privileged": "privileged: true",
    "pull_policy": "pull_policy: always",
    "pull_refresh_after": "pull_refresh_after: 24h",
    "read_only": "read_only: true",
    "restart": "restart: on-failure:3",
    "runtime": "runtime: runsc",
    "scale": "scale: 2",
    "security_opt": "security_opt: ['no-new-privileges:true']",
    "shm_size": "shm_size: 128m",
    "stdin_open": "stdin_open: true",
    "stop_grace_period": "stop_grace_period: 30s",
    "stop_signal": "stop_signal: SIGQUIT",
    "storage_opt": "storage_opt: {size: 1G}",
    "sysctls": "sysctls: {net.core.somaxconn: 1024}",
    "tmpfs": "tmpfs: /run",
    "tty": "tty: true",
    "ulimits": "ulimits: {nofile: {soft: 1024, hard: 2048}}",
    "umask": "umask: '0027'",
    "use_api_socket": "use_api_socket: true",
    "user": "user: '1000:1000'",
    "userns_mode": "userns_mode: host",
    "uts": "uts: host",
    "working_dir": "working_dir: /srv",
}

# what needs another key beside it: without, with
_BESIDE: dict[str, tuple[str, str]] = {
    **{
        f"blkio_config.{name}.{part}": (
            "",
            f"blkio_config: {{{name}: [{{path: /dev/sda, {'weight' if name == 'weight_device' else 'rate'}: 300}}]}}",
        )
        for name in ("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops", "weight_device")
        for part in ("path", "weight" if name == "weight_device" else "rate")
    },
    "deploy.resources.reservations.devices.capabilities": (
        "",
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
    ),
    **{
        f"deploy.resources.reservations.devices.{name}": (
            "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
            f"deploy: {{resources: {{reservations: {{devices: [{{capabilities: [gpu], {name}: {value}}}]}}}}}}",
        )
        for name, value in (
            ("count", "1"),
            ("device_ids", "['0']"),
            ("driver", "nvidia"),
            ("options", "{virtual: yes}"),
        )
    },
    **{
        f"deploy.resources.reservations.generic_resources.discrete_resource_spec.{part}": (
            "",
            "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: ssd, value: 2}}]}}}",
        )
        for part in ("kind", "value")
    },
    "deploy.restart_policy.delay": (
        "deploy: {restart_policy: {condition: on-failure}}",
        "deploy: {restart_policy: {condition: on-failure, delay: 7s}}",
    ),
    "deploy.restart_policy.max_attempts": (
        "deploy: {restart_policy: {condition: on-failure}}",
        "deploy: {restart_policy: {condition: on-failure, max_attempts: 4}}",
    ),
    "deploy.restart_policy.window": (
        "deploy: {restart_policy: {condition: on-failure}}",
        "deploy: {restart_policy: {condition: on-failure, window: 90s}}",
    ),
    "devices.permissions": ("devices: ['/dev/fuse:/dev/fuse']", "devices: ['/dev/fuse:/dev/fuse:r']"),
    "devices.target": ("devices: [/dev/fuse]", "devices: ['/dev/fuse:/dev/other']"),
    "env_file.format": ("env_file: [{path: raw.env}]", "env_file: [{path: raw.env, format: raw}]"),
    "env_file.required": ("", "env_file: [{path: none.env, required: false}]"),
    "gpus.capabilities": ("gpus: [{count: 1}]", "gpus: [{count: 1, capabilities: [compute]}]"),
    "gpus.device_ids": ("gpus: [{driver: nvidia}]", "gpus: [{driver: nvidia, device_ids: ['0']}]"),
    "gpus.driver": ("gpus: [{count: 1}]", "gpus: [{count: 1, driver: nvidia}]"),
    "gpus.options": ("gpus: [{count: 1}]", "gpus: [{count: 1, options: {virtual: yes}}]"),
    **{
        f"healthcheck.{name}": (
            "healthcheck: {test: [CMD, ready]}",
            f"healthcheck: {{test: [CMD, ready], {name}: {value}}}",
        )
        for name, value in (
            *(
                ("interval", "7s"),
                ("timeout", "4s"),
                ("retries", "5"),
                ("start_period", "20s"),
                ("start_interval", "2s"),
            ),
        )
    },
    "logging.options": ("logging: {driver: local}", "logging: {driver: local, options: {max-size: 10m}}"),
    "memswap_limit": ("mem_limit: 128m", "mem_limit: 128m\nmemswap_limit: 256m"),
    "ports.app_protocol": ("ports: [{target: 80}]", "ports: [{target: 80, app_protocol: http}]"),
    "ports.host_ip": ("ports: ['8080:80']", "ports: ['127.0.0.1:8080:80']"),
    "ports.mode": (
        "ports: [{target: 80, published: 8080}]",
        "ports: [{target: 80, published: 8080, mode: host}]",
    ),
    "ports.name": ("ports: [{target: 80}]", "ports: [{target: 80, name: page}]"),
    "ports.protocol": ("ports: ['8080:80']", "ports: ['8080:80/udp']"),
    "ports.published": ("ports: [80]", "ports: ['8080:80']"),
    "pre_start.per_replica": (
        "pre_start: [{command: [migrate]}]",
        "pre_start: [{command: [migrate], per_replica: true}]",
    ),
    **{
        f"{hook}.{name}": (f"{hook}: [{{command: [go]}}]", f"{hook}: [{{command: [go], {name}: {value}}}]")
        for hook in ("post_start", "pre_stop")
        for name, value in (
            *(("environment", "{COLOR: red}"), ("privileged", "true"), ("user", "root"), ("working_dir", "/srv")),
        )
    },
    "volumes.bind.create_host_path": (
        "volumes: [{type: bind, source: /srv/data, target: /data}]",
        "volumes: [{type: bind, source: /srv/data, target: /data, bind: {create_host_path: false}}]",
    ),
    "volumes.bind.propagation": ("volumes: ['/srv/data:/data']", "volumes: ['/srv/data:/data:rshared']"),
    "volumes.bind.recursive": (
        "volumes: [{type: bind, source: /srv/data, target: /data}]",
        "volumes: [{type: bind, source: /srv/data, target: /data, bind: {recursive: disabled}}]",
    ),
    "volumes.bind.selinux": ("volumes: ['/srv/data:/data']", "volumes: ['/srv/data:/data:z']"),
    "volumes.consistency": ("volumes: ['/srv/data:/data']", "volumes: ['/srv/data:/data:cached']"),
    "volumes.image.subpath": (
        "volumes: [{type: image, source: 'example/data:1', target: /data}]",
        "volumes: [{type: image, source: 'example/data:1', target: /data, image: {subpath: part}}]",
    ),
    "volumes.source": ("volumes: ['/data']", "volumes: ['/srv/data:/data']"),
    "volumes.target": ("", "volumes: [/data]"),
    "volumes.type": ("", "volumes: [{type: tmpfs, target: /data}]"),
    "volumes.tmpfs.mode": (
        "volumes: [{type: tmpfs, target: /data}]",
        "volumes: [{type: tmpfs, target: /data, tmpfs: {mode: 0700}}]",
    ),
    "volumes.tmpfs.size": (
        "volumes: [{type: tmpfs, target: /data}]",
        "volumes: [{type: tmpfs, target: /data, tmpfs: {size: 16m}}]",
    ),
}


def _watch(without: str, said: str) -> tuple[str, str]:
    return f"develop: {{watch: [{{{without}}}]}}", f"develop: {{watch: [{{{said}}}]}}"


_DEVELOP: dict[str, tuple[str, str]] = {
    "action": ("", "develop: {watch: [{path: ., action: rebuild}]}"),
    "path": ("", "develop: {watch: [{path: ., action: rebuild}]}"),
    **{
        name: _watch("path: ., action: sync, target: /srv", f"path: ., action: sync, target: /srv, {name}: {value}")
        for name, value in (("ignore", "[tmp]"), ("include", "['*.html']"), ("initial_sync", "true"))
    },
    "target": _watch("path: ., action: sync", "path: ., action: sync, target: /srv"),
    "exec.command": _watch(
        "path: ., action: sync+exec, target: /srv", "path: ., action: sync+exec, target: /srv, exec: {command: [go]}"
    ),
    **{
        f"exec.{name}": _watch(
            "path: ., action: sync+exec, target: /srv, exec: {command: [go]}",
            f"path: ., action: sync+exec, target: /srv, exec: {{command: [go], {name}: {value}}}",
        )
        for name, value in (
            *(("environment", "{COLOR: red}"), ("privileged", "true"), ("user", "root"), ("working_dir", "/srv")),
        )
    },
}

# what needs something beside the service: without, with, the rest of the file
_AMONG: dict[str, tuple[str, str, str]] = {
    **{
        f"{room}.{name}": (
            f"{room}: [{{source: {source}, target: /at}}]",
            f"{room}: [{{source: {source}, target: /at, {name}: {value}}}]",
            rest,
        )
        for room, source, rest in (("configs", "page", _CONFIG), ("secrets", "key", _SECRET))
        for name, value in (("uid", "'1000'"), ("gid", "'1000'"), ("mode", "0400"))
    },
    "configs.source": ("", "configs: [page]", _CONFIG),
    "configs.target": ("configs: [page]", "configs: [{source: page, target: /srv/page}]", _CONFIG),
    "secrets.source": ("", "secrets: [key]", _SECRET),
    "secrets.target": ("secrets: [key]", "secrets: [{source: key, target: other}]", _SECRET),
    "build.secrets.source": ("build: {context: .}", "build: {context: ., secrets: [key]}", _SECRET),
    **{
        f"build.secrets.{name}": (
            "build: {secrets: [{source: key}]}",
            f"build: {{secrets: [{{source: key, {name}: {value}}}]}}",
            _SECRET,
        )
        for name, value in (("uid", "'1000'"), ("gid", "'1000'"), ("mode", "0400"), ("target", "other"))
    },
    "credential_spec.config": ("", "credential_spec: {config: page}", _CONFIG),
    "depends_on.condition": ("", "depends_on: {db: {condition: service_healthy}}", _NEEDED),
    "depends_on.required": (
        "depends_on: {db: {condition: service_healthy}}",
        "depends_on: {db: {condition: service_healthy, required: false}}",
        _NEEDED,
    ),
    "depends_on.restart": (
        "depends_on: {db: {condition: service_healthy}}",
        "depends_on: {db: {condition: service_healthy, restart: true}}",
        _NEEDED,
    ),
    "extends.service": ("", "extends: base", "  base: {image: 'example/base:1', environment: {BASE: 1}}\n"),
    "extends.file": ("", "extends: {service: base, file: base.yaml}", ""),
    "links": ("", "links: ['db:store']", _DB),
    "models": ("", "models: [llm]", _LLM),
    "models.endpoint_var": ("models: {llm: {}}", "models: {llm: {endpoint_var: LLM}}", _LLM),
    "models.model_var": ("models: {llm: {}}", "models: {llm: {model_var: LLM}}", _LLM),
    "networks": ("", "networks: [front]", _FRONT),
    **{
        f"networks.{name}": ("networks: {front: {}}", f"networks: {{front: {{{name}: {value}}}}}", _FRONT)
        for name, value in (
            ("aliases", "[page]"),
            ("driver_opts", "{com.example.opt: yes}"),
            ("gw_priority", "5"),
            ("interface_name", "eth7"),
            ("link_local_ips", "[169.254.8.8]"),
            ("mac_address", "02:42:ac:11:65:43"),
            ("priority", "5"),
            ("use_service_name_alias", "false"),
        )
    },
    "networks.ipv4_address": (
        "networks: {front: {}}",
        "networks: {front: {ipv4_address: 10.98.1.7}}",
        "networks: {front: {ipam: {config: [{subnet: 10.98.1.0/24}]}}}\n",
    ),
    "networks.ipv6_address": (
        "networks: {front: {}}",
        "networks: {front: {ipv6_address: 'fd00:98::7'}}",
        "networks: {front: {enable_ipv6: true, ipam: {config: [{subnet: 'fd00:98::/64'}]}}}\n",
    ),
    "volumes.read_only": ("volumes: ['data:/data']", "volumes: ['data:/data:ro']", _DATA),
    "volumes.volume.labels": (
        "volumes: [{type: volume, source: data, target: /data}]",
        "volumes: [{type: volume, source: data, target: /data, volume: {labels: {com.example.color: red}}}]",
        _DATA,
    ),
    "volumes.volume.nocopy": ("volumes: ['data:/data']", "volumes: ['data:/data:nocopy']", _DATA),
    "volumes.volume.subpath": (
        "volumes: [{type: volume, source: data, target: /data}]",
        "volumes: [{type: volume, source: data, target: /data, volume: {subpath: part}}]",
        _DATA,
    ),
    "volumes_from": ("", "volumes_from: ['db:ro']", "  db: {image: 'example/db:1', volumes: [/var/lib/db]}\n"),
}

_DESCRIBED = {
    "driver_opts": "{com.example.opt: yes}",
    "external": "true",
    "labels": "{com.example.color: red}",
    "name": "other",
}
_SUBNET = "subnet: 10.98.1.0/24"


def _room(text: str, room: str, key: str, without: str, said: str) -> tuple[str, str]:
    base = WEB + _indented(text, 4)
    return f"{base}{room}: {{{key}: {{{without}}}}}\n", f"{base}{room}: {{{key}: {{{said}}}}}\n"


def _network(without: str, said: str) -> tuple[str, str]:
    return _room("networks: [front]", "networks", "front", without, said)


def _file(room: str, name: str, without: str, said: str) -> tuple[str, str]:
    return _room(f"{room}: [{name}]", room, name, without, said)


_ROOMS: dict[str, tuple[str, str]] = {
    **{f"networks.{name}": _network("", f"{name}: {value}") for name, value in _DESCRIBED.items()},
    "networks.attachable": _network("", "attachable: true"),
    "networks.driver": _network("", "driver: bridge"),
    "networks.enable_ipv4": _network("", "enable_ipv4: false"),
    "networks.enable_ipv6": _network("", "enable_ipv6: true"),
    "networks.internal": _network("", "internal: true"),
    "networks.ipam.config.subnet": _network("", f"ipam: {{config: [{{{_SUBNET}}}]}}"),
    **{
        f"networks.ipam.config.{name}": _network(
            f"ipam: {{config: [{{{_SUBNET}}}]}}", f"ipam: {{config: [{{{_SUBNET}, {name}: {value}}}]}}"
        )
        for name, value in (
            *(("gateway", "10.98.1.254"), ("ip_range", "10.98.1.128/25"), ("aux_addresses", "{host1: 10.98.1.5}")),
        )
    },
    "networks.ipam.driver": _network("", "ipam: {driver: default}"),
    "networks.ipam.options": _network("", "ipam: {options: {com.example.opt: 'yes'}}"),
    **{
        f"volumes.{name}": _room("volumes: ['data:/data']", "volumes", "data", "", f"{name}: {value}")
        for name, value in {**_DESCRIBED, "driver": "local"}.items()
    },
    "configs.content": _file("configs", "page", "content: one", "content: two"),
    "configs.environment": _file("configs", "page", "content: one", "environment: GREETING"),
    "configs.file": _file("configs", "page", "content: one", "file: page.html"),
    "configs.external": _file("configs", "page", "content: one", "external: true"),
    "secrets.environment": _file("secrets", "key", "file: page.html", "environment: PASSWORD"),
    "secrets.file": _file("secrets", "key", "environment: PASSWORD", "file: key.txt"),
    "secrets.external": _file("secrets", "key", "environment: PASSWORD", "external: true"),
    "secrets.driver": _file("secrets", "key", "environment: PASSWORD", "driver: vault"),
    "secrets.driver_opts": _file("secrets", "key", "driver: vault", "driver: vault, driver_opts: {path: a}"),
    **{
        f"{room}.{name}": _file(room, key, origin, f"{origin}, {name}: {value}")
        for room, key, origin in (("configs", "page", "content: one"), ("secrets", "key", "environment: PASSWORD"))
        for name, value in (("labels", "{com.example.color: red}"), ("name", "other"), ("template_driver", "golang"))
    },
    **{
        f"models.{name}": (
            WEB + "models: {llm: {model: a}}\n",
            WEB + f"models: {{llm: {{model: a, {name}: {value}}}}}\n",
        )
        for name, value in (("context_size", "1024"), ("name", "other"), ("runtime_flags", "[--fast]"))
    },
    "models.model": (WEB, WEB + _LLM),
    "include.path": (WEB, WEB + "include: [more.yaml]\n"),
    "include.env_file": (
        WEB + "include: [{path: more.yaml}]\n",
        WEB + "include: [{path: more.yaml, env_file: tag.env}]\n",
    ),
    "include.project_directory": (
        WEB + "include: [{path: part/less.yaml}]\n",
        WEB + "include: [{path: part/less.yaml, project_directory: .}]\n",
    ),
    "jobs": (WEB, WEB + "jobs: {nightly: {image: 'example/job:1', triggers: {schedule: ['0 3 * * *']}}}\n"),
    "name": (WEB, "name: shop\n" + WEB),
    "version": (WEB, "version: '3.8'\n" + WEB),
    "services.image": (WEB, WEB.replace("web:1", "web:2")),
    "services.profiles": (
        WEB + "  tools: {image: 'example/tools:1'}\n",
        WEB + "  tools: {image: 'example/tools:1', profiles: [debug]}\n",
    ),
    **{
        f"services.provider.{name}": (WEB, WEB + "  tunnel: {provider: {type: example, options: {to: web}}}\n")
        for name in ("type", "options")
    },
}

PAIRS: dict[str, tuple[str, str]] = {
    **{f"services.{key}": _pair("", said) for key, said in _ALONE.items()},
    **{f"services.{key}": _pair(*texts) for key, texts in _BESIDE.items()},
    **{f"services.develop.watch.{key}": _pair(*texts) for key, texts in _DEVELOP.items()},
    **{f"services.{key}": _pair(*texts) for key, texts in _AMONG.items()},
    **_ROOMS,
}

QUIET: frozenset[str] = frozenset(
    {
        *(
            key
            for key in PAIRS
            if key.startswith(("services.build.", "services.develop.", "models.", "services.models"))
        ),
        *("jobs", "version", "services.attach", "services.provider.options", "services.provider.type"),
        *("services.env_file.required", "services.pull_refresh_after", "services.umask", "services.use_api_socket"),
    }
)
