"""The progress bar: one truth in a terminal, a notebook and a log; it never wraps."""

import io
import os
import re
import sys
import types

import pytest

from keraunos import _progress as progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and keeps the screen that a reader would see."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def lines(self):
        """Return what stands on each line of the screen, without colours."""
        text = re.sub(r"\x1b\[\d+m", "", self.getvalue())
        shown = []
        for line in text.split("\n"):
            screen = ""
            for part in line.split("\r"):
                screen = part + screen[len(part) :]
            shown.append(screen.rstrip())
        return shown


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves by hand."""
    now = types.SimpleNamespace(value=100.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.value)
    return now


@pytest.fixture
def columns(monkeypatch):
    def narrow(n):
        monkeypatch.setattr(progress.Progbar, "_columns", lambda self: n)

    narrow(80)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return narrow


def run(stream, clock, steps=375, verbose=1, seconds=0.005, title="Epoch 1/5", final=None):
    bar = progress.Progbar(steps, title=title, verbose=verbose, stream=stream)
    for step in range(1, steps + 1):
        clock.value += seconds
        bar.update(
            step, lambda step=step: {"accuracy": step / 1000, "loss": 1 / step}, finalize=False
        )
    final = final or {"accuracy": 0.91, "loss": 0.29, "val_loss": 0.000012}
    bar.update(steps, final, finalize=True)
    return bar


def test_terminal_ends_in_the_text_that_keras_prints(clock, columns):
    columns(200)
    out = Terminal()
    run(out, clock)
    final = (
        "375/375 ━━━━━━━━━━━━━━━━━━━━ 2s 5ms/step"
        " - accuracy: 0.9100 - loss: 0.2900 - val_loss: 1.2000e-05"
    )
    assert out.lines() == ["Epoch 1/5", final, ""]


def test_terminal_draws_ten_times_a_second_at_most_and_reads_values_only_then(clock, columns):
    out, reads = Terminal(), []
    bar = progress.Progbar(1000, stream=out, verbose="auto")
    for step in range(1, 1001):
        clock.value += 0.001
        bar.update(step, lambda: reads.append(1) or {"loss": 0.5}, finalize=False)
    assert len(reads) <= 10
    assert out.getvalue().count("\r") == len(reads)


def test_eta_counts_without_the_first_step_which_compiles(clock, columns):
    columns(200)
    out = Terminal()
    bar = progress.Progbar(100, stream=out)
    clock.value += 30
    bar.update(1)
    for step in range(2, 12):
        clock.value += 1
        bar.update(step)
    assert "1:29 1s/step" in out.lines()[-1]


@pytest.mark.parametrize("width", [10, 20, 33, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_final_number_is_lost(width, clock, columns):
    columns(width)
    out = Terminal()
    final = {"accuracy": 0.91, "loss": 0.29, "val_accuracy": 0.5, "val_loss": 0.75}
    run(out, clock, title=None, final=final)
    assert all(len(line) < width for line in out.lines())
    if width >= 24:
        shown = " ".join(out.lines())
        assert all(f"{k}: {v:.4f}" in shown for k, v in final.items())


def test_a_shorter_line_leaves_nothing_of_a_longer_one(clock, columns):
    out = Terminal()
    bar = progress.Progbar(10, stream=out)
    for step, values in ((1, {"loss": 123456.0}), (2, {"loss": 1.0})):
        clock.value += 1
        bar.update(step, values, finalize=False)
    assert out.lines()[-1].endswith("loss: 1.0000")


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_file_gets_one_plain_line_an_epoch(verbose, clock):
    out = io.StringIO()
    run(out, clock, verbose=verbose)
    assert out.getvalue() == (
        "Epoch 1/5 - 375/375 - 2s - 5ms/step"
        " - accuracy: 0.9100 - loss: 0.2900 - val_loss: 1.2000e-05\n"
    )


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_dumb_terminals_and_verbose_2_get_no_control_characters(term, clock, columns, monkeypatch):
    monkeypatch.setenv("TERM", term)
    out = Terminal()
    run(out, clock, verbose=1 if term == "dumb" else 2)
    assert re.fullmatch(r"[ -~]+\n", out.getvalue())


def test_no_color_is_respected(clock, columns, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    run(out, clock)
    assert "\x1b" not in out.getvalue()


def test_silence(clock, columns):
    out = Terminal()
    run(out, clock, verbose=0)
    assert out.getvalue() == ""


def test_a_stream_that_knows_only_ascii(clock, columns):
    out = Terminal()
    out.encoding = "ascii"
    run(out, clock)
    out.getvalue().encode("ascii")


def test_unknown_length(clock, columns):
    out = Terminal()
    bar = progress.Progbar(None, stream=out)
    clock.value += 1
    bar.update(7, {"loss": 1.0})
    assert out.lines()[-1] == "7/Unknown 1s 143ms/step - loss: 1.0000"
    bar.update(7, {"loss": 1.0}, finalize=True)
    assert out.getvalue().endswith("\n")


def test_a_bar_that_is_broken_off_ends_its_line(clock, columns):
    out = Terminal()
    bar = progress.Progbar(9, stream=out)
    clock.value += 1
    bar.update(3)
    bar.close()
    bar.close()
    assert out.getvalue().endswith("step\n")


def test_notebook_changes_one_output_in_place_four_times_a_second(clock, monkeypatch):
    shown = []

    class Handle:
        def update(self, bundle, raw):
            shown.append(bundle["text/plain"])

    def display(bundle, raw, display_id):
        shown.append(bundle["text/plain"])
        return Handle()

    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    for name in ("IPython", "IPython.core", "IPython.core.getipython", "IPython.display"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["IPython.display"].display = display
    shell = type("ZMQInteractiveShell", (), {})()
    sys.modules["IPython.core.getipython"].get_ipython = lambda: shell
    out = io.StringIO()
    run(out, clock, steps=1000, seconds=0.001)
    assert out.getvalue() == ""
    assert len(shown) <= 5
    assert shown[-1] == (
        "Epoch 1/5\n1000/1000 ━━━━━━━━━━━━━━━━━━━━ 1s 1ms/step"
        " - accuracy: 0.9100 - loss: 0.2900 - val_loss: 1.2000e-05"
    )


def test_a_download(clock, columns):
    out = Terminal()
    bar = progress.bar(10_000_000, title="mnist.npz", stream=out)
    clock.value += 1
    bar.update(2_500_000)
    assert out.lines() == ["mnist.npz", "2.5 MB/10.0 MB ━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 3s 2.5 MB/s"]


@pytest.mark.parametrize(
    "value, text",
    [
        (0.91234, "0.9123"),
        (12.0, "12.0000"),
        (0.0005, "5.0000e-04"),
        (-2.5, "-2.5000"),
        (0.0, "0.0000e+00"),
        (float("nan"), "nan"),
        ([1.0, 2.0], "1.5000"),
        (3, "3.0000"),
    ],
)
def test_numbers_are_printed_as_keras_prints_them(value, text):
    assert progress.number(value) == text


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo terminal")
def test_a_real_terminal_is_recognised_and_measured():
    main, side = os.openpty()
    with os.fdopen(side, "w", encoding="utf-8") as stream:
        bar = progress.Progbar(2, stream=stream)
        assert bar.mode == ("log" if os.environ.get("TERM") == "dumb" else "terminal")
        assert bar._columns() >= 1
    os.close(main)


def test_what_callbacks_add_gets_a_line_below_a_terminals_bar(clock, columns):
    columns(40)
    stream = Terminal()
    bar = progress.Progbar(2, title="Epoch 1/1", verbose=1, stream=stream)
    show = bar.end(2, {"loss": 0.5})
    stream.write("saved\n")
    show({"loss": 0.5, "learning_rate": 0.01, "one": 1.0, "another": 2.0})
    lines = stream.lines()
    assert lines[2:] == ["saved", "learning_rate: 0.0100 - one: 1.0000 -", "another: 2.0000", ""]
