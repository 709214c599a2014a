"""Examples of every metric: options, and a kind of data of tests/tables/losses.py."""

# class, options, kind of data
CASES = [
    ("Accuracy", {}, "labels_labels"),
    ("BinaryAccuracy", {}, "yes_no"),
    ("BinaryAccuracy", {"threshold": 0.3}, "yes_no"),
    ("CategoricalAccuracy", {}, "one_hot"),
    ("SparseCategoricalAccuracy", {}, "labels"),
    ("TopKCategoricalAccuracy", {"k": 2}, "one_hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, "labels"),
    ("MeanSquaredError", {}, "numbers"),
    ("RootMeanSquaredError", {}, "numbers"),
    ("MeanAbsoluteError", {}, "numbers"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("LogCoshError", {}, "numbers"),
    ("CosineSimilarity", {}, "numbers"),
    ("PearsonCorrelation", {}, "numbers"),
    ("ConcordanceCorrelation", {}, "numbers"),
    ("BinaryCrossentropy", {}, "yes_no"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "yes_no_logits"),
    ("CategoricalCrossentropy", {}, "one_hot"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one_hot_logits"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("KLDivergence", {}, "probabilities"),
    ("Poisson", {}, "positive"),
    ("Hinge", {}, "signs"),
    ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "one_hot_logits"),
    ("AUC", {}, "yes_no"),
    ("AUC", {"curve": "PR"}, "yes_no"),
    ("AUC", {"curve": "PR", "summation_method": "majoring", "num_thresholds": 30}, "yes_no"),
    ("AUC", {"curve": "PRGAIN", "summation_method": "minoring"}, "yes_no"),
    ("AUC", {"thresholds": [0.1, 0.35, 0.8]}, "yes_no"),
    ("AUC", {"from_logits": True}, "yes_no_logits"),
    ("Precision", {}, "yes_no"),
    ("Precision", {"thresholds": [0.2, 0.4, 0.7]}, "yes_no"),
    ("Precision", {"top_k": 2}, "yes_no"),
    ("Recall", {}, "yes_no"),
    ("Recall", {"thresholds": [0.0, 0.5, 1.0]}, "yes_no"),
    ("Recall", {"class_id": 1}, "yes_no"),
    ("TruePositives", {}, "yes_no"),
    ("TrueNegatives", {"thresholds": [0.3, 0.6]}, "yes_no"),
    ("FalsePositives", {}, "yes_no"),
    ("FalseNegatives", {"thresholds": 0.4}, "yes_no"),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, "yes_no"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, "yes_no"),
    ("PrecisionAtRecall", {"recall": 0.3}, "yes_no"),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 20}, "yes_no"),
]

# For outputs (batch, classes) only, with weights (batch,).
FLAT_CASES = [
    ("R2Score", {}, "numbers"),
    ("R2Score", {"class_aggregation": None, "num_regressors": 2}, "numbers"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "numbers"),
    ("FBetaScore", {"beta": 0.5}, "one_hot"),
    ("FBetaScore", {"average": "micro", "beta": 2.0}, "one_hot"),
    ("F1Score", {"average": "macro"}, "one_hot"),
    ("F1Score", {"average": "weighted", "threshold": 0.4}, "yes_no"),
    ("AUC", {"multi_label": True, "num_labels": 5}, "yes_no"),
    (
        "AUC",
        {"multi_label": True, "thresholds": [0.2, 0.6], "label_weights": [1.0, 2.0, 0.5, 1.0, 1.0]},
        "yes_no",
    ),
    ("AUC", {"label_weights": [1.0, 2.0, 0.5, 1.0, 1.0]}, "yes_no"),
    ("IoU", {"num_classes": 5, "target_class_ids": [0, 2]}, "labels_labels"),
    (
        "IoU",
        {"num_classes": 5, "target_class_ids": [1], "ignore_class": 3, "dtype": "float32"},
        "labels_labels",
    ),
    ("MeanIoU", {"num_classes": 5, "sparse_y_pred": False}, "labels"),
    ("OneHotIoU", {"num_classes": 5, "target_class_ids": [1, 4]}, "one_hot"),
    ("OneHotMeanIoU", {"num_classes": 5}, "one_hot"),
    ("BinaryIoU", {"threshold": 0.4}, "yes_no"),
]

# Functions that are not losses -> kind of data, and further arguments.
FUNCTIONS = {
    "binary_accuracy": ("yes_no", {"threshold": 0.4}),
    "categorical_accuracy": ("one_hot", {}),
    "sparse_categorical_accuracy": ("labels", {}),
    "top_k_categorical_accuracy": ("one_hot", {"k": 2}),
    "sparse_top_k_categorical_accuracy": ("labels", {"k": 2}),
    "pearson_correlation": ("numbers", {"axis": 1}),
    "concordance_correlation": ("numbers", {}),
}


def ids(rows):
    return [f"{name}-{'-'.join(map(str, options.values()))}-{kind}" for name, options, kind in rows]
