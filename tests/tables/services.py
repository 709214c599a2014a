"""What each room offers beside its classes: get, serialize, deserialize, with an example each."""

# room -> class, its options, a name for `get` (None: the room has no `get`)
EXAMPLES = {
    "activations": (None, {}, "relu"),
    "constraints": ("MaxNorm", {"max_value": 3}, "unit_norm"),
    "initializers": ("RandomNormal", {"stddev": 0.5, "seed": 1}, "glorot_uniform"),
    "layers": ("RepeatVector", {"n": 3, "name": "r"}, None),
    "losses": ("Huber", {"delta": 0.5}, "mse"),
    "metrics": ("BinaryAccuracy", {"threshold": 0.25, "name": "b"}, "mae"),
    "optimizers": ("SGD", {"learning_rate": 0.25, "name": "s"}, "adam"),
    "optimizers.schedules": ("CosineDecay", {"initial_learning_rate": 0.5, "decay_steps": 9}, None),
    "regularizers": ("L2", {"l2": 0.5}, "l1"),
}
