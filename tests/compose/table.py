"""Write docs/compose.md: what becomes of every key of the Compose Specification on every provider, from their own tables.

python -m tests.compose.table > docs/compose.md
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from atomicapp import providers
from atomicapp.workload.compose.keys import KEYS
from atomicapp.workload.fidelity import KEPT, Rule, Verdict

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compose.md"
HEAD = """\
# What becomes of a Compose file

Every key of the Compose Specification on every provider: *kept* as the author said it, *approximated* by what comes
nearest, or *lost*; `atomicapp run` and `plan` tell what is lost, with file and line, and `atomicapp convert FILE --to PROVIDER
--report` tells all of it for one file. This page is made from the tables that these commands use (`make docs`), and tests
hold the tables against what each provider makes of each key.

A row that ends with `.*` stands for all keys below that are treated alike. "or" gives the other cases of one key,
"converted" what the text of `convert` says of it, where that differs; numbers lead to the notes at the end.
"""


class Column:
    """The verdicts of one provider: of what is run, and of what is converted."""

    def __init__(self, name: str) -> None:
        self.title = name
        self.table = providers.writer(name).fidelity()
        self.converted = providers.writer(name).fidelity(converted=True)

    def rules(self, key: str) -> tuple[Rule, ...]:
        """The rule of a key; a second one where a converted text says something else."""
        own, text = self.table[key], self.converted[key]
        return (own,) if _verdicts(own) == _verdicts(text) else (own, text)


def _verdicts(rule: Rule) -> tuple[Verdict, ...]:
    return tuple(dict.fromkeys([rule.verdict, *rule.also]))


def columns() -> list[Column]:
    """One for each built-in provider that reads Compose files, and for what `convert` writes besides."""
    return [Column(name) for name in (*providers.BUILTIN, *providers.WRITERS) if providers.writer(name).fidelity()]


class Notes:
    """What is said of verdicts, each text once, with a number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def cell(self, rules: tuple[Rule, ...]) -> str:
        """The outcomes of a rule with the numbers of what is said of each; then those of a converted text, if they differ."""
        texts = [", or ".join(map(self._words, _verdicts(rule))) for rule in rules]
        return "; converted: ".join(texts)

    def _words(self, verdict: Verdict) -> str:
        word = verdict.outcome if verdict.outcome == KEPT else f"*{verdict.outcome}*"
        if not verdict.how:
            return word
        return f"{word} ({self.numbers.setdefault(verdict.how, len(self.numbers) + 1)})"


Cells = tuple[tuple[Rule, ...], ...]


def rows(found: list[Column], keys: list[str]) -> Iterator[tuple[str, Cells]]:
    """The keys with their rules, a cell for each column; a group whose members are all alike as one."""
    rules = {key: tuple(column.rules(key) for column in found) for key in keys}
    done: set[str] = set()
    for key in rules:
        if key in done:
            continue
        parts = key.split(".")
        for length in range(1 if parts[0] != "services" else 2, len(parts)):
            prefix = ".".join(parts[:length])
            group = [other for other in rules if other.startswith(f"{prefix}.")]
            if len(group) > 2 and prefix not in rules and len({_shown(rules[other]) for other in group}) == 1:
                done.update(group)
                yield f"{prefix}.*", rules[key]
                break
        else:
            done.add(key)
            yield key, rules[key]


def _shown(cells: Cells) -> tuple[tuple[tuple[Verdict, ...], ...], ...]:
    return tuple(tuple(map(_verdicts, rules)) for rules in cells)


ROOMS = ("services", "networks", "volumes", "configs", "secrets")


def page() -> str:
    """The whole page."""
    found, notes = columns(), Notes()
    lines = [HEAD.rstrip("\n")]
    for room in (*ROOMS, ""):
        keys = sorted(
            key for key in KEYS if (key.partition(".")[0] == room) or (not room and key.partition(".")[0] not in ROOMS)
        )
        lines += ["", f"## {room or 'The rest of the file'}", "", _line("key", [column.title for column in found])]
        lines.append("|" + " --- |" * (len(found) + 1))
        for key, rules in rows(found, keys):
            lines.append(_line(f"`{key.removeprefix(f'{room}.')}`", [notes.cell(cell) for cell in rules]))
    lines += ["", "## Notes", ""]
    lines += [f"{number}. {text}" for text, number in notes.numbers.items()]
    return "\n".join(lines) + "\n"


def _line(key: str, cells: list[str]) -> str:
    return f"| {key} | {' | '.join(cells)} |"


if __name__ == "__main__":
    print(page(), end="")
