"""The models in plain PyTorch, with the training loop that a user would write by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Permute(nn.Module):
    """Moves axes: PyTorch's convolutions want the channels first."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.axes)


class LastOutput(nn.Module):
    """An LSTM that returns its output after the last time step."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, units, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, F) -> (B, units)
        return self.lstm(x)[1][0][0]


class Block(nn.Module):
    """Two separable convolutions, a pool, and a strided shortcut around them."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *self.convolution(channels, size),
            *self.convolution(size, size),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.shortcut = nn.Conv2d(channels, size, 1, stride=2, bias=False)

    def convolution(self, channels: int, size: int) -> tuple[nn.Module, ...]:
        depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        pointwise = nn.Conv2d(channels, size, 1, bias=False)
        norm = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
        return norm, nn.ReLU(), depthwise, pointwise

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + self.shortcut(x)


def perceptron() -> nn.Module:
    hidden = [nn.Linear(784, 128), nn.ReLU()]
    hidden += 2 * [nn.Linear(128, 128), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(128, 10))


def convnet() -> nn.Module:
    return nn.Sequential(
        Permute(0, 3, 1, 2),
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def lstm() -> nn.Module:
    return nn.Sequential(nn.Embedding(10_000, 32), LastOutput(32, 32), nn.Linear(32, 1))


def conv1d() -> nn.Module:
    return nn.Sequential(
        nn.Embedding(10_000, 128),
        Permute(0, 2, 1),
        *(nn.Conv1d(128, 32, 7), nn.ReLU(), nn.MaxPool1d(5)),
        *(nn.Conv1d(32, 32, 7), nn.ReLU(), nn.AdaptiveMaxPool1d(1)),
        *(nn.Flatten(), nn.Linear(32, 1)),
    )


def xception() -> nn.Module:
    sizes = (32, 32, 64, 128, 256, 512)
    return nn.Sequential(
        Permute(0, 3, 1, 2),
        nn.Conv2d(3, 32, 5, bias=False),
        *(Block(*pair) for pair in pairwise(sizes)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(512, 1)),
    )


RMSprop = partial(torch.optim.RMSprop, lr=1e-3, alpha=0.9, eps=1e-7)
MODELS = {
    "perceptron": (perceptron, partial(torch.optim.Adam, lr=1e-3, eps=1e-7)),
    "convnet": (convnet, RMSprop),
    "lstm": (lstm, RMSprop),
    "conv1d": (conv1d, partial(RMSprop, lr=1e-4)),
    "xception": (xception, RMSprop),
}


def hits(logits: Tensor, y: Tensor) -> Tensor:
    """How many rows are classified right; y: (B,) classes, (B, C) one-hot, or (B, 1) of 0, 1."""
    if logits.shape[-1] == 1:
        return ((logits > 0) == (y > 0)).sum()
    return (logits.argmax(1) == (y if y.ndim == 1 else y.argmax(1))).sum()


def trainer(name: str, x: np.ndarray, y: np.ndarray, batch: int) -> Callable[[int], float]:
    """A function that trains the model `name` for some epochs and returns the last one's loss."""
    build, optimize = MODELS[name]
    model = build()
    optimizer = optimize(model.parameters())
    data = torch.from_numpy(x) / 255 if name == "xception" else torch.from_numpy(x)
    target = torch.from_numpy(y).long() if y.ndim == 1 else torch.from_numpy(y)
    binary = y.ndim == 2 and y.shape[1] == 1
    loss_function = F.binary_cross_entropy_with_logits if binary else F.cross_entropy

    def epoch() -> float:
        total, correct = torch.zeros(()), torch.zeros(())
        for rows in torch.randperm(len(data)).split(batch):
            logits = model(data[rows])
            loss = loss_function(logits, target[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
            correct += hits(logits.detach(), target[rows])
        assert correct <= len(data)
        return float(total) / len(data)

    return lambda epochs: [epoch() for _ in range(epochs)][-1]
