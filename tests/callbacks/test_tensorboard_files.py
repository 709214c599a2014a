"""Event files are whole whatever happens; summaries and pictures are what TensorBoard expects."""

import io
import os
import resource
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from PIL import Image
from tests.tables import event_files

from keraunos.callbacks._tensorboard import events, pictures, profiling, wire
from keraunos.callbacks._tensorboard.events import EventWriter

# -- the format ------------------------------------------------------------------------------------

# The vectors of RFC 3720, appendix B.4.
CHECKSUMS = [
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (b"", 0),
]


@pytest.mark.parametrize("data, crc", CHECKSUMS)
def test_checksums_are_castagnolis(data, crc):
    assert events.crc32c(data) == event_files.crc32c(data) == crc


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**63 - 1])
def test_integers_come_back(number):
    assert event_files.fields(wire.field(5, number)) == {5: [number]}


def test_a_negative_integer_takes_64_bits():
    assert wire.varint(-1) == b"\xff" * 9 + b"\x01"


def test_a_record_is_framed_as_tensorflow_frames_it():
    # What tf.io.TFRecordWriter writes for b"abc".
    assert events.framed(b"abc").hex() == "0300000000000000b099490e6162636e57f121"


def test_events_come_back(tmp_path):
    writer = EventWriter(tmp_path / "a" / "b")
    writer.add(0, [wire.scalar("loss", 0.5), wire.scalar("mae", -1e30)])
    writer.add(2**40, [wire.histogram("h", 30, pictures.buckets(np.arange(9.0)).tobytes())])
    writer.add(3, [])
    writer.add_graph(wire.graph([wire.node("a/b", "Add", ["x", "y:1"], {})]))
    writer.close()
    writer.close()
    assert "tfevents" in writer.path.name
    first = event_files.events(writer.path)[0]
    assert first[3] == [b"brain.Event:2"]
    assert abs(first[1][0] - time.time()) < 1e5
    loss, mae, histogram = event_files.values(writer.path)
    assert (loss.step, loss.tag, loss.plugin, loss.value) == (0, "loss", "scalars", 0.5)
    assert mae.value == np.float32(-1e30)
    assert (histogram.step, histogram.value.shape) == (2**40, (30, 3))
    assert event_files.graphs(tmp_path / "a" / "b") == [{"a/b": ("Add", ["x", "y:1"])}]


def test_writers_of_one_second_have_files_of_their_own(tmp_path):
    writers = [EventWriter(tmp_path) for _ in range(3)]
    assert len({writer.path for writer in writers}) == 3
    for writer in writers:
        writer.close()


# -- what can go wrong -----------------------------------------------------------------------------


