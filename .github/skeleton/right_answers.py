"""Right answers to notebook NN in other forms than the reference solutions'."""

import numpy as np
import torch

RIGHT = {
    "NN-1": [1.0, np.int64(1), torch.tensor(1)],
    "NN-2": [2.0, np.int64(2), torch.tensor(2)],
    "NN-3": [3.0, np.int64(3), torch.tensor(3)],
}
