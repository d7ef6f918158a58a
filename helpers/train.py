"""Train what is not frozen: a head on features, or a prompt and a head on token ids."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers.checkpoints import Checkpoint, TrainingError
from helpers.progress import progress
from helpers.templates import Features


def cosine(step: int, steps: int, per_epoch: int = 1) -> float:
    """Share of the full learning rate: half a cosine from 1 towards 0, lowered at each epoch."""
    done = step // per_epoch * per_epoch
    return (1 + math.cos(math.pi * done / steps)) / 2


def warm_cosine(step: int, steps: int, per_epoch: int = 1, warm_up: int = 20) -> float:
    """Up in a line over ``warm_up`` steps, and down half a cosine, lowered at each step."""
    return min(1, (step + 1) / warm_up) * cosine(step, steps)


def make_optimizer(kind: str, model: nn.Module, lr: float, weight_decay: float = 0.0):
    """``"sgd"`` (momentum 0.9) or ``"adamw"``; weight decay is for matrices, not for biases."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr, momentum=0.9)
    if kind == "adamw":
        return torch.optim.AdamW(groups, lr)
    raise TrainingError(f"optimizer is 'sgd' or 'adamw', not {kind!r}.")


def prompt_optimizer(classifier, lr: float = 1e-2, head_lr: float = 3e-2):
    """AdamW for prompt and head, each with its own learning rate.

    The head's must suit the scale of the states that it reads: too slow a head collapses
    (notebook 10).
    """
    groups = [
        {"params": classifier.prompt.parameters(), "lr": lr},
        {"params": classifier.head.parameters(), "lr": head_lr},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.0)


