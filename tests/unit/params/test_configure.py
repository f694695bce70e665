"""atomicapp/params/configure.py and its parts: scopes, precedence, constraints, what is missing, which provider."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from atomicapp.errors import ConfigError, Issue, UsageError
from atomicapp.model import App, Target
from atomicapp.nulecule.resolve import resolve
from atomicapp.params import answers, configure
from atomicapp.params.configure import Given, Question, Settings, Value, command_line
from atomicapp.params.environment import is_text
from atomicapp.params.secrets import MASK
from atomicapp.position import Position

ONE = "artifacts: {kubernetes: [file://a]}"


class Apps:
    """Makes apps on disk: `apps("...")` of the text below `graph:` (and what stands before it)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, text: str, **nested: str) -> App:
        self.write(self.root, text)
        for path, inner in nested.items():
            self.write(self.root.joinpath(*(part for name in path.split("__") for part in ("external", name))), inner)
        return resolve(self.root, fetch=None)

    @staticmethod
    def write(folder: Path, text: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Nulecule").write_text(f"specversion: 0.0.2\nid: x\n{textwrap.dedent(text)}")


@pytest.fixture
def apps(tmp_path: Path) -> Apps:
    return Apps(tmp_path)


def given(ini: str = "", *typed: str, env: dict[str, str] | None = None, **options: str) -> Given:
    return Given(command_line(typed, options), env or {}, answers.parse(textwrap.dedent(ini), "answers.conf", ".ini"))


def settle(app: App, ini: str = "", *typed: str, env: dict[str, str] | None = None) -> Settings:
    return configure.configure(app, given(ini, *typed, env=env))


def seen(settings: Settings, scope: str) -> dict[str, str]:
    """The variables of a component, without the two that are always there."""
    found = {name: value.text for name, value in settings.variables(scope).items()}
    return {name: text for name, text in found.items() if name not in ("namespace", "provider")}


def shown(issues: tuple[Issue, ...] | list[Issue]) -> list[str]:
    return [f"{issue.severity} {issue.position}: {issue.message} ({issue.hint})" for issue in issues]


# ---------------------------------------------------------------- precedence


@pytest.mark.parametrize(
    ("ini", "top", "own", "rendered"),
    [
        ("", "t", "c", "t"),
        ("", None, "c", "c"),
        ("[c]\nimage = x", None, "c", "x"),
        ("[general]\nimage = g", "t", "c", "g"),
        ("[general]\nimage = g", None, "c", "g"),
        ("[general]\nimage = g", None, None, "g"),
        ("[general]\nimage = g\n[c]\nimage = x", "t", "c", "x"),
        ("[c]\nimage = x", "t", "c", "x"),
        ("[c]\nimage = 0", "t", "c", "0"),
        ("[c]\nimage = false", "t", "c", "false"),
        ("[c]\nimage =", "t", "c", ""),
        ("[c]\nimage = None", "t", "c", "t"),
        ("[other]\nimage = x", "t", "c", "t"),
    ],
)
def test_answers_over_top_level_defaults_over_own_defaults(
    apps: Apps, ini: str, top: str | None, own: str | None, rendered: str
) -> None:
    lines = ["params:", "  - name: image", f"    default: {top}"] if top else []
    lines += ["graph:", "  - name: c", f"    {ONE}", "    params:", "      - name: image"]
    lines += [f"        default: {own}"] if own else []
    assert seen(settle(apps("\n".join(lines)), ini), "c") == {"image": rendered}


SOURCES = [
    ("[general]\np = answer", {}, (), "answer"),
    ("[web]\np = answer", {}, (), "answer"),
    ("[web]\np = answer", {"ATOMICAPP_PARAM_P": "env"}, (), "env"),
    ("[web]\np = answer", {"ATOMICAPP_PARAM_WEB__P": "env"}, (), "env"),
    ("", {"ATOMICAPP_PARAM_p": "general", "ATOMICAPP_PARAM_web__p": "own"}, (), "own"),
    ("", {"ATOMICAPP_PARAM_WEB__P": "env"}, ("p=typed",), "typed"),
    ("", {}, ("p=general", "web:p=own"), "own"),
    ("", {}, ("web:p=own", "p=general"), "own"),
    ("", {}, ("p=first", "p=second"), "second"),
    ("[web]\np = answer", {}, ("p=",), ""),
    ("[web]\np = answer", {}, ("general:p=typed",), "typed"),
]


@pytest.mark.parametrize(("ini", "env", "typed", "value"), SOURCES)
def test_command_line_over_environment_over_answers_over_defaults(
    apps: Apps, ini: str, env: dict[str, str], typed: tuple[str, ...], value: str
) -> None:
    app = apps(f"graph:\n  - name: web\n    {ONE}\n    params: [{{name: p, default: d}}]\n")
    settings = settle(app, ini, *typed, env=env)
    assert seen(settings, "web") == {"p": value}
    found = settings.value("web", "p")
    assert found is not None
    assert found.text == value


def test_every_value_knows_where_it_came_from(apps: Apps) -> None:
    names = ("a", "b", "c", "d")
    app = apps(
        "params: [" + ", ".join(f"{{name: {name}, default: x}}" for name in names) + f"]\ngraph: [{{name: w, {ONE}}}]\n"
    )
    settings = settle(app, "[general]\nb = y\n", "d=v", env={"ATOMICAPP_PARAM_C": "z"})
    found = {name: settings.value("general", name) for name in (*names, "namespace", "provider")}
    assert found == {
        "a": Value("x", "default", Position(f"{apps.root}/Nulecule", 3, 29)),
        "b": Value("y", "answers", Position("answers.conf", 2, 5)),
        "c": Value("z", "environment", Position("$ATOMICAPP_PARAM_C")),
        "d": Value("v", "command line", Position("<command line>")),
        "namespace": Value("default", "built-in", Position("<built-in>")),
        "provider": Value("kubernetes", "built-in", Position("<built-in>")),
    }
    assert settings.value("general", "none") is None


# ---------------------------------------------------------------- scopes


def test_a_component_sees_its_scope_and_general_and_nothing_else(apps: Apps) -> None:
    app = apps(
        f"params: [{{name: top, default: t}}]\ngraph:\n  - {{name: web, {ONE}, params: [{{name: w, default: '1'}}]}}\n"
        "  - {name: db, source: 'docker://db', params: [{name: handed, default: h}]}\n",
        db=f"params: [{{name: inner_top, default: i}}]\ngraph:\n"
        f"  - {{name: sql, {ONE}, params: [{{name: s, default: '2'}}]}}\n  - {{name: deep, source: 'docker://deep'}}\n",
        db__deep=f"graph: [{{name: leaf, {ONE}, params: [{{name: l, default: '3'}}]}}]\n",
    )
    settings = settle(app, "[db]\nextra = e\n[db:deep:leaf]\nmore = m\n[general]\nall = g\n")
    everywhere = {"top": "t", "all": "g"}
    assert seen(settings, "web") == {**everywhere, "w": "1"}
    assert seen(settings, "db:sql") == {**everywhere, "s": "2"}
    assert seen(settings, "db:deep:leaf") == {**everywhere, "l": "3", "more": "m"}
    assert configure.scopes(app) == {"general", "web", "db", "db:sql", "db:deep", "db:deep:leaf"}
    assert [(item.scope, item.param.name, item.used) for item in configure.declarations(app)] == [
        ("general", "top", True),
        ("web", "w", True),
        ("db", "handed", False),
        ("db", "inner_top", False),
        ("db:sql", "s", True),
        ("db:deep:leaf", "l", True),
    ]


def test_params_that_reach_no_artifact_are_never_missing(apps: Apps) -> None:
    app = apps(
        "graph: [{name: db, source: 'docker://db', params: [{name: p}]}]\n",
        db=f"params: [{{name: p}}, {{name: q}}]\ngraph: [{{name: sql, {ONE}}}]\n",
    )
    assert seen(settle(app), "db:sql") == {}
    assert [item.param.name for item in configure.declarations(app)] == ["p", "q"]


# ---------------------------------------------------------------- missing and broken


def test_all_that_is_missing_is_told_at_once(apps: Apps) -> None:
    app = apps(
        "params: [{name: domain, description: Where it lives}]\ngraph:\n"
        f"  - {{name: web, {ONE}, params: [{{name: port}}, {{name: image, default: i}}, {{name: key, hidden: true}}]}}\n"
        f"  - {{name: db, {ONE}, params: [{{name: pass, description: The password, hidden: true}}]}}\n"
    )
    with pytest.raises(ConfigError) as found:
        settle(app)
    error = found.value
    assert error.message == "4 params have no value"
    assert error.details == (
        "add these to the answers file:",
        "  [general]",
        "  domain = ...   # Where it lives",
        "  [web]",
        "  port = ...",
        "  key = ...",
        "  [db]",
        "  pass = ...   # The password",
    )
    assert (
        error.hint
        == "pass an answers file with -a FILE (`atomicapp genanswers APP` writes one), or -p SCOPE:NAME=VALUE"
    )
    assert error.missing[0] == {"scope": "general", "name": "domain", "description": "Where it lives"}
    with pytest.raises(ConfigError, match=r"^1 param has no value$"):
        settle(app, "[general]\ndomain = d\nport = 1\nkey = k\n")
    assert configure.configure(app, given(), complete=False).value("web", "port") is None


CONSTRAINED = f"""\
graph:
  - name: web
    {ONE}
    params:
      - name: port
        default: DFLT
        constraints:
          - allowed_pattern: "[0-9]+"
            description: digits only
          - allowed_pattern: ".{{1,3}}"
"""


@pytest.mark.parametrize(
    ("default", "ini", "typed", "env", "where"),
    [
        ("80x", "", (), {}, "'80x' (default)|{root}/Nulecule:8:18"),
        ("80", "[web]\nport = 8O", (), {}, "'8O' (answers)|answers.conf:2:8"),
        ("80", "[general]\nport = x", (), {}, "'x' (answers)|answers.conf:2:8"),
        ("80", "", ("web:port=x",), {}, "'x' (command line)|<command line>"),
        ("80", "", (), {"ATOMICAPP_PARAM_PORT": "x"}, "'x' (environment)|$ATOMICAPP_PARAM_PORT"),
        ("''", "", (), {}, "'' (default)|{root}/Nulecule:8:18"),
    ],
)
def test_constraints_count_for_every_source(
    apps: Apps, default: str, ini: str, typed: tuple[str, ...], env: dict[str, str], where: str
) -> None:
    app = apps(CONSTRAINED.replace("DFLT", default))
    with pytest.raises(ConfigError) as found:
        settle(app, ini, *typed, env=env)
    value, _, place = where.format(root=apps.root).rpartition("|")
    first = found.value.details[0]
    file = f"{apps.root}/Nulecule"
    assert first == (f"{place}: {value} is no value for web:port: it must match [0-9]+ ({file}:10:30): digits only")
    assert found.value.hint == ""


def test_a_number_and_a_good_answer_keep_to_a_constraint(apps: Apps) -> None:
    assert seen(settle(apps(CONSTRAINED.replace("DFLT", "080"))), "web") == {"port": "080"}
    assert seen(settle(apps(CONSTRAINED.replace("DFLT", "bad")), "[web]\nport = 1"), "web") == {"port": "1"}


def test_all_that_is_broken_and_missing_is_told_at_once(apps: Apps) -> None:
    app = apps(CONSTRAINED.replace("DFLT", "12345x") + "      - name: other\n")
    with pytest.raises(ConfigError) as found:
        settle(app)
    assert found.value.message == "1 param has no value and 2 values break a constraint"
    assert len(found.value.invalid) == 2
    assert found.value.details[0] == "add these to the answers file:"
    with pytest.raises(ConfigError, match=r"^2 values break a constraint$"):
        configure.configure(app, given(), complete=False)


def test_a_value_that_serves_many_breaks_a_constraint_for_each(apps: Apps) -> None:
    part = "constraints: [{allowed_pattern: '[0-9]+'}]"
    app = apps(
        "graph:\n" + "".join(f"  - {{name: {name}, {ONE}, params: [{{name: p, {part}}}]}}\n" for name in ("a", "b"))
    )
    with pytest.raises(ConfigError) as found:
        settle(app, "[general]\np = x\n")
    assert [issue.message.partition(":")[0] for issue in found.value.invalid] == [
        "'x' (answers) is no value for a",
        "'x' (answers) is no value for b",
    ]


# ---------------------------------------------------------------- hidden values


def test_hidden_values_are_masked_and_known_as_secrets(apps: Apps) -> None:
    app = apps(
        "params: [{name: top, hidden: true}]\ngraph:\n"
        f"  - {{name: web, {ONE}, params: [{{name: key, hidden: true, default: dflt, "
        "constraints: [{allowed_pattern: '[a-z]+'}]}, {name: open, default: o}]}\n"
    )
    settings = settle(app, "[general]\ntop = t1\nkey = gen\nprovider-auth = tok\n[web]\ntop = t2\nkey = own\n")
    assert settings.secrets == {"dflt", "t1", "gen", "tok", "t2", "own"}
    found = settings.variables("web")
    assert {name: value.shown for name, value in found.items() if name in ("key", "top", "open")} == {
        "key": MASK,
        "top": MASK,
        "open": "o",
    }
    with pytest.raises(ConfigError) as error:
        settle(app, "[general]\ntop = t\n[web]\nkey = HUNTER2\n")
    text = f"{error.value.message} {error.value.details} {error.value.to_dict()}"
    assert MASK in text
    assert "HUNTER2" not in text


def test_an_open_default_that_serves_a_hidden_param_is_hidden(apps: Apps) -> None:
    app = apps(
        f"params: [{{name: key, default: abc}}]\ngraph: [{{name: web, {ONE}, params: [{{name: key, hidden: true}}]}}]\n"
    )
    assert settle(app).variables("web")["key"].hidden


# ---------------------------------------------------------------- asking


class Terminal:
    """Answers questions and remembers them."""

    def __init__(self, **typed: str) -> None:
        self.typed = typed
        self.asked: list[tuple[str, str, str | None]] = []

    def __call__(self, question: Question) -> str:
        scope, param, _ = question.declared
        self.asked.append((scope, param.name, question.current.text if question.current else None))
        return self.typed[param.name]


def test_only_what_is_missing_is_asked_once_in_the_order_of_the_graph(apps: Apps) -> None:
    app = apps(
        "params: [{name: shared}, {name: set, default: x}]\ngraph:\n"
        f"  - {{name: a, {ONE}, params: [{{name: shared}}, {{name: own, hidden: true}}]}}\n"
        f"  - {{name: b, {ONE}, params: [{{name: own}}]}}\n"
    )
    terminal = Terminal(shared="s", own="o")
    settings = configure.configure(app, given(), ask=terminal)
    assert terminal.asked == [("general", "shared", None), ("a", "own", None), ("b", "own", None)]
    assert seen(settings, "a") == {"shared": "s", "set": "x", "own": "o"}
    assert settings.value("general", "shared") == Value("s", "asked", Position("<terminal>"))
    assert "o" in settings.secrets


def test_everything_may_be_asked_but_what_the_command_says(apps: Apps) -> None:
    app = apps(
        f"graph: [{{name: a, {ONE}, params: "
        "[{name: p, default: d}, {name: q, default: d}, {name: r, default: d}, {name: s, default: d}]}]\n"
    )
    terminal = Terminal(p="1", q="2")
    settings = configure.configure(
        app, given("[a]\nq = answer\n", "a:r=typed", env={"ATOMICAPP_PARAM_S": "env"}), ask=terminal, ask_all=True
    )
    assert terminal.asked == [("a", "p", "d"), ("a", "q", "answer")]
    assert seen(settings, "a") == {"p": "1", "q": "2", "r": "typed", "s": "env"}


def test_a_bad_value_at_the_prompt_is_explained() -> None:
    from atomicapp.model import Constraint, Param

    here = Position("f")
    param = Param("p", "", None, False, (Constraint("[0-9]+", "digits", here), Constraint(".", "", here)), here, here)
    assert configure.violation(param, "x") == "digits"
    assert configure.violation(param, "12") == "it must match ."
    assert configure.violation(param, "1") == ""


# ---------------------------------------------------------------- provider and target


def both(providers: str, params: str = "") -> str:
    return f"{params}graph: [{{name: w, artifacts: {{{', '.join(f'{name}: [file://a]' for name in providers.split())}}}}}]\n"


@pytest.mark.parametrize(
    ("providers", "params", "ini", "typed", "provider"),
    [
        ("docker kubernetes", "", "", "", "kubernetes"),
        ("docker", "", "", "", "docker"),
        ("kubernetes", "", "", "", "kubernetes"),
        ("docker marathon", "", "[general]\nprovider = docker\n", "", "docker"),
        ("docker marathon", "params: [{name: provider, default: marathon}]\n", "", "", "marathon"),
        ("docker marathon", "params: [{name: provider}]\n", "[general]\nprovider = docker\n", "", "docker"),
        ("docker kubernetes", "params: [{name: provider}]\n", "", "", "kubernetes"),
        ("docker kubernetes", "params: [{name: provider, default: openshift}]\n", "", "docker", "docker"),
        ("docker kubernetes", "", "[general]\nprovider = openshift\n", "docker", "docker"),
    ],
)  # fmt: skip
def test_the_provider(apps: Apps, providers: str, params: str, ini: str, typed: str, provider: str) -> None:
    app = apps(both(providers, params))
    settings = configure.configure(app, given(ini, provider=typed))
    assert settings.provider == provider
    assert settings.variables("w")["provider"].text == provider


def test_the_only_provider_is_taken_with_a_note(apps: Apps) -> None:
    settings = settle(apps(both("docker")))
    assert shown(settings.issues) == [
        f"note {apps.root}/Nulecule: the provider is docker: the only one that all components have artifacts for ()"
    ]
    assert settle(apps(both("kubernetes"))).issues == ()


def test_several_providers_without_kubernetes_are_listed(apps: Apps) -> None:
    with pytest.raises(ConfigError) as found:
        settle(apps(both("docker marathon")))
    assert found.value.message == "the app can run on docker, marathon: which one is meant?"
    assert found.value.hint == "add --provider docker"


def test_only_providers_that_all_components_share_count(apps: Apps) -> None:
    app = apps(
        "graph:\n  - {name: a, artifacts: {docker: [file://a], marathon: [file://a]}}\n"
        "  - {name: b, artifacts: {marathon: [file://a], openshift: [file://a]}}\n  - {name: c}\n"
    )
    assert configure.common_providers(app) == ("marathon",)
    assert settle(app).provider == "marathon"
    assert settle(apps("graph: []\n")).provider == "kubernetes"


def test_the_target(apps: Apps) -> None:
    app = apps(both("docker"))
    plain = settle(app).target("shop")
    assert (plain.app, plain.namespace, plain.api, plain.auth, plain.tlsverify) == ("shop", "default", "", "", True)
    ini = """\
        [general]
        namespace = prod
        provider-api = https://h
        provider-auth = token
        provider-cafile = /ca
        provider-config = /config
        provider-context = ctx
        provider-tlsverify = {}
        """
    for text, verify in {"False": False, "0": False, "no": False, "true": True, "": True}.items():
        found = settle(app, ini.format(text)).target("shop")
        assert found == Target("shop", "prod", "https://h", "token", "/ca", "/config", "ctx", verify)


# ---------------------------------------------------------------- what is typed


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=b", ("general", "a", "b")),
        ("general:a=b", ("general", "a", "b")),
        ("x:y:a=b=c:d", ("x:y", "a", "b=c:d")),
        ("a=", ("general", "a", "")),
    ],
)
def test_assignments(text: str, found: tuple[str, str, str]) -> None:
    assert configure.parse_assignment(text) == found


