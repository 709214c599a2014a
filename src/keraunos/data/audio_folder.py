"""`audio_dataset_from_directory`: a folder of recordings as batches of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data.folders import Column, Files, Folder, Labels, PathLike
from keraunos.data.structure import objects
from keraunos.data.wav import read_wav, resampled

_WHERE = "audio_dataset_from_directory"


def audio_dataset_from_directory(
    directory: PathLike,
    labels: Labels = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Return the `.wav` files below a folder as a `Dataset` of (batch, samples, channels).

    The samples are float32 from -1 to 1, from PCM of 8, 16, 24 or 32 bits, or from floats.

    Args:
        directory: the folder.
        sampling_rate: samples a second; by default each file's own.
        output_sequence_length: samples of each recording: longer ones are cut off, shorter ones
            filled up with zeros. By default the batch's longest one says.
        ragged: an array of recordings, each with its own length, instead of filling up.

    The other arguments are those of `image_dataset_from_directory`.

    Raises:
        ValueError: an argument that is none of these; no files; a damaged file, which is named.
    """
    if ragged and output_sequence_length is not None:
        got = f"ragged=True and output_sequence_length={output_sequence_length}"
        raise ValueError(errors.report(_WHERE, expected="one of them at the most", got=got))
    for name, value in (
        ("sampling_rate", sampling_rate),
        ("output_sequence_length", output_sequence_length),
    ):
        if value is not None and value < 1:
            raise ValueError(errors.report(f"{_WHERE}: {name}", expected="at least 1", got=value))

    def read(path: str) -> np.ndarray:
        samples, rate = read_wav(path)
        return samples if sampling_rate is None else resampled(samples, rate, sampling_rate)

    def column(files: Files) -> Column:
        channels = read(files.paths[0]).shape[1] if files.paths else None
        shape = (None if ragged else output_sequence_length, channels)
        stack = objects if ragged else lambda sounds: _filled(sounds, output_sequence_length)
        return Column(files.paths, read, shape, object if ragged else "float32", stack)

    chosen = labels, label_mode, class_names, batch_size
    order = shuffle, seed, validation_split, subset
    folder = Folder(directory, (".wav",), *chosen, *order, follow_links, verbose)
    return folder.datasets(_WHERE, column)


def _filled(sounds: list[np.ndarray], length: int | None) -> np.ndarray:
    """Return recordings as one array, zeros after the shorter ones."""
    longest = length or max(map(len, sounds), default=0)
    channels = {sound.shape[1] for sound in sounds}
    if len(channels) > 1:
        expected = "recordings with one number of channels"
        raise ValueError(errors.report(_WHERE, expected=expected, got=sorted(channels)))
    out = np.zeros((len(sounds), longest, *channels), np.float32)
    for row, sound in zip(out, sounds):
        row[: len(sound)] = sound[:longest]
    return out
