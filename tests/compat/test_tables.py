"""Eras, names, logs and --check: the tables and what is told from them."""

import importlib
import pickle

import pytest

import keraunos
from keraunos import compat
from keraunos.compat import checking, eras, names
from keraunos.compat.logs import Logs

PROGRAMS = {
    "from keras.layers import Convolution2D\nConvolution2D(8, 3, 3, border_mode='same')": "keras1",
    "from keras.models import Sequential\nm.fit(x, y, nb_epoch=2)": "keras1",
    "from keras import backend as K\nK.get_session()": "keras2",
    "import keras\nkeras.optimizers.SGD(lr=0.1)": "keras2",
    "import keras\nm.compile('sgd', 'mse', metrics=['acc'])": "keras2",
    "import keras\nmodel.save('model.h5')": "keras2",
    "import tensorflow as tf\ntf.keras.optimizers.SGD(lr=0.1)": "tf.keras",
    "from tensorflow.keras import layers": "tf.keras",
    "import keras\nfrom tensorflow.keras.layers import Dense": "tf.keras",
    "import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras": "keras3",
    "from keras import ops": "keras3",
    "import keras": "keras3",
    "import keras(": "keras3",
}


@pytest.mark.parametrize("source, era", PROGRAMS.items(), ids=list(PROGRAMS.values()))
def test_era_of_a_program(source, era):
    assert eras.of_program(source) == era


def test_an_unknown_era_is_refused():
    with pytest.raises(ValueError, match="did you mean 'keras2'"):
        compat.install("kera2")


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


MEMBERS = """
keras.layers.core.Dense keras.layers.convolutional.Conv2D keras.layers.recurrent.LSTM
keras.layers.embeddings.Embedding keras.layers.normalization.BatchNormalization
keras.layers.wrappers.TimeDistributed keras.layers.merge.concatenate keras.layers.merge.Add
keras.layers.advanced_activations.LeakyReLU keras.layers.noise.GaussianNoise
keras.layers.local.LocallyConnected1D keras.layers.pooling.MaxPooling2D
keras.layers.convolutional_recurrent.ConvLSTM2D keras.layers.cudnn_recurrent.CuDNNLSTM
keras.layers.experimental.preprocessing.Rescaling keras.engine.Layer keras.engine.topology.Layer
keras.engine.topology.InputSpec keras.engine.topology.get_source_inputs
keras.engine.training.Model keras.engine.base_layer.Layer keras.engine.network.Network
keras.engine.saving.load_model keras.legacy.layers.Highway keras.objectives.mean_squared_error
keras.initializations.glorot_uniform keras.utils.np_utils.to_categorical
keras.utils.generic_utils.get_custom_objects keras.utils.generic_utils.Progbar
keras.utils.data_utils.get_file keras.utils.vis_utils.plot_model
keras.utils.layer_utils.count_params
keras.utils.io_utils.HDF5Matrix keras.utils.conv_utils.conv_output_length
keras.utils.multi_gpu_model keras.optimizers.legacy.Adam keras.optimizers.experimental.SGD
keras.optimizers.adam keras.wrappers.scikit_learn.KerasClassifier
keras.backend.tensorflow_backend.set_session keras.losses.MSE keras.metrics.mse
keras.regularizers.l1l2 keras.constraints.maxnorm keras.initializers.normal
keras.models.model_from_yaml tensorflow.keras.layers.Dense tensorflow.python.keras.models.Model
tf_keras.optimizers.Adam keras.api._v2.keras.layers.Dense keras.experimental.LinearModel
""".split()


@pytest.mark.parametrize("name", MEMBERS)
def test_an_old_path_leads_somewhere(installed, name):
    module, _, member = name.rpartition(".")
    found = getattr(importlib.import_module(module), member)
    assert found.__module__.startswith("keraunos.") or callable(found)


def test_every_old_module_shows_names():
    for path in names.MODULES:
        assert dir(names.old_module(path)), path


def test_every_old_name_is_there():
    for room, homes in names._HOMES.items():
        module = importlib.import_module(room)
        for home, entries in homes.items():
            for entry in [] if entries == "*" else entries.split():
                assert getattr(module, entry.partition("=")[0]) is not None, (room, home, entry)


def test_an_old_module_suggests_the_nearest_name(installed):
    with pytest.raises(ImportError, match="LSMT"):
        exec("from keras.layers.recurrent import LSMT")
    with pytest.raises(AttributeError, match="did you mean 'LSTM'"):
        names.old_module("layers.recurrent").LSMT  # noqa: B018


@pytest.mark.parametrize(
    "use, instead",
    [
        (lambda: keraunos.layers.DenseFeatures([]), "FeatureSpace"),
        (lambda: keraunos.layers.SReLU(), "PReLU"),
        (lambda: keraunos.models.model_from_yaml(""), "model_from_json"),
        (lambda: keraunos.utils.plot_model(None), "summary"),
    ],
)
def test_what_makes_no_sense_says_what_to_use(use, instead):
    with pytest.raises((NotImplementedError, RuntimeError), match=instead):
        use()


def test_logs_answer_to_every_name_and_list_what_was_logged():
    logs = Logs({"loss": 1.0, "val_acc": 0.5, "out_mean_squared_error": 2.0, "learning_rate": 0.1})
    assert logs["val_accuracy"] == logs.get("val_acc") == 0.5
    assert (logs["out_mse"], logs["lr"]) == (2.0, 0.1)
    assert [n in logs for n in ("val_accuracy", "accuracy", "out_mae")] == [True, False, False]
    assert list(logs) == ["loss", "val_acc", "out_mean_squared_error", "learning_rate"]
    assert "{val_accuracy:.2f}".format(**logs.spelled_out()) == "0.50"
    assert pickle.loads(pickle.dumps(logs)) == logs
    assert logs.get("mae") is None
    with pytest.raises(KeyError):
        logs["mae"]
    assert Logs({"binary_accuracy": 0.25})["acc"] == 0.25


def test_check_lists_names_without_running(capsys, tmp_path):
    source = """
from keras.layers import Dense, Magic
from keras.layers.core import Dropout, SReLU
from keras.applications import VGG16
import keras as k
import keras.nothing
import numpy as np
raise SystemExit("never")
k.backend.gradients(k.losses.wrong, np.zeros(3))
"""
    assert checking.check(source, "p.py") == 1
    lines = capsys.readouterr().out.splitlines()
    missing = [line.split(maxsplit=2)[2] for line in lines if line.startswith("MISSING")]
    assert missing.pop(2).startswith("keras.applications.VGG16: it is not built yet")
    assert missing == [
        "keras.layers.Magic: no such name",
        "keras.layers.core.SReLU: use PReLU",
        "keras.nothing: no such name",
        "keras.losses.wrong: no such name",
    ]
    assert "there    p.py:2  keras.layers.Dense" in lines
    assert lines[-1].endswith("5 missing")


def test_check_of_a_broken_program(capsys):
    assert checking.check("import keras(", "p.py") == 2
    assert "p.py: line 1" in capsys.readouterr().out
