"""What happens around `call`: building, casting, masks, training, and errors with the path."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core import context, dtypes, naming, spec, state, symbolic, valid
from keraunos._core.symbolic import Node
from keraunos._core.variable import Variable, autocast

if TYPE_CHECKING:
    from keraunos._core.layer import Layer


def call(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a layer on arrays."""
    with context.entered() as (running, outermost):
        if outermost and state.current() is None:
            for inner in layer._flatten_layers():
                inner._book.losses.clear()
        elif not running.path:
            _forget_losses(layer)
        running.path.append(layer.name)
        layer._book.path = layer._book.path or "/".join(running.path)
        try:
            outputs = _call(layer, args, kwargs, running)
            if running.listener is not None:
                running.listener(running.path, layer, args, outputs)
            return outputs
        except Exception as error:
            raise _explained(layer, error, args, running.path) from _cause(error)
        finally:
            running.path.pop()


def _forget_losses(layer: Layer) -> None:
    """Drop what a model added in an earlier call of the same step."""
    scope = state.current()
    if scope is not None and scope.losses:
        mine = {id(inner) for inner in layer._flatten_layers()}
        rest = [(x, by) for x, by in zip(scope.losses, scope.owners) if id(by) not in mine]
        scope.losses[:], scope.owners[:] = [x for x, _ in rest], [by for _, by in rest]


def _call(
    layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], running: context.CallContext
) -> Any:
    row = call_parameters(type(layer))
    masks = {
        id(leaf): context.get_mask(leaf)
        for leaf in jax.tree.leaves((args, kwargs))
        if hasattr(leaf, "shape")
    }
    args, kwargs, masks = _converted(layer, args, kwargs, masks)
    bound = _bound(layer, row, args, kwargs)
    _check(layer, bound, running.path)
    _build(layer, bound)
    before = running.training
    previous = _fill_in(bound, row, masks, running)
    # A call that does not name `training` is told all the same, for the layers inside.
    told = bound.get("training") if "training" in row else kwargs.get("training")
    running.training = before if told is None else told
    try:
        with autocast(layer.compute_dtype if layer.compute_dtype != layer.variable_dtype else None):
            outputs = _invoke(layer, row, bound)
    finally:
        running.training = before
    _after(layer, bound, previous, outputs)
    return outputs