@pytest.mark.parametrize(
    ("text", "named"), [("a", "a"), ("=b", ""), (":a=b", ":a"), ("web:=x", "web:"), ("hunter2 and more", "hunter2")]
)
def test_what_is_no_assignment(text: str, named: str) -> None:
    with pytest.raises(UsageError) as found:
        configure.parse_assignment(text)
    assert found.value.message == f"'{named}' is no param"
    assert found.value.hint == "write -p NAME=VALUE or -p SCOPE:NAME=VALUE"


def test_values_that_are_no_text_are_refused(apps: Apps) -> None:
    with pytest.raises(UsageError, match=r"^the value of web:p is not UTF-8 text$"):
        command_line(["web:p=\udcff"], {})
    app = apps(f"graph: [{{name: web, {ONE}, params: [{{name: p}}]}}]\n")
    with pytest.raises(ConfigError, match=r"^the value of the variable ATOMICAPP_PARAM_P is not UTF-8 text$"):
        settle(app, env={"ATOMICAPP_PARAM_P": "\udcff"})
    assert is_text("é😀")


def test_empty_options_are_not_given() -> None:
    assert command_line([], {"provider": "", "namespace": "n"}) == {
        "general": {"namespace": answers.Answer("n", Position("<command line>"))}
    }


# ---------------------------------------------------------------- environment


