"""Compare our prompts with peft's: ``python -m tests.benchmarks.prompts [epochs [reviews]]``.

Both train 16 tokens of prompt and a head on the frozen ReviewBERT, from the same token ids of the
same reviews (the template and its [MASK] included), in batches of 32, for the same number of
epochs, in one process and in turn, epoch by epoch. What differs is what each library does by
itself: peft wraps a model for sequence classification (head on the first token's pooled state,
dropout on, as Trainer leaves it) and gets random batches padded to their longest, as Trainer's
collator gives them; ours is trained by ``helpers.train.train_epoch``, which sorts by length, and
reads [MASK]. The prompt's learning rate comes from one grid for all, the best on validation after a
trial on a quarter of the reviews; the heads' rate is the same. Both heads start at random.
"""

import math
import statistics
import sys
import time

import torch
from peft import PrefixTuningConfig, PromptTuningConfig, TaskType, get_peft_model
from torch.nn import functional as F
from transformers import AutoModelForSequenceClassification

from helpers.classifier import PromptClassifier
from helpers.data import load_reviews
from helpers.encode import KeptInputs
from helpers.layers import prefix_shape
from helpers.models import find_model, load_encoder, loading
from helpers.prompts import DeepPrompt, SoftPrompt, start_vectors
from helpers.templates import Inputs, Template
from helpers.train import judge, prompt_optimizer, train_epoch, warm_cosine

BASE, TOKENS, BATCH = "ReviewBERT", 16, 32
RATES = (1e-3, 1e-2, 1e-1)  # of the prompt
HEAD_RATE = 1e-3
THEIRS = {"peft prompt": PromptTuningConfig, "peft prefix": PrefixTuningConfig}


def numbers(rows):
    return torch.tensor(rows["label"])


class Ours:
    """A soft prompt behind [CLS], or a deep one in the top layers over kept lower states."""

    def __init__(self, name, data, lr, size=None):
        torch.manual_seed(0)
        tokenizer, encoder = data["model"]
        layers = int(name.split()[-1]) if name.startswith("deep") else 0
        noise = torch.randn(prefix_shape(encoder, TOKENS, layers))
        deep = DeepPrompt(0.1 * noise, encoder.config.num_hidden_layers - layers)
        deep.only = tokenizer.mask_token_id
        soft = SoftPrompt(start_vectors(tokenizer, encoder, TOKENS, "vocabulary"), 1)
        self.classifier = data["classifier"](deep if layers else soft)
        self.inputs, begin = {}, time.perf_counter()
        for part, rows in data["rows"].items():
            rows = rows[:size] if part == "train" else rows[:]
            kind = KeptInputs if layers and deep.first else Inputs
            inputs = kind(self.classifier, rows["text"])
            self.inputs[part] = inputs, numbers(rows)
            if part == "train":
                self.keeping = time.perf_counter() - begin
        self.optimizer = prompt_optimizer(self.classifier, lr, HEAD_RATE)

    def epoch(self, number, epochs):
        inputs, labels = self.inputs["train"]
        steps = math.ceil(len(labels) / BATCH)
        shares = [warm_cosine(number * steps + step, epochs * steps) for step in range(steps)]
        generator = torch.Generator().manual_seed(number)
        args = inputs, labels, BATCH, generator, shares
        train_epoch(self.classifier, self.optimizer, *args)

    def judge(self, part):
        return judge(self.classifier, *self.inputs[part])


