"""The small languages inside the values of options: sizes, durations, numbers, rates, pairs, CSV.

Every function takes the text of one value and returns what it means, or raises ValueError whose message says
what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_FACTOR = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NANOSECONDS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ms": 1000**2,
    "s": 1000**3,
    "m": 60 * 1000**3,
    "h": 3600 * 1000**3,
}
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", re.IGNORECASE | re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_LARGEST = 2**63 - 1


def size(text: str) -> int:
    """Bytes: `64`, `512m`, `1.5GiB`. Factors are powers of 1024, as the Docker client reads them."""
    match = _SIZE.fullmatch(text)
    if not match or len(text) > 40:
        raise ValueError("expected a size such as 512m or 2g")
    found = int(_number(match[1]) * _FACTOR[match[2].lower()])
    if found > _LARGEST:
        raise ValueError("the size is too large")
    return found


def _number(text: str) -> int | Decimal:
    """A number as exact as it was written; most are whole and need no decimals."""
    if "." not in text:
        return int(text)
    from decimal import Decimal

    return Decimal(text)


def swap(text: str) -> int:
    """A size, or -1 for no limit."""
    return -1 if text == "-1" else size(text)


def duration(text: str) -> int:
    """Nanoseconds: `30s`, `1m30s`, `1.5h`, `0`."""
    body = text[1:] if text.startswith("+") else text
    if body == "0":
        return 0
    if body.startswith("-"):
        raise ValueError("a duration can't be negative")
    if not body or len(body) > 60:
        raise ValueError("expected a duration such as 30s or 1m30s")
    at = 0
    total: int | Decimal = 0
    while at < len(body):
        part = _DURATION_PART.match(body, at)
        if not part:
            raise ValueError("expected a duration such as 30s or 1m30s: a number and a unit (ms, s, m, h)")
        total += _number(part[1]) * _NANOSECONDS[part[2]]
        at = part.end()
    if total > _LARGEST:
        raise ValueError("the duration is too long")
    return int(total)


def duration_text(nanoseconds: int) -> str:
    """A duration in the largest unit that says it whole: `90s`, `500ms`."""
    for size, unit in ((10**9, "s"), (10**6, "ms"), (10**3, "us")):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return f"{nanoseconds}ns"


def boolean(text: str) -> bool:
    """What Go's flags take for true and false."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("expected true or false")


def integer(text: str) -> int:
    """A whole number of 64 bits."""
    if not _INTEGER.fullmatch(text) or abs(int(text)) > _LARGEST:
        raise ValueError("expected a whole number")
    return int(text)


def between(low: int, high: int, text: str) -> int:
    """A whole number from low to high."""
    found = integer(text)
    if not low <= found <= high:
        raise ValueError(f"expected a number from {low} to {high}")
    return found


def natural(text: str) -> int:
    """A whole number of 0 or more."""
    return between(0, _LARGEST, text)


def processors(text: str) -> int:
    """Billionths of a processor: `0.5`, `2`."""
    from decimal import Decimal, InvalidOperation

    try:
        found = Decimal(text) if len(text) < 30 else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0 or found > 1_000_000:
        raise ValueError("expected a number of processors such as 0.5 or 2")
    nanos = found * 1000**3
    if nanos != int(nanos):
        raise ValueError("the number of processors has more than nine decimals")
    return int(nanos)


def processors_text(billionths: int) -> str:
    """A number of processors as `processors` reads it."""
    return f"{billionths / 10**9:.9f}".rstrip("0").rstrip(".")


def pair(text: str) -> tuple[str, str]:
    """`key=value`; a key alone has the empty value."""
    key, _, value = text.partition("=")
    if not key.strip():
        raise ValueError("expected key=value")
    return key, value


def strict_pair(text: str) -> tuple[str, str]:
    """`key=value`, with the equals sign."""
    if "=" not in text:
        raise ValueError("expected key=value")
    return pair(text)


def address(text: str) -> str:
    """An IPv4 or IPv6 address."""
    try:
        import ipaddress  # here and below: most texts hold none, and its import takes as long as ten others

        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError("expected an IP address") from None
    return text


def address4(text: str) -> str:
    """An IPv4 address."""
    try:
        import ipaddress

        ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError("expected an IPv4 address such as 172.30.100.104") from None
    return text


def address6(text: str) -> str:
    """An IPv6 address."""
    try:
        import ipaddress

        ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError("expected an IPv6 address such as 2001:db8::33") from None
    return text


def mac(text: str) -> str:
    """A MAC address."""
    if not _MAC.fullmatch(text.strip()):
        raise ValueError("expected a MAC address such as 92:d0:c6:0a:29:33")
    return text.strip()


def one_of(words: Iterable[str], text: str) -> str:
    """One of some words."""
    known = list(words)
    if text not in known:
        raise ValueError(f"expected one of {', '.join(word for word in known if word)}")
    return text


def extra_host(text: str) -> str:
    """`name:address` (or `name=address`), where the address may be host-gateway; written as `name:address`."""
    name, sign, found = text.partition("=")
    if not sign or ":" in name:
        name, sign, found = text.partition(":")
    if not sign or not name:
        raise ValueError("expected NAME:ADDRESS")
    if found.startswith("[") and found.endswith("]"):
        found = found[1:-1]
    if found != "host-gateway":
        address(found)
    return f"{name}:{found}"


def fields(text: str) -> list[str]:
    """The fields of one line of CSV."""
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("a line end is not allowed here")
    import csv

    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(f"not a comma-separated list: {error}") from None
    if not rows or not rows[0]:
        raise ValueError("the value is empty")
    return rows[0]


def absolute(text: str) -> str:
    """An absolute path of a container, cleaned of `.`, `..` and double slashes."""
    if not text.startswith("/"):
        raise ValueError(f"the container's path '{text}' is not absolute")
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