def test_what_a_killed_process_wrote_is_there(tmp_path):
    program = """if True:
        import sys
        from keraunos.callbacks._tensorboard import wire
        from keraunos.callbacks._tensorboard.events import EventWriter
        writer = EventWriter(sys.argv[1])
        for step in range(10**9):
            writer.add(step, [wire.scalar("loss", step)])
            print(step, flush=True)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    for _ in range(50):
        said = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    found = event_files.values(tmp_path)
    assert len(found) > said >= 49
    assert [v.step for v in found] == list(range(len(found)))


def test_a_full_disk_cuts_no_event_and_warns_once(tmp_path):
    writer = EventWriter(tmp_path)
    writer.add(0, [wire.scalar("loss", 1.0)])
    size = writer.path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        with pytest.warns(UserWarning, match="values are lost"):
            writer.add(1, [wire.scalar("loss", 2.0)])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            writer.add(2, [wire.scalar("loss", 3.0)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert writer.path.stat().st_size == size
    writer.add(3, [wire.scalar("loss", 4.0)])
    writer.close()
    assert [v.step for v in event_files.values(writer.path)] == [0, 3]


def test_a_folder_that_cannot_be_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="TensorBoard cannot write") as error:
        EventWriter(tmp_path / "file" / "logs")
    assert str(error.value).count("\n") < 6


def test_a_closed_writer_is_an_error(tmp_path):
    writer = EventWriter(tmp_path)
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.add(0, [wire.scalar("loss", 1.0)])


# -- histograms ------------------------------------------------------------------------------------


def slow_buckets(values):
    """Thirty buckets of one width; the last one has both its edges."""
    low, high = values.min(), values.max()
    edges = np.linspace(low, high, 31)
    index = np.minimum(((values - low) / (high - low) * 30).astype(int), 29)
    counts = [int((index == i).sum()) for i in range(30)]
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


@pytest.mark.parametrize("shape", [(7,), (40, 30), (3, 3, 4, 5)])
def test_buckets_count_every_value(shape):
    values = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(pictures.buckets(values), slow_buckets(values.ravel()), rtol=1e-12)


@pytest.mark.parametrize(
    "values, row",
    [
        ([2.0, 2.0, 2.0], [2, 2, 3]),
        ([5.0], [5, 5, 1]),
        ([np.nan, 1.0, np.inf], [1, 1, 1]),
        ([], [0, 0, 0]),
        ([np.nan], [0, 0, 0]),
    ],
)
def test_odd_values_are_counted_in_the_last_bucket(values, row):
    rows = pictures.buckets(np.array(values))
    assert rows.shape == (30, 3)
    assert rows[-1].tolist() == row
    assert rows[:-1, 2].sum() == 0


# -- pictures --------------------------------------------------------------------------------------

PICTURES = [
    ((5,), (1, 5)),
    ((4, 7), (4, 7)),
    ((7, 4), (4, 7)),
    ((7, 1), (1, 7)),
    ((3, 3, 1, 4), (8, 8)),  # four tiles and their lines
    ((3, 2, 1, 5), (8, 9)),  # two rows of three tiles
    ((5, 2, 3), (12, 6)),  # Conv1D: tiles (size, in)
    ((3, 3, 2, 4), (8, 16)),  # a row an input channel
    ((3, 3, 3, 4), (8, 8, 3)),  # in colour
    ((2, 2, 2, 2, 2), None),
    ((), None),
    ((2000, 3000), (1024, 1024)),
    ((3, 3, 100, 200), (256, 256)),
]


@pytest.mark.parametrize("shape, picture", PICTURES)
def test_weights_become_pictures(shape, picture):
    pixels = pictures.picture(np.ones(shape, "float32"))
    assert (None if pixels is None else pixels.shape) == picture


def test_zero_is_grey_and_the_largest_magnitude_black_or_white():
    pixels = pictures.picture(np.array([0.0, 2.0, -4.0, np.nan]))
    assert pixels is not None
    assert pixels.tolist() == [[128, 191, 0, 128]]


def test_each_filter_is_a_tile():
    kernel = np.random.default_rng(0).normal(size=(3, 2, 2, 4)).astype("float32")
    pixels, scale = pictures.picture(kernel), np.abs(kernel).max()
    assert pixels is not None
    tile = pixels[4 * 1 : 4 * 1 + 3, 3 * 2 : 3 * 2 + 2]  # of input channel 1 and filter 2
    np.testing.assert_allclose(tile, 127.5 + 127.5 * kernel[:, :, 1, 2] / scale, atol=0.51)
    assert (pixels[3] == 0).all()


def test_a_picture_is_a_png(tmp_path):
    writer = EventWriter(tmp_path)
    image = pictures.image("k/image", np.eye(4, 6))
    assert image is not None
    writer.add(0, [image])
    writer.close()
    width, height, png = event_files.values(tmp_path)[0].value
    assert (width, height) == (b"6", b"4")
    assert Image.open(io.BytesIO(png)).size == (6, 4)


# -- which batches are profiled --------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted, found",
    [(0, (0, 0)), (5, (5, 5)), ((2, 4), (2, 4)), ([2, 2], (2, 2)), ("3,9", (3, 9)), ("7", (7, 7))],
)
def test_batches_to_profile(wanted, found):
    assert profiling.batches(wanted) == found


@pytest.mark.parametrize("wanted", [-1, (3, 2), (0, 4), (1, 2, 3), "a", None, "1,2,3"])
def test_wrong_batches_to_profile(wanted):
    with pytest.raises(ValueError, match="profile_batch") as error:
        profiling.batches(wanted)
    assert str(error.value).count("\n") < 6
