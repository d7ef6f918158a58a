"""Right answers to notebook 00 in other forms than the reference solutions'."""

import numpy as np
import torch

from helpers.templates import Template

RIGHT = {
    "00-1": [770, 770.0, np.int64(770), torch.tensor(770), [2 * (384 + 1)][0]],
    "00-2": [
        "{} Is this review positive or negative?",
        "¿Le gustó la película? {}",
        Template("Would you see it again? {}"),
    ],
    "00-3": [
        lambda trainable, total: trainable / total * 100,
        lambda trainable, total: 100 / (total / trainable),
        lambda trainable, total: np.float32(trainable) / np.float32(total) * np.float32(100),
        lambda trainable, total: torch.tensor(trainable).div(total).mul(100),
    ],
}
