"""A machine whose units a real systemd runs: a node of tests/engines/systemd.py, driven by `docker exec NODE systemctl`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.engines.fleet_contract.machines import Blocked, State
from tests.engines.fleet_contract.texts import parse
from tests.engines.systemd import Node


class NodeSystemd:
    """The systemd of a node. Its unit files lie in the node's own folder, beside those of other tests."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.names: set[str] = set()

    def load(self, name: str, text: str) -> None:
        (self.node.units / name).write_text(text)
        self.names.add(name)
        self.node.systemctl("daemon-reload")
        if any(option.section == "Install" for option in parse(text)):
            try:
                self.node.systemctl("enable", "--", name)
            except AssertionError as error:
                raise Blocked(name) from error

    def start(self, name: str) -> None:
        try:
            self.node.systemctl("start", "--no-block", "--", name)
        except AssertionError as error:  # a bad setting, say
            raise Blocked(name) from error

    def stop(self, name: str) -> None:
        self.node.run("sh", "-c", 'systemctl stop --no-block -- "$1" || true', "-", name)

    def unload(self, name: str) -> bool:
        self.stop(name)
        state = self.states([name]).get(name)
        (self.node.units / name).unlink(missing_ok=True)
        self.names.discard(name)
        self.node.run(
            "sh", "-c", 'systemctl daemon-reload; systemctl reset-failed -- "$1" 2>/dev/null || true', "-", name
        )
        return state is None or state.active == "inactive"

    def states(self, names: Iterable[str]) -> Mapping[str, State]:
        asked = sorted(names)
        if not asked:
            return {}
        said = self.node.systemctl("show", "--property=Id,LoadState,ActiveState,SubState", "--", *asked)
        found = {}
        for block in said.split("\n\n"):
            shown = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            if "Id" in shown:
                found[shown["Id"]] = State(shown["LoadState"], shown["ActiveState"], shown["SubState"])
        return found

    def shell(self, command: str) -> str:
        return self.node.run("sh", "-c", f"{command} || true")

    def close(self) -> None:
        for name in sorted(self.names):
            self.node.run("sh", "-c", 'systemctl stop -- "$1"; systemctl reset-failed -- "$1"; true', "-", name)
            (self.node.units / name).unlink(missing_ok=True)
        self.node.systemctl("daemon-reload")
