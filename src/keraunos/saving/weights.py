"""`.weights.h5`: the variables of a model and its optimizer, in the groups of Keras 3."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from keraunos import errors
from keraunos._core.layer import Layer
from keraunos._core.variable import Variable
from keraunos.saving import files, hdf5, optimizer_states, orbax
from keraunos.saving.places import TODAY, WAYS, Place, places
from keraunos.saving.report import LoadReport
from keraunos.utils.writing import replacing

if TYPE_CHECKING:
    import h5py  # loaded when a file is read, not when keraunos is imported

# Groups that other versions of Keras write and that hold nothing a model needs: states of random
# generators (a key is drawn per call here) and running metrics.
_IGNORED = (
    "seed_generator",
    "_random_generator",
    "random_generator",
    "metrics",
    "_metrics",
    "compile_metrics",
)

Groups = dict[str, dict[str, Any]]


def save_weights(
    model: Any, filepath: str | os.PathLike[str], overwrite: bool = True, **kwargs: Any
) -> None:
    """Write the weights of a model, and the state of its optimizer, to one file.

    Args:
        model: a built model.
        filepath: ends in `.weights.h5`.
        overwrite: whether an existing file may be replaced.

    Raises:
        ValueError: the model is not built, or the name ends otherwise.
        FileExistsError: the file is there and `overwrite` is False.
        OSError: it cannot be written; an older file is unchanged then.
    """
    files.refuse_arguments("save_weights", kwargs)
    path = files.local_path(filepath)
    files.check_suffix(path, ".weights.h5", "save_weights")
    files.check_overwrite(path, overwrite)
    _check_built(model, "save_weights")
    data = to_bytes(model)
    with replacing(path) as part:
        part.write_bytes(data)


def load_weights(
    model: Any, filepath: str | os.PathLike[str], skip_mismatch: bool = False, **kwargs: Any
) -> LoadReport:
    """Read the weights of a `.weights.h5` or `.keras` file into a built model.

    Args:
        model: a built model; if it is compiled and its optimizer has state already, that is
            restored too.
        filepath: written by keraunos or by Keras 3.
        skip_mismatch: load what fits and leave the rest, with a warning.

    Returns:
        A `LoadReport`.

    Raises:
        ValueError: something is missing, unexpected or of another shape (with `skip_mismatch`:
            nothing fits), or the file is damaged; the model is unchanged then.
    """
    path = files.local_path(filepath)
    if hdf5.is_legacy(path):
        _check_built(model, "load_weights")
        return hdf5.load_weights(model, path, skip_mismatch=skip_mismatch, **kwargs)
    kwargs = {key: value for key, value in kwargs.items() if (key, value) != ("by_name", False)}
    files.refuse_arguments("load_weights", kwargs)
    _check_built(model, "load_weights")
    if orbax.is_checkpoint(path):
        return orbax.load_weights(model, path, skip_mismatch)
    where = f"weights of {path.name} do not fit model {model.name!r}"
    with files.opened_weights(path) as file:
        made = plan(model, file, where, skip_mismatch)
    return carry_out(model, made)


# -- writing -------------------------------------------------------------------------------------


def to_bytes(model: Any) -> bytes:
    """Return the contents of a weights file.

    In memory first, because the HDF5 library cannot stop cleanly where a disk is full.
    """
    buffer = io.BytesIO()
    import h5py

    with h5py.File(buffer, "w") as file:
        for place in places(model):
            group = file.create_group(f"{place.path}/vars")
            name = getattr(place.owner, "name", None)
            if isinstance(name, str):
                group.attrs["name"] = name
            for key, value in _stored(place).items():
                put(group, str(key), value)
    return buffer.getvalue()


def _stored(place: Place) -> dict[str, Any]:
    store: dict[str, Any] = {}
    place.owner.save_own_variables(store)
    return store


def put(group: h5py.Group, key: str, value: Any) -> None:
    array = value.numpy() if isinstance(value, Variable) else np.asarray(value)
    data = group.create_dataset(key, data=array)
    if array.dtype.kind == "V":
        # bfloat16 and its kind are raw bytes to HDF5: the name goes with them, as in Keras.
        data.attrs["dtype"] = array.dtype.name


# -- reading -------------------------------------------------------------------------------------


@dataclass
class Plan:
    """What is to be put where; made completely before anything is changed."""

    report: LoadReport = field(default_factory=LoadReport)
    values: list[tuple[Variable, np.ndarray]] = field(default_factory=list)
    custom: list[tuple[Layer, dict[str, np.ndarray]]] = field(default_factory=list)
    way: str = TODAY  # in which the writer of the file went through the model


def plan(
    model: Any,
    file: h5py.File,
    where: str,
    skip_mismatch: bool = False,
    strict_optimizer: bool = False,
) -> Plan:
    """Compare an open file with a model and read what fits; raise if something does not."""
    plans = (_plan(model, file, way, strict_optimizer) for way in WAYS)
    first = next(plans)
    made = first if first.report.complete else next((p for p in plans if p.report.complete), first)
    if not made.report.complete:
        _complain(made.report, where, skip_mismatch)
    return made


def _plan(model: Any, file: h5py.File, way: str, strict_optimizer: bool) -> Plan:
    groups = stored_groups(file)
    made = Plan(way=way)
    for place in places(model, way):
        stored = groups.pop(place.path, {})
        if place.is_optimizer:
            trained = model.trainable_variables
            made.values += _optimizer_values(place, stored, made.report, strict_optimizer, trained)
        elif _own_method(place.owner, "load_own_variables") is not None:
            made.custom.append((place.owner, {k: array_of(data) for k, data in stored.items()}))
        else:
            made.values += _layer_values(place, stored, made.report)
    made.report.unexpected += [_described(path, file) for path in groups if _counts(path)]
    return made


def carry_out(model: Any, made: Plan) -> LoadReport:
    """Put the values of a plan into the model: all of them, or (after an error) none."""
    with _restored_on_error(model):
        for layer, store in made.custom:
            layer.load_own_variables(store)
            made.report.loaded += [v.path for v in layer._own_variables()]
        for variable, value in made.values:
            variable.assign(value)
    return made.report


def _layer_values(
    place: Place, stored: dict[str, Any], report: LoadReport
) -> list[tuple[Variable, np.ndarray]]:
    variables, found = place.variables, []
    for i, variable in enumerate(variables):
        data = stored.get(str(i))
        if data is None:
            report.missing.append(variable.path)
        elif tuple(data.shape) != variable.shape:
            report.mismatched.append(
                f"{variable.path} {variable.shape}, in the file {tuple(data.shape)}"
            )
        else:
            found.append((variable, array_of(data)))
            report.loaded.append(variable.path)
    if found and isinstance(place.owner, Layer):
        found += [(v, np.zeros(v.shape, v.dtype)) for v in place.owner._zeroed_by_files()]
    known = {str(i) for i in range(len(variables))}
    extra = [f"{place.path}/vars/{key}".lstrip("/") for key in stored if key not in known]
    if extra and not place.owner.built:
        name = f"{type(place.owner).__name__} {place.owner.name!r}"
        extra = [f"{one} ({name} has no weights yet: build it first)" for one in extra]
    report.unexpected += extra
    return found


def _optimizer_values(
    place: Place,
    stored: dict[str, Any],
    report: LoadReport,
    strict: bool,
    trained: list[Variable],
) -> list[tuple[Variable, np.ndarray]]:
    """Return the optimizer's values if all of them fit: half a state is worse than none."""
    optimizer, variables = place.owner, place.variables
    report.optimizer = "restored"
    if not stored:
        report.optimizer = "not in the file"
        return []
    if not strict and not getattr(optimizer, "built", True):
        # As in Keras: a learning rate just compiled counts more than the file's.
        report.optimizer = "left as it is: it had no state yet (use load_model to go on training)"
        return []
    ordered = [stored[str(i)] for i in range(len(variables)) if str(i) in stored]
    if len(stored) == len(ordered) == len(variables) and all(
        tuple(data.shape) == v.shape for data, v in zip(ordered, variables)
    ):
        return [(v, array_of(data)) for v, data in zip(variables, ordered)]
    old = optimizer_states.nameless([array_of(data) for data in ordered], optimizer, trained)
    if old is not None and len(stored) == len(ordered):
        return old
    got = f"{len(stored)} variables in the file"
    text = f"state of optimizer {optimizer.name!r} does not fit"
    if strict:
        fix = "load with compile=False, then compile"
        message = errors.report(
            text, expected=f"{len(variables)} variables of its shapes", got=got, fix=fix
        )
        raise ValueError(message)
    errors.warn(f"{text} ({len(variables)} variables, {got}): it is left as it is")
    report.optimizer = "left as it is: it does not fit"
    return []


