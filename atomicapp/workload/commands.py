"""Read a text of one kind of command of the Docker client (`docker run`, `docker service create`) into workloads.

Blank lines and comments are skipped, backslash-newline joins lines, words are split as a shell does (see `words`).
Every fault of the text is found before SpecError is raised, each at the exact word. Pure: what the Docker client
would read from files (`--env-file`) is asked of the `read` that the caller gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.position import Position
from atomicapp.records import NamedTuple
from atomicapp.workload import values
from atomicapp.workload.command_files import Files, Read, quoted
from atomicapp.workload.drafts import BOOL, Draft, Option
from atomicapp.workload.model import Workload
from atomicapp.workload.options import GLOBAL
from atomicapp.workload.words import Source, Word, split

Assemble = Callable[[Draft, str, tuple[str, ...], Position, Position], tuple[Workload, list[Issue]]]
"""Takes the options, the image, the command, and the places of command and image: a workload, and what is wrong."""

_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d+)?/|\[[0-9a-fA-F:]+\](?::\d+)?/)?{_PATH}(?:/{_PATH})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


class Grammar(NamedTuple):
    """One kind of command. `shown` is how messages call it (`docker run`), `verbs` the ways to write what follows the
    program, `provider` the one that carries it out, `example` a line of it, `only` what is said of other lines."""

    shown: str
    programs: tuple[str, ...]
    verbs: tuple[tuple[str, ...], ...]
    long: Mapping[str, Option]
    short: Mapping[str, Option]
    assemble: Assemble
    provider: str
    example: str
    only: str


class Run(NamedTuple):
    """What a text says, and the warnings met."""

    workloads: tuple[Workload, ...]
    issues: tuple[Issue, ...] = ()


def parse(text: str, file: str, grammar: Grammar, read: Read | None) -> Run:
    """The workloads of a text, in order. SpecError with all faults; `file` is how messages name the text."""
    source = Source(text, file)
    workloads = [
        workload
        for command in split(source)
        for workload in [_command(source, command, grammar, read)]
        if workload is not None
    ]
    if not workloads and not any(issue.severity == ERROR for issue in source.issues):
        source.error(
            f"no `{grammar.shown}` command is here",
            0,
            code="no-command",
            hint=f"an artifact of the {grammar.provider} provider is a text with lines such as: {grammar.example}",
        )
    if any(issue.severity == ERROR for issue in source.issues):
        raise SpecError(sorted(source.issues, key=lambda issue: issue.position[:3]))
    return Run(tuple(workloads), tuple(source.issues))


# ---------------------------------------------------------------- which command


def _command(source: Source, words: list[Word], grammar: Grammar, read: Read | None) -> Workload | None:
    rest = words
    if rest[0].text == "sudo":
        rest = rest[1:]
        while rest and rest[0].text.startswith("-"):
            rest = rest[1:]
    program = rest[0].text.rpartition("/")[2] if rest else ""
    if program not in grammar.programs:
        _not_it(source, words, grammar)
        return None
    if len(rest) > 1 and rest[1].text.startswith("-"):
        _global_option(source, rest[1], program, grammar.verbs[0][0])
        return None
    for verb in grammar.verbs:
        if tuple(word.text for word in rest[1 : 1 + len(verb)]) == verb:
            return _Reader(source, grammar, read).read(rest[0], rest[1 + len(verb) :])
    _not_it(source, words, grammar)
    return None


def _not_it(source: Source, words: list[Word], grammar: Grammar) -> None:
    shown = " ".join(word.text for word in words[:3])
    if words[0].text.partition("=")[1] and any(word.text in grammar.programs for word in words):
        source.error(
            f"'{words[0].text.partition('=')[0]}=' sets a variable for the docker client, which is not used here",
            words[0].start,
            code="environment",
            hint="remove it; --provider-api or DOCKER_HOST choose the engine",
        )
        return
    source.warning(
        f"'{shown[:60]}' is no `{grammar.shown}` command and is not carried out",
        words[0].start,
        code="other-command",
        hint=grammar.only,
    )


def _global_option(source: Source, word: Word, program: str, verb: str) -> None:
    name = word.text.lstrip("-").partition("=")[0]
    known = name in GLOBAL or (not word.text.startswith("--") and name[:1] in ("D", "H", "c", "l", "v"))
    source.error(
        f"'{word.text}' stands before `{verb}`: it tells the {program} client which engine to use"
        if known
        else f"'{word.text}' stands between {program} and `{verb}`, where an option of the client itself is expected",
        word.start,
        code="global-option",
        hint="the engine is chosen when the app is run: --provider-api, DOCKER_HOST or a docker context",
    )


# ---------------------------------------------------------------- one command


class _Reader:
    """Reads the options of one command into a Draft."""

    def __init__(self, source: Source, grammar: Grammar, read: Read | None) -> None:
        self.source = source
        self.grammar = grammar
        self.files = read
        self.draft = Draft()
        self.seen: set[str] = set()
        self.flawed = False

    def fault(self, message: str, offset: int, *, code: str, hint: str = "") -> None:
        self.flawed = True
        self.source.error(message, offset, code=code, hint=hint)

    def read(self, program: Word, words: list[Word]) -> Workload | None:
        rest = self._options(words)
        if not rest:
            # after another fault it may well be there, only taken for something else
            if not self.flawed:
                self.fault(
                    "the command names no image",
                    (words[-1] if words else program).start,
                    code="no-image",
                    hint=f"expected: {self.grammar.shown} [OPTIONS] IMAGE [COMMAND] [ARG...]",
                )
            return None
        image = rest[0]
        if not _IMAGE.fullmatch(image.text) and not image.partial:
            self.fault(
                f"'{image.text}' is not a valid name of an image",
                image.start,
                code="image",
                hint="expected [REGISTRY/]NAME[:TAG][@DIGEST] in lower case; options stand before the image",
            )
        files = Files(self.source, self.draft, self.files)
        files.complete()
        self.flawed = self.flawed or files.flawed
        position = self.source.position(program.start)
        # a word that a shell would keep as it is, but that no process can be given
        for word in words:
            if "\0" in word.text:
                self.fault("a NUL character can't be passed to a container", word.start, code="nul")
        workload, faults = self.grammar.assemble(
            self.draft, image.text, tuple(word.text for word in rest[1:]), position, self.source.position(image.start)
        )
        for fault in faults:
            self.flawed = self.flawed or fault.severity == ERROR
            self.source.issues.append(fault._replace(excerpt=self.source.line(fault.position.line)))
        return None if self.flawed else workload

    # ------------------------------------------------------------ options

    def _options(self, words: list[Word]) -> list[Word]:
        """Take options off the front; returns what follows them."""
        at = 0
        while at < len(words):
            word = words[at]
            if word.text == "--":
                return words[at + 1 :]
            if not word.text.startswith("-") or word.text == "-":
                return words[at:]
            following = words[at + 1] if at + 1 < len(words) else None
            taken = self._long(word, following) if word.text.startswith("--") else self._short(word, following)
            at += 1 + taken
        return []

    def _long(self, word: Word, following: Word | None) -> int:
        name, sign, _ = word.text[2:].partition("=")
        option = self.grammar.long.get(name)
        if option is None:
            close = self._unknown(word, f"--{name}", [f"--{known}" for known in self.grammar.long])
            # what it was meant to be tells whether a value follows, so that the words after it are read rightly
            meant = self.grammar.long.get(close.removeprefix("--"))
            return int(meant is not None and meant.takes != BOOL and not sign and following is not None)
        value = word.cut(len(name) + 3) if sign else None
        return self._value(option, f"--{name}", word, value, following)

    def _short(self, word: Word, following: Word | None) -> int:
        """`-d`, `-dit`, `-p80:80`, `-e=X`."""
        at = 1
        while at < len(word.text):
            letter = word.text[at]
            option = self.grammar.short.get(letter)
            if option is None:
                # `-name` is often meant as `--name`
                known = (
                    [f"--{name}" for name in self.grammar.long]
                    if len(word.text) > 2
                    else [f"-{name}" for name in self.grammar.short]
                )
                self._unknown(word, f"-{letter}", known, meant=f"-{word.text}" if len(word.text) > 2 else "")
                return 0
            rest = word.text[at + 1 :]
            if option.takes == BOOL and not rest.startswith("="):
                self._value(option, f"-{letter}", word, None, None)
                at += 1
                continue
            value = word.cut(at + 1 + rest.startswith("=")) if rest else None
            return self._value(option, f"-{letter}", word, value, following)
        return 0

    def _unknown(self, word: Word, shown: str, known: list[str], meant: str = "") -> str:
        """Report an unknown option; returns the known one that it resembles, or nothing."""
        from difflib import get_close_matches

        close = get_close_matches((meant or shown).partition("=")[0], known, n=1, cutoff=0.7)
        self.fault(
            f"unknown option '{shown}' of {self.grammar.shown}",
            word.start,
            code="unknown-option",
            hint=f"did you mean {close[0]}?" if close else f"see `{self.grammar.shown} --help`",
        )
        return close[0] if close else ""

    def _value(self, option: Option, shown: str, word: Word, value: Word | None, following: Word | None) -> int:
        """Store one option; returns 1 when the following word was its value."""
        taken = 0
        if option.takes != BOOL and value is None:
            if following is None:
                self.fault(f"{shown} needs a value", word.start, code="no-value", hint=f"expected {shown} VALUE")
                return 0
            value, taken = following, 1
        if option.refusal:
            self.fault(
                f"{shown} can't be honoured: it {option.refusal}", word.start, code="refused-option", hint=option.hint
            )
            return taken
        if option.remark:
            self.source.warning(f"{shown} {option.remark}", word.start, code="no-effect", hint=option.hint)
        self._again(option, shown, word)
        offset = value.start if value is not None else word.start
        text = value.text if value is not None else "true"
        try:
            if option.takes == BOOL:
                values.boolean(text)
            if option.store is not None:
                option.store(self.draft, text, self.source.position(offset))
        except ValueError as error:
            if value is None or not value.partial:
                self.fault(f"{shown} {quoted(text)}: {error}", offset, code="value")
        return taken

    def _again(self, option: Option, shown: str, word: Word) -> None:
        if option.name in self.seen and not option.many:
            self.source.warning(
                f"{shown} is given again; the last one counts", word.start, code="repeated", hint="remove one of them"
            )
        self.seen.add(option.name)
