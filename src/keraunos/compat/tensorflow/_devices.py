"""`tf.config`, `tf.device` and `tf.distribute`: JAX's devices under TensorFlow's names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from keraunos import distribution, errors
from keraunos.compat import methods
from keraunos.compat.tensorflow._tensor import tensor


class PhysicalDevice(NamedTuple):
    """A device of the machine."""

    name: str
    device_type: str


def _devices(kind: str | None, form: str) -> list[PhysicalDevice]:
    platforms = dict.fromkeys(["cpu", *(d.platform for d in jax.devices())])
    return [
        PhysicalDevice(f"/{form}:{platform.upper()}:{i}", platform.upper())
        for platform in platforms
        if kind in (None, platform.upper())
        for i in range(len(jax.local_devices(backend=platform)))
    ]


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """Return the devices that JAX sees: of one type, or all."""
    return _devices(device_type, "physical_device")


def list_logical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """Return the devices that programs use: here the same as the physical ones."""
    return _devices(device_type, "device")


def _harmless(*_: Any, **__: Any) -> None:
    """Do nothing: JAX decides this for itself."""


def _short(device: Any) -> str:
    """Return JAX's name of a device, such as `gpu:0`."""
    name = str(getattr(device, "name", device) or "").lower().rpartition("/")[2]
    return name.removeprefix("device:").removeprefix("physical_device:")


@contextlib.contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Make arrays on the named device inside the block; where it is not there, on the usual one."""
    from keraunos.utils import device as placed

    name = _short(device_name)
    try:
        block: Any = placed(name) if name else contextlib.nullcontext()
        block.__enter__()
    except ValueError:
        # TensorFlow's soft placement: a program written for a GPU runs on a CPU.
        block = contextlib.nullcontext()
    try:
        yield
    finally:
        block.__exit__(None, None, None)


# -- strategies: data parallelism over the devices -----------------------------------------------


class ReduceOp:
    """How the values of replicas are joined."""

    SUM, MEAN = "SUM", "MEAN"


class Strategy:
    """The default: one replica."""

    num_replicas_in_sync = 1
    _plan: Any = None

    @contextlib.contextmanager
    def scope(self) -> Iterator[Strategy]:
        """Make this the strategy, and its devices those of models that are compiled inside."""
        global _strategy
        before, _strategy = _strategy, self
        try:
            with self._plan.scope() if self._plan is not None else contextlib.nullcontext():
                yield self
        finally:
            _strategy = before

    def run(self, fn: Callable[..., Any], args: Any = (), kwargs: Any = None, **_: Any) -> Any:
        """Call a step of the program's own, once, with the whole batch: a replica that is all."""
        if self.num_replicas_in_sync > 1:
            methods.warn_once(
                "tf.distribute: strategy.run takes the whole batch on one device, once;"
                " model.fit divides it among all"
            )
        with Strategy.scope(_ALONE):
            return fn(*args, **(kwargs or {}))

    def reduce(self, reduce_op: Any, value: Any, axis: Any = None) -> Any:
        if axis is None:
            return value
        function = jnp.sum if str(reduce_op).upper().endswith("SUM") else jnp.mean
        return function(tensor(value), axis=axis)

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        return dataset

    def distribute_datasets_from_function(self, dataset_fn: Any, options: Any = None) -> Any:
        return dataset_fn(InputContext())

    experimental_distribute_datasets_from_function = distribute_datasets_from_function

    def experimental_local_results(self, value: Any) -> tuple[Any, ...]:
        return (value,)

    unwrap = experimental_local_results

    def gather(self, value: Any, axis: int) -> Any:
        return value

    @property
    def extended(self) -> Any:
        """Where packages look up which process writes the files: there is one, and it does."""
        return _Record(
            _in_multi_worker_mode=lambda: False, should_checkpoint=True, should_save_summary=True
        )


class MirroredStrategy(Strategy):
    """All devices: a model compiled in its scope has its weights on each, and a part of a batch.

    Args:
        devices: names such as `"/gpu:0"`; all of JAX's default platform if None.

    Example:
        >>> strategy = MirroredStrategy(["/cpu:0"])
        >>> with strategy.scope():
        ...     replicas = strategy.num_replicas_in_sync
        >>> replicas
        1
    """

    def __init__(self, devices: Any = None, cross_device_ops: Any = None, **_: Any) -> None:
        names = distribution.list_devices() if devices is None else [_short(d) for d in devices]
        self.num_replicas_in_sync = len(names)
        if len(names) > 1:
            self._plan = distribution.DataParallel(devices=names)


