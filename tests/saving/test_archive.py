"""`.keras` files: what was saved comes back; what cannot be read is named in six lines."""

import copy
import io
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import textwrap
import zipfile

import h5py
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, saving
from keraunos.utils import writing

X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
Y = X[:, :1] * 2


def dense(units=4, compiled=True):
    keras.utils.set_random_seed(1)
    hidden = [layers.Dense(units, "relu"), layers.BatchNormalization(), layers.Dropout(0.2)]
    model = keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(1)])
    if compiled:
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    return model


@pytest.fixture(scope="module")
def trained():
    return dense()


@pytest.fixture
def path(tmp_path, trained):
    trained.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def few_lines(error):
    assert str(error.value).count("\n") <= 5, str(error.value)


# -- there and back --------------------------------------------------------------------------------


def test_predictions_and_further_training_are_bit_equal(trained, path):
    loaded = saving.load_model(path)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), trained.predict(X, verbose=0))
    again = saving.load_model(path)
    for model in (loaded, again):
        model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    for a, b in zip(loaded.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_five_epochs_and_five_after_loading_are_ten(path, tmp_path):
    whole, half = dense(compiled=False), dense(compiled=False)
    for model, epochs in ((whole, 4), (half, 2)):
        model.compile("adam", "mse")
        model.fit(X, Y, epochs=epochs, batch_size=8, shuffle=False, verbose=0)
    half.save(tmp_path / "half.keras")
    loaded = saving.load_model(tmp_path / "half.keras")
    loaded.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(whole.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_compile_false_leaves_it_uncompiled(path, trained):
    model = saving.load_model(path, compile=False)
    assert model.optimizer is None
    np.testing.assert_array_equal(model.predict(X, verbose=0), trained.predict(X, verbose=0))


def test_a_layer_that_is_used_inside_and_outside_a_model_stays_one(tmp_path):
    base = keras.Sequential([keras.Input((6,)), layers.Dense(3), layers.Dropout(0.1)])
    x = keras.Input((6,))
    model = keras.Model(x, layers.Dense(1)(base(x) + base.layers[0](x)))
    model.save(tmp_path / "m.keras")
    loaded = saving.load_model(tmp_path / "m.keras")
    assert len(loaded.weights) == len(model.weights) == 4
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "mixed_bfloat16"])
def test_half_types(dtype, tmp_path):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(2, dtype=dtype)])
    model.save(tmp_path / "m.keras")
    loaded = saving.load_model(tmp_path / "m.keras")
    assert [v.dtype for v in loaded.weights] == [v.dtype for v in model.weights]
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_that_is_not_built_is_saved_with_a_warning(tmp_path):
    model = keras.Sequential([layers.Dense(2)])
    with pytest.warns(UserWarning, match="not built"):
        model.save(tmp_path / "m.keras")
    assert not saving.load_model(tmp_path / "m.keras").built


# -- own classes -----------------------------------------------------------------------------------

SCRIPT = """
    import sys
    import numpy as np
    import keraunos as keras

    class Scale(keras.layers.Layer):
        def __init__(self, by=2.0, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, x):
            return x * self.by

    if sys.argv[1] == "save":
        keras.Sequential([keras.Input((2,)), Scale(3.0)]).save(sys.argv[2])
    else:
        model = keras.saving.load_model(sys.argv[2])
        print(model.predict(np.ones((1, 2)), verbose=0).tolist())
"""


def script(tmp_path, name, text, *args):
    file = tmp_path / name
    file.write_text(textwrap.dedent(text))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, str(file), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_class_of_the_running_program_is_found_without_ceremony(tmp_path):
    for step in ("save", "load"):
        done = script(tmp_path, "program.py", SCRIPT, step, tmp_path / "m.keras")
        assert done.returncode == 0, done.stderr
    assert done.stdout == "[[3.0, 3.0]]\n"


def test_a_class_of_an_imported_module_is_found(tmp_path):
    (tmp_path / "mine.py").write_text(textwrap.dedent(SCRIPT).split("if sys.argv")[0])
    text = """
        import sys
        import keraunos as keras
        import mine

        keras.Sequential([keras.Input((2,)), mine.Scale(3.0)]).save(sys.argv[1])
        print(type(keras.saving.load_model(sys.argv[1]).layers[0]) is mine.Scale)
    """
    assert script(tmp_path, "other.py", text, tmp_path / "m.keras").stdout == "True\n"