class Theirs:
    """peft's prompt or prefix around a model for sequence classification."""

    keeping = 0.0

    def __init__(self, name, data, lr, size=None):
        torch.manual_seed(0)
        with loading(BASE):
            model = AutoModelForSequenceClassification.from_pretrained(
                find_model(BASE), num_labels=2, dtype=torch.float32
            )
        about = THEIRS[name](task_type=TaskType.SEQ_CLS, num_virtual_tokens=TOKENS)
        self.model = get_peft_model(model, about)
        self.inputs = {}
        for part, rows in data["rows"].items():
            rows = rows[:size] if part == "train" else rows[:]
            self.inputs[part] = Inputs(data["classifier"](None), rows["text"]), numbers(rows)
        free = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        groups = [
            {"params": [p for n, p in free if "prompt" in n], "full": lr},
            {"params": [p for n, p in free if "prompt" not in n], "full": HEAD_RATE},
        ]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.0)

    def epoch(self, number, epochs):
        self.model.train()
        inputs, labels = self.inputs["train"]
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(number))
        batches = order.split(BATCH)
        for step, rows in enumerate(batches, number * len(batches)):
            for group in self.optimizer.param_groups:
                group["lr"] = group["full"] * warm_cosine(step, epochs * len(batches))
            loss = self.model(**inputs[rows], labels=labels[rows]).loss
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    @torch.inference_mode()
    def judge(self, part):
        self.model.eval()
        inputs, labels = self.inputs[part]
        batches = torch.arange(len(labels)).split(64)
        logits = torch.cat([self.model(**inputs[rows]).logits for rows in batches])
        right = (logits.argmax(-1) == labels).float()
        return F.cross_entropy(logits, labels).item(), right.mean().item()


def best_rate(kind, name, data, epochs):
    """The rate of the lowest validation loss after a trial on few reviews."""
    losses = {}
    for lr in RATES:
        run = kind(name, data, lr, len(data["rows"]["train"]) // 4)
        for number in range(epochs):
            run.epoch(number, epochs)
        losses[lr] = run.judge("validation")[0]
    return min(losses, key=losses.get)


def main():
    given = [int(word) for word in sys.argv[1:]]
    epochs, size = given + [3, 2000][len(given) :]
    reviews = load_reviews("rotten_tomatoes", sizes=(7000, 500, 1000))
    for part, most in (("train", size), ("validation", size // 4), ("test", size // 2)):
        reviews[part] = reviews[part].select(range(most))  # 2,000, 500 and 1,000 by default
    model = load_encoder(BASE, torch.float32)

    def classifier(prompt):
        template = Template("{} it was [MASK] .")
        return PromptClassifier(*model, ["negative", "positive"], template, "mask", 64, prompt)

    data = {"model": model, "classifier": classifier, "rows": reviews}
    kinds = {
        "peft prompt": Theirs,
        "soft": Ours,
        "peft prefix": Theirs,
        "deep 6": Ours,
        "deep 2": Ours,
    }
    rates = {name: best_rate(kind, name, data, epochs) for name, kind in kinds.items()}
    runs = {name: kind(name, data, rates[name]) for name, kind in kinds.items()}
    seconds = {name: [] for name in kinds}
    for number in range(epochs):  # in turn, so that noise hits them alike
        for name, run in runs.items():
            begin = time.perf_counter()
            run.epoch(number, epochs)
            seconds[name].append(time.perf_counter() - begin)
    print(
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; {size:,} reviews, "
        f"{TOKENS} tokens of prompt, batches of {BATCH}, {epochs} epochs, float32\n"
    )
    print(f"{'prompt':12} {'rate':>6} {'s/epoch':>8} {'keeping':>8} {'validation':>10} {'test':>6}")
    median = {name: statistics.median(own) for name, own in seconds.items()}
    for name, run in runs.items():
        scores = [100 * run.judge(part)[1] for part in ("validation", "test")]
        print(
            f"{name:12} {rates[name]:6g} {median[name]:8.2f} {run.keeping:8.2f} "
            f"{scores[0]:9.1f}% {scores[1]:5.1f}%",
            flush=True,
        )
    print()
    for ours, theirs in (
        ("soft", "peft prompt"),
        ("deep 6", "peft prefix"),
        ("deep 2", "peft prefix"),
        ("deep 2", "peft prompt"),
    ):
        print(
            f"an epoch of {ours} is {median[theirs] / median[ours]:.1f} times as fast as one of "
            f"{theirs}"
        )


if __name__ == "__main__":
    main()