def _complain(report: LoadReport, where: str, skip_mismatch: bool) -> None:
    if not skip_mismatch:
        fix = "build the same model as was saved, or load what fits with skip_mismatch=True"
        raise ValueError(report.message(where, fix))
    if not report.loaded and (report.missing or report.mismatched):
        raise ValueError(
            report.message(f"{where}: nothing was loaded", "check that the file is of this model")
        )
    skipped = len(report.missing) + len(report.mismatched)
    errors.warn(
        f"{where}: {len(report.loaded)} weights loaded, {skipped} left as they are,"
        f" {len(report.unexpected)} of the file unused"
    )


@contextlib.contextmanager
def _restored_on_error(model: Any) -> Iterator[None]:
    """Put every variable back if a layer's own loader fails half-way."""
    boxes = [v for place in places(model) for v in place.variables]
    before = [v.value for v in boxes]
    try:
        yield
    except Exception:
        for box, value in zip(boxes, before):
            box.assign(value)
        raise


def stored_groups(file: h5py.File) -> Groups:
    """Return group path -> key -> dataset; links to elsewhere are not followed."""
    import h5py

    groups: Groups = {}

    def note(name: str, item: Any) -> None:
        parts = name.replace("\\", "/").split("/")
        if isinstance(item, h5py.Dataset) and len(parts) >= 2 and parts[-2] == "vars":
            if item.external or item.is_virtual:
                raise ValueError(
                    errors.report(f"{name!r} points to another file, which is not allowed")
                )
            groups.setdefault("/".join(parts[:-2]), {})[parts[-1]] = item

    file.visititems(note)
    return groups


