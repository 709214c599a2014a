"""Operations of one's own in a graph and in a file; scopes that keep assignments to themselves."""

import numpy as np
import pytest

import keraunos
from keraunos import StatelessScope, Variable, layers


@keraunos.saving.register_keras_serializable("tests")
class Power(keraunos.Operation):
    def __init__(self, exponent, name=None):
        super().__init__(name=name)
        self.exponent = exponent

    def call(self, x):
        return x**self.exponent


def test_an_operation_in_a_graph_and_in_a_file(tmp_path):
    x = keraunos.Input((3,))
    model = keraunos.Model(x, Power(3, name="cube")(layers.Dense(2)(x)))
    assert model.output_shape == (None, 2)
    assert [type(o).__name__ for o in model.operations] == ["InputLayer", "Dense", "Power"]
    model.save(tmp_path / "m.keras")
    again = keraunos.models.load_model(tmp_path / "m.keras")
    data = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    np.testing.assert_array_equal(model.predict(data, verbose=0), again.predict(data, verbose=0))
    assert "cube" in [o.name for o in again.operations]


def test_layers_are_operations():
    assert isinstance(layers.Dense(1), keraunos.Operation)
    with pytest.raises(ValueError, match="without '/'"):
        Power(2, name="a/b")
    with pytest.raises(NotImplementedError, match="call"):
        keraunos.Operation()(1.0)
    with pytest.raises(AttributeError, match="Input first"):
        _ = Power(2).output


def test_a_stateless_scope_keeps_assignments_and_losses():
    class Counter(layers.Layer):
        def build(self, shape):
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.count.assign_add(1.0)
            self.add_loss(x.sum())
            return x * self.count

    layer, outside = Counter(), Variable(7.0)
    layer.build((2,))
    with StatelessScope([(layer.count, 4.0)]) as scope:
        assert layer(np.ones(2, "float32")).tolist() == [5.0, 5.0]
        assert float(scope.get_current_value(layer.count)) == 5
        scope.add_update((outside, 8.0))
        assert float(outside.value) == 8
    assert float(scope.get_current_value(layer.count)) == 5
    assert float(scope.get_current_value(outside)) == 8
    assert scope.get_current_value(Variable(1.0)) is None
    assert [float(loss) for loss in scope.losses] == [2.0]
    assert (float(layer.count.value), float(outside.value)) == (0, 7)


@pytest.mark.parametrize("pair", [(1.0, 2.0), (Variable(np.zeros(2)), np.zeros(3))], ids=str)
def test_bad_mappings(pair):
    with pytest.raises(ValueError, match="StatelessScope"):
        StatelessScope([pair])
