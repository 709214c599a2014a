"""Every function of `tree` gives what the real Keras gives, or refuses what it refuses."""

import keras
import numpy as np
import pytest
from tests.tables.tree import REFUSED, ROWS

import keraunos


def name_of(row):
    return row[0]  # pytest numbers those of one name


def plain(value):
    """Return a result with arrays as lists, so that `==` compares all of it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return type(value), [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_equals_keras(row):
    name, args, kwargs = row
    mine, theirs = (getattr(api.tree, name)(*args, **kwargs) for api in (keraunos, keras))
    assert plain(mine) == plain(theirs)


@pytest.mark.parametrize("row", REFUSED, ids=name_of)
def test_refuses_what_keras_refuses(row):
    name, args, kwargs = row
    for api in (keras, keraunos):
        with pytest.raises((ValueError, TypeError)) as caught:
            getattr(api.tree, name)(*args, **kwargs)
    assert len(str(caught.value).splitlines()) <= 6


def test_none_goes_away():
    """MAP_TO_NONE says None where None alone says "go on"."""
    for api in (keraunos, keras):
        drop = lambda x, api=api: api.tree.MAP_TO_NONE if x == 1 else None  # noqa: E731
        assert api.tree.traverse(drop, [1, 2]) == [None, 2]