def test_an_unknown_class_error_has_the_line_to_add(tmp_path):
    script(tmp_path, "program.py", SCRIPT, "save", tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"custom_objects=\{'Scale': Scale\}") as error:
        saving.load_model(tmp_path / "m.keras")
    few_lines(error)


def test_a_registered_class_and_a_function(tmp_path):
    @saving.register_keras_serializable("tests")
    class Shift(layers.Layer):
        def call(self, x):
            return x + 1

    @saving.register_keras_serializable("tests")
    def halved(x):
        return x / 2

    inside = [Shift(), layers.Dense(2, activation=halved)]
    model = keras.Sequential([keras.Input((6,)), *inside])
    model.save(tmp_path / "m.keras")
    loaded = saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_state_of_its_own_that_a_layer_writes_itself(tmp_path):
    class Table(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.table = np.zeros(3)

        def call(self, x):
            return x

        def save_own_variables(self, store):
            super().save_own_variables(store)
            store["table"] = self.table

        def load_own_variables(self, store):
            self.table = np.asarray(store["table"])

    layer = Table()
    layer.table = np.arange(3.0)
    keras.Sequential([keras.Input((6,)), layer]).save(tmp_path / "m.keras")
    loaded = saving.load_model(tmp_path / "m.keras", custom_objects={"Table": Table})
    assert loaded.layers[0].table.tolist() == [0, 1, 2]


def test_a_lambda_is_refused_unless_asked_for(tmp_path):
    model = keras.Sequential([keras.Input((6,)), layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="safe_mode=False") as error:
        saving.load_model(tmp_path / "m.keras")
    few_lines(error)
    loaded = saving.load_model(tmp_path / "m.keras", safe_mode=False)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), X * 2)


