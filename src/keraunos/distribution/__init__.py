"""Several devices: meshes and layouts, and plans that say what lies where, on jax.sharding."""

from keraunos import errors as _errors
from keraunos.distribution.mesh import (
    DeviceMesh,
    LayoutMap,
    TensorLayout,
    distribute_tensor,
    get_device_count,
    initialize,
    list_devices,
)
from keraunos.distribution.plans import (
    DataParallel,
    Distribution,
    ModelParallel,
    distribution,
    set_distribution,
)

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]

__getattr__ = _errors.missing(__name__, globals())
