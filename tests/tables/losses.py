"""Examples of every loss: options, and targets and outputs that fit."""

import numpy as np

KINDS = {
    "numbers": ("normal", "normal"),
    "positive": ("positive", "positive"),
    "probabilities": ("distribution", "distribution"),
    "one_hot": ("one_hot", "distribution"),
    "one_hot_logits": ("one_hot", "normal"),
    "labels": ("labels", "distribution"),
    "labels_logits": ("labels", "normal"),
    "yes_no": ("yes_no", "unit"),
    "yes_no_logits": ("yes_no", "normal"),
    "signs": ("signs", "normal"),
    "embeddings": ("labels", "sphere"),
    "ctc": ("words", "sequence"),
}

# class, options, kind of data
CASES = [
    ("MeanSquaredError", {}, "numbers"),
    ("MeanAbsoluteError", {}, "numbers"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "numbers"),
    ("Huber", {}, "numbers"),
    ("Huber", {"delta": 0.3}, "numbers"),
    ("LogCosh", {}, "numbers"),
    ("CosineSimilarity", {}, "numbers"),
    ("CosineSimilarity", {"axis": -2}, "numbers"),
    ("BinaryCrossentropy", {}, "yes_no"),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, "yes_no"),
    ("BinaryCrossentropy", {"from_logits": True}, "yes_no_logits"),
    ("BinaryFocalCrossentropy", {}, "yes_no"),
    (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5},
        "yes_no",
    ),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "yes_no_logits"),
    ("CategoricalCrossentropy", {}, "one_hot"),
    ("CategoricalCrossentropy", {}, "probabilities"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "one_hot_logits"),
    ("CategoricalFocalCrossentropy", {}, "one_hot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.0}, "one_hot_logits"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels_logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "labels"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2, "from_logits": True}, "labels_logits"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, "labels"),
    ("KLDivergence", {}, "probabilities"),
    ("Poisson", {}, "positive"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "yes_no"),
    ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "one_hot_logits"),
    ("Dice", {}, "yes_no"),
    ("Dice", {"axis": (1, 2)}, "yes_no"),
    ("Tversky", {"alpha": 0.3, "beta": 0.8}, "yes_no"),
    ("Circle", {}, "embeddings"),
    ("Circle", {"gamma": 10.0, "margin": 0.2, "remove_diagonal": False}, "embeddings"),
    ("CTC", {}, "ctc"),
]
IDS = [f"{name}-{'-'.join(map(str, options.values()))}-{kind}" for name, options, kind in CASES]

# function -> kind of data, and further arguments
FUNCTIONS = {
    "mean_squared_error": ("numbers", {}),
    "mean_absolute_error": ("numbers", {}),
    "mean_absolute_percentage_error": ("positive", {}),
    "mean_squared_logarithmic_error": ("positive", {}),
    "huber": ("numbers", {"delta": 0.7}),
    "log_cosh": ("numbers", {}),
    "cosine_similarity": ("numbers", {"axis": 1}),
    "binary_crossentropy": ("yes_no", {"label_smoothing": 0.2, "axis": 1}),
    "binary_focal_crossentropy": ("yes_no", {"gamma": 1.0, "apply_class_balancing": True}),
    "categorical_crossentropy": ("one_hot_logits", {"from_logits": True}),
    "categorical_focal_crossentropy": ("one_hot", {"alpha": 0.5, "label_smoothing": 0.1}),
    "categorical_generalized_cross_entropy": ("labels", {"q": 0.4}),
    "sparse_categorical_crossentropy": ("labels", {"ignore_class": 1}),
    "kl_divergence": ("probabilities", {}),
    "poisson": ("positive", {}),
    "hinge": ("signs", {}),
    "squared_hinge": ("yes_no", {}),
    "categorical_hinge": ("one_hot_logits", {}),
    "dice": ("yes_no", {"axis": (1, 2)}),
    "tversky": ("yes_no", {"alpha": 0.4}),
    "circle": ("embeddings", {"gamma": 8.0}),
    "ctc": ("ctc", {}),
}


def data(kind, batch=6, steps=4, classes=5, seed=0):
    """Return (y_true, y_pred) of a kind, (batch, steps, classes) or fewer axes."""
    rng = np.random.default_rng(seed)
    shape = (batch, steps, classes) if kind not in ("embeddings", "ctc") else (batch, classes)
    return tuple(_draw(part, rng, shape) for part in KINDS[kind])


def _draw(part, rng, shape):
    z = rng.normal(size=shape).astype("float32")
    labels = rng.integers(0, shape[-1], shape[:-1]).astype("int32")
    softmax = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    return {
        "normal": lambda: z,
        "positive": lambda: np.abs(z) + 0.1,
        "distribution": lambda: softmax,
        "one_hot": lambda: np.eye(shape[-1], dtype="float32")[labels],
        "labels": lambda: labels,
        "unit": lambda: 1 / (1 + np.exp(-z)),
        "yes_no": lambda: (z > 0).astype("float32"),
        "signs": lambda: np.where(z > 0, 1.0, -1.0).astype("float32"),
        "sphere": lambda: z / np.linalg.norm(z, axis=-1, keepdims=True),
        "words": lambda: np.array(
            [[1, 2, 0], [3, 0, 0], [1, 1, 4], [2, 3, 1], [4, 0, 0], [1, 2, 3]], "int32"
        )[: shape[0]],
        "sequence": lambda: rng.normal(size=(shape[0], 9, shape[1])).astype("float32"),
    }[part]()
