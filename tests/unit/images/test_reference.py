from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import UsageError
from atomicapp.images.reference import HUB, HUB_API, Reference

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("x", "docker.io/library/x:latest", "x:latest"),
        ("x:1", "docker.io/library/x:1", "x:1"),
        ("team/x", "docker.io/team/x:latest", "team/x:latest"),
        ("index.docker.io/x", "docker.io/library/x:latest", "x:latest"),
        ("docker.io/library/x", "docker.io/library/x:latest", "x:latest"),
        ("docker://x/y:2", "docker.io/x/y:2", "x/y:2"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"),
        ("localhost:5000/a/b/c:v1.0_x-y", "localhost:5000/a/b/c:v1.0_x-y", "localhost:5000/a/b/c:v1.0_x-y"),
        ("Host/x", "Host/x:latest", "Host/x:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
        (f"q.io/a__b/c--d@{SHA}", f"q.io/a__b/c--d@{SHA}", f"q.io/a__b/c--d@{SHA}"),
        (f"x:1@{SHA}", f"docker.io/library/x:1@{SHA}", f"x:1@{SHA}"),
        (f"x@sha512:{'0' * 128}", f"docker.io/library/x@sha512:{'0' * 128}", f"x@sha512:{'0' * 128}"),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, full: str, familiar: str) -> None:
    found = Reference.parse(text)
    assert str(found) == full
    assert found.familiar == familiar


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("docker://", "empty"),
        ("X", "lower-case"),
        ("localhost:5000/", "no repository name"),
        ("x:", "no tag"),
        ("x:-a", "no tag"),
        (f"x:{'a' * 129}", "no tag"),
        ("x@sha256:abc", "no digest"),
        (f"x@md5:{'a' * 32}", "no digest"),
        (f"x@SHA256:{'a' * 64}", "no digest"),
        ("a//b", "no repository name"),
        ("a/b/", "no repository name"),
        ("a/../b", "no repository name"),
        ("a b", "no repository name"),
        ("a\nb", "no repository name"),
        ("x\n", "no repository name"),
        ("a___b", "no repository name"),
        ("-a", "no repository name"),
        ("host:99999/x", "port 99999"),
        ("host:0/x", "port 0"),
        ("ho_st.x/x", "no registry"),
        ("user:pass@host/x", "no digest"),
        ("a" * 64, "image id"),
        ("a/" + "b" * 300, "longer"),
        ("é", "no repository name"),
        ("https://localhost:5000/x", "does not belong"),
    ],
)
def test_a_wrong_name_is_told_by_its_wrong_part(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Reference.parse(text)
    assert said in caught.value.message
    assert caught.value.hint
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


def test_a_name_without_a_slash_is_a_repository_with_a_tag() -> None:
    assert Reference.parse("localhost:5000") == Reference(HUB, "library/localhost", "5000")


def test_the_hub_has_another_host_for_requests() -> None:
    assert Reference.parse("x").api_host == HUB_API
    assert Reference.parse("localhost:1/x").api_host == "localhost:1"


def test_what_is_asked_for_is_the_digest_before_the_tag() -> None:
    assert Reference.parse("x:1").target == "1"
    assert Reference.parse(f"x:1@{SHA}").target == SHA
    assert Reference.parse(f"x@{SHA}").tag == ""


_PART = st.from_regex(r"[a-z0-9]+(?:(?:\.|_|__|-{1,3})[a-z0-9]+){0,2}", fullmatch=True).filter(lambda t: len(t) < 30)
_REGISTRY = st.one_of(
    st.just(HUB),
    st.just("localhost"),
    st.from_regex(r"[a-z][a-z0-9]{0,8}\.[a-z]{2,5}(?::[1-9][0-9]{0,3})?", fullmatch=True),
    st.from_regex(r"[a-z]{1,9}:[1-9][0-9]{0,3}", fullmatch=True),
)


@given(
    registry=_REGISTRY,
    parts=st.lists(_PART, min_size=1, max_size=4),
    tag=st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)),
    digest=st.one_of(st.just(""), st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)),
)
def test_what_is_written_is_read_again(registry: str, parts: list[str], tag: str, digest: str) -> None:
    name = "/".join((registry, *parts)) + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    found = Reference.parse(name)
    assert found.registry == ("docker.io" if registry in ("index.docker.io", HUB_API) else registry)
    assert Reference.parse(str(found)) == found
    assert Reference.parse(found.familiar) == found
    assert Reference.parse(f"docker://{found}") == found


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_a_usage_error(text: str) -> None:
    try:
        found = Reference.parse(text)
    except UsageError:
        return
    assert Reference.parse(str(found)) == found
