"""What is out of range or without a gradient is named; half precision keeps what needs more."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, ops
from keraunos._training import checks

WORDS, LABELS = np.array([[1, 2, 3], [4, 0, 1]], "int32"), np.array([0, 2], "int32")


def reader(functional=False):
    stack = [layers.Embedding(5, 2, name="table"), layers.Flatten(), layers.Dense(3, "softmax")]
    inputs = keras.Input((3,), dtype="int32", name="words")
    if functional:
        other = keras.Input((3,), name="other")
        flat = layers.Flatten()(stack[0](inputs))
        model = keras.Model([other, inputs], stack[2](ops.concatenate([other, flat], axis=1)))
    else:
        model = keras.Sequential([inputs, *stack])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def forever(*batch):
    while True:
        yield batch


DOINGS = {
    "fit": lambda m, x, y: m.fit(x, y, verbose=0),
    "fit a stream": lambda m, x, y: m.fit(forever(x, y), steps_per_epoch=2, verbose=0),
    "fit a stream from the device": lambda m, x, y: m.fit(
        forever(jnp.asarray(x), jnp.asarray(y)), steps_per_epoch=3, verbose=0
    ),
    "evaluate a stream from the device": lambda m, x, y: m.evaluate(
        forever(jnp.asarray(x), jnp.asarray(y)), steps=3, verbose=0
    ),
    "evaluate": lambda m, x, y: m.evaluate(x, y, verbose=0),
    "evaluate a stream": lambda m, x, y: m.evaluate(forever(x, y), steps=2, verbose=0),
    "train_on_batch": lambda m, x, y: m.train_on_batch(x, y),
    "test_on_batch": lambda m, x, y: m.test_on_batch(x, y),
}


@pytest.mark.parametrize("name", DOINGS)
def test_ids_and_labels_out_of_range_are_named(name):
    model, doing = reader(), DOINGS[name]
    with pytest.raises(ValueError, match="Embedding 'table'") as caught:
        doing(model, WORDS + 3, LABELS)
    assert "0 to 4" in str(caught.value)
    assert len(str(caught.value).split("\n")) <= 6
    with pytest.raises(ValueError, match="labels out of range"):
        doing(model, WORDS, LABELS + 1)
    doing(model, WORDS, LABELS)


def test_ids_are_checked_before_a_prediction_and_for_the_right_input():
    with pytest.raises(ValueError, match="Embedding 'table'"):
        reader().predict(-WORDS, verbose=0)
    model = reader(functional=True)
    model.predict([100 * np.ones((2, 3)), WORDS], verbose=0)
    with pytest.raises(ValueError, match=re.escape("x['words']")):
        model.predict([np.ones((2, 3)), WORDS + 4], verbose=0)


def test_the_first_bad_batch_of_a_stream_is_named_and_those_before_it_count():
    def batches(on_device):
        for bad in (0, 0, 1):
            y = LABELS + bad
            yield WORDS, jnp.asarray(y) if on_device else y

    for on_device in (False, True):
        model = reader()
        with pytest.raises(ValueError, match="labels out of range"):
            model.fit(batches(on_device), verbose=0)
        steps = int(model.optimizer.iterations.numpy())
        assert steps in (2, 3) if on_device else steps == 2
        with pytest.raises(ValueError, match="Embedding 'table'"):
            model.predict(iter([jnp.asarray(WORDS + 3) if on_device else WORDS + 3]), verbose=0)


def test_nothing_on_the_device_is_read_to_look_at_a_stream(monkeypatch):
    kinds = set()
    for name in ("check_labels", "check_ids"):
        original = getattr(checks, name)

        def looking(data, *rest, original=original):
            kinds.update(type(leaf) for leaf in jax.tree.leaves(data) if leaf.size)
            original(data, *rest)

        monkeypatch.setattr(checks, name, looking)
    model, batch = reader(), (jnp.asarray(WORDS), jnp.asarray(LABELS))
    model.fit(forever(*batch), steps_per_epoch=3, verbose=0)
    model.evaluate(forever(*batch), steps=3, verbose=0)
    model.predict((batch[0] for _ in range(3)), verbose=0)
    assert not kinds
    model.fit(forever(WORDS, LABELS), steps_per_epoch=2, verbose=0)
    assert kinds == {np.ndarray}


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_a_label_that_the_loss_ignores_is_in_range(kind):
    model = reader()
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=255)
    model.compile("sgd", loss)
    model.fit(WORDS, kind([1, 255]), verbose=0)
    model.fit(forever(kind(WORDS), kind([1, 255])), steps_per_epoch=2, verbose=0)


class Taped(keras.Model):
    def train_step(self, data):
        x, y = data
        with keras.training.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        variables = self.trainable_variables
        pairs = zip(tape.gradient(loss, variables), variables, strict=True)
        self.optimizer.apply_gradients(pairs)
        return {"loss": loss, "mae": ops.mean(loss)}


class State(keras.Model):
    def train_step(self, state, data):
        trainable, other, optimizer, metrics = state

        def of(trainable):
            outputs, new = self.stateless_call(trainable, other, data[0], training=True)
            return self.compute_loss(*data, outputs), new

        (loss, new), gradients = jax.value_and_grad(of, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return {"loss": loss}, (trainable, new, optimizer, metrics)


class Changed(keras.Model):
    def compute_loss(self, *args, **kwargs):
        return 2.0 * super().compute_loss(*args, **kwargs)


STEPS = [keras.Model, Taped, State, Changed]


@pytest.mark.parametrize(
    ("cls", "eagerly"), [*((cls, False) for cls in STEPS), (keras.Model, True), (Taped, True)]
)
def test_gradients_that_are_not_finite_are_named_and_change_nothing(cls, eagerly):
    inputs = keras.Input((4,))
    bad = layers.Lambda(lambda x: ops.log(0 * x))(layers.Dense(3, name="first")(inputs))
    model = cls(inputs, bad)
    model.compile("sgd", "mse", debug="nan", run_eagerly=eagerly)
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match=r"first \(kernel, bias\)") as caught:
        model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    assert len(str(caught.value).split("\n")) <= 6
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(model.optimizer.iterations.numpy()) == 0


@pytest.mark.parametrize("cls", STEPS)
def test_gradients_that_are_all_zero_are_named_once_and_the_numbers_are_the_same(cls):
    def made(**arguments):
        keras.utils.set_random_seed(0)
        dead = layers.Dense(
            3, "relu", name="dead", bias_initializer=keras.initializers.Constant(-99)
        )
        inputs = keras.Input((4,))
        model = cls(inputs, layers.Dense(1, name="out")(dead(inputs)))
        model.compile("sgd", "mse", metrics=["mae"], **arguments)
        return model

    x, y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
    model = made(debug="nan")
    with pytest.warns(UserWarning, match="dead") as caught:
        history = model.fit(x, y, batch_size=4, epochs=2, verbose=0).history
    assert len([w for w in caught if "dead" in str(w.message)]) == 1
    assert history == made().fit(x, y, batch_size=4, epochs=2, verbose=0).history
    with pytest.raises(ValueError, match="debug"):
        made(debug="all")


def test_a_step_whose_gradients_nobody_sees_is_told():
    class Silent(keras.Model):
        def train_step(self, data):
            return {"loss": ops.mean(self(data[0]))}

    inputs = keras.Input((4,))
    model = Silent(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", debug="nan")
    with pytest.raises(ValueError, match="applies none"):
        model.fit(np.ones((8, 4)), np.ones((8, 1)), verbose=0)


def test_explain_shapes_prints_every_layer_and_how_far_it_goes():
    lines = []
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="d")], name="inner")
    inputs = keras.Input((2, 2))
    model = keras.Model(inputs, inner(layers.Flatten(name="f")(inputs)))
    model.explain_shapes((7, 2, 2), print_fn=lines.append)
    text = [" ".join(line.split()) for line in lines]
    assert text[1:] == [
        "f (Flatten) (7, 2, 2) -> (7, 4)",
        "d (Dense) (7, 4) -> (7, 5)",
        "inner (Sequential) (7, 4) -> (7, 5)",
    ]

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(4, name="good"), layers.Reshape((3,))

        def call(self, x):
            return self.second(self.first(x))

    lines.clear()
    with pytest.raises(ValueError, match="Reshape"):
        Net().explain_shapes(np.ones((2, 5)), print_fn=lines.append)
    assert "good" in lines[-1]


# -- half precision ------------------------------------------------------------------------------


def half(policy="mixed_float16", scale=True):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="float32"),
            layers.Dense(8, "relu", dtype=policy),
            layers.BatchNormalization(dtype=policy),
            layers.LayerNormalization(dtype=policy),
            layers.Dense(3, "softmax", dtype=policy),
        ]
    )
    model.dtype_policy = policy
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"], auto_scale_loss=scale
    )
    return model


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, (list, tuple)) else [value]:
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from equations(inner)


SENSITIVE = {"exp", "log", "log1p", "rsqrt", "sqrt", "reduce_sum", "reduce_max", "div"}
WIDE_LAYERS = {
    "batch": layers.BatchNormalization,
    "layer": layers.LayerNormalization,
    "group": lambda **k: layers.GroupNormalization(2, **k),
    "unit": layers.UnitNormalization,
    "rms": layers.RMSNormalization,
    "softmax": layers.Softmax,
    "activation": lambda **k: layers.Activation("softmax", **k),
    "attention": lambda **k: layers.MultiHeadAttention(2, 4, **k),
}


def narrow(function, *given):
    """Return what is computed in half precision, and the dtypes of the results."""
    closed = jax.make_jaxpr(function)(*given)
    outs = [(e.primitive.name, out.aval) for e in equations(closed.jaxpr) for out in e.outvars]
    halves = {"float16", "bfloat16"}
    kinds = {name for name, aval in outs if str(getattr(aval, "dtype", "")) in halves}
    return kinds, {str(a.dtype) for a in closed.out_avals}


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", WIDE_LAYERS)
def test_softmax_and_norms_are_computed_in_float32(name, policy):
    x = jnp.ones((4, 6, 8), policy.removeprefix("mixed_"))
    inputs = (x, x) if name == "attention" else (x,)
    layer = WIDE_LAYERS[name](dtype=policy)
    layer(*inputs)
    values = (
        [v.value for v in layer.trainable_variables],
        [v.value for v in layer.non_trainable_variables],
    )
    kinds, dtypes = narrow(lambda v: layer.stateless_call(*v, *inputs)[0], values)
    assert not SENSITIVE & kinds
    assert dtypes == {policy.removeprefix("mixed_")}


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_losses_and_metrics_are_computed_in_float32(half):
    classes = [keras.losses.BinaryCrossentropy, keras.losses.KLDivergence, keras.losses.Poisson]
    y = jnp.full((4, 8), 0.5, half)
    for cls in (*classes, keras.losses.SparseCategoricalCrossentropy, keras.losses.Dice):
        targets = jnp.ones(4, "int32") if "Sparse" in cls.__name__ else y
        kinds, dtypes = narrow(cls(), targets, y)
        assert (SENSITIVE & kinds, dtypes) == (set(), {"float32"}), cls
    names = "BinaryCrossentropy KLDivergence PearsonCorrelation CosineSimilarity AUC R2Score"
    for name in names.split():
        metric = getattr(keras.metrics, name)()
        metric.update_state(y, y)

        def measured(values, y, metric=metric):
            return metric.stateless_result(metric.stateless_update_state(values, y, y))

        kinds, dtypes = narrow(measured, [v.value for v in metric.variables], y)
        assert (SENSITIVE & kinds, dtypes) == (set(), {"float32"}), name


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_whole_model_computes_its_products_alone_in_half_precision(policy):
    model = half(policy)
    x, y = np.ones((4, 6), "float32"), np.array([0, 1, 2, 0])

    def run(values):
        outputs, _ = model.stateless_call(values, other, x, training=True)
        loss = keras.losses.SparseCategoricalCrossentropy()(y, outputs)
        metric = keras.metrics.SparseCategoricalAccuracy()
        return loss, metric.stateless_update_state([v.value for v in metric.variables], y, outputs)

    other = [v.value for v in model.non_trainable_variables]
    kinds, dtypes = narrow(run, [v.value for v in model.trainable_variables])
    assert "dot_general" in kinds
    assert not SENSITIVE & kinds
    assert dtypes == {"float32"}
    assert {v.dtype for v in model.weights} == {"float32"}


def test_a_metric_of_small_probabilities_is_finite_in_float16():
    y = jnp.asarray([[1.0]], "float16")
    metric = keras.metrics.BinaryCrossentropy()
    metric.update_state(y, 0 * y)
    np.testing.assert_allclose(metric.result(), -np.log(1e-7), rtol=1e-3)


def test_float16_scales_its_loss_by_itself_and_learns_small_gradients():
    model = half()
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 6)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    losses = model.fit(x, y, epochs=6, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.optimizer.dynamic_scale.assign(2.0**120)
    before = model.get_weights()
    model.train_on_batch(x, y)  # overflows: the step is left out, the scale halved
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    assert float(model.optimizer.dynamic_scale) == 2.0**119


def test_one_layer_in_float16_is_enough_for_the_loss_to_be_scaled():
    for policy in ("mixed_float16", "mixed_bfloat16"):
        model = keras.Sequential([keras.Input((4,)), layers.Dense(1, dtype=policy)])
        model.compile("sgd", "mse")
        scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (policy == "mixed_float16")


def test_each_step_of_a_scaled_loss_draws_its_own_dropout():
    class Net(keras.Model):
        def __init__(self):
            super().__init__(dtype="mixed_float16")
            self.dense, self.drop = layers.Dense(1), layers.Dropout(0.5)

        def call(self, x, training=False):
            return self.dense(self.drop(x, training=training))

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {"mask": ops.sum(self.drop(ops.ones((64,)), training=True) * np.arange(64.0))}

    model = Net()
    model.compile("sgd", "mse")
    batch = np.ones((4, 3)), np.ones((4, 1))
    assert len({model.train_on_batch(*batch, return_dict=True)["mask"] for _ in range(3)}) == 3


def test_the_summary_says_what_is_computed_in_which_precision():
    lines = []
    half().summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "computes in float16, keeps weights in float32" in text
    assert "loss is scaled" in text
    lines.clear()
    half("mixed_bfloat16").summary(print_fn=lines.append)
    assert "computes in bfloat16" in lines[0]
    assert "scaled" not in lines[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader().summary(print_fn=lines.append)
    assert "precision" not in lines[-1]


def test_layers_that_only_training_uses_are_trained():
    class Branches(keras.Model):
        def __init__(self):
            super().__init__()
            self.test, self.train = layers.Dense(1), layers.Dense(1)

        def call(self, x, training=False):
            return self.train(x) if training else self.test(x)

    model = Branches()
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 1)), verbose=0)
    assert model.train.bias.numpy() != 0


def test_weights_that_are_made_in_call_are_warned_of():
    class Making(layers.Layer):
        def call(self, x):
            return layers.Dense(1, name="inner")(x)

    model = keras.Sequential([keras.Input((2,)), Making()])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="'inner' gets weights inside of a step"):
        model.fit(np.ones((8, 2)), np.ones((8, 1)), verbose=0)


def test_an_error_in_a_metric_names_it():
    def alone(y_true):
        return y_true

    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, name="out")])
    model.compile("sgd", "mse", metrics=[alone])
    with pytest.raises(TypeError, match="metric 'alone' of output 'out'"):
        model.fit(np.ones((8, 2)), np.ones((8, 1)), verbose=0)