def test_a_lambda_knows_the_names_that_programs_import(tmp_path, monkeypatch):
    code = "layers.Lambda(lambda x: ops.exp(keras.ops.abs(x)) * factor())"
    names = {
        "__name__": "made",
        "layers": layers,
        "ops": keras.ops,
        "keras": keras,
        "factor": lambda: 2.0,
    }
    model = keras.Sequential([keras.Input((6,)), eval(code, names)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(NameError, match="factor"):
        saving.load_model(tmp_path / "m.keras", safe_mode=False)
    monkeypatch.setattr(sys.modules["__main__"], "factor", lambda: 2.0, raising=False)
    loaded = saving.load_model(tmp_path / "m.keras", safe_mode=False)
    np.testing.assert_allclose(loaded.predict(X, verbose=0), np.exp(abs(X)) * 2, rtol=1e-6)


@pytest.mark.parametrize(
    "config",
    [
        {"module": "os", "class_name": "system", "config": {"command": "touch HACKED"}},
        {"module": "builtins", "class_name": "eval", "config": {"source": "1"}},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": "touch HACKED"}},
        {"module": "builtins", "class_name": "function", "config": "exec"},
        {"module": "keraunos.config", "class_name": "set_floatx", "config": {"value": "float64"}},
    ],
)
def test_a_config_cannot_call_what_is_no_part_of_a_model(config, path, tmp_path):
    rewrite(path, {"config.json": json.dumps({"registered_name": None, **config})})
    with pytest.raises(ValueError):
        saving.load_model(path, safe_mode=False)
    assert not list(tmp_path.glob("HACKED"))


# -- damaged and foreign files ---------------------------------------------------------------------


def rewrite(path, members, drop=()):
    with zipfile.ZipFile(path) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (old | members).items():
            if name not in drop:
                archive.writestr(name, data)


def png(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


DAMAGES = {
    "png": (png, "a PNG image"),
    "text": (lambda p: p.write_text("hello, this is no model"), "a text file"),
    "web page": (lambda p: p.write_text("<!DOCTYPE html><html>404"), "a web page"),
    "lfs": (lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\n"), "Git LFS"),
    "empty": (lambda p: p.write_bytes(b""), "an empty file"),
    "pickle": (lambda p: p.write_bytes(b"\x80\x04}."), "pickle"),
    "cut off": (lambda p: p.write_bytes(p.read_bytes()[:-200]), "cut off"),
    "half": (lambda p: p.write_bytes(p.read_bytes()[:2000]), "cut off"),
    "flipped": (flipped, "damaged"),
    "no config": (lambda p: rewrite(p, {}, ["config.json"]), "without config.json"),
    "no weights": (lambda p: rewrite(p, {}, ["model.weights.h5"]), "without model.weights.h5"),
    "bad json": (lambda p: rewrite(p, {"config.json": "{"}), "damaged"),
    "json list": (lambda p: rewrite(p, {"config.json": "[]"}), "not a saved model"),
    "bad h5": (lambda p: rewrite(p, {"model.weights.h5": b"nothing"}), "damaged"),
    "cut h5": (lambda p: rewrite(p, {"model.weights.h5": h5_head(p)}), "damaged"),
    "another zip": (lambda p: zipfile.ZipFile(p, "w").writestr("a.txt", "a"), "without config"),
}


def h5_head(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")[:3000]


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_or_foreign_file_is_named(kind, path):
    damage, expected = DAMAGES[kind]
    damage(path)
    with pytest.raises(ValueError, match=expected) as error:
        saving.load_model(path)
    few_lines(error)


def test_weights_alone_are_no_model(tmp_path):
    dense().save(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "whole.h5", "r") as file, h5py.File(tmp_path / "w.h5", "w") as new:
        for name, value in file["model_weights"].attrs.items():
            new.attrs[name] = value
    with pytest.raises(ValueError, match="holds weights, but no model"):
        saving.load_model(tmp_path / "w.h5")


def test_a_file_that_is_not_there_has_near_names(path):
    with pytest.raises(FileNotFoundError, match=r"did you mean 'model\.keras'"):
        saving.load_model(path.with_name("modl.keras"))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        saving.load_model(path.parent / "nowhere" / "m.keras")
    with pytest.raises(IsADirectoryError):
        saving.load_model(path.parent)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_decompression_bomb_is_refused_before_it_goes_off(member, path):
    rewrite(path, {}, [member])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, b"[]")
    data = bytearray(path.read_bytes())
    # The directory at the end of a zip says how large a member gets: let it claim 1 GiB.
    entry = data.rfind(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 2**30)
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="bomb") as error:
        saving.load_model(path)
    few_lines(error)


def test_members_with_paths_are_never_unpacked(path, tmp_path):
    rewrite(path, {"../../evil.txt": "x", "/abs.txt": "x"})
    saving.load_model(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.keras"]


def test_links_out_of_the_weights_file_are_not_followed(path, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["0"] = np.zeros((6, 4), "float32")
    buffer = io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5"))
    with h5py.File(buffer, "a") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "0")
    rewrite(path, {"model.weights.h5": buffer.getvalue()})
    with pytest.raises(ValueError, match="missing in the file"):
        saving.load_model(path)


def test_weights_that_do_not_belong_to_the_config(path):
    buffer = io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5"))
    with h5py.File(buffer, "a") as file:
        del file["optimizer/vars/3"]
    rewrite(path, {"model.weights.h5": buffer.getvalue()})
    with pytest.raises(ValueError, match="state of optimizer") as error:
        saving.load_model(path)
    few_lines(error)
    assert saving.load_model(path, compile=False).built


# -- writing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, fix",
    [("m", "m.keras"), ("m.tf", "m.keras")],
)
def test_other_endings_are_refused(name, fix, trained, tmp_path):
    with pytest.raises(ValueError, match=fix) as error:
        trained.save(tmp_path / name)
    few_lines(error)
    assert not list(tmp_path.iterdir())


def test_an_unwritable_place(trained, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.keras").mkdir()
    for place in ("file/m.keras", "missing/m.keras", "folder.keras"):
        with pytest.raises(OSError, match="cannot write") as error:
            trained.save(tmp_path / place)
        few_lines(error)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.keras"]


def test_no_overwriting_if_told_so(trained, path):
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        trained.save(path, overwrite=False)
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_older_file(trained, path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "writestr", no_space)
    with pytest.raises(OSError, match="No space left") as error:
        trained.save(path)
    few_lines(error)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["model.keras"]


def no_space(*_, **__):
    raise OSError(28, "No space left on device")


LIMITED = """
    import resource, sys
    import numpy as np
    import keraunos as keras

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(20_000)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for save, path in ((model.save, sys.argv[1]), (model.save_weights, sys.argv[2])):
        try:
            save(path)
        except OSError as error:
            print(str(error).count(chr(10)) < 6)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs limits of file sizes")
def test_a_write_that_really_fails_half_way_leaves_the_older_file(path, tmp_path):
    other = tmp_path / "m.weights.h5"
    other.write_bytes(b"older")
    before = path.read_bytes()
    done = script(tmp_path, "limited.py", LIMITED, path, other)
    assert done.stdout == "True\nTrue\n", done.stderr
    assert path.read_bytes() == before
    assert other.read_bytes() == b"older"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "limited.py",
        "m.weights.h5",
        "model.keras",
    ]


def test_a_kill_half_way_leaves_the_older_file(path, tmp_path):
    text = """
        import os, signal, sys
        from keraunos.utils import writing

        with writing.replacing(sys.argv[1]) as part:
            part.write_bytes(b"half of a new fi")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    before = path.read_bytes()
    assert script(tmp_path, "killed.py", text, path).returncode == -signal.SIGKILL
    assert path.read_bytes() == before


def test_replacing_follows_links_and_keeps_permissions(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    with writing.replacing(link) as part:
        part.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_something_without_a_config_is_named(tmp_path):
    class Holder(layers.Layer):
        def __init__(self, thing, **kwargs):
            super().__init__(**kwargs)
            self.thing = thing

        def call(self, x):
            return x

    model = keras.Sequential([keras.Input((6,)), Holder(object())])
    with pytest.raises(TypeError, match="get_config") as error:
        model.save(tmp_path / "m.keras")
    few_lines(error)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("twin", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_a_copy_goes_on_as_the_model_would(trained, twin):
    model, other = copy.deepcopy(trained), twin(trained)
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    for each in (model, other):
        keras.utils.set_random_seed(2)
        each.fit(X, Y, epochs=1, batch_size=8, shuffle=False, verbose=0)
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    assert int(other.optimizer.iterations) == int(trained.optimizer.iterations) + 4


@keras.saving.register_keras_serializable("test_archive")
class Stack(layers.Layer):
    """A layer that keeps its parts where models keep theirs."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.layers = [layers.Dense(n) for n in units]

    def call(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def test_a_layer_may_have_an_attribute_layers(tmp_path):
    model = keras.Sequential([keras.Input((6,)), Stack([3, 2])])
    model.save(tmp_path / "stack.keras")
    again = keras.saving.load_model(tmp_path / "stack.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


class Bare(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)


def test_a_class_whose_constructor_takes_no_name_is_loaded(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Bare(2)(Bare(3)(inputs)))
    model.layers[1].trainable = False
    model.save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras", custom_objects={"Bare": Bare})
    assert [one.name for one in again.layers] == [one.name for one in model.layers]
    assert [one.trainable for one in again.layers] == [True, False, True]
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_the_policy_reaches_a_constructor_that_takes_none():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        made = Bare(2)
    finally:
        keras.config.set_dtype_policy("float32")
    again = Bare.from_config(made.get_config())
    assert (again.compute_dtype, again.dense.compute_dtype) == ("bfloat16", "bfloat16")
    assert keras.config.dtype_policy().name == "float32"


def test_a_model_without_a_call_has_the_weights_of_its_parts(tmp_path):
    class Pair(keras.Model):
        def __init__(self, build=True):
            super().__init__()
            start = [keras.Input((2,))] if build else []
            self.maker = keras.Sequential([*start, layers.Dense(2)])
            self.judge = keras.Sequential([*start, layers.Dense(3)])

    one, other = Pair(), Pair()
    assert one.count_params() == 15
    one.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="no weights yet"):
        Pair(build=False).save_weights(tmp_path / "n.weights.h5")
