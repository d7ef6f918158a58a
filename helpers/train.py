"""Train what is not frozen, and say how good it is, with an interval."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from scipy.stats import bootstrap
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm

# What an optimizer remembers of each parameter from step to step.
MEMORY = {
    torch.optim.SGD: ("momentum_buffer",),
    torch.optim.AdamW: ("step", "exp_avg", "exp_avg_sq"),
    torch.optim.Muon: ("momentum_buffer",),
}


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and what to change."""


def train_epoch(model, optimizer, inputs, labels, batch_size: int, generator) -> float:
    """One pass over the data in random order; the mean cross-entropy on the way.

    ``inputs[rows]`` must be what ``model`` takes; ``labels`` is (texts,) of class numbers.
    """
    model.train()
    total = 0.0
    order = torch.randperm(len(labels), generator=generator)
    for rows in order.split(batch_size):
        loss = F.cross_entropy(model(inputs[rows]), labels[rows])
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss became {loss.item()}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(labels)


@torch.inference_mode()
def validate(model, inputs, labels) -> tuple[float, float]:
    """Cross-entropy and accuracy of ``model``, without training it."""
    model.eval()
    logits = model(inputs)  # (texts, labels)
    right = (logits.argmax(-1) == labels).float()
    return F.cross_entropy(logits, labels).item(), right.mean().item()


def make_optimizer(kind: str, trained: dict, lr: float, weight_decay: float):
    """``"sgd"`` (momentum 0.9) or ``"adamw"``; weight decay is for matrices, not for biases."""
    matrices = [p for p in trained.values() if p.ndim > 1]
    biases = [p for p in trained.values() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": biases, "weight_decay": 0.0},
    ]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr, momentum=0.9)
    if kind == "adamw":
        return torch.optim.AdamW(groups, lr)
    raise TrainingError(f"optimizer is 'sgd' or 'adamw', not {kind!r}.")


def cosine(lr: float, epoch: int, epochs: int) -> float:
    """The learning rate of ``epoch``: from ``lr`` in epoch 0 down half a cosine towards 0."""
    return lr * (1 + math.cos(math.pi * epoch / epochs)) / 2


def run_epoch(model, optimizer, train, validation, batch_size: int, lr: float, seed: int) -> dict:
    """Train for one epoch at the rate ``lr``, then validate; both losses and the accuracy."""
    for group in optimizer.param_groups:
        group["lr"] = lr
    generator = torch.Generator().manual_seed(seed)
    args = batch_size, generator
    train_loss = train_epoch(model, optimizer, *train, *args)
    loss, accuracy = validate(model, *validation)
    if not math.isfinite(loss):
        raise TrainingError(f"the validation loss became {loss}")
    return {"train_loss": train_loss, "validation_loss": loss, "accuracy": accuracy}


def put_back(trained: dict, values: dict) -> None:
    """Copy ``values`` into the trained parameters."""
    with torch.no_grad():
        for name, value in values.items():
            trained[name].copy_(value)


@contextmanager
def rescue(trained: dict, best: dict, epoch: int, lr: float):
    """If the loss is not finite, put the best weights back and say what to change."""
    try:
        yield
    except TrainingError as error:
        put_back(trained, best)
        raise TrainingError(
            f"In epoch {epoch + 1} {error}. The weights of the best epoch are back in place. "
            f"Try a lower lr than {lr:g}, and look for NaN in the inputs."
        ) from error


def keep_best(best: dict, trained: dict, history: list[dict]) -> None:
    """Copy the weights into ``best`` if the last epoch has the lowest validation loss."""
    losses = [row["validation_loss"] for row in history]
    if losses[-1] <= min(losses):
        best.update({n: p.detach().clone() for n, p in trained.items()})


def stalled(history: list[dict], patience: int | None) -> bool:
    """Whether the lowest validation loss lies ``patience`` or more epochs back."""
    losses = [row["validation_loss"] for row in history]
    if patience is None or not losses:
        return False
    return len(losses) - 1 - np.argmin(losses) >= patience


def epochs_left(history: list[dict], epochs: int, patience: int | None) -> Iterator[int]:
    """The epochs still to run, with a progress bar, until patience runs out."""
    left = range(len(history), epochs)
    for epoch in tqdm(left, "training", leave=False, delay=2):
        if stalled(history, patience):
            return
        yield epoch