def array_of(data: h5py.Dataset) -> np.ndarray:
    stored = data.id.get_storage_size()
    if data.size * data.dtype.itemsize > max(2**32, 1000 * stored):
        raise ValueError(
            errors.report(f"{data.name!r} claims {data.size:,} elements in {stored:,} bytes")
        )
    array = np.asarray(data)
    name = data.attrs.get("dtype")
    if array.dtype.kind == "V" and isinstance(name, str):
        return array.view(getattr(ml_dtypes, name))
    return array


def _counts(path: str) -> bool:
    # Of an optimizer that wraps others, Keras writes those once more behind the whole.
    parts = path.split("/")
    return parts[0] != "optimizer" and not any(part in _IGNORED for part in parts)


def _described(path: str, file: h5py.File) -> str:
    with contextlib.suppress(KeyError):
        return f"{path} (layer {file[f'{path}/vars'].attrs['name']!r})"
    return path or "the model's own variables"


def _own_method(owner: Any, name: str) -> Any:
    """Return a method that a program wrote for its class, None where it is the library's.

    (Layers of the host have no variables: what they keep in their place, their method knows.
    So does that of an old layer, whose files hold its weights in another form.)
    """
    for cls in type(owner).__mro__:
        if name in vars(cls):
            ours = cls.__module__.startswith("keraunos.") and not hasattr(cls, "on_host")
            old = cls.__module__.startswith("keraunos.compat.")
            return None if ours and not old else getattr(owner, name)
    return None


def _check_built(model: Any, where: str) -> None:
    if not isinstance(model, Layer):
        raise TypeError(errors.report(where, expected="a model", got=type(model).__name__))
    inner = model._flatten_layers(include_self=False)
    # A model with steps of its own, such as a GAN, may have no call() that could build it.
    if not (model.built or (inner and all(layer.built for layer in inner))):
        fix = "call it on a batch, or model.build(input_shape), or put keras.Input first"
        raise ValueError(
            errors.report(f"{where}: model {model.name!r} has no weights yet", fix=fix)
        )