@pytest.mark.parametrize(
    ("scope", "name", "found"),
    [
        ("general", "db-name", ("ATOMICAPP_PARAM_db_name", "ATOMICAPP_PARAM_DB_NAME")),
        ("web", "port", ("ATOMICAPP_PARAM_web__port", "ATOMICAPP_PARAM_WEB__PORT")),
        ("a.b:c d", "x", ("ATOMICAPP_PARAM_a_b__c_d__x", "ATOMICAPP_PARAM_A_B__C_D__X")),
    ],
)
def test_names_of_variables(scope: str, name: str, found: tuple[str, str]) -> None:
    assert configure.environment_names(scope, name) == found


def test_a_variable_that_could_mean_two_params_is_refused(apps: Apps) -> None:
    app = apps(f"graph: [{{name: web, {ONE}, params: [{{name: a-b, default: x}}, {{name: a_b, default: y}}]}}]\n")
    assert seen(settle(app), "web") == {"a-b": "x", "a_b": "y"}
    with pytest.raises(ConfigError) as found:
        settle(app, env={"ATOMICAPP_PARAM_WEB__A_B": "z"})
    assert found.value.message == "the variable ATOMICAPP_PARAM_WEB__A_B could mean both web:a-b and web:a_b"
    assert found.value.hint == "give one of the two in an answers file instead"