def train_epoch(model, optimizer, inputs, labels, batch_size: int, generator,
                shares: Sequence[float] | None = None, weight=None) -> float:  # fmt: skip
    """One pass over the data in random order; the mean cross-entropy on the way.

    Args:
        inputs: ``templates.Features`` or ``Inputs``; ``inputs[rows]`` must be what ``model`` takes.
        labels: (texts,) of class numbers.
        shares: of the full learning rate, one for each batch; all of it by default.
        weight: (labels,), how much each label counts in the loss.
    """
    model.train()
    total, batches = 0.0, inputs.batches(batch_size, generator)
    for rows, share in zip(batches, shares or [1.0] * len(batches), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * share
        logits = model(inputs[rows])
        loss = F.cross_entropy(logits, labels[rows].to(logits.device), weight)
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss became {loss.item()}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(labels)


@torch.inference_mode()
def logits_of(model, inputs, batch_size: int = 64) -> torch.Tensor:
    """Logits (texts, labels) in float32, in the order of the inputs."""
    model.eval()
    batches = inputs.batches(batch_size)
    logits = torch.cat([model(inputs[rows]).float().cpu() for rows in batches])
    return logits[torch.cat(list(batches)).argsort()]


def judge(model, inputs, labels, batch_size: int = 64) -> tuple[float, float]:
    """Cross-entropy and accuracy of ``model``, without training it."""
    logits = logits_of(model, inputs, batch_size)
    right = (logits.argmax(-1) == labels).float()
    return F.cross_entropy(logits, labels).item(), right.mean().item()


def put_back(trained: dict, values: dict) -> None:
    """Copy ``values`` into the trained parameters."""
    with torch.no_grad():
        for name, value in values.items():
            trained[name].copy_(value)


@contextmanager
def rescue(trained: dict, best: dict, epoch: int, optimizer):
    """If the loss is not finite, put the best weights back and say what to change."""
    try:
        yield
    except TrainingError as error:
        put_back(trained, best)
        rates = ", ".join(f"{group['initial_lr']:g}" for group in optimizer.param_groups)
        raise TrainingError(
            f"In epoch {epoch + 1} {error}. The weights of the best epoch are back in place. "
            f"The inputs are finite, so the learning rate ({rates}) is too high: try a lower one."
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
    for epoch in progress(left, "training", delay=2):
        if stalled(history, patience):
            return
        yield epoch


def run_epoch(model, optimizer, train, validation, batch_size: int, seed: int, *how) -> dict:
    """Train for one epoch, then validate; both losses and the accuracy."""
    generator = torch.Generator().manual_seed(seed)
    train_loss = train_epoch(model, optimizer, *train, batch_size, generator, *how)
    loss, accuracy = judge(model, *validation)
    check_loss(loss)
    return {"train_loss": train_loss, "validation_loss": loss, "accuracy": accuracy}


def shares_of(schedule: Callable, epoch: int, epochs: int, texts: int, batch_size: int):
    """Share of the learning rate at each step of an epoch."""
    batches = math.ceil(texts / batch_size)
    steps = range(epoch * batches, (epoch + 1) * batches)
    return [schedule(step, epochs * batches, batches) for step in steps]


def fit(model: nn.Module, train, validation, optimizer, *, epochs: int = 30, batch_size: int = 64,
        schedule: Callable = cosine, patience: int | None = None, seed: int = 0,
        checkpoint: str | Path | None = None, weight=None) -> list[dict]:  # fmt: skip
    """Train what the optimizer holds, and validate after each epoch.

    Args:
        train, validation: pairs of inputs (``templates.Features`` or ``Inputs``) and labels.
        schedule: share of the learning rate at ``(step, steps, steps an epoch)``.
        patience: stop after this many epochs without a lower validation loss, and go back to the
            epoch of the lowest. None trains to the end and keeps the last epoch.
        checkpoint: a file, written after each epoch; an interrupted call goes on from it.
        weight: (labels,), how much each label counts in the training loss; ``balanced`` makes one.

    Returns:
        One dict an epoch: ``epoch``, ``train_loss``, ``validation_loss``, ``accuracy``.

    Raises:
        TrainingError: data that does not fit; a loss that is not finite (the best epoch so far is
            put back first); a checkpoint of another run.
    """
    train, validation = check_data(model, *train), check_data(model, *validation)
    settings = epochs, batch_size, schedule, patience, seed, weight
    run = Checkpoint.of_fit(checkpoint, model, train, validation, optimizer, settings)
    trained, (history, best) = run.trained, run.resume()
    for epoch in epochs_left(history, epochs, patience):
        shares = shares_of(schedule, epoch, epochs, len(train[1]), batch_size)
        how = batch_size, seed * 100_003 + epoch, shares, weight
        with rescue(trained, best, epoch, optimizer):
            row = run_epoch(model, optimizer, train, validation, *how)
        history.append({"epoch": epoch + 1} | row)
        keep_best(best, trained, history)
        run.save(history, best)
    if patience is not None:
        put_back(trained, best)
    return history


def fit_head(classifier, train, validation, *, lr: float = 0.01, weight_decay: float = 0.0,
             optimizer: str = "sgd", **options) -> list[dict]:  # fmt: skip
    """Train the linear head alone on features computed once; see ``fit`` for the options.

    The features (texts, hidden) are standardised for the training, which conditions the loss, and
    the scale is folded into the head afterwards: what is saved is one linear layer.
    """
    head = classifier.head
    parts = [check_part(classifier, *part) for part in (train, validation)]
    check_rows(len(parts[0][1]))
    mean, scale = parts[0][0].mean(0), parts[0][0].std(0) + 1e-6  # both (hidden,)
    parts = [(Features((x - mean) / scale), y) for x, y in parts]
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    try:
        return fit(head, *parts, make_optimizer(optimizer, head, lr, weight_decay), **options)
    finally:  # after an error, too: the weights are for scaled features
        with torch.no_grad():
            head.weight /= scale
            head.bias -= head.weight @ mean


def balanced(labels, classes: int) -> torch.Tensor:
    """Weights (classes,) under which every label counts the same in the loss, however rare."""
    counts = torch.bincount(torch.as_tensor(labels), minlength=classes)
    return len(labels) / (classes * counts.clamp(min=1))


def check_part(classifier, features, labels) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and labels as tensors, or TrainingError: one of each, known labels, no NaN."""
    labels = check_labels(labels, classifier.labels)
    check_features(features)
    check_counts(len(features), len(labels))
    return features, labels


def check_data(model, inputs, labels) -> tuple:
    """Inputs and labels as tensors, or TrainingError."""
    names = getattr(model, "labels", None) or range(getattr(model, "out_features", 2**31))
    labels = check_labels(labels, names)
    if hasattr(inputs, "features"):
        check_features(inputs.features)
    check_counts(len(inputs), len(labels))
    return inputs, labels


def check_counts(texts: int, labels: int) -> None:
    """TrainingError unless there is one label for each of some texts."""
    if texts != labels:
        raise TrainingError(f"There are {texts} texts and {labels} labels: give one for each.")
    if texts == 0:
        raise TrainingError("A part of the data is empty: give at least one text and its label.")


def check_rows(rows: int) -> None:
    """TrainingError unless there are rows to standardise."""
    if rows < 2:
        raise TrainingError("One training text has no spread: give two or more, of each label.")


def check_loss(loss: float) -> None:
    """TrainingError unless the loss on the validation set is finite."""
    if not math.isfinite(loss):
        raise TrainingError(f"the validation loss became {loss}")


def check_features(features: torch.Tensor) -> None:
    """TrainingError unless all ``features`` are finite."""
    if not features.isfinite().all():
        raise TrainingError("The features hold NaN or infinity: encode the texts again.")


def check_labels(labels, names: Sequence[str]) -> torch.Tensor:
    """``labels`` (a list, array or tensor) as class numbers of ``names``, or TrainingError."""
    numbers = torch.as_tensor(labels)
    whole = numbers.to(torch.int64)
    wrong = (whole != numbers) | (whole < 0) | (whole >= len(names))
    if numbers.ndim != 1 or wrong.any():
        row = int(wrong.flatten().nonzero()[0]) if wrong.any() else 0
        known = ", ".join(names) if len(names) < 50 and isinstance(names, list) else "numbers"
        raise TrainingError(
            f"Row {row} has the label number {numbers.flatten()[row].item()}, but the classifier "
            f"knows 0 to {len(names) - 1} ({known}): fix the label or name all labels."
        )
    return whole