def fit(
    model: nn.Module,
    train,
    validation,
    *,
    lr: float = 0.1,
    epochs: int = 30,
    batch_size: int = 64,
    weight_decay: float = 0.0,
    patience: int | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    optimizer: str = "sgd",
) -> list[dict]:
    """Train with SGD (momentum 0.9) or AdamW and a cosine schedule.

    Args:
        train, validation: pairs ``(inputs, labels)``.
        patience: stop after this many epochs without a lower validation loss, and go back to the
            epoch of the lowest. None trains to the end and keeps the last epoch.
        checkpoint: a file, written after each epoch; an interrupted call goes on from it.
        optimizer: ``"sgd"`` or ``"adamw"``.

    Returns:
        One dict an epoch: ``epoch``, ``train_loss``, ``validation_loss``, ``accuracy``.

    Raises:
        TrainingError: the loss is not finite (the best epoch so far is put back first), or the
            checkpoint belongs to another model or optimizer.
    """
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    stepper = make_optimizer(optimizer, trained, lr, weight_decay)
    history, best = resume(checkpoint, trained, stepper)
    for epoch in epochs_left(history, epochs, patience):
        rate, order = cosine(lr, epoch, epochs), seed * 100_003 + epoch
        with rescue(trained, best, epoch, lr):
            row = run_epoch(model, stepper, train, validation, batch_size, rate, order)
        history.append({"epoch": epoch + 1} | row)
        keep_best(best, trained, history)
        save_checkpoint(checkpoint, trained, best, stepper, history)
    if patience is not None:
        put_back(trained, best)
    return history


