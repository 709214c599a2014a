"""KerasFileEditor: looks into a file of weights, changes what stands where, writes it again."""

from __future__ import annotations

import io
import json
import os
import zipfile
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.saving import files, weights
from keraunos.saving.places import places
from keraunos.utils.writing import replacing

Tree = dict[str, Any]


class KerasFileEditor:
    """Inspects and edits the weights of a `.keras` or `.weights.h5` file.

    `weights_dict` holds them as nested dictionaries: the names of the groups, then the number of
    the weight, `editor.weights_dict["layers"]["dense"]["0"]`.

    Args:
        filepath: of the file, which is only read.

    Raises:
        ValueError: a damaged or foreign file; a name that is not there, or there twice.

    Example:
        >>> import tempfile, keraunos as keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")])
        >>> model.save_weights(path := tempfile.mkdtemp() + "/a.weights.h5")
        >>> editor = KerasFileEditor(path)
        >>> editor.rename_object("dense", "head")
        >>> list(editor.weights_dict["layers"])
        ['head']
    """

    def __init__(self, filepath: str | os.PathLike[str]) -> None:
        self.filepath = filepath
        path = files.local_path(filepath)
        self.config: Any = None
        self.metadata: Any = None
        if zipfile.is_zipfile(path):
            with files.opened_archive(path) as archive:
                self.config = json.loads(files.member(archive, files.CONFIG, path))
                if files.METADATA in archive.namelist():
                    self.metadata = json.loads(files.member(archive, files.METADATA, path))
        self.weights_dict: Tree = {}
        self.object_metadata: dict[str, dict[str, Any]] = {}
        with files.opened_weights(path) as file:
            for group, stored in weights.stored_groups(file).items():
                values = {key: weights.array_of(data) for key, data in stored.items()}
                _inside(self.weights_dict, group, make=True).update(values)
                attributes = dict(file[f"{group}/vars"].attrs) if f"{group}/vars" in file else {}
                if attributes:
                    self.object_metadata[group] = attributes

    def summary(self) -> None:
        """Print the groups and the shape and dtype of each weight."""
        print(f"{self.filepath}")
        if self.metadata is not None:
            about = self.metadata
            print(f"Keras {about.get('keras_version')}, saved {about.get('date_saved')}")
        for depth, path, value in _walk(self.weights_dict):
            name = path.rpartition("/")[2]
            if isinstance(value, dict):
                title = self.object_metadata.get(path, {}).get("name")
                text = f"{name} ({title!r})" if title else name
            else:
                text = f"{name}: shape={value.shape}, dtype={value.dtype}"
            print("  " * (depth + 1) + text)

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print how the file differs from a built model, and return the counts.

        Returns:
            `status` (`"success"` or `"error"`), `error_count`, `match_count`.
        """
        wanted = {
            f"{place.path}/{i}".lstrip("/"): tuple(variable.shape)
            for place in places(reference_model)
            for i, variable in enumerate(place.variables)
        }
        found = {
            path: value.shape
            for _, path, value in _walk(self.weights_dict)
            if not isinstance(value, dict)
        }
        wrong = [f"{p}: in the model, not in the file" for p in wanted.keys() - found.keys()]
        wrong += [f"{p}: in the file, not in the model" for p in found.keys() - wanted.keys()]
        both = wanted.keys() & found.keys()
        wrong += [
            f"{p}: shape {found[p]} in the file, {wanted[p]} in the model"
            for p in both
            if found[p] != wanted[p]
        ]
        matches = sum(found[p] == wanted[p] for p in both)
        print("\n".join([*sorted(wrong), f"{matches} weights fit, {len(wrong)} do not"]))
        status = "error" if wrong else "success"
        return {"status": status, "error_count": len(wrong), "match_count": matches}

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object (a layer) another name; `new_name` is the last part of its path."""
        if "/" in new_name:
            where = "rename_object: new_name"
            raise ValueError(errors.report(where, expected="no '/'", got=repr(new_name)))
        parent, name = self._find(object_name)
        # In its old place: the order of a file is the order in which it is read.
        renamed = {new_name if key == name else key: value for key, value in parent.items()}
        parent.clear()
        parent.update(renamed)

    def delete_object(self, object_name: str) -> None:
        """Take an object, by its name or its path, out of the file."""
        parent, name = self._find(object_name)
        del parent[name]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Put a new object in: its path, and number -> array."""
        _check_weights("add_object", weights)
        group, _, name = object_path.rpartition("/")
        _inside(self.weights_dict, group)[name] = _arrays(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take one weight of an object out."""
        parent, name = self._find(object_name)
        if weight_name not in parent[name]:
            fix = errors.suggest(weight_name, parent[name])
            raise ValueError(errors.report(f"{object_name} has no weight {weight_name!r}", fix=fix))
        del parent[name][weight_name]

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Put weights into an object that is there: number -> array."""
        _check_weights("add_weights", weights)
        parent, name = self._find(object_name)
        parent[name].update(_arrays(weights))

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write the edited weights to a `.weights.h5` file."""
        import h5py

        path = files.local_path(filepath)
        files.check_suffix(path, ".weights.h5", "KerasFileEditor.save")
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            self._write(file, self.weights_dict, "")
        with replacing(path) as part:
            part.write_bytes(buffer.getvalue())

    def resave_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Write the edited weights; the same as `save`."""
        self.save(filepath)

    def _write(self, file: Any, tree: Tree, path: str) -> None:
        group = file.create_group(f"{path}/vars") if path else None
        for name, value in self.object_metadata.get(path, {}).items():
            if group is not None:
                group.attrs[name] = value
        for name, value in tree.items():
            if isinstance(value, dict):
                self._write(file, value, f"{path}/{name}".lstrip("/"))
            else:
                weights.put(group or file.require_group("vars"), name, value)

    def _find(self, name: str) -> tuple[Tree, str]:
        """Return the dictionary that holds an object, and its key there."""
        places_ = [p for _, p, value in _walk(self.weights_dict) if isinstance(value, dict)]
        found = [p for p in places_ if p == name or ("/" not in name and p.endswith("/" + name))]
        if len(found) != 1:
            text = f"{name!r} is in the file {len(found)} times" if found else f"no {name!r} here"
            fix = f"one of {found}" if found else errors.suggest(name, places_)
            raise ValueError(errors.report(text, fix=fix))
        group, _, key = found[0].rpartition("/")
        return _inside(self.weights_dict, group), key


def _walk(tree: Tree, path: str = "", depth: int = 0) -> Any:
    for name, value in tree.items():
        inner = f"{path}/{name}".lstrip("/")
        yield depth, inner, value
        if isinstance(value, dict):
            yield from _walk(value, inner, depth + 1)


def _inside(tree: Tree, path: str, make: bool = False) -> Tree:
    for part in filter(None, path.split("/")):
        if part not in tree and make:
            tree[part] = {}
        if not isinstance(tree.get(part), dict):
            raise ValueError(errors.report(f"no group {path!r}", fix=errors.suggest(part, tree)))
        tree = tree[part]
    return tree


def _check_weights(where: str, given: Any) -> None:
    if not isinstance(given, dict):
        expected = '{"0": kernel, "1": bias ...}'
        raise ValueError(errors.report(where, expected=expected, got=type(given).__name__))


def _arrays(given: dict[str, Any]) -> Tree:
    return {str(name): np.asarray(value) for name, value in given.items()}