def test_the_provider_and_its_options_may_stand_in_variables(apps: Apps) -> None:
    settings = settle(
        apps(both("docker kubernetes")),
        env={"ATOMICAPP_PARAM_PROVIDER": "docker", "ATOMICAPP_PARAM_PROVIDER_AUTH": "tok", "OTHER": "x"},
    )
    assert settings.provider == "docker"
    assert settings.target("x").auth == "tok"
    assert settings.secrets == {"tok"}


def test_the_variables_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATOMICAPP_PARAM_X", "1")
    monkeypatch.setenv("OTHER", "2")
    found = configure.from_environ()
    assert found["ATOMICAPP_PARAM_X"] == "1"
    assert "OTHER" not in found


# ---------------------------------------------------------------- warnings


@pytest.fixture
def noted(apps: Apps) -> App:
    return apps(
        "params: [{name: image, default: top}]\ngraph:\n"
        f"  - {{name: web, {ONE}, params: [{{name: image, default: own}}, {{name: port, default: '1'}}]}}\n"
        f"  - {{name: db, {ONE}, params: [{{name: image, default: top}}]}}\n"
    )


def test_a_default_that_never_counts_is_noted(apps: Apps, noted: App) -> None:
    file = f"{apps.root}/Nulecule"
    (issue,) = settle(noted).issues
    assert (issue.severity, issue.position, issue.code) == ("note", Position(file, 5, 86), "default-hidden")
    assert issue.message == f"the default of web:image is not used: the one of the app goes before it ({file}:3:33)"
    assert issue.hint == "an answer in [web] goes before both"


