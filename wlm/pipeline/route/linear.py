"""Multinomial logistic regression in numpy: trained by L-BFGS, seconds for thousands of rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Loss = Callable[[Floats], tuple[float, Floats]]


class Linear(NamedTuple):
    """Weights (features + 1, classes), the last row the bias."""

    weights: Floats

    def logits(self, rows: Floats) -> Floats:
        """Scores (rows, classes) before the softmax."""
        scores: Floats = rows @ self.weights[:-1] + self.weights[-1]
        return scores


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    result: Floats = shifted / shifted.sum(-1, keepdims=True)
    return result


def train(
    rows: Floats,
    classes: NDArray[np.int64],
    importance: Floats,
    count: int,
    *,
    penalty: float,
    iterations: int,
    start: Linear | None = None,
) -> Linear:
    """Fit ``count`` classes to ``rows``, from ``start`` on.

    ``importance`` weighs rows, ``penalty`` is L2's.
    """
    target = np.zeros((len(rows), count), np.float32)
    target[np.arange(len(rows)), classes] = 1
    total = np.float32(importance.sum())
    shape = (rows.shape[1] + 1, count)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        chances = softmax(rows @ weights[:-1] + weights[-1])
        likely = np.log(np.maximum((chances * target).sum(1), 1e-12))
        error = (chances - target) * (importance / total)[:, None]
        gradient = np.empty(shape, np.float32)
        gradient[:-1] = rows.T @ error + penalty * weights[:-1]
        gradient[-1] = error.sum(0)
        value = -float((importance * likely).sum() / total)
        value += 0.5 * penalty * float((weights[:-1] ** 2).sum())
        return value, gradient.ravel()

    first = np.zeros(shape, np.float32) if start is None else start.weights
    return Linear(minimise(loss, first.ravel(), iterations).reshape(shape))


def minimise(loss: Loss, start: Floats, iterations: int, memory: int = 8) -> Floats:
    """L-BFGS with backtracking: a point near the minimum of a smooth convex ``loss``."""
    point = start
    value, gradient = loss(point)
    history: deque[tuple[Floats, Floats, float]] = deque(maxlen=memory)
    for _ in range(iterations):
        direction = _direction(gradient, history)
        slope = float(direction @ gradient)
        step = 1.0 if history else 1.0 / max(float(np.linalg.norm(gradient)), 1e-12)
        while True:
            moved = point + np.float32(step) * direction
            new_value, new_gradient = loss(moved)
            if new_value <= value + 1e-4 * step * slope or step < 1e-6:
                break
            step *= 0.5
        change, turn = moved - point, new_gradient - gradient
        curvature = float(change @ turn)
        if curvature > 1e-12:
            history.append((change, turn, 1.0 / curvature))
        done = abs(value - new_value) < 1e-6 * max(1.0, abs(value))
        point, value, gradient = moved, new_value, new_gradient
        if done:
            break
    return point


def _direction(gradient: Floats, history: deque[tuple[Floats, Floats, float]]) -> Floats:
    """The two-loop recursion."""
    direction = -gradient
    factors: list[float] = []
    for change, turn, rho in reversed(history):
        factor = rho * float(change @ direction)
        direction = direction - np.float32(factor) * turn
        factors.append(factor)
    if history:
        change, turn, rho = history[-1]
        direction = direction * np.float32(1.0 / (rho * float(turn @ turn)))
    for (change, turn, rho), factor in zip(history, reversed(factors), strict=True):
        back = rho * float(turn @ direction)
        direction = direction + np.float32(factor - back) * change
    return direction
