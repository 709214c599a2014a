"""Examples of ConvLSTM: rank, arguments, shape of the input, how much of it is compared."""

from typing import Any, NamedTuple


class Case(NamedTuple):
    """One use of a ConvLSTM layer."""

    rank: int
    options: dict[str, Any]
    shape: tuple[int, ...]
    given: bool = False  # whether it gets initial states
    slopes: bool = False  # whether gradients are compared, which take long to compile

    @property
    def layer(self) -> str:
        return f"ConvLSTM{self.rank}D"

    @property
    def id(self) -> str:
        return f"{self.layer}({','.join(f'{k}={v}' for k, v in self.options.items())})"


ROWS, IMAGES, VOLUMES = (3, 4, 6, 2), (2, 3, 5, 6, 2), (2, 2, 3, 4, 3, 2)
SEQUENCES = {"return_sequences": True}
FIRST = {"data_format": "channels_first"}

CASES = [
    Case(rank, {"filters": 3, "kernel_size": 2} | options, *more)
    for rank, options, *more in [
        (1, {"strides": 2, "padding": "same", **SEQUENCES}, ROWS, False),
        (1, {"return_state": True, **FIRST}, ROWS, True, True),
        (2, {"kernel_size": (3, 2), "dilation_rate": (1, 2), "go_backwards": True}, IMAGES, False),
        (2, {"strides": (1, 2), "return_state": True, **SEQUENCES}, IMAGES, True, True),
        (2, {"padding": "same", "kernel_size": 3, **FIRST, **SEQUENCES}, IMAGES, False),
        (
            2,
            {
                "activation": "relu",
                "recurrent_activation": "hard_sigmoid",
                "unit_forget_bias": False,
                "kernel_size": 1,
            },
            IMAGES,
            False,
        ),
        (3, {"use_bias": False}, VOLUMES, False),
    ]
]

# What is wrong -> what the error says.
WRONG = [
    ({"filters": 0}, "'filters'.*at least 1"),
    ({"kernel_size": (3, 3, 3)}, "'kernel_size'.*2 integers"),
    ({"strides": 0}, "'strides'.*at least 1"),
    ({"strides": 2, "dilation_rate": 2}, "'dilation_rate'.*1 where"),
    ({"padding": "causal"}, "'padding'.*'valid', 'same'"),
    ({"data_format": "NHWC"}, "'data_format'.*'channels_last'"),
    ({"recurrent_dropout": 1.5}, "'recurrent_dropout'.*0 to 1"),
]
