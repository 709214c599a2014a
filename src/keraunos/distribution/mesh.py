"""Devices in a grid whose axes have names, and tensors whose axes are cut along them."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from keraunos import errors


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the names of the devices that may share the work.

    Args:
        device_type: `"cpu"`, `"gpu"` or `"tpu"`; JAX's default one if None.

    Example:
        >>> list_devices("cpu")[0]
        'cpu:0'
    """
    return [f"{_kind(one)}:{one.id}" for one in _devices(device_type)]


def get_device_count(device_type: str | None = None) -> int:
    """Return how many devices there are; see `list_devices`."""
    return len(_devices(device_type))


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Join the processes of several machines, before anything is computed.

    Args:
        job_addresses: `"address:port"` of the first process, or of all, separated by commas.
        num_processes, process_id: how many there are, and which this one is.

    All three may be left out where JAX finds them by itself (Slurm, Cloud TPU):
    `jax.distributed.initialize`.
    """
    first = job_addresses.partition(",")[0] if job_addresses else None
    jax.distributed.initialize(first, num_processes, process_id)


class DeviceMesh:
    """A grid of devices, each axis with a name.

    Args:
        shape: devices along each axis.
        axis_names: of the axes.
        devices: names as in `list_devices`; all if None.

    Raises:
        ValueError: a shape that the names or the devices do not fit.

    Example:
        >>> DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
        <DeviceMesh batch=1, model=1>
    """

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None
    ) -> None:
        names = list_devices() if devices is None else np.asarray(devices).ravel().tolist()
        if not shape or len(shape) != len(axis_names):
            got = f"shape {tuple(shape)}, names {list(axis_names)}"
            raise ValueError(errors.report("DeviceMesh", expected="a name for each axis", got=got))
        if np.prod(shape) != len(names):
            expected = f"{int(np.prod(shape))} devices for shape {tuple(shape)}"
            raise ValueError(errors.report("DeviceMesh", expected=expected, got=str(len(names))))
        self.shape, self.axis_names = tuple(shape), list(axis_names)
        self.devices = np.array(names).reshape(shape)
        grid = np.array([_found(str(name)) for name in names]).reshape(shape)
        automatic = (AxisType.Auto,) * len(shape)
        self._mesh = Mesh(grid, tuple(axis_names), axis_types=automatic)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}={size}" for name, size in zip(self.axis_names, self.shape))
        return f"<DeviceMesh {axes}>"


class TensorLayout:
    """How a tensor lies on a mesh.

    Args:
        axes: for each axis of the tensor the axis of the mesh along which it is cut, or None.
        device_mesh: the mesh; a `LayoutMap` gives its own to a layout without.

    Raises:
        ValueError: an axis that the mesh does not have.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self.axes, self.device_mesh = tuple(axes), device_mesh
        unknown = set(axes) - {None, *(device_mesh.axis_names if device_mesh else axes)}
        if device_mesh is not None and unknown:
            got = f"{sorted(map(str, unknown))}"
            expected = f"axes of the mesh: {device_mesh.axis_names}"
            raise ValueError(errors.report("TensorLayout", expected=expected, got=got))

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"

    def sharding(self) -> NamedSharding:
        """Return JAX's form of it.

        Raises:
            ValueError: it has no mesh yet.
        """
        if self.device_mesh is None:
            raise ValueError(errors.report("TensorLayout", expected="a device_mesh", got="None"))
        return NamedSharding(self.device_mesh._mesh, PartitionSpec(*self.axes))


class LayoutMap(MutableMapping[str, TensorLayout]):
    """Layouts of variables by regular expressions that are searched for in their paths.

    Args:
        device_mesh: for layouts that are given as tuples of axes.

    Raises:
        ValueError: two expressions fit one path.

    Example:
        >>> layouts = LayoutMap(DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"]))
        >>> layouts["dense.*kernel"] = (None, "model")
        >>> layouts["net/dense_1/kernel"].axes
        (None, 'model')
        >>> layouts["net/dense_1/bias"] is None
        True
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, key: str) -> Any:
        if key in self._layouts:
            return self._layouts[key]
        found = [name for name in self._layouts if re.search(name, key)]
        if len(found) > 1:
            fix = "make the expressions exclude each other"
            raise ValueError(errors.report(f"{key!r} fits several layouts", got=found, fix=fix))
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(errors.report(f"LayoutMap has {key!r} already", fix="delete it first"))
        axes = layout.axes if isinstance(layout, TensorLayout) else layout
        mesh = getattr(layout, "device_mesh", None) or self.device_mesh
        self._layouts[key] = TensorLayout(axes, mesh)

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


def distribute_tensor(tensor: Any, layout: Any) -> jax.Array:
    """Return a tensor as a layout has it: cut, copied, or both; also within a compiled step.

    Args:
        tensor: an array.
        layout: a `TensorLayout`, or a sharding of JAX.
    """
    sharding = layout.sharding() if isinstance(layout, TensorLayout) else layout
    if isinstance(tensor, Tracer):
        return jax.lax.with_sharding_constraint(tensor, sharding)
    return jax.device_put(tensor, sharding)


def _devices(kind: str | None) -> list[Any]:
    try:
        return jax.devices(kind.lower() if kind else None)
    except RuntimeError:  # no such platform here
        return []


def _kind(device: Any) -> str:
    return "gpu" if device.platform in ("cuda", "rocm") else device.platform


def _found(name: str) -> Any:
    kind, _, number = name.lower().partition(":")
    found = next((d for d in _devices(kind) if d.id == int(number or 0)), None)
    if found is None:
        raise ValueError(errors.report("device", expected=f"one of {list_devices()}", got=name))
    return found
