"""A training run in a file, so that an interrupted one goes on: this run, and no other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from helpers.classifier import describe
from helpers.files import writing
from helpers.models import bytes_of

# What an optimizer's group says of the training, beside its parameters.
FIT = ("epochs", "batch_size", "schedule", "patience", "seed", "weight")
SETTINGS = ("initial_lr", "weight_decay", "momentum", "nesterov", "betas", "eps")


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and what to change."""


class Checkpoint:
    """Keeps a run's weights now and at best, the optimizer's memory and the history at ``path``.

    Args:
        path: a file, or None, which keeps nothing.
        trained: the parameters by name.
        about: what decides the run, ready for JSON; a file that says otherwise is refused.
    """

    def __init__(self, path, trained: dict, optimizer, about: dict):
        self.path, self.trained, self.optimizer = path and Path(path), trained, optimizer
        self.about = json.loads(json.dumps(about))  # as it will be read

    @classmethod
    def of_fit(cls, path, model, train, validation, optimizer, settings: tuple):
        """The checkpoint of a call of ``train.fit`` with these settings."""
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        trained = {name: p for name, p in model.named_parameters() if id(p) in held}
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        about = {}
        if path is not None:
            *plain, weight = settings
            weight = weight if weight is None else torch.as_tensor(weight).tolist()
            plain = [getattr(value, "__name__", value) for value in plain]
            about = dict(zip(FIT, [*plain, weight], strict=True))
            about |= about_run(model, trained, train, validation, optimizer)
        return cls(path, trained, optimizer, about)

    def save(self, history: list[dict], best: dict) -> None:
        """Replace the file, whole or not at all."""
        if self.path is None:
            return
        tensors = {f"now.{name}": p.detach().clone() for name, p in self.trained.items()}
        tensors |= {f"best.{name}": value for name, value in best.items()}
        for name, p in self.trained.items():
            memory = self.optimizer.state[p].items()
            tensors |= {f"memory.{kind}.{name}": v for kind, v in memory if torch.is_tensor(v)}
        about = {"history": json.dumps(history), "about": json.dumps(self.about)}
        with writing(self.path) as part:
            save_file(tensors, part, metadata=about)

    def resume(self) -> tuple[list[dict], dict]:
        """History and best weights so far; the rest is put where it was.

        Raises:
            TrainingError: the file is damaged or of another run.
        """
        if self.path is None or not self.path.exists():
            return [], {name: p.detach().clone() for name, p in self.trained.items()}
        try:
            with safe_open(self.path, "pt") as file:
                saved = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                history, about = (json.loads(file.metadata()[k]) for k in ("history", "about"))
        except (SafetensorError, LookupError, TypeError, ValueError, OSError) as error:
            raise TrainingError(
                f"{self.path} is not a checkpoint of this course ({error}): delete it or name "
                "another file."
            ) from error
        check_run(self.path, about, self.about)
        best = {}
        with torch.no_grad():
            for key, value in saved.items():
                kind, _, name = key.partition(".")
                if kind == "now":
                    self.trained[name].copy_(value)
                elif kind == "best":
                    best[name] = value
                else:
                    part, _, name = name.partition(".")
                    self.optimizer.state[self.trained[name]][part] = value
        return history, best


class Checkpoints:
    """The checkpoints of one run with several optimizers, a file for each."""

    def __init__(self, parts: list[Checkpoint]):
        self.parts = parts

    def save(self, history: list[dict]) -> None:
        for part in self.parts:
            part.save(history, {})

    def resume(self) -> list[dict]:
        """The history so far, with weights and optimizers as they were then."""
        first, *others = (part.resume()[0] for part in self.parts)
        if any(other != first for other in others):
            raise TrainingError("The checkpoints are not of the same step: delete all of them.")
        return first

    def forget(self) -> None:
        for part in self.parts:
            part.path.unlink(missing_ok=True)


def about_run(model, trained: dict, train, validation, optimizer) -> dict:
    """What decides a run, beside its settings: model, data and optimizer."""
    kept = [{key: group[key] for key in SETTINGS if key in group}
            for group in optimizer.param_groups]  # fmt: skip
    known = describe(model) if hasattr(model, "encoder") else {"kind": type(model).__name__}
    return {
        "model": known,
        "shapes": {name: list(p.shape) for name, p in trained.items()},
        "data": {"train": data_hash(*train), "validation": data_hash(*validation)},
        "optimizer": {"kind": type(optimizer).__name__, "groups": kept},
    }


def data_hash(inputs, labels) -> str:
    """sha256 over features or token ids, and labels."""
    digest = hashlib.sha256(bytes_of(labels))
    for rows in inputs.batches(256):
        batch = inputs[rows]
        digest.update(bytes_of(batch["input_ids"] if isinstance(batch, dict) else batch))
    return digest.hexdigest()[:12]


def check_run(path, saved: dict, given: dict) -> None:
    """TrainingError naming what differs between the checkpoint's run and this one."""
    for key, new in given.items():
        old = saved.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):  # name the part that differs
            part = next(part for part in old | new if old.get(part) != new.get(part))
            key, old, new = f"{part} ({key})", old.get(part), new.get(part)
        raise TrainingError(
            f"{path} is a checkpoint of another run: its {key} is {old}, and here it is {new}. "
            "Call fit as you did then, delete the file, or name another."
        )