def save_checkpoint(path, trained, best, optimizer, history) -> None:
    """Weights now and at best, the optimizer's memory and the history in one file, replaced whole.

    ``path`` None saves nothing.
    """
    if path is None:
        return
    tensors = {f"now.{name}": p.detach().clone() for name, p in trained.items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    tensors |= {
        f"{kind}.{name}": optimizer.state[p][kind]
        for name, p in trained.items()
        for kind in MEMORY[type(optimizer)]
    }
    part = Path(f"{path}.part")
    save_file(tensors, part, metadata={"history": json.dumps(history)})
    part.replace(path)


def resume(path, trained: dict, optimizer) -> tuple[list[dict], dict]:
    """History and best weights so far; from the checkpoint, if there is one."""
    if path is None or not Path(path).exists():
        return [], {name: p.detach().clone() for name, p in trained.items()}
    try:
        with safe_open(path, "pt") as file:
            saved = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            history = json.loads(file.metadata()["history"])
        for name, p in trained.items():
            optimizer.state[p] = {kind: saved[f"{kind}.{name}"] for kind in MEMORY[type(optimizer)]}
        put_back(trained, {name: saved[f"now.{name}"] for name in trained})
        return history, {name: saved[f"best.{name}"] for name in trained}
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise TrainingError(
            f"{path} is not a checkpoint of this model ({error}): delete it or name another file."
        ) from error


def fit_head(classifier, train, validation, *, lr: float = 0.01, **options) -> list[dict]:
    """Train the linear head alone on features computed once; see ``fit`` for the options.

    The features are standardised for the training, which conditions the loss, and the scale is
    folded into the head afterwards: what is saved is one linear layer.
    """
    for features, labels in (train, validation):
        check_labels(labels, classifier.labels)
        check_features(features)
    (x, y), (v, w), head = train, validation, classifier.head
    mean, scale = x.mean(0), x.std(0) + 1e-6  # both (hidden,)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    parts = ((x - mean) / scale, y), ((v - mean) / scale, w)
    try:
        return fit(head, *parts, lr=lr, **options)
    finally:  # after an error, too: the weights are for scaled features
        with torch.no_grad():
            head.weight /= scale
            head.bias -= head.weight @ mean


def warm_cosine(step: int, steps: int, warm_up: int = 20) -> float:
    """Share of the full learning rate: up in a line over ``warm_up`` steps, down half a cosine."""
    return min(1, (step + 1) / warm_up) * cosine(1, step, steps)


@torch.inference_mode()
def logits_of(classifier, inputs, batch_size: int = 64) -> torch.Tensor:
    """Logits (texts, labels), computed in batches of like length."""
    logits = torch.empty(len(inputs), len(classifier.labels))
    order = torch.tensor([len(row) for row in inputs.ids]).argsort()
    for rows in order.split(batch_size):
        logits[rows] = classifier(inputs[rows])
    return logits


def judge(classifier, inputs, labels, batch_size: int = 64) -> tuple[float, float]:
    """Cross-entropy and accuracy of ``classifier`` on ``inputs``."""
    logits = logits_of(classifier, inputs, batch_size)
    right = (logits.argmax(-1) == labels).float()
    return F.cross_entropy(logits, labels).item(), right.mean().item()


def tune_epoch(classifier, optimizer, inputs, labels, batch_size: int, epoch, epochs, seed):
    """One pass in batches of like length, the learning rate set before each step; mean loss."""
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    batches, total = inputs.batches(batch_size, generator), 0.0
    for number, rows in enumerate(batches, epoch * len(batches)):
        for group in optimizer.param_groups:
            group["lr"] = group["full"] * warm_cosine(number, epochs * len(batches))
        loss = F.cross_entropy(classifier(inputs[rows]), labels[rows])
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss became {loss.item()}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(labels)


def prompt_optimizer(classifier, lr: float, head_lr: float):
    """AdamW for prompt and head, each with its own full learning rate."""
    groups = [
        {"params": classifier.prompt.parameters(), "full": lr},
        {"params": classifier.head.parameters(), "full": head_lr},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.0)


def tune(
    classifier,
    train,
    validation,
    *,
    lr: float = 1e-2,
    head_lr: float = 3e-2,
    epochs: int = 8,
    batch_size: int = 16,
    seed: int = 0,
    checkpoint: str | Path | None = None,
) -> list[dict]:
    """Train prompt and head together with AdamW, the encoder frozen.

    Args:
        train, validation: pairs ``(inputs, labels)`` of ``encode.Inputs`` and (texts,) numbers.
        lr, head_lr: learning rates of the prompt and of the head. The head's must suit the scale
            of the states that it reads: too slow a head collapses (notebook 10).
        checkpoint: a file, written after each epoch; an interrupted call goes on from it.

    Returns:
        One dict an epoch: ``epoch``, ``train_loss``, ``validation_loss``, ``accuracy``.

    Raises:
        TrainingError: the loss is not finite (the best epoch so far is put back first), a label
            is unknown, or the checkpoint belongs to another prompt.
    """
    for _, labels in (train, validation):
        check_labels(labels, classifier.labels)
    trained = {n: p for n, p in classifier.named_parameters() if p.requires_grad}
    optimizer = prompt_optimizer(classifier, lr, head_lr)
    history, best = resume(checkpoint, trained, optimizer)
    for epoch in epochs_left(history, epochs, None):
        with rescue(trained, best, epoch, lr):
            loss = tune_epoch(classifier, optimizer, *train, batch_size, epoch, epochs, seed)
            found = judge(classifier, *validation)
        history.append(
            {
                "epoch": epoch + 1,
                "train_loss": loss,
                "validation_loss": found[0],
                "accuracy": found[1],
            }
        )
        keep_best(best, trained, history)
        save_checkpoint(checkpoint, trained, best, optimizer, history)
    return history


def check_features(features: torch.Tensor) -> None:
    """TrainingError unless all ``features`` are finite."""
    if not features.isfinite().all():
        raise TrainingError("The features hold NaN or infinity: encode the texts again.")


def check_labels(labels: torch.Tensor, names: Sequence[str]) -> None:
    """TrainingError unless ``labels`` are class numbers of ``names``."""
    wrong = (labels < 0) | (labels >= len(names))
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise TrainingError(
            f"Row {row} has the label number {int(labels[row])}, but the classifier knows 0 to "
            f"{len(names) - 1} ({', '.join(names)}): fix the label or name all labels."
        )


def evaluate(predicted, labels, seed: int = 0) -> dict[str, float]:
    """Accuracy with a 95% bootstrap interval (Efron 1979) and macro F1, all in percent."""
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    right = (predicted == labels).astype(float)
    low = high = right.mean()
    if 0 < right.mean() < 1:  # the interval of a constant is that constant
        low, high = bootstrap(
            (right,), np.mean, n_resamples=2000, method="percentile", rng=seed, batch=200
        ).confidence_interval
    scores = {
        "accuracy": accuracy_score(labels, predicted),
        "low": low,
        "high": high,
        "f1": f1_score(labels, predicted, average="macro"),
    }
    return {name: round(100 * float(s), 1) for name, s in scores.items()}


def right_answers(features: torch.Tensor, labels: np.ndarray) -> np.ndarray:
    """Which texts a linear head gets right that was fitted on the others: (texts,) of bool.

    Five-fold cross-validation; the head is scikit-learn's, with one fixed regularisation.
    """
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    predicted = cross_val_predict(head, features.numpy(), labels, cv=5)
    return predicted == labels


def gain(right: np.ndarray, baseline: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Difference in accuracy (points) and its 95% bootstrap interval, paired by text."""
    points = 100 * (right.astype(float) - baseline)  # -100, 0 or 100
    found = bootstrap((points,), np.mean, method="percentile", rng=seed)
    return points.mean(), *found.confidence_interval
