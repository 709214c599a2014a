"""A model without layers for the callbacks to work on."""

import pytest
from tests.tables.drive import FakeModel


@pytest.fixture
def model():
    return FakeModel()
