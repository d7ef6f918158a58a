"""Right answers to notebook 18 in other forms than the reference solutions'."""

import numpy as np
import torch


def one_text_at_a_time(delta, reach):
    made = []
    for own in delta:
        length = own.square().sum().sqrt()
        made.append(own if length <= reach else own * (reach / length))
    return torch.stack(made)


def in_numpy(delta, reach):
    array = delta.double().numpy()
    length = np.sqrt((array**2).sum((1, 2), keepdims=True))
    return array * np.minimum(1, reach / np.maximum(length, 1e-9))


def by_counting(before, injected, control):
    right = [n for n, value in enumerate(before) if value]
    turned = [sum(not answers[n] for n in right) for answers in (injected, control)]
    return (turned[0] - turned[1]) / len(right) if right else 0


def by_shares(before, injected, control):
    before = torch.tensor(before)
    if not before.any():
        return torch.tensor(0.0)
    return (
        torch.tensor(control)[before].float().mean() - torch.tensor(injected)[before].float().mean()
    )


RIGHT = {
    "18-1": [one_text_at_a_time, in_numpy],
    "18-2": [by_counting, by_shares],
    "18-3": [[10, 10, 8], np.array([10, 10, 8]), torch.tensor([10, 10, 8])],
    "18-4": [
        lambda right: np.asarray(right).min(0).mean(),
        lambda right: torch.as_tensor(right).all(0).float().mean(),
        lambda right: (
            sum(all(column) for column in np.asarray(right).T) / np.asarray(right).shape[1]
        ),
    ],
}