def test_answers_that_no_component_reads_are_told(noted: App) -> None:
    ini = "[wbe]\nport = 1\n[zzz]\nport = 2\n[empty]\n[web]\nprot = 3\nimage = x\nfree = 4\n[general]\nnamespcae = n\nport = 1\n"
    found = [line for line in shown(settle(noted, ini, "we:x=1").issues) if line.startswith("warning")]
    assert found == [
        "warning answers.conf:2:8: no component has the scope 'wbe': its answers are not used (did you mean [web]?)",
        "warning answers.conf:4:8: no component has the scope 'zzz': its answers are not used (known: db, general, web)",
        "warning answers.conf:7:8: no param is named 'prot' in the scope 'web' (did you mean 'port'?)",
        "warning answers.conf:11:13: no param is named 'namespcae' in the scope 'general' (did you mean 'namespace'?)",
        "warning <command line>: no component has the scope 'we': its answers are not used (did you mean [web]?)",
    ]


def test_many_unknown_scopes_are_told_without_comparing_each(apps: Apps) -> None:
    app = apps("graph:\n" + "".join(f"  - {{name: part{number}, {ONE}}}\n" for number in range(30)))
    ini = "".join(f"[prat{number}]\nx = 1\n" for number in range(40))
    found = settle(app, ini).issues
    assert len(found) == 40
    assert found[0].hint == "did you mean [part0]?"
    assert found[-1].hint.endswith("and 11 more")


def test_answers_for_apps_that_were_left_out_are_no_fault(apps: Apps) -> None:
    app = apps("graph: [{name: db, source: 'docker://db'}]\n")
    assert settle(app, "[db:sql]\nx = 1\n[db]\ny = 1\n").issues == ()
    assert len(settle(app, "[dc:sql]\nx = 1\n").issues) == 1
