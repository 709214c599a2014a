"""Plans: how the variables and the batches of a training lie on several devices.

A step stays the program that it is on one device. A plan only says where its arrays lie; XLA
divides the work accordingly, and adds what one device has to tell the others. So the numbers are
those of one device, but for the order of sums, and the batch is the one that the user named.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import jax
from jax.core import Tracer
from jax.sharding import NamedSharding, PartitionSpec

from keraunos import errors
from keraunos.distribution.mesh import DeviceMesh, LayoutMap, TensorLayout, list_devices

_current: Distribution | None = None


def distribution() -> Distribution | None:
    """Return the plan that models compiled now will have; None: one device."""
    return _current


def set_distribution(value: Distribution | None) -> None:
    """Set the plan for the models that are compiled from now on; None: one device.

    Example:
        >>> set_distribution(DataParallel(devices=["cpu:0"]))
        >>> distribution()
        <DataParallel on <DeviceMesh batch=1>>
        >>> set_distribution(None)
    """
    global _current
    _current = value


class Distribution:
    """What the training room asks of a plan.

    Args:
        device_mesh: the devices.
        batch_dim_name: the axis of the mesh along which batches are cut.
    """

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str) -> None:
        self.device_mesh, self.batch_dim_name = device_mesh, batch_dim_name
        at = device_mesh.axis_names.index(batch_dim_name)
        self._parts = device_mesh.shape[at]
        self._whole = NamedSharding(device_mesh._mesh, PartitionSpec())
        self._rows = NamedSharding(device_mesh._mesh, PartitionSpec(batch_dim_name))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self.device_mesh}>"

    @contextlib.contextmanager
    def scope(self) -> Iterator[Distribution]:
        """Make this the plan of the models that are compiled inside the block."""
        before = distribution()
        set_distribution(self)
        try:
            yield self
        finally:
            set_distribution(before)

    # -- Keras's questions -----------------------------------------------------------------------

    def get_data_layout(self, data_shape: Any) -> TensorLayout:
        """Return how a batch lies: its first axis is cut."""
        axes = [self.batch_dim_name, *[None] * (len(data_shape) - 1)]
        return TensorLayout(axes, self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Return how a variable lies: whole, on every device."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return how a tensor within a step lies; None: as XLA sees fit."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """Return the data: every batch is cut by the step itself."""
        return dataset

    distribute_tf_dataset = distribute_dataset

    # -- the training room's ---------------------------------------------------------------------

    def shardings(self, boxes: Iterable[Any]) -> list[NamedSharding]:
        """Return where each of these variables lies; slots of an optimizer lie with theirs."""
        boxes = list(boxes)
        own = [self.get_variable_layout(box).sharding() for box in boxes]
        named = {box.path.replace("/", "_"): i for i, box in enumerate(boxes)}
        for i, box in enumerate(boxes):
            name = box.path.rpartition("/")[2].rpartition("_")[0]
            if (at := named.get(name)) is not None and boxes[at].shape == box.shape:
                own[i] = own[at]
        return own

    def place(self, boxes: Iterable[Any], shardings: list[NamedSharding]) -> None:
        """Move the values of variables that do not lie there yet."""
        for box, sharding in zip(boxes, shardings):
            if box._value.sharding != sharding:
                # Not the same memory: the step gives the values away that it is called with.
                box._value = jax.device_put(box._value, sharding, may_alias=False)
                box._lent = False

    def cut(self, batch: Any) -> Any:
        """Return a batch whose rows are dealt out; also within a compiled step.

        Rows that cannot be dealt out evenly go to every device.
        """
        return jax.tree.map(self._cut, batch)

    def _cut(self, leaf: Any) -> Any:
        even = leaf.ndim > 0 and leaf.shape[0] % self._parts == 0
        sharding = self._rows if even else self._whole
        if isinstance(leaf, Tracer):
            return jax.lax.with_sharding_constraint(leaf, sharding)
        return jax.device_put(leaf, sharding)

    def copied(self, data: Any) -> Any:
        """Return arrays that lie whole on every device."""
        return jax.device_put(data, self._whole)


class DataParallel(Distribution):
    """Every device has all weights and a part of each batch.

    The batch is the user's: `fit(batch_size=64)` on 4 devices gives each 16 rows. Batch
    normalization and losses are of the whole batch, as on one device.

    Args:
        device_mesh: whose first axis the batch is cut along; or
        devices: names as in `list_devices`; all if both are None.
        auto_shard_dataset: kept for programs that pass it.

    Example:
        >>> plan = DataParallel(devices=["cpu:0"])
        >>> with plan.scope():
        ...     distribution() is plan
        True
        >>> plan.get_data_layout((None, 10)).axes
        ('batch', None)
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Any = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(names),), ["batch"], names)
        super().__init__(device_mesh, device_mesh.axis_names[0])


class ModelParallel(Distribution):
    """Devices have parts of the weights too, as a `LayoutMap` says; other weights lie everywhere.

    Args:
        layout_map: layouts by regular expressions for the paths of variables.
        batch_dim_name: the axis of the mesh along which batches are cut; the first if None.
        auto_shard_dataset: kept for programs that pass it.

    Raises:
        ValueError: no layout map, or a mesh without that axis.
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        if not isinstance(layout_map, LayoutMap):
            got = type(layout_map).__name__
            raise ValueError(errors.report("ModelParallel", expected="a LayoutMap", got=got))
        mesh = layout_map.device_mesh
        name = batch_dim_name or mesh.axis_names[0]
        if name not in mesh.axis_names:
            expected = f"an axis of the mesh: {mesh.axis_names}"
            raise ValueError(errors.report("ModelParallel", expected=expected, got=name))
        super().__init__(mesh, name)
        self._layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Return the layout of a variable's path, or the one that it was made with."""
        found = variable.layout or self._layout_map[variable.path]
        return found if found is not None else super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout of a tensor's path, if the map has one."""
        return self._layout_map[path]