class OneDeviceStrategy(Strategy):
    """One replica, whatever device it names: JAX's default one is used."""

    def __init__(self, device: Any = None, **_: Any) -> None:
        self.device = device


class InputContext:
    """Which part of the input a replica reads: all of it."""

    num_input_pipelines, input_pipeline_id, num_replicas_in_sync = 1, 0, 1

    def get_per_replica_batch_size(self, global_batch_size: int) -> int:
        return global_batch_size


class ReplicaContext:
    """The one replica."""

    num_replicas_in_sync, replica_id_in_sync_group = 1, 0

    def all_reduce(self, reduce_op: Any, value: Any, options: Any = None) -> Any:
        return value

    def merge_call(self, merge_fn: Any, args: Any = (), kwargs: Any = None) -> Any:
        return merge_fn(_strategy, *args, **(kwargs or {}))


_ALONE = _strategy = Strategy()


def _missing(what: str, fix: str) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(errors.report(f"{what} is not there", fix=fix))

    return call


class _Record:
    """Settings that a program makes and nobody reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.__dict__ = args, kwargs


_MIRRORED = "MirroredStrategy MultiWorkerMirroredStrategy CentralStorageStrategy".split()
_TPU = _missing("TPUStrategy", "run keraunos on the TPU machine: JAX uses it without a strategy")
_IDLE = (
    "set_visible_devices set_logical_device_configuration set_soft_device_placement"
    " experimental_connect_to_cluster experimental_connect_to_host"
).split()
_IDLE_EXPERIMENTAL = (
    "set_memory_growth set_virtual_device_configuration enable_op_determinism set_lms_enabled"
    " enable_tensor_float_32_execution set_visible_devices set_synchronous_execution"
    " enable_mlir_bridge disable_mlir_bridge"
).split()
CONFIG: dict[str, Any] = {
    "list_physical_devices": list_physical_devices,
    "list_logical_devices": list_logical_devices,
    "get_visible_devices": list_physical_devices,
    "LogicalDeviceConfiguration": _Record,
    "PhysicalDevice": PhysicalDevice,
    **dict.fromkeys(_IDLE, _harmless),
}
DISTRIBUTE: dict[str, Any] = {
    **dict.fromkeys(_MIRRORED, MirroredStrategy),
    "Strategy": MirroredStrategy,
    "OneDeviceStrategy": OneDeviceStrategy,
    "TPUStrategy": _TPU,
    "ReduceOp": ReduceOp,
    "InputContext": InputContext,
    "ReplicaContext": ReplicaContext,
    "get_strategy": lambda: _strategy,
    "has_strategy": lambda: _strategy is not _ALONE,
    "in_cross_replica_context": lambda: True,
    "get_replica_context": ReplicaContext,
    **dict.fromkeys(
        "NcclAllReduce HierarchicalCopyAllReduce ReductionToOneDevice".split(), _Record
    ),
}
TABLES: dict[str, dict[str, Any]] = {
    "tensorflow": {"device": device},
    "tensorflow.config": CONFIG,
    "tensorflow.config.experimental": {
        "list_physical_devices": list_physical_devices,
        "list_logical_devices": list_logical_devices,
        "get_visible_devices": list_physical_devices,
        "get_memory_info": _missing("get_memory_info", "jax.devices()[0].memory_stats()"),
        "VirtualDeviceConfiguration": _Record,
        **dict.fromkeys(_IDLE_EXPERIMENTAL, _harmless),
    },
    "tensorflow.python.framework.config": {
        "is_op_determinism_enabled": lambda: False,
        "enable_op_determinism": _harmless,
        "disable_op_determinism": _harmless,
    },
    "tensorflow.config.threading": dict.fromkeys(
        ("set_inter_op_parallelism_threads", "set_intra_op_parallelism_threads"), _harmless
    ),
    "tensorflow.config.optimizer": dict.fromkeys(
        ("set_jit", "set_experimental_options"), _harmless
    ),
    "tensorflow.distribute": DISTRIBUTE,
    "tensorflow.distribute.experimental": {
        **dict.fromkeys(_MIRRORED, MirroredStrategy),
        "TPUStrategy": _TPU,
    },
    "tensorflow.distribute.cluster_resolver": {
        "TPUClusterResolver": _missing("TPUClusterResolver", "JAX finds the TPU by itself"),
    },
    "tensorflow.python.client.device_lib": {"list_local_devices": list_logical_devices},
}
