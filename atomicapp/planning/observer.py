"""Who is told what happens while a plan is carried out and waited for."""

from __future__ import annotations

from atomicapp.errors import AtomicAppError
from atomicapp.model import Step


class Observer:
    """Told what happens; every method may be left out. Called from several threads."""

    def step_started(self, step: Step) -> None: ...
    def step_progress(self, key: str, text: str) -> None: ...
    def step_done(self, step: Step) -> None: ...
    def step_kept(self, step: Step, reason: str) -> None: ...
    def step_failed(self, step: Step, error: AtomicAppError) -> None: ...
    def waiting(self, component: str, name: str, reason: str) -> None:
        """Told at each look, also while the reason stays the same."""

    def ready(self, component: str, name: str, detail: str) -> None: ...
