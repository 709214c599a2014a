"""Worker processes give what threads give, import no JAX, and are gone afterwards."""

import os
import subprocess
import sys
import textwrap

import pytest

# Functions of these programs are of `__main__`, as in a user's script: they are sent by value.
HEAD = """
import contextlib, faulthandler, os, pathlib, sys
faulthandler.dump_traceback_later(100, exit=True)
import numpy as np
from keraunos.data import Dataset
from keraunos.data.pydataset import Batches, PyDataset

def children():
    mine = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if path.read_text().rpartition(")")[2].split()[1] == str(os.getpid()):
                mine.append(path)
    return mine
"""

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at /proc")  # noqa: PTH112


def run(program, **options):
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_map_by_processes_sends_functions_classes_and_globals_and_no_jax():
    run("""
    FACTOR = 3

    def scaled(x):
        return x * FACTOR

    class Base:
        def __init__(self, more):
            self.more = more
        def __call__(self, x):
            return scaled(x) + self.more

    class Sub(Base):
        def __call__(self, x):
            assert "jax" not in sys.modules
            print("prints do not disturb the answers")
            return super().__call__(x), os.getpid()

    found = list(Dataset.range(40).map(Sub(1), num_parallel_calls=2, use_processes=True))
    assert [int(value) for value, _ in found] == [3 * n + 1 for n in range(40)]
    assert os.getpid() not in {int(pid) for _, pid in found}
    assert not children()
    """)


def test_classes_of_all_kinds_are_sent_and_only_what_functions_look_up():
    run("""
    import abc, collections, dataclasses, enum, functools

    class Color(enum.Enum):
        RED = 1
        def twice(self):
            return 2 * self.value

    @dataclasses.dataclass
    class Settings:
        factor: int = 2
        others: list = dataclasses.field(default_factory=list)

    class Base(abc.ABC):
        @abc.abstractmethod
        def of(self, x): ...

    class Sub(Base):
        def of(self, x):
            return self.open(x)
        def open(self, x):
            return x + 1

    class Slots:
        __slots__ = ("more",)
        def __init__(self):
            self.more = 4

    Pair = collections.namedtuple("Pair", "a b")

    @functools.lru_cache
    def cached(x):
        return x * 3

    more = open = (x for x in ())  # cannot be sent, and need not be: attributes have these names
    settings, sub, slots = Settings(), Sub(), Slots()

    def all_of_it(x):
        known = dataclasses.asdict(settings)["factor"] + len(settings.others)
        n = Color.RED.twice() + known + sub.of(x) + slots.more + cached(int(x))
        return Pair(n, x)

    data = Dataset.range(3)
    found = list(data.map(all_of_it, 1, use_processes=True))
    assert found == list(data.map(all_of_it)) and type(found[0]) is Pair
    """)


def test_random_numbers_do_not_depend_on_the_number_of_workers():
    run("""
    def noisy(x):
        return x + np.random.rand()

    def drawn(workers):
        np.random.seed(1)
        return [float(x) for x in Dataset.range(9).map(noisy, workers, use_processes=True)]

    assert drawn(1) == drawn(3)
    assert len(set(drawn(2))) == 9
    """)


def test_errors_of_workers_have_their_own_traceback():
    out = run("""
    import traceback

    def fails_here(x):
        if x == 2:
            raise KeyError("two")
        return x

    mapped = Dataset.range(5).map(fails_here, 2, use_processes=True)
    try:
        list(mapped)
    except KeyError:
        print(traceback.format_exc())
    assert [int(x) for x in mapped.ignore_errors()] == [0, 1, 3, 4]
    assert not children()
    """)
    assert "in fails_here" in out
    assert 'raise KeyError("two")' in out or "KeyError: 'two'" in out


def test_errors_that_cannot_be_sent_are_told_and_disturb_no_other_item():
    out = run("""
    import traceback

    class Own(Exception):  # of this program: a worker does not know it by name
        def __init__(self, name, number):
            super().__init__(name)

    def fails_here(x):
        if x == 5:
            raise Own("five", 5)
        if x == 7:
            sys.exit("no answer")
        return open(os.devnull) if x == 8 else x

    found, told = [], []
    elements = iter(Dataset.range(20).map(fails_here, 1, use_processes=True))
    while True:
        try:
            found.append(int(next(elements)))
        except StopIteration:
            break
        except BaseException as error:
            told.append(str(error))
            if len(told) == 1:
                print(traceback.format_exc())
    assert found == [*range(5), 6, *range(9, 20)]
    assert told[:2] == ["Own: five", "no answer"] and "cannot be sent" in told[2], told
    assert not children()
    """)
    assert "in fails_here" in out


def test_a_worker_that_dies_is_an_error_and_not_a_hang():
    out = run("""
    def dies(x):
        os._exit(3)

    class Unsendable:
        def __init__(self):
            self.file = open(os.devnull)
        def __call__(self, x):
            return x

    for function in (dies, Unsendable()):
        try:
            list(Dataset.range(5).map(function, 2, use_processes=True))
        except (RuntimeError, TypeError) as error:
            print(error)
    assert not children()
    """)
    assert "exit code 3" in out
    assert "use threads" in out


def test_workers_stay_from_pass_to_pass_and_see_what_on_epoch_end_changed():
    run("""
    class Numbers(PyDataset):
        factor = 1
        def __len__(self):
            return 4
        def __getitem__(self, i):
            return i * self.factor, os.getpid()

    numbers = Numbers(workers=2, use_multiprocessing=True)
    batches = Batches(numbers)
    first = list(batches.pass_())
    numbers.factor = 10
    second = list(batches.pass_())
    assert [n for n, _ in first] == [0, 1, 2, 3] and [n for n, _ in second] == [0, 10, 20, 30]
    assert len({pid for _, pid in first + second}) <= 2
    batches.close()
    assert not children()
    """)