def call_symbolic(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a layer on symbolic tensors: infer the outputs and add a node to the graph."""
    bound = _bound(layer, call_parameters(type(layer)), args, kwargs)
    path = [layer.name]
    layer._book.path = layer._book.path or naming.path(layer.name)
    try:
        _check(layer, bound, path)
        with context.named(layer.name):
            _build(layer, bound)
        outputs = layer.compute_output_spec(*args, **kwargs)
    except Exception as error:
        raise _explained(layer, error, args, path) from _cause(error)
    Node(layer, args, kwargs, outputs)
    return outputs


def infer(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], unify: bool = False) -> Any:
    """Return symbolic outputs for symbolic inputs, by abstract evaluation of the whole call."""
    masks = [getattr(leaf, "mask", None) for leaf in jax.tree.leaves((args, kwargs))]

    def run(args: Any, kwargs: Any, masks: list[Any]) -> Any:
        with state.sandbox(jax.random.key(0)), context.fresh(training=False) as running:
            running.abstract = True
            for tensor, mask in zip(jax.tree.leaves((args, kwargs)), masks):
                if mask is not None:
                    running.set_mask(tensor, mask)
            outputs = layer(*args, **kwargs)
            return outputs, [running.mask_of(leaf) for leaf in jax.tree.leaves(outputs)]

    outputs, found = _inferred(run, (args, kwargs, masks), unify)
    for tensor, mask in zip(jax.tree.leaves(outputs), found):
        tensor.mask = mask
    return outputs


def _inferred(run: Any, arguments: tuple[Any, ...], unify: bool) -> Any:
    try:
        return symbolic.infer(run, arguments, {})
    except Exception:
        if not unify:
            raise
        # Unknown sizes are taken from the other operands; those of a mask would be, too.
        args, kwargs, masks = arguments
        return symbolic.infer(run, (args, kwargs, [None] * len(masks)), {}, unify)


def _check(layer: Layer, bound: dict[str, Any], path: list[str]) -> None:
    """Compare the input with the layer's spec, before a wrong one can shape its weights."""
    if layer.input_spec is not None and bound:
        spec.check(layer.input_spec, next(iter(bound.values())), _where(layer, path))


# -- building ------------------------------------------------------------------------------------


def _build(layer: Layer, bound: dict[str, Any]) -> None:
    """Build a layer for its arguments; a model's `call` may need to know which are integers."""
    if layer.built:
        return
    shapes = _shapes(bound)
    for name in list(shapes)[:1]:
        leaves = jax.tree.leaves(bound[name.removesuffix("_shape")])
        layer._book.dtypes = [str(leaf.dtype) for leaf in leaves]
    build(layer, shapes)


def build(layer: Layer, shapes: dict[str, Any]) -> None:
    """Build a layer for the shapes of its tensor arguments, once."""
    if layer.built:
        return
    wanted = build_parameters(type(layer))
    given = _matched(wanted, shapes)
    running = context.current()
    # A call knows the whole path; scopes that a parent's build() has open are part of it.
    parents = None if running is None else "/".join(running.path[:-1])
    with naming.name_scope("") if parents is None else naming.absolute(parents):
        if given or not wanted:
            layer.build(**given)
        else:
            layer.build(*list(shapes.values())[:1])
    layer.built = True


def recorded(method: Any) -> Any:
    """Return a class's `build`, made to note its shapes and to say that it is done."""

    @functools.wraps(method)
    def build(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self._book.shapes is None and (args or kwargs):
            names = build_parameters(type(self))
            self._book.shapes = dict(zip(names, args, strict=False)) | kwargs
        with naming.name_scope(self.name, once=True):
            method(self, *args, **kwargs)
        self.built = True

    return build


def named(method: Any) -> Any:
    """Return a constructor of the library, made to check its arguments and to name the class.

    What is wrong with an activation or an initializer is found by those who know no layer.
    """
    rules = valid.rules_of(method)
    names = list(inspect.signature(method).parameters)[1:]

    @errors.brief
    @functools.wraps(method)
    def __init__(self: Layer, *args: Any, **kwargs: Any) -> None:
        try:
            given = dict(zip(names, args, strict=False)) | kwargs
            valid.check(type(self).__name__, rules, given)
            method(self, *args, **kwargs)
        except (ValueError, TypeError) as error:
            first, *rest = str(error).split("\n")
            name = type(self).__name__
            if name not in first:
                error.args = (errors.Report("\n".join([f"{name}: {first}", *rest])),)
            raise

    return __init__


def _matched(wanted: list[str], shapes: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of build: by name, or the first shape for its only argument."""
    if len(wanted) == 1:
        return {wanted[0]: next(iter(shapes.values()))} if shapes else {}
    return {n: shapes[n] for n in wanted if n in shapes}


def is_shape(value: Any) -> bool:
    """Return whether a value is a shape: a tuple or list of sizes, None included."""
    return isinstance(value, (tuple, list)) and all(
        n is None or isinstance(n, (int, np.integer)) for n in value
    )


def shape_of(value: Any) -> Any:
    """Return a structure of shapes with each shape as a tuple (JSON has only lists)."""
    if value is None or is_shape(value):
        return None if value is None else tuple(value)
    if isinstance(value, dict):
        return {k: shape_of(v) for k, v in value.items()}
    return [shape_of(v) for v in value]


def _shapes(bound: dict[str, Any]) -> dict[str, Any]:
    """Return name_shape -> shape (or a structure of shapes) of the tensor arguments."""
    found = {}
    for name, value in bound.items():
        leaves = jax.tree.leaves(value)
        if leaves and all(map(_is_tensor, leaves)):
            found[name + "_shape"] = jax.tree.map(
                lambda x: symbolic.unknown_of(tuple(x.shape)), value
            )
    return found


def _is_tensor(leaf: Any) -> bool:
    """Return whether a value has a shape to build for: arrays of strings have not."""
    if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        return False
    return getattr(leaf.dtype, "kind", "f") not in "OUS"


# -- arguments -----------------------------------------------------------------------------------


@functools.cache
def call_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class's `call`, without self."""
    found = inspect.signature(cls.call).parameters  # pyright: ignore[reportAttributeAccessIssue]
    return dict(list(found.items())[1:])


@functools.cache
def build_parameters(cls: type) -> list[str]:
    """Return the names of the parameters of a class's `build`, without self and without stars."""
    rows = inspect.signature(cls.build).parameters  # pyright: ignore[reportAttributeAccessIssue]
    return [n for n, p in list(rows.items())[1:] if p.kind is p.POSITIONAL_OR_KEYWORD]


def _bound(
    layer: Layer, row: dict[str, inspect.Parameter], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return name -> value of a call, in the order of the signature."""
    takes_any = any(p.kind is p.VAR_KEYWORD for p in row.values())
    kwargs = {
        k: v for k, v in kwargs.items() if k in row or takes_any or k not in ("training", "mask")
    }
    try:
        bound = inspect.Signature(list(row.values())).bind(*args, **kwargs)
    except TypeError as error:
        wanted = ", ".join(str(p) for p in row.values())
        raise TypeError(
            errors.report(f"call of {_name(layer)}: {error}", expected=f"call({wanted})")
        ) from error
    return dict(bound.arguments)


def _invoke(layer: Layer, row: dict[str, inspect.Parameter], bound: dict[str, Any]) -> Any:
    args: list[Any] = []
    named = dict(bound)
    for name, p in row.items():
        if p.kind is p.VAR_POSITIONAL:
            # Everything before *args must go by position too.
            before = [n for n in row if n in named][: list(row).index(name)]
            args = [named.pop(n) for n in before] + list(named.pop(name, ()))
        elif p.kind is p.VAR_KEYWORD:
            named |= named.pop(name, {})
    call = layer.call if layer._remat is None else layer.rematerialized_call(layer.call)
    return call(*args, **named)


def _converted(
    layer: Layer, args: Any, kwargs: Any, masks: dict[int, Any]
) -> tuple[Any, Any, dict[int, Any]]:
    """Return arguments with arrays as JAX arrays in the compute dtype; masks follow them."""
    cast = layer.compute_dtype if layer.autocast and dtypes.is_float(layer.compute_dtype) else None
    moved: dict[int, Any] = {}

    def convert(leaf: Any) -> Any:
        new = _array(leaf, cast)
        if masks.get(id(leaf)) is not None:
            moved[id(new)] = masks[id(leaf)]
        return new

    args, kwargs = jax.tree.map(convert, (args, kwargs))
    return args, kwargs, moved


def _array(leaf: Any, cast: str | None) -> Any:
    if isinstance(leaf, Variable):
        leaf = leaf.value
    elif isinstance(leaf, (np.ndarray, np.generic)) and leaf.dtype.kind in "biufcV":
        leaf = dtypes.as_array(leaf)
    if (
        cast is not None
        and isinstance(leaf, jax.Array)
        and leaf.dtype.name != cast
        and jnp.issubdtype(leaf.dtype, jnp.floating)
    ):
        return leaf.astype(cast)
    return leaf


def _fill_in(
    bound: dict[str, Any], row: Any, masks: dict[int, Any], running: context.CallContext
) -> Any:
    """Pass `training` and masks to a call that names them; return the first argument's masks."""
    if "training" in row and bound.get("training") is None:
        default = row["training"].default
        settled = running.training if running.training is not None else default
        bound["training"] = False if settled in (None, inspect.Parameter.empty) else settled
    previous = None
    for i, (name, value) in enumerate(list(bound.items())):
        found = jax.tree.map(lambda x: masks.get(id(x)), value) if masks else None
        if not jax.tree.leaves(found):
            continue
        wanted = "mask" if i == 0 and "mask" in row else f"{name}_mask"
        if wanted in row and bound.get(wanted) is None:
            bound[wanted] = found
        previous = found if i == 0 else previous
    return bound["mask"] if bound.get("mask") is not None and "mask" in row else previous


def _after(layer: Layer, bound: dict[str, Any], previous: Any, outputs: Any) -> None:
    """Send the mask on with the outputs and charge the activity regularizer."""
    from keraunos._core.layer import Layer as Base

    custom = type(layer).compute_mask is not Base.compute_mask
    if custom or (previous is not None and layer.supports_masking):
        mask = layer.compute_mask(next(iter(bound.values()), None), previous)
        leaves = jax.tree.leaves(outputs)
        found = (
            [mask]
            if len(leaves) == 1
            else mask
            if isinstance(mask, (list, tuple))
            else [mask] * len(leaves)
        )
        for tensor, one in zip(leaves, found, strict=False):
            if one is not None:
                context.set_mask(tensor, one)
    elif previous is not None and not layer._layers and not context.is_abstract():
        text = f"layer {layer.name!r} does not support masking: the mask of its input ends here"
        errors.warn(text)
    if layer.activity_regularizer is not None:
        for tensor in jax.tree.leaves(outputs):
            loss = layer.activity_regularizer(tensor)
            layer.add_loss(loss / tensor.shape[0] if tensor.ndim and tensor.shape[0] else loss)


# -- errors --------------------------------------------------------------------------------------


class _Explained(Exception):
    """Mixed into an error that names its layer already, so that outer layers pass it on."""


def _explained(layer: Layer, error: Exception, args: Any, path: list[str]) -> Exception:
    text = str(error)
    if getattr(error, "_keraunos", False) or isinstance(
        error, (NotImplementedError, KeyboardInterrupt)
    ):
        return error
    if text.startswith("call of ") or _name(layer) in text.split("\n")[0]:
        return _marked(error)
    if isinstance(
        error, jax.errors.ConcretizationTypeError | jax.errors.TracerArrayConversionError
    ):
        new: Exception = TypeError(
            errors.report(
                f"{_where(layer, path)}, {_line_of(error)}: Python needs a value too early",
                expected="call() to compute with keras.ops; `if`, float(), numpy need a value",
                got=text.split("\n")[0],
                fix="use keras.ops.where or keras.ops.cond; compile(run_eagerly=True) to debug",
            )
        )
    else:
        kind = (
            type(error)
            if type(error) in (ValueError, TypeError, IndexError, KeyError)
            else RuntimeError
        )
        shapes = jax.tree.map(
            lambda x: symbolic.unknown_of(tuple(x.shape)) if hasattr(x, "shape") else x, args
        )
        if isinstance(error, (AttributeError, NameError, RuntimeError)):
            return _marked(error)
        got = f"inputs of shape {shapes}" if args else None
        if isinstance(error.args[0] if error.args else None, errors.Report):
            return _marked(kind(errors.Report(f"{_where(layer, path)}: {text}")))
        new = kind(
            errors.report(
                f"{_where(layer, path)}: {type(error).__name__}: {text}",
                got=got,
                note=_line_of(error),
            )
        )
    return _marked(new)


def _marked(error: Exception) -> Exception:
    error._keraunos = True  # pyright: ignore[reportAttributeAccessIssue]
    return error


def _cause(error: Exception) -> BaseException | None:
    return error.__cause__ if getattr(error, "_keraunos", False) else error


def _line_of(error: BaseException) -> str:
    """Return file and line of the innermost frame that is neither ours nor a library's."""
    found, traceback = "", error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if "/keraunos/" not in name and "/jax/" not in name and "site-packages" not in name:
            found = f"{name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found or "in call()"


def _where(layer: Layer, path: list[str]) -> str:
    inside = " in " + " > ".join(path[:-1]) if len(path) > 1 else ""
    return f"{_name(layer)}{inside}"


def _name(layer: Layer) -> str:
    return f"{type(layer).__name__} {layer.name!r}"
