"""Counts compilations: what XLA is asked to compile inside a block."""

import contextlib

import jax
import pytest


@pytest.fixture
def compilations():
    """Return a context manager that yields a function: how many programs were compiled since."""

    @contextlib.contextmanager
    def counting():
        events = []

        def listen(name, duration, **_):
            if name.endswith("backend_compile_duration"):
                events.append(duration)

        jax.monitoring.register_event_duration_secs_listener(listen)
        yield lambda: len(events)

    return counting
