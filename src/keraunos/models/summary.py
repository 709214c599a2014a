"""The table that `model.summary()` prints: Keras's, but wide enough for every name."""

from __future__ import annotations

import itertools
import math
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from keraunos import config, errors
from keraunos._core import calling, context, dtypes, state
from keraunos._core.layer import Layer

_LEAST = {"Layer (type)": 31, "Output Shape": 22, "Param #": 13, "Connected to": 17, "Trainable": 9}
_RIGHT = {"Param #"}


def print_summary(
    model: Any,
    line_length: int | None = None,
    print_fn: Callable[..., None] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> None:
    """Print the layers of a model, their output shapes and parameter counts."""
    connected = _is_branched(model)
    heads = ["Layer (type)", "Output Shape", "Param #"]
    heads += ["Connected to"] * connected + ["Trainable"] * show_trainable
    listed = _in_range(_operations(model), layer_range)
    rows = list(_rows(model, listed, connected, show_trainable, expand_nested, depth=0))
    table = _table(heads, rows, _room(line_length, print_fn))
    text = "\n".join([f'Model: "{model.name}"', *table, *_totals(model)])
    (print_fn or _print)(text)


def _rows(
    model: Any, listed: list[Any], connected: bool, trainable: bool, nested: bool, depth: int
) -> Iterable[list[str]]:
    edges = _edges(model) if connected else {}
    for one in listed:
        is_layer = isinstance(one, Layer)
        kind = type(one).__name__ if is_layer else _camel(one.function.__name__)
        row = ["  " * depth + f"{one.name} ({kind})", _shape(one), _count(one)]
        row += [", ".join(edges.get(id(one), ())) or "-"] * connected
        row += [("Y" if one.trainable else "N") if is_layer and one.weights else "-"] * trainable
        yield row
        inner = getattr(one, "layers", None)
        if nested and inner:
            yield from _rows(one, list(inner), connected, trainable, nested, depth + 1)


def _operations(model: Any) -> list[Any]:
    return list(getattr(model, "operations", None) or model.layers)


def _in_range(listed: list[Any], layer_range: Any) -> list[Any]:
    if not layer_range:
        return listed
    found = []
    for pattern in layer_range:
        hits = [i for i, one in enumerate(listed) if re.match(pattern, one.name)]
        if not hits:
            fix = errors.suggest(pattern, [one.name for one in listed])
            raise ValueError(
                errors.report(f"summary: layer_range names no layer {pattern!r}", fix=fix)
            )
        found.append(hits)
    return listed[min(found[0]) : max(found[1]) + 1]


def _shape(one: Any) -> str:
    try:
        shapes = [t.shape for t in jax.tree.leaves(one.output)]
    except (AttributeError, ValueError):
        return "?"
    texts = [str(tuple(s)) for s in shapes]
    return texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"


def _count(one: Any) -> str:
    if not isinstance(one, Layer):
        return "0"
    unbuilt = not one.built and not one.weights
    return "0 (unbuilt)" if unbuilt else f"{one.count_params():,}"


def _is_branched(model: Any) -> bool:
    """Return whether the graph is more than a chain: then each row names where it comes from."""
    graph = getattr(model, "_graph", None)
    if graph is None:
        return False
    return (
        any(len(node.inputs) > 1 for node in graph.nodes)
        or _fans_out(graph)
        or len(graph.nodes) > len(graph.operations)
    )


def _fans_out(graph: Any) -> bool:
    used = [id(t) for node in graph.nodes for t in node.inputs]
    return len(used) != len(set(used))


def _edges(model: Any) -> dict[int, list[str]]:
    graph = getattr(model, "_graph", None)
    found: dict[int, list[str]] = {}
    for node in graph.nodes if graph is not None else ():
        for tensor in node.inputs:
            source, index, output = tensor._keras_history
            found.setdefault(id(node.operation), []).append(f"{source.name}[{index}][{output}]")
    return found


def _totals(model: Any) -> list[str]:
    trainable = list({id(v): v for v in model.trainable_variables}.values())
    fixed = [v for v in model.variables if id(v) not in {id(t) for t in trainable}]
    rows = [
        ("Total params", trainable + fixed),
        ("Trainable params", trainable),
        ("Non-trainable params", fixed),
    ]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.built:
        slots = optimizer.variables
        rows = [("Total params", trainable + fixed + slots), *rows[1:], ("Optimizer params", slots)]
    lines = [f" {label}: {sum(v.size for v in boxes):,} ({_size(boxes)})" for label, boxes in rows]
    return lines + _precision(model, optimizer)


def _precision(model: Any, optimizer: Any) -> list[str]:
    """Say which layers compute in another dtype than they keep, and that the loss is scaled."""
    inner = model._flatten_layers(include_self=False)
    layers = [one for one in inner if not one._layers and type(one).__name__ != "InputLayer"]
    found: dict[tuple[str, str], int] = {}
    for layer in layers or [model]:
        pair = layer.compute_dtype, layer.variable_dtype
        found[pair] = found.get(pair, 0) + (pair[0] != pair[1])
    lines = []
    for (compute, kept), count in found.items():
        if count:
            some = "" if count == len(layers) else f" in {count} of {len(layers)} layers"
            lines.append(f" Mixed precision: computes in {compute}, keeps weights in {kept}{some}")
    scale = getattr(optimizer, "dynamic_scale", None)
    if scale is not None or hasattr(optimizer, "initial_scale"):
        now = optimizer.initial_scale if scale is None else float(scale.numpy())
        lines.append(
            f" The loss is scaled by itself, now by {now:g}; it is a float32, as metrics are"
        )
    return lines


def _size(boxes: list[Any]) -> str:
    count = sum(v.size * dtypes.numpy_dtype(v.dtype).itemsize for v in boxes)
    power = min(int(math.log(count, 1024)), 4) if count else 0
    return f"{count / 1024**power:.2f} {('B', 'KB', 'MB', 'GB', 'TB')[power]}"


# -- drawing -------------------------------------------------------------------------------------


def _table(heads: list[str], rows: list[list[str]], room: int | None) -> list[str]:
    widths = [max(_LEAST[h], *(len(row[i]) for row in [heads, *rows])) for i, h in enumerate(heads)]
    widths = _squeezed(heads, rows, widths, room)
    lines = [
        _rule("┏┳┓", "━", widths),
        _cells(heads, widths, "┃", set()),
        _rule("┡╇┩", "━", widths),
    ]
    right = {i for i, h in enumerate(heads) if h in _RIGHT}
    lines[1] = _cells(heads, widths, "┃", right)
    for i, row in enumerate(rows):
        if i:
            lines.append(_rule("├┼┤", "─", widths))
        wrapped = [_wrap(text, width) for text, width in zip(row, widths, strict=True)]
        for texts in itertools.zip_longest(*wrapped, fillvalue=""):
            lines += [_cells(list(texts), widths, "│", right)]
    return [*lines, _rule("└┴┘", "─", widths)]


def _squeezed(
    heads: list[str], rows: list[list[str]], widths: list[int], room: int | None
) -> list[int]:
    """Return widths that fit, if cells may be broken between words; no word is ever cut."""
    if room is None:
        return widths
    least = [
        max(len(word) for row in [heads, *rows] for word in (row[i].split() or [""]))
        for i in range(len(heads))
    ]
    over = sum(widths) + 3 * len(widths) + 1 - room
    for i in sorted(range(len(widths)), key=lambda i: least[i] - widths[i]):
        give = min(max(over, 0), widths[i] - least[i])
        widths[i] -= give
        over -= give
    return widths


def _wrap(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _cells(texts: list[str], widths: list[int], wall: str, right: set[int]) -> str:
    padded = [
        t.rjust(w) if i in right else t.ljust(w)
        for i, (t, w) in enumerate(zip(texts, widths, strict=True))
    ]
    return wall + wall.join(f" {t} " for t in padded) + wall


def _rule(corners: str, line: str, widths: list[int]) -> str:
    return corners[0] + corners[1].join(line * (w + 2) for w in widths) + corners[2]


def _room(line_length: int | None, print_fn: Any) -> int | None:
    if line_length is not None:
        return line_length
    live = print_fn is None and getattr(sys.stdout, "isatty", lambda: False)()
    return shutil.get_terminal_size().columns if live else None


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _print(text: str) -> None:
    try:
        print(text)
    except UnicodeEncodeError:  # a terminal or file without box characters
        table = str.maketrans("┏┳┓┡╇┩├┼┤└┴┘━─┃│", "++++++++++++==||")
        print(text.translate(table))


# -- shapes through a model ------------------------------------------------------------------------


def explain_shapes(model: Any, x: Any, print_fn: Callable[..., None] | None = None) -> None:
    """Print the shapes that go into each layer and come out of it, as far as the model runs."""
    say = print_fn or print
    specs = jax.tree.map(_spec, x, is_leaf=calling.is_shape)
    say(f"{model.name}: {_shapes(specs)}")
    rows: list[tuple[int, Layer, str, str]] = []

    def listen(path: list[str], layer: Layer, before: Any, after: Any) -> None:
        rows.append((len(path), layer, _shapes(before), _shapes(after)))

    def run(inputs: Any) -> None:
        with state.sandbox(jax.random.key(0)), context.fresh(training=False) as running:
            running.listener = listen
            model(inputs)

    built, model.built = model.built, True  # its layers are built as they are reached
    try:
        jax.eval_shape(run, specs)
    finally:
        model.built = built
        inner = [row for row in rows if row[1] is not model]
        titles = ["  " * (depth - 1) + _titled(layer) for depth, layer, _, _ in inner]
        width = max(map(len, titles), default=0)
        for title, (_, _, before, after) in zip(titles, inner, strict=True):
            say(f"{title:<{width}}  {before} -> {after}")


def _spec(leaf: Any) -> jax.ShapeDtypeStruct:
    if calling.is_shape(leaf):
        return jax.ShapeDtypeStruct(tuple(1 if n is None else n for n in leaf), config.floatx())
    array = leaf if hasattr(leaf, "shape") else np.asarray(leaf)
    return jax.ShapeDtypeStruct(array.shape, jax.dtypes.canonicalize_dtype(array.dtype))


def _shapes(structure: Any) -> str:
    shapes = [
        str(tuple(leaf.shape)) for leaf in jax.tree.leaves(structure) if hasattr(leaf, "shape")
    ]
    return shapes[0] if len(shapes) == 1 else "[" + ", ".join(shapes) + "]"


def _titled(layer: Layer) -> str:
    return f"{layer.name} ({type(layer).__name__})"
