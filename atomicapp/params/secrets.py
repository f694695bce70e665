"""Keep secret values out of everything that is shown or kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "********"
SHORT = 4
"""A secret of fewer characters is masked only where it is a whole value: else every 1 in a log would go."""


class Redactor:
    """Masks secrets in texts and JSON-ready values. Knows them plain, base64, URL-quoted and JSON-escaped."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.secrets = frozenset(secret for secret in secrets if secret)
        forms: set[str] = set()
        if self.secrets:  # most apps have none, and need none of this
            import base64
            from urllib.parse import quote
        for secret in self.secrets:
            if len(secret) >= SHORT:
                encoded = secret.encode("utf-8", "surrogatepass")
                forms |= {secret, base64.b64encode(encoded).decode(), quote(encoded, safe=""), json.dumps(secret)[1:-1]}
                forms |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORT}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """A text with every secret in it masked."""
        if text in self.secrets:
            return MASK
        return self._pattern.sub(MASK, text) if self._pattern else text

    def value(self, value: Any) -> Any:
        """A JSON-ready value with every text in it masked."""
        if not self.secrets:
            return value
        if isinstance(value, str):
            name, equals, rest = value.partition("=")
            if equals and rest in self.secrets:  # NAME=secret, also a short one
                return f"{name}={MASK}"
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value
