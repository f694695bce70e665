"""atomicapp/errors.py: one sentence, the next step, and the same as JSON."""

from __future__ import annotations

import json

from atomicapp.errors import (
    ERROR,
    NOTE,
    WARNING,
    AtomicAppError,
    ConfigError,
    EngineError,
    FetchError,
    Issue,
    ResolveError,
    SpecError,
    StateError,
    UsageError,
)
from atomicapp.position import Position

HERE = Position("Nulecule", 4, 7)


def test_exit_statuses() -> None:
    assert UsageError("x").exit_code == 2
    found: list[AtomicAppError] = [
        AtomicAppError("x"), StateError("x"), FetchError("r", "c"), ResolveError("x"), ConfigError("x"), EngineError("x"),
        SpecError.single("x", HERE),
    ]  # fmt: skip
    assert {error.exit_code for error in found} == {1}


def test_an_error_as_json_holds_what_there_is() -> None:
    assert AtomicAppError("found this").to_dict() == {"error": "AtomicAppError", "message": "found this"}
    assert StateError("found this", hint="do that", details=["more"]).to_dict() == {
        "error": "StateError", "message": "found this", "hint": "do that", "details": ["more"],
    }  # fmt: skip


def test_a_spec_error_names_the_first_error_and_counts_the_others() -> None:
    warning = Issue(WARNING, "odd", Position("Nulecule", 1, 1))
    first = Issue(ERROR, "bad", HERE, hint="mend it")
    error = SpecError([warning, first, Issue(NOTE, "by the way", HERE), Issue(ERROR, "worse", HERE)])
    assert error.message == "Nulecule:4:7: bad (and 1 more)"
    assert error.hint == "mend it"
    assert SpecError([warning]).message == "Nulecule:1:1: odd"
    assert SpecError([first], hint="or that").hint == "or that"


def test_a_spec_error_as_json_holds_every_finding() -> None:
    error = SpecError.single("bad", HERE, code="type", path="/graph/0", hint="mend it", excerpt="- name:")
    assert error.to_dict()["issues"] == [
        {
            "severity": "error", "message": "bad", "file": "Nulecule", "line": 4, "column": 7, "code": "type",
            "path": "/graph/0", "hint": "mend it",
        }
    ]  # fmt: skip
    assert error.issues[0].excerpt == "- name:"


def test_a_resolve_error_shows_place_and_chain() -> None:
    error = ResolveError("app includes itself", chain=["root", "a", "b"], position=HERE, hint="h")
    assert error.message == "Nulecule:4:7: app includes itself (through root -> a -> b)"
    assert error.to_dict()["chain"] == ["root", "a", "b"]
    assert ResolveError("no app").message == "no app"


def test_the_others_as_json() -> None:
    missing = {"scope": "web", "name": "port", "description": ""}
    config = ConfigError("1 param has no value", missing=[missing], invalid=[Issue(ERROR, "bad", HERE)])
    assert config.to_dict()["missing"] == [missing]
    assert config.to_dict()["invalid"][0]["line"] == 4
    fetch = FetchError("host/name:1", "404 Not Found")
    assert fetch.message == "can't get host/name:1: 404 Not Found"
    assert (fetch.to_dict()["reference"], fetch.to_dict()["cause"]) == ("host/name:1", "404 Not Found")
    engine = EngineError("exited with 1", component="web", position=HERE, log_tail=["oops"])
    found = engine.to_dict()
    assert (found["component"], found["position"], found["log_tail"]) == ("web", "Nulecule:4:7", ["oops"])
    assert "position" not in EngineError("x").to_dict()
    json.dumps([config.to_dict(), fetch.to_dict(), found])
