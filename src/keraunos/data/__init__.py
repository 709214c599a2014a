"""Pipelines of data, without TensorFlow, and without JAX: worker processes import this room."""

from keraunos.data.dataset import Dataset
from keraunos.data.parallel import AUTOTUNE
from keraunos.data.pipeline import (
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    DatasetIterator,
    Options,
)
from keraunos.data.pydataset import PyDataset
from keraunos.data.spec import DatasetSpec, TensorSpec

Iterator = DatasetIterator

__all__ = [
    "AUTOTUNE",
    "Dataset",
    "DatasetIterator",
    "DatasetSpec",
    "INFINITE_CARDINALITY",
    "Iterator",
    "Options",
    "PyDataset",
    "TensorSpec",
    "UNKNOWN_CARDINALITY",
]
