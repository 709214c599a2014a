"""Examples of every optimizer and of every option, and the schedules."""

# class, options
CASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.8, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True, "rho": 0.8}),
    ("Adagrad", {}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "beta_1": 0.8, "epsilon": 1e-3}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.1, "amsgrad": True}),
    ("Adadelta", {}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Ftrl", {}),
    (
        "Ftrl",
        {
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.1,
            "beta": 0.2,
            "l2_shrinkage_regularization_strength": 0.05,
        },
    ),
    ("Lion", {}),
    ("Lamb", {}),
    ("Lamb", {"weight_decay": 0.1}),
    ("ScheduleFreeAdamW", {"warmup_steps": 4}),
    ("Adafactor", {}),
    ("Adafactor", {"beta_2_decay": -0.6, "clip_threshold": 0.5}),
    ("Muon", {}),
    ("Muon", {"nesterov": False, "rms_rate": None, "exclude_layers": ["kernel"]}),
    # What is around the rule.
    ("Adagrad", {"weight_decay": 0.05}),
    ("Adam", {"clipnorm": 0.5}),
    ("SGD", {"clipvalue": 0.3}),
    ("RMSprop", {"global_clipnorm": 1.0}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.9}),
    ("SGD", {"use_ema": True, "ema_overwrite_frequency": 3, "momentum": 0.5}),
    ("Adam", {"gradient_accumulation_steps": 3, "weight_decay": 0.01}),
    ("Nadam", {"gradient_accumulation_steps": 2, "use_ema": True}),
    ("SGD", {"loss_scale_factor": 8.0}),
]
# Every rule under everything that stands around rules.
RULES = sorted({name for name, _ in CASES})
CASES += [
    (name, options)
    for name in RULES
    for options in (
        {"weight_decay": 0.05, "clipnorm": 0.5, "use_ema": True, "ema_momentum": 0.9},
        {"gradient_accumulation_steps": 3, "global_clipnorm": 1.0},
        {"clipvalue": 0.3, "loss_scale_factor": 8.0},
    )
]
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in options.items())}" for name, options in CASES]

# class, arguments
SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True},
    ),
    (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True},
    ),
    ("PiecewiseConstantDecay", {"boundaries": [3, 7], "values": [0.1, 0.05, 0.01]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 5}),
    (
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 5, "power": 2.0, "cycle": True},
    ),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 8, "alpha": 0.1}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 8, "warmup_target": 0.1, "warmup_steps": 3},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3, "m_mul": 0.8}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.0, "alpha": 0.1},
    ),
]
