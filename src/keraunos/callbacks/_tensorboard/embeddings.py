"""Embeddings for TensorBoard's projector: a table of vectors, labels, and the file naming both."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keraunos import errors
from keraunos._core.layer import Layer
from keraunos.utils.writing import replacing

Labels = str | os.PathLike[str] | Sequence[Any]


class Projector:
    """Writes the embedding layers of a model into a log folder.

    The vectors are a table of text, which the projector reads without TensorFlow; it reads
    nothing outside of the folder, so labels that lie elsewhere are copied in.

    Args:
        folder: the log folder.
        layers: with `embeddings` of (tokens, size).
        metadata: for each layer's name, the file with a label a line (or with a header and
            columns between tabs) or the labels themselves; or one of these for all layers.

    Raises:
        ValueError: metadata for a layer that is not among them, or too few or many labels.
    """

    def __init__(
        self, folder: str, layers: Sequence[Layer], metadata: Labels | Mapping[str, Labels] | None
    ) -> None:
        self._folder, self._layers = Path(folder), list(layers)
        names = [layer.name for layer in self._layers]
        if isinstance(metadata, Mapping):
            unknown = [name for name in metadata if name not in names]
            if unknown:
                raise ValueError(
                    errors.report(
                        "TensorBoard, embeddings_metadata",
                        expected="names of embedding layers",
                        got=", ".join(map(repr, unknown)),
                        fix=errors.suggest(unknown[0], names) if names else "the model has none",
                    )
                )
            self._metadata = dict(metadata)
        else:
            self._metadata = {} if metadata is None else dict.fromkeys(names, metadata)

    def write(self) -> None:
        """Write the vectors as they are now, the labels, and the projector's config."""
        if not self._layers:
            return
        (self._folder / "embeddings").mkdir(parents=True, exist_ok=True)
        rows = [self._written(layer) for layer in self._layers]
        with replacing(self._folder / "projector_config.pbtxt") as part:
            part.write_text("".join(map(_message, rows)))

    def _written(self, layer: Any) -> dict[str, str]:
        vectors = np.asarray(layer.embeddings, dtype=np.float32)
        place = f"embeddings/{layer.path.replace('/', '_')}"
        with replacing(self._folder / f"{place}.tsv") as part, part.open("w") as file:
            np.savetxt(file, vectors, fmt="%.6g", delimiter="\t")
        row = {"tensor_name": layer.path, "tensor_path": f"{place}.tsv"}
        labels = self._metadata.get(layer.name)
        if labels is not None:
            row["metadata_path"] = self._labels(labels, len(vectors), f"{place}_labels.tsv")
        return row

    def _labels(self, labels: Labels, count: int, place: str) -> str:
        """Return the path of the labels inside the folder."""
        target = self._folder / place
        if not isinstance(labels, (str, os.PathLike)):
            if len(labels) != count:
                raise ValueError(
                    errors.report(
                        "TensorBoard, embeddings_metadata",
                        expected=f"a label for each of {count} tokens",
                        got=f"{len(labels)} labels",
                    )
                )
            lines = (" ".join(str(label).split()) or "(empty)" for label in labels)
            with replacing(target) as part:
                part.write_text("\n".join(lines) + "\n")
            return place
        home = self._folder.resolve()
        real = (home / labels).resolve()
        if real.is_relative_to(home):
            return real.relative_to(home).as_posix()
        with replacing(target) as part:
            shutil.copyfile(real, part)
        return place


def _message(row: dict[str, str]) -> str:
    # JSON's quoting of a text is also that of a text protobuf.
    lines = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in row.items())
    return f"embeddings {{\n{lines}}}\n"
