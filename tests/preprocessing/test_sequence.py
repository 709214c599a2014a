"""keras.preprocessing.sequence: the same function as in keras.utils."""

from keraunos import preprocessing, utils


def test_pad_sequences_is_that_of_utils():
    assert preprocessing.sequence.pad_sequences is utils.pad_sequences
