"""FeatureSpace: the columns of a table, of different kinds, as one vector or a dictionary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors, layers
from keraunos._core import naming, registry, symbolic
from keraunos._core.layer import Layer
from keraunos._core.signature import Configurable
from keraunos.layers.preprocessing._host import HostLayer, host_array

# Where Keras keeps what it does not export: files name these classes so.
_IN_FILES = "keras.src.layers.preprocessing.feature_space"
_ROWS = 32  # of a batch, as in Keras: learnt bins depend on it
_KINDS = (
    *("float", "float_normalized", "float_rescaled", "float_discretized", "integer_categorical"),
    *("string_categorical", "integer_hashed", "string_hashed"),
)


@registry.register(kind="layers")
class TFDIdentity(Layer):
    """Passes a column on; called as in Keras's files."""

    def call(self, inputs: Any) -> Any:
        return inputs


class _InFiles(Configurable):
    """Something with a config that Keras does not export."""

    output_mode: str
    modes: tuple[str, ...]

    def _checked(self, output_mode: str) -> str:
        if output_mode not in self.modes:
            where = f"{type(self).__name__}, argument 'output_mode'"
            expected = f"one of {', '.join(map(repr, self.modes))}"
            raise ValueError(errors.report(where, expected=expected, got=repr(output_mode)))
        return output_mode


