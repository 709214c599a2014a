"""The TensorBoard callback writes the tags, steps and values that the real one writes, and more."""

import collections
import json
import types

import jax
import numpy as np
import pytest
from tests.tables import event_files
from tests.tables.drive import FakeModel, drive

import keraunos as keras
from keraunos import layers
from keraunos.callbacks import Callback, CallbackList, TensorBoard

X = np.random.default_rng(0).random((32, 4), "float32")
Y = np.random.default_rng(1).random((32, 2), "float32")


def perceptron():
    stack = [keras.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")]
    model = keras.Sequential(stack, name="mlp")
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.fixture(scope="module")
def model():
    """One model for all tests: its step is compiled once."""
    return perceptron()


def fit(model, callback, epochs=3, **arguments):
    arguments = {"x": X, "y": Y, "validation_data": (X, Y)} | arguments
    model.optimizer.iterations.assign(0)
    callbacks = callback if isinstance(callback, list) else [callback]
    return model.fit(batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks, **arguments)


def steps(folder, plugin="scalars"):
    """Return tag -> the steps at which it was written."""
    found = collections.defaultdict(list)
    for value in event_files.values(folder):
        if value.plugin == plugin:
            found[value.tag].append(value.step)
    return dict(found)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def column(folder, tag):
    return [float(v.value) for v in event_files.values(folder) if v.tag == tag]


# -- scalars ---------------------------------------------------------------------------------------

EPOCHS = ["epoch_loss", "epoch_mae"]
EVALUATIONS = ["evaluation_loss_vs_iterations", "evaluation_mae_vs_iterations"]
BATCHES = ["batch_loss", "batch_mae"]


def table(*rows):
    return {tag: list(at) for tags, at in rows for tag in tags}


# What Keras 3.15 on TensorFlow 2.21 writes for three epochs of four steps, in each folder. (With
# update_freq=3 it loses the epochs whose last step is no multiple of 3; here they are written.)
RATE = ["epoch_learning_rate"]
VALIDATION = table((EPOCHS, range(3)), (EVALUATIONS, [4, 8, 12]))
WRITTEN = [
    ({}, table((EPOCHS + RATE, range(3)))),
    ({"update_freq": "batch"}, table((EPOCHS + RATE, range(3)), (BATCHES, range(1, 13)))),
    ({"update_freq": 3}, table((EPOCHS + RATE, range(3)), (BATCHES, [3, 6, 9, 12]))),
    (
        {"update_freq": 6, "write_steps_per_second": True},
        table(
            (EPOCHS + RATE + ["epoch_steps_per_second"], range(3)),
            (BATCHES + ["batch_steps_per_second"], [6, 12]),
        ),
    ),
]


@pytest.mark.parametrize("arguments, train", WRITTEN)
def test_tags_and_steps_are_keras(arguments, train, model, tmp_path):
    fit(model, TensorBoard(tmp_path, write_graph=False, **arguments))
    assert steps(tmp_path / "train") == train
    assert steps(tmp_path / "validation") == VALIDATION
    assert names(tmp_path) == ["train", "validation"]


def test_values_are_those_of_the_history(model, tmp_path):
    history = fit(model, TensorBoard(tmp_path)).history
    train, validation = tmp_path / "train", tmp_path / "validation"
    for name in ("loss", "mae"):
        np.testing.assert_allclose(column(train, f"epoch_{name}"), history[name], rtol=1e-6)
        expected = history[f"val_{name}"]
        np.testing.assert_allclose(column(validation, f"epoch_{name}"), expected, rtol=1e-6)
        found = column(validation, f"evaluation_{name}_vs_iterations")
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(column(train, "epoch_learning_rate"), [0.001] * 3, rtol=1e-6)


def test_batches_are_those_that_a_callback_sees(model, tmp_path):
    class Seen(Callback):
        def __init__(self):
            super().__init__()
            self.losses = []

        def on_train_batch_end(self, batch, logs=None):
            self.losses.append(logs["loss"])

    seen = Seen()
    fit(model, [TensorBoard(tmp_path, update_freq=2), seen])
    np.testing.assert_allclose(
        column(tmp_path / "train", "batch_loss"), seen.losses[1::2], rtol=1e-6
    )


def test_batches_are_the_same_where_steps_run_in_chunks(tmp_path):
    class Listener(Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    for name, others in (("chunks", []), ("each", [Listener()])):
        keras.utils.set_random_seed(1)
        board = TensorBoard(tmp_path / name, update_freq=3, write_graph=False)
        fit(perceptron(), [board, *others])
    chunks, each = (column(tmp_path / name / "train", "batch_mae") for name in ("chunks", "each"))
    np.testing.assert_array_equal(chunks, each)


def test_evaluate_alone_writes_the_evaluation(model, tmp_path):
    model.optimizer.iterations.assign(7)
    board = TensorBoard(tmp_path, write_graph=False)
    _, mae = model.evaluate(X, Y, verbose=0, callbacks=[board])
    assert steps(tmp_path / "validation") == table((EVALUATIONS, [7]))
    assert column(tmp_path / "validation", EVALUATIONS[1]) == [np.float32(mae)]
    assert names(tmp_path) == ["validation"]


def test_lists_in_the_logs_are_written_part_by_part(tmp_path):
    board = TensorBoard(tmp_path, write_graph=False)
    drive(board, FakeModel(), [{"loss": 1.0, "recall": [0.25, 0.5], "note": "text"}])
    found = {v.tag: float(v.value) for v in event_files.values(tmp_path / "train")}
    assert found == {
        "epoch_loss": 1.0,
        "epoch_recall_0": 0.25,
        "epoch_recall_1": 0.5,
        "epoch_learning_rate": np.float32(0.1),
    }


def test_hooks_may_be_called_by_hand(tmp_path):
    board = TensorBoard(tmp_path)
    board.on_epoch_end(5, {"d_loss": 1.0, "val_d_loss": 2.0})
    board.on_train_end()
    assert steps(tmp_path / "train") == {"epoch_d_loss": [5]}
    assert steps(tmp_path / "validation") == {"epoch_d_loss": [5]}


def test_the_rates_of_several_optimizers_have_their_names(tmp_path):
    model = FakeModel()
    parts = [types.SimpleNamespace(name=n, learning_rate=r) for n, r in [("sgd", 0.5), ("w", 2)]]
    model.optimizer = types.SimpleNamespace(inner_optimizer=types.SimpleNamespace(optimizers=parts))
    drive(TensorBoard(tmp_path, write_graph=False), model, [{"loss": 1.0}])
    found = steps(tmp_path / "train")
    assert sorted(found) == ["epoch_learning_rate_sgd", "epoch_learning_rate_w", "epoch_loss"]


@pytest.mark.parametrize("initial_epoch, expected", [(0, [1, 2, 3, 4]), (1, [5, 6, 7, 8])])
def test_a_resumed_run_counts_on(initial_epoch, expected, model, tmp_path):
    board = TensorBoard(tmp_path, update_freq=1, write_graph=False)
    model.optimizer.iterations.assign(4)
    epochs = initial_epoch + 1
    model.fit(X, Y, 8, epochs=epochs, initial_epoch=initial_epoch, verbose=0, callbacks=[board])
    assert steps(tmp_path / "train")["batch_loss"] == expected


class Broken(Callback):
    """Ends training with an error after some batches."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise RuntimeError("broken")


def test_a_run_that_a_backup_resumes_counts_on(tmp_path):
    def run(name, *others):
        keras.utils.set_random_seed(3)
        board = TensorBoard(tmp_path / name, update_freq=1, write_steps_per_second=True)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
        fit(perceptron(), [board, backup, *others], epochs=2)

    run("whole")
    with pytest.raises(RuntimeError, match="broken"):
        run("parts", Broken(after=6))
    run("parts")
    found = {name: event_files.values(tmp_path / name / "train") for name in ("whole", "parts")}
    losses = {
        name: {v.step: float(v.value) for v in values if v.tag == "batch_loss"}
        for name, values in found.items()
    }
    assert list(losses["whole"]) == list(range(1, 9))
    assert losses["parts"] == losses["whole"]
    assert min(column(tmp_path / "parts" / "train", "epoch_steps_per_second")) > 0


# -- who listens to batches ------------------------------------------------------------------------


def test_without_batches_training_may_run_in_chunks(tmp_path):
    assert CallbackList([TensorBoard(tmp_path)]).listens_to_batches is None
    assert CallbackList([TensorBoard(tmp_path, update_freq=9)]).listens_to_batches == "chunks"
    assert CallbackList([TensorBoard(tmp_path, profile_batch=2)]).listens_to_batches == "each"


def test_subclasses_may_override_any_hook_and_call_super(model, tmp_path):
    heard = []

    class Mine(TensorBoard):
        def on_batch_end(self, batch, logs=None):
            heard.append(("older", batch))

        def on_train_batch_begin(self, batch, logs=None):
            super().on_train_batch_begin(batch, logs)
            heard.append(("begin", batch))

    for frequency in ("epoch", "batch"):
        heard.clear()
        fit(model, Mine(tmp_path / frequency, update_freq=frequency), epochs=1)
        assert heard == [(what, i) for i in range(4) for what in ("begin", "older")]


# -- histograms and images -------------------------------------------------------------------------


def test_histograms_are_of_the_weights(model, tmp_path):
    fit(model, TensorBoard(tmp_path, histogram_freq=2, write_images=True))
    paths = ["mlp/a/kernel", "mlp/a/bias", "mlp/b/kernel", "mlp/b/bias"]
    train = tmp_path / "train"
    assert steps(train, "histograms") == {f"{path}/histogram": [0, 2] for path in paths}
    assert steps(train, "images") == {f"{path}/image": [0, 2] for path in paths}
    last = {v.tag: v.value for v in event_files.values(train) if v.plugin == "histograms"}
    for weight in model.weights:
        rows, values = last[f"{weight.path}/histogram"], weight.numpy()
        assert rows[:, 2].sum() == values.size
        np.testing.assert_allclose([rows[0, 0], rows[-1, 1]], [values.min(), values.max()])


def activations(folder):
    return {
        v.tag.removesuffix("/histogram"): v.value
        for v in event_files.values(folder / "train")
        if "output" in v.tag
    }


@pytest.mark.parametrize("given", ["argument", "validation_data"])
def test_histograms_of_activations(given, model, tmp_path):
    board = TensorBoard(tmp_path, histogram_freq=1)
    if given == "argument":
        board.activation_data = X[:5]
    else:
        board.validation_data = [X[:5], Y[:5]]  # as old Keras left it on callbacks
    fit(model, board, epochs=2)
    found = activations(tmp_path)
    assert sorted(found) == ["mlp/a/output", "mlp/b/output"]
    hidden = X[:5] @ model.layers[0].kernel.numpy() + model.layers[0].bias.numpy()
    for values, rows in [(hidden, found["mlp/a/output"]), (model(X[:5]), found["mlp/b/output"])]:
        assert rows[:, 2].sum() == np.size(values)
        low, high = np.min(values), np.max(values)
        np.testing.assert_allclose([rows[0, 0], rows[-1, 1]], [low, high], rtol=1e-5)


class Tagger(keras.Model):
    """A subclassed model: ids, a recurrent layer with a cell inside, two outputs."""

    def __init__(self):
        super().__init__(name="tagger")
        self.embed = layers.Embedding(10, 4, name="embed")
        self.memory = layers.RNN(layers.SimpleRNNCell(3, name="cell"), name="memory")
        self.normal = layers.BatchNormalization(name="normal")
        self.heads = [layers.Dense(2, name="one"), layers.Dense(1, name="two")]

    def call(self, x):
        x = self.normal(self.memory(self.embed(x)))
        return [head(x) for head in self.heads]


def test_activations_of_a_subclassed_model_with_a_loop_inside(tmp_path):
    model = Tagger()
    ids = np.arange(10).reshape(2, 5)
    model(ids)
    before = [v.numpy() for v in model.variables]
    board = TensorBoard(tmp_path, histogram_freq=1, activation_data=ids, write_graph=False)
    board.set_model(model)
    board.on_epoch_end(0, {"loss": 1.0})
    board.on_train_end()
    found = activations(tmp_path)
    assert {place.rsplit("/", 2)[1] for place in found} == {
        "embed", "memory", "normal", "one", "two"
    }  # fmt: skip
    assert "call" not in vars(model.embed)
    for new, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(new, old)


# -- the graph -------------------------------------------------------------------------------------


def check_graph(nodes):
    """Every edge has a node at its end, and no node is also a group."""
    for name, (_, inputs) in nodes.items():
        assert all(one.partition(":")[0] in nodes for one in inputs), name
        parts = name.split("/")
        assert not any("/".join(parts[:i]) in nodes for i in range(1, len(parts))), name


def reached(nodes, start):
    """Return the nodes from which `start` follows."""
    found, open_ = set(), [start]
    while open_:
        name = open_.pop().partition(":")[0]
        if name not in found:
            found.add(name)
            open_ += nodes[name][1]
    return found


def test_the_graphs_of_a_model(model, tmp_path):
    fit(model, TensorBoard(tmp_path), epochs=1)
    (conceptual,) = [v for v in event_files.values(tmp_path / "train") if "graph" in v.plugin]
    assert (conceptual.tag, conceptual.plugin) == ("keras", "graph_keras_model")
    assert json.loads(conceptual.value[0]) == json.loads(model.to_json())
    (nodes,) = event_files.graphs(tmp_path / "train")
    check_graph(nodes)
    weights = {f"{layer}/{name}" for layer in "ab" for name in ("kernel", "bias")}
    assert weights | {"input_0", "output"} <= reached(nodes, "output")
    assert nodes["a/DotGeneral"] == ("DotGeneral", ["input_0", "a/kernel"])


def drawn(model):
    from keraunos.callbacks._tensorboard import graph

    found = graph.of_model(model)
    if found is None:
        return None
    nodes = map(event_files.fields, event_files.fields(found)[1])
    return {n[1][0].decode(): (n[2][0].decode(), [i.decode() for i in n.get(3, [])]) for n in nodes}


def nested():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu", name="deep")], name="in")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    out = layers.Add(name="add")([inner(a), inner(b)])  # a shared model
    return keras.Model({"a": a, "b": b}, [out, layers.Softmax(name="soft")(out)], name="outer")


def subclassed():
    model = Tagger()
    model(np.zeros((2, 5), "int32"))
    return model


GRAPHS = [
    (nested, {"in/deep/kernel", "input_0", "input_1", "add/Add"}),
    (subclassed, {"embed/embeddings", "memory/cell/kernel", "input_0"}),
]


@pytest.mark.parametrize("make, members", GRAPHS)
def test_graphs_are_grouped_by_layers(make, members):
    nodes = drawn(make())
    check_graph(nodes)
    assert members <= reached(nodes, "output")


def test_a_model_of_unknown_shape_has_no_graph(tmp_path):
    assert drawn(Tagger()) is None
    board = TensorBoard(tmp_path)
    board.set_model(Tagger())
    assert not names(tmp_path)


def test_a_graph_that_fails_is_a_warning(tmp_path):
    board, model = TensorBoard(tmp_path), FakeModel()
    model.built, model.run_eagerly = True, False
    with pytest.warns(UserWarning, match="no graph"):
        board.set_model(model)


# -- embeddings ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader():
    stack = [keras.Input((5,)), layers.Embedding(3, 4, name="embed"), layers.Flatten()]
    return keras.Sequential([*stack, layers.Dense(2)], name="reader")


def embed(model, folder, metadata):
    board = TensorBoard(folder, embeddings_freq=2, embeddings_metadata=metadata, write_graph=False)
    board.set_model(model)
    for epoch in range(2):
        board.on_epoch_end(epoch, {})
    board.on_train_end()
    return (folder / "projector_config.pbtxt").read_text()


def config(labels):
    labels = f'  metadata_path: "{labels}"\n' if labels else ""
    return (
        'embeddings {\n  tensor_name: "reader/embed"\n'
        f'  tensor_path: "embeddings/reader_embed.tsv"\n{labels}}}\n'
    )


def test_embeddings_are_a_table_that_the_projector_reads(reader, tmp_path):
    labels = ["the", "a\tb", ""]
    own = "embeddings/reader_embed_labels.tsv"
    assert embed(reader, tmp_path, {"embed": labels}) == config(own)
    assert (tmp_path / own).read_text() == "the\na b\n(empty)\n"
    vectors = np.loadtxt(tmp_path / "embeddings/reader_embed.tsv", delimiter="\t")
    np.testing.assert_allclose(vectors, reader.layers[0].embeddings.numpy(), rtol=1e-5)


def test_labels_in_the_folder_are_named_and_others_copied(reader, tmp_path):
    folder, outside = tmp_path / "logs", tmp_path / "words.txt"
    folder.mkdir()
    outside.write_text("x\ny\nz\n")
    (folder / "meta.tsv").write_text("1\n2\n3\n")
    assert embed(reader, folder, None) == config(None)
    assert embed(reader, folder, "meta.tsv") == config("meta.tsv")
    assert embed(reader, folder, {"embed": str(folder / "meta.tsv")}) == config("meta.tsv")
    copied = "embeddings/reader_embed_labels.tsv"
    assert embed(reader, folder, {"embed": str(outside)}) == config(copied)
    assert (folder / copied).read_text() == "x\ny\nz\n"


@pytest.mark.parametrize(
    "metadata, message", [({"embd": "x"}, "did you mean 'embed'"), ({"embed": ["x"]}, "1 labels")]
)
def test_wrong_labels_are_an_error(metadata, message, reader, tmp_path):
    with pytest.raises(ValueError, match=message) as error:
        embed(reader, tmp_path, metadata)
    assert str(error.value).count("\n") < 6


# -- the profile -----------------------------------------------------------------------------------


def test_chosen_batches_are_profiled(model, tmp_path):
    board = TensorBoard(tmp_path, profile_batch=(2, 3))
    fit(model, board, epochs=1)
    names = [path.name for path in (tmp_path / "train/plugins/profile").glob("*/*")]
    assert any(name.endswith(".xplane.pb") for name in names)
    assert CallbackList([board]).listens_to_batches is None  # it has been done


def test_training_that_ends_before_the_last_batch_keeps_the_profile(model, tmp_path):
    fit(model, TensorBoard(tmp_path, profile_batch=(3, 99)), epochs=1)
    assert list((tmp_path / "train/plugins/profile").glob("*/*.xplane.pb"))


def test_a_profiler_that_is_busy_is_a_warning(tmp_path):
    board = TensorBoard(tmp_path / "mine", profile_batch=1, write_graph=False)
    with jax.profiler.trace(str(tmp_path / "other")), pytest.warns(UserWarning, match="no profile"):
        drive(board, FakeModel(), [{"loss": 1.0}], batches=2)


# -- wrong arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"update_freq": "epochs"}, "update_freq"),
        ({"update_freq": 0}, "update_freq"),
        ({"profile_batch": -3}, "profile_batch"),
        ({"log_dir": "gs://bucket/logs"}, "log_dir"),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        TensorBoard(**arguments)
    assert str(error.value).count("\n") < 6


def test_a_folder_that_cannot_be_written_is_an_error_before_training(model, tmp_path):
    (tmp_path / "logs").write_text("a file")
    for write_graph in (True, False):
        with pytest.raises(OSError, match="cannot write"):
            fit(model, TensorBoard(tmp_path / "logs", write_graph=write_graph))


# -- with the real TensorBoard ---------------------------------------------------------------------


def test_tensorboard_reads_what_is_written(model, tmp_path):
    room = "tensorboard.backend.event_processing.event_accumulator"
    accumulator = pytest.importorskip(room, reason="the extra tensorboard")
    from tensorboard.util.tensor_util import make_ndarray

    history = fit(
        model, TensorBoard(tmp_path, histogram_freq=1, write_images=True, update_freq=2)
    ).history
    found = accumulator.EventAccumulator(str(tmp_path / "train"), {"tensors": 0, "images": 0})
    found.Reload()
    assert {"epoch_loss", "batch_mae", "keras"} <= set(found.Tags()["tensors"])
    assert found.Tags()["graph"]
    values = [make_ndarray(event.tensor_proto) for event in found.Tensors("epoch_loss")]
    np.testing.assert_allclose(values, history["loss"], rtol=1e-6)
    assert {n.name for n in found.Graph().node} >= {"a/kernel", "input_0", "output"}