@registry.register(kind="layers")
class Cross(_InFiles):
    """Features that are crossed: each combination of their values goes into one of the bins.

    Args:
        feature_names: two or more names.
        crossing_dim: how many bins.
        output_mode: `"one_hot"` or `"int"`.
    """

    modes = ("one_hot", "int")

    def __init__(self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> None:
        self.feature_names = tuple(feature_names)
        self.crossing_dim, self.output_mode = crossing_dim, self._checked(output_mode)

    @property
    def name(self) -> str:
        return "_X_".join(self.feature_names)


@registry.register(kind="layers")
class Feature(_InFiles):
    """A column: its dtype, the layer that encodes it, and what becomes of the result.

    Args:
        dtype: of the column.
        preprocessor: the layer.
        output_mode: `"float"` as it is, `"int"`, or `"one_hot"` of the layer's integers.
    """

    modes = ("int", "one_hot", "float")

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        self.dtype, self.output_mode = dtype, self._checked(output_mode)
        self.preprocessor = registry.get("layers", preprocessor)


@registry.register(kind="layers")
class FeatureSpace(Layer):
    """Encodes a dictionary of columns, each by a preprocessing layer of its kind.

    Args:
        features: name -> kind: `"float"`, `"float_normalized"`, `"float_rescaled"`,
            `"float_discretized"`, `"integer_categorical"`, `"string_categorical"`,
            `"integer_hashed"`, `"string_hashed"`, or what the methods of these names return.
        output_mode: `"concat"` for one vector, `"dict"` for name -> encoded column.
        crosses: tuples of names, or what `FeatureSpace.cross` returns.
        crossing_dim, hashing_dim, num_discretization_bins: bins where a feature does not say.
        name: of the layer.

    Raises:
        ValueError: an unknown kind or name, or integers to be put into one vector with floats.

    Example:
        >>> data = {"size": [1.0, 3.0], "kind": ["cat", "dog"]}
        >>> space = FeatureSpace({"size": "float_normalized", "kind": "string_categorical"})
        >>> space.adapt(data)
        >>> space(data).tolist()
        [[0.0, 0.0, 1.0, -1.0], [0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not features:
            raise self._wrong("features", "at least one feature", features)
        if output_mode not in ("concat", "dict"):
            raise self._wrong("output_mode", "'concat' or 'dict'", output_mode)
        self.output_mode = output_mode
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {n: self._feature(n, kind) for n, kind in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.inputs = {
            n: layers.Input((1,), dtype=f.dtype, name=n) for n, f in self.features.items()
        }
        self.preprocessors = {n: f.preprocessor for n, f in self.features.items()}
        self.crossers = {
            c.name: layers.HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses
        }
        self.one_hot_encoders: dict[str, Any] = {}
        self.concat = layers.Concatenate(axis=-1)
        self._encoded: Any = None
        self._is_adapted = not self._to_adapt()
        self.built = True
        self._book.hidden |= {"inputs", "_encoded"}

    def _feature(self, name: str, kind: Any) -> Feature:
        if isinstance(kind, dict):
            kind = registry.deserialize(kind)
        if isinstance(kind, Feature):
            return kind
        if kind not in _KINDS:
            raise self._wrong("features", errors.suggest(kind, _KINDS), {name: kind})
        bins = {
            "float_discretized": self.num_discretization_bins,
            "integer_hashed": self.hashing_dim,
            "string_hashed": self.hashing_dim,
        }
        options = {"num_bins": bins[kind]} if kind in bins else {}
        return getattr(type(self), kind)(**options, name=name)

    def _cross(self, cross: Any) -> Cross:
        if isinstance(cross, dict):
            cross = registry.deserialize(cross)
        cross = cross if isinstance(cross, Cross) else Cross(cross, self.crossing_dim)
        unknown = [n for n in cross.feature_names if n not in self.features]
        if unknown:
            raise self._wrong("crosses", f"names among {list(self.features)}", unknown[0])
        return cross

    def _wrong(self, argument: str, expected: str, got: Any) -> ValueError:
        where = f"FeatureSpace {self.name!r}, argument {argument!r}"
        return ValueError(errors.report(where, expected=expected, got=repr(got)))

    # -- kinds of features ------------------------------------------------------------------------

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Return a cross of features."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """Return a feature with a layer of your own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Return a feature of floats as they are."""
        made = TFDIdentity(dtype="float32", name=_named(name, "float"))
        return Feature("float32", made, "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Return a feature of floats, `x * scale + offset`."""
        made = layers.Rescaling(scale, offset, name=_named(name, "float_rescaled"))
        return Feature("float32", made, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Return a feature of floats, brought to mean 0 and variance 1."""
        made = layers.Normalization(axis=-1, name=_named(name, "float_normalized"))
        return Feature("float32", made, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of floats, by the bins they fall into."""
        name = _named(name, "float_discretized")
        made = layers.Discretization(bin_boundaries, num_bins, name=name)
        return Feature("float32", made, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of integers, by a vocabulary that is learnt."""
        name = _named(name, "integer_categorical")
        made = layers.IntegerLookup(max_tokens, num_oov_indices, name=name)
        return Feature("int32", made, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of strings, by a vocabulary that is learnt."""
        name = _named(name, "string_categorical")
        made = layers.StringLookup(max_tokens, num_oov_indices, name=name)
        return Feature("string", made, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return a feature of integers, hashed into bins."""
        made = layers.Hashing(num_bins, name=_named(name, "integer_hashed"))
        return Feature("int32", made, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return a feature of strings, hashed into bins."""
        made = layers.Hashing(num_bins, name=_named(name, "string_hashed"))
        return Feature("string", made, output_mode)

    # -- learning -------------------------------------------------------------------------------

    def adapt(self, dataset: Any) -> None:
        """Let the layers that learn from data learn.

        Args:
            dataset: a dictionary of columns (samples,), or an iterable of dictionaries: of
                batches or of single samples.

        Raises:
            ValueError: something else, or a feature that is missing.
        """
        columns = self._columns(dataset)
        for name in self._to_adapt():
            column = columns[name]
            self.preprocessors[name].adapt(
                column[i : i + _ROWS] for i in range(0, len(column), _ROWS)
            )
        self._is_adapted, self._encoded = True, None

    def _to_adapt(self) -> list[str]:
        return [n for n, layer in self.preprocessors.items() if _learns(layer)]

    def _columns(self, dataset: Any) -> dict[str, np.ndarray]:
        """Return name -> column (samples, 1), of the features that learn."""
        if isinstance(dataset, dict):
            dataset = [dataset]
        if isinstance(dataset, (str, bytes)) or not isinstance(dataset, Iterable):
            raise self._wrong("dataset", "a dictionary or an iterable of them", dataset)
        parts: dict[str, list[np.ndarray]] = {n: [] for n in self._to_adapt()}
        for item in dataset:
            row = item[0] if isinstance(item, tuple) else item
            if not isinstance(row, dict) or not parts.keys() <= row.keys():
                got = sorted(row) if isinstance(row, dict) else type(row).__name__
                raise self._wrong("dataset", f"dictionaries with {sorted(parts)}", got)
            for name, found in parts.items():
                array = host_array(self, row[name])
                found.append(array.reshape(-1, 1) if array.ndim < 2 else array)
        return {name: np.concatenate(found) for name, found in parts.items()}

    # -- calling --------------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, Any]:
        """Return the symbolic inputs, for a functional model."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """Return the symbolic encoding of the inputs, for a functional model."""
        self._check_adapted()
        if self._encoded is None:
            self._encoded = self._transform(self.inputs)
        return self._encoded

    def __call__(self, data: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the encoding of a dictionary of columns, or of one sample."""
        self._check_adapted()
        if not isinstance(data, dict):
            raise self._wrong("data", "a dictionary of columns", type(data).__name__)
        missing = sorted(self.features.keys() - data.keys())
        if missing:
            raise self._wrong("data", f"columns {sorted(self.features)}", f"no {missing}")
        if symbolic.any_symbolic(data):
            return self._transform(data)
        columns = {n: self._column(n, data[n]) for n in self.features}
        single = all(column.ndim == 0 for column in columns.values())
        columns = {n: c[..., None] if c.ndim < 2 else c for n, c in columns.items()}
        found = self._transform({n: np.atleast_2d(c) for n, c in columns.items()})
        return jax.tree.map(lambda x: x[0], found) if single else found

    def _column(self, name: str, values: Any) -> np.ndarray:
        array, dtype = host_array(self, values), self.features[name].dtype
        return array if dtype == "string" else array.astype(dtype)

    def _check_adapted(self) -> None:
        if not self._is_adapted:
            where = f"FeatureSpace {self.name!r} has not seen data yet"
            raise ValueError(errors.report(where, fix="call adapt(data) first"))

    def _transform(self, columns: dict[str, Any]) -> Any:
        encoded = {n: layer(columns[n]) for n, layer in self.preprocessors.items()}
        crossed = {
            c.name: self.crossers[c.name]([encoded[n] for n in c.feature_names])
            for c in self.crosses
        }
        specs = [(n, self.features[n], encoded[n]) for n in sorted(encoded)]
        by_name = {c.name: c for c in self.crosses}
        specs += [(n, by_name[n], crossed[n]) for n in sorted(crossed)]
        found = {name: self._finished(name, spec, value) for name, spec, value in specs}
        if self.output_mode == "dict":
            return found
        for name, value in found.items():
            if not jnp.issubdtype(value.dtype, jnp.floating):
                fix = "output_mode='one_hot' for it, or 'dict' for the whole"
                where = f"FeatureSpace {self.name!r}, feature {name!r}"
                got = f"dtype {value.dtype}"
                raise ValueError(errors.report(where, expected="floats", got=got, fix=fix))
        values = list(found.values())
        return self.concat(values) if len(values) > 1 else values[0]

    def _finished(self, name: str, spec: Any, value: Any) -> Any:
        if spec.output_mode != "one_hot":
            return value
        if name not in self.one_hot_encoders:
            layer = self.crossers.get(name) or self.preprocessors[name]
            size = _cardinality(layer)
            if size is None or not jnp.issubdtype(value.dtype, jnp.integer):
                expected = "a layer with a known number of integers for output_mode='one_hot'"
                raise self._wrong("features", expected, {name: layer})
            encoder = layers.CategoryEncoding(size, output_mode="multi_hot")
            self.one_hot_encoders[name] = encoder
        return self.one_hot_encoders[name](value)

    # -- files ----------------------------------------------------------------------------------

    def save(self, filepath: Any) -> None:
        """Write a `.keras` file, which `keras.models.load_model` reads."""
        import importlib

        # By name: the room of files knows this one.
        importlib.import_module("keraunos.saving").save_model(self, filepath)

    def get_config(self) -> dict[str, Any]:
        features = {n: _saved(f) for n, f in self.features.items()}
        names = ("output_mode", "crossing_dim", "hashing_dim", "num_discretization_bins")
        config = {name: getattr(self, name) for name in names}
        return {"features": features, "crosses": [_saved(c) for c in self.crosses], **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)

    def get_build_config(self) -> dict[str, Any]:
        return {n: layer.get_build_config() for n, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        for name, shapes in config.items():
            self.preprocessors[name].build_from_config(shapes or {})
        self._is_adapted = True


def _named(name: str | None, kind: str) -> str:
    return f"{name or naming.unique(kind)}_preprocessor"


def _learns(layer: Any) -> bool:
    """Return whether a layer learns from data what it was not told."""
    if isinstance(layer, layers.Normalization):
        return layer.input_mean is None
    if isinstance(layer, layers.Discretization):
        return layer.num_bins is not None
    table = getattr(layer, "_lookup_layer", layer)
    return hasattr(layer, "adapt") and not getattr(table, "_is_static", False)


def _cardinality(layer: Any) -> int | None:
    """Return how many integers a layer may return."""
    if isinstance(layer, layers.Discretization):
        known = layer.bin_boundaries
        return layer.num_bins if known is None else len(known) + 1
    for name in ("vocabulary_size", "num_bins", "num_tokens"):
        found = getattr(layer, name, None)
        if isinstance(layer, HostLayer) and found is not None:
            return cast(int, found() if callable(found) else found)
    return None


def _saved(obj: Any) -> Any:
    """Return a saved config as Keras writes it: with where it keeps what it does not export."""

    def patch(value: Any) -> Any:
        if isinstance(value, list):
            return [patch(v) for v in value]
        if not isinstance(value, dict):
            return value
        found = {k: patch(v) for k, v in value.items()}
        if found.get("class_name") in ("Feature", "Cross", "TFDIdentity"):
            found |= {"module": _IN_FILES, "registered_name": found["class_name"]}
        return found

    return patch(registry.serialize(obj))


__all__ = ["Cross", "Feature", "FeatureSpace"]
