"""Heads, prompts, LoRA and full fine-tuning beside scikit-learn, peft and transformers' Trainer.

Each pair trains on the same token ids of the same reviews, for the same number of steps, at the
same rates, and is judged on the same test reviews. What differs is what each library does by
itself: peft wraps a model for sequence classification (head on the first or the last token's state,
dropout on, as Trainer leaves it), and Trainer fills a batch as the texts come; ours is trained by
``helpers.train.train_epoch``, which sorts by length.
"""

import math
import tempfile
import time
from functools import partial
from types import SimpleNamespace

import torch
from peft import LoraConfig, PrefixTuningConfig, PromptTuningConfig, TaskType, get_peft_model
from torch.nn import functional as F
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from helpers.classifier import PromptClassifier
from helpers.data import load_reviews
from helpers.encode import KeptInputs, cached_encode
from helpers.layers import prefix_shape
from helpers.models import find_model, load_encoder, loading
from helpers.prompts import DeepPrompt, NoPrompt, SoftPrompt, start_vectors
from helpers.score import linear_head
from helpers.templates import Inputs, Template
from helpers.train import fit_head, logits_of, prompt_optimizer, shares_of, train_epoch, warm_cosine
from tests.benchmarks.common import beside, in_turn
from tests.taught import taught

LABELS = ["negative", "positive"]


def parts(train, test):
    """Texts and labels of Rotten Tomatoes: {part: (texts, labels)}."""
    reviews = load_reviews("rotten_tomatoes", sizes="course")
    sizes = {"train": train, "validation": 300, "test": test}
    return {
        part: (list(reviews[part]["text"])[:size], torch.tensor(reviews[part]["label"])[:size])
        for part, size in sizes.items()
    }


def heads():
    """A head on kept features: ours by SGD, scikit-learn's to the optimum."""
    classifier = PromptClassifier(*load_encoder(), LABELS, Template("{}"), "mean", 64)
    data = {part: (cached_encode(classifier, x), y) for part, (x, y) in parts(2000, 2000).items()}
    (x, y), (test, labels), seen = data["train"], data["test"], data["validation"]
    exact = linear_head()
    runs = {
        "helpers.fit_head, 30 epochs": lambda: fit_head(classifier, (x, y), seen),
        "scikit-learn, optimum": lambda: exact.fit(x.numpy(), y.numpy()),
    }
    seconds = in_turn(runs)
    ours, theirs = runs
    with torch.no_grad():
        right = {ours: (classifier.head(test).argmax(-1) == labels).numpy()}
    right[theirs] = exact.predict(test.numpy()) == labels.numpy()
    for who in runs:
        row = {"who": who, "size": "2,000 features", "seconds": seconds[who]}
        note = "" if who == ours else beside(right[ours], right[who])
        yield row | {"accuracy": 100 * right[who].mean(), "note": note}


# Prompts on the frozen ReviewBERT ----------------------------------------------------------------

TOKENS, BATCH, EPOCHS, TRAIN, TEST = 16, 32, 3, 1000, 1000
HEAD_RATE = 1e-3
RIVALS = {
    "soft": ["peft prompt"],
    "deep 6": ["peft prefix"],
    "deep 2": ["peft prefix", "peft prefix, two layers"],
}
RATES = (1e-3, 1e-2, 1e-1)  # of the prompt


def step_sizes(optimizer, step, steps):
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * warm_cosine(step, steps)


class Ours:
    """A soft prompt behind [CLS], or a deep one in the top layers over kept lower states."""

    def __init__(self, name, model, data, rate):
        torch.manual_seed(0)
        tokenizer, encoder = model
        layers = int(name.split()[-1]) if name.startswith("deep") else 0
        prompt = SoftPrompt(start_vectors(tokenizer, encoder, TOKENS, "vocabulary"), 1)
        if layers:
            noise = torch.randn(prefix_shape(encoder, TOKENS, layers))
            prompt = DeepPrompt(0.1 * noise, encoder.config.num_hidden_layers - layers)
            prompt.only = tokenizer.mask_token_id
        template = Template("{} it was [MASK] .")
        self.classifier = PromptClassifier(*model, LABELS, template, "mask", 64, prompt)
        begin = time.perf_counter()
        kind = KeptInputs if layers and prompt.first else Inputs
        self.inputs = {part: kind(self.classifier, x) for part, (x, _) in data.items()}
        self.labels = data["train"][1]
        share = len(self.labels) / sum(len(y) for _, y in data.values())
        self.keeping = share * (time.perf_counter() - begin)  # of the training reviews
        self.optimizer = prompt_optimizer(self.classifier, rate, HEAD_RATE)

    def epoch(self, number):
        shares = shares_of(warm_cosine, number, EPOCHS, len(self.labels), BATCH)
        generator = torch.Generator().manual_seed(number)
        args = self.inputs["train"], self.labels, BATCH, generator, shares
        train_epoch(self.classifier, self.optimizer, *args)

    def logits(self):
        return logits_of(self.classifier, self.inputs["test"])


class Theirs:
    """peft's prompt or prefix around a model for sequence classification."""

    keeping = 0.0

    def __init__(self, name, model, data, rate):
        torch.manual_seed(0)
        about = PromptTuningConfig if "prompt" in name else PrefixTuningConfig
        with loading("ReviewBERT"):
            base = AutoModelForSequenceClassification.from_pretrained(
                find_model("ReviewBERT"), num_labels=2, dtype=torch.float32
            )
        if "two layers" in name:  # peft's prefix has as many layers as the model
            base.bert.encoder.layer = base.bert.encoder.layer[:2]
            base.config.num_hidden_layers = 2
        config = about(task_type=TaskType.SEQ_CLS, num_virtual_tokens=TOKENS)
        self.model = get_peft_model(base, config)
        template = Template("{} it was [MASK] .")
        reader = PromptClassifier(*model, LABELS, template, "mask", 64, NoPrompt())
        self.inputs = {part: Inputs(reader, x) for part, (x, _) in data.items()}
        self.labels = data["train"][1]
        free = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        groups = [
            {"params": [p for n, p in free if "prompt" in n], "initial_lr": rate},
            {"params": [p for n, p in free if "prompt" not in n], "initial_lr": HEAD_RATE},
        ]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.0)

    def epoch(self, number):
        self.model.train()
        generator = torch.Generator().manual_seed(number)
        batches = torch.randperm(len(self.labels), generator=generator).split(BATCH)
        for step, rows in enumerate(batches, number * len(batches)):
            step_sizes(self.optimizer, step, EPOCHS * len(batches))
            loss = self.model(**self.inputs["train"][rows], labels=self.labels[rows]).loss
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    @torch.inference_mode()
    def logits(self):
        self.model.eval()
        batches = torch.arange(len(self.inputs["test"])).split(64)
        return torch.cat([self.model(**self.inputs["test"][rows]).logits for rows in batches])


def trials(kinds, model, data):
    """A row for each rate: the validation loss after training on a quarter of the reviews."""
    few = {"train": tuple(part[: TRAIN // 4] for part in data["train"]), "test": data["validation"]}
    for name, kind in kinds.items():
        for rate in RATES:
            run, begin = kind(name, model, few, rate), time.perf_counter()
            for number in range(EPOCHS):
                run.epoch(number)
            spent = time.perf_counter() - begin
            loss = F.cross_entropy(run.logits(), few["test"][1]).item()
            row = {"who": name, "size": f"trial at {rate:g}", "seconds": spent}
            yield row | {"note": f"validation loss {loss:.3f}", "rate": rate, "loss": loss}


def prompts():
    """Soft and deep prompts, epoch by epoch in turn; keeping the lower states counts."""
    data, model = parts(TRAIN, TEST), load_encoder("ReviewBERT", torch.float32)
    kinds = {
        "peft prompt": Theirs,
        "soft": Ours,
        "peft prefix": Theirs,
        "deep 6": Ours,
        "deep 2": Ours,
    }
    best = {}
    for row in trials(kinds, model, data):
        yield row
        best[row["who"]] = min(best.get(row["who"], (9, 0)), (row["loss"], row["rate"]))
    kinds["peft prefix, two layers"] = Theirs  # four layers are missing: speed alone
    best["peft prefix, two layers"] = best["peft prefix"]
    runs = {name: kind(name, model, data, best[name][1]) for name, kind in kinds.items()}
    seconds = {name: run.keeping for name, run in runs.items()}
    for number in range(EPOCHS):
        for name, run in runs.items():
            begin = time.perf_counter()
            run.epoch(number)
            spent = time.perf_counter() - begin
            seconds[name] += spent
            yield {"who": name, "size": f"epoch {number + 1}", "seconds": spent}
    right = {
        name: (run.logits().argmax(-1) == data["test"][1]).numpy() for name, run in runs.items()
    }
    for name, run in runs.items():
        row = {"who": name, "size": f"{TRAIN:,} reviews, rate {best[name][1]:g}"}
        notes = [f"{run.keeping:.1f} s of it for keeping"] if run.keeping > 0.5 else []
        for rival in RIVALS.get(name, ()):
            notes.append(f"{seconds[rival] / seconds[name]:.1f} times as fast as {rival}")
            if "two layers" not in rival:
                notes.append(beside(right[name], right[rival]))
        row |= {"seconds": seconds[name], "note": ", ".join(notes)}
        yield row if "two layers" in name else row | {"accuracy": 100 * right[name].mean()}


# Inside the weights of SmolLM2 --------------------------------------------------------------------

STEPS, SOME = 12, 16  # steps of 16 reviews
INSIDE = {"LoRA": 1e-3, "full": 3e-5}


def notebook_13():
    """What notebook 13 defines."""
    names = SimpleNamespace(**taught("13"))
    names.OFFSET.update({True: 0.0, False: 0.0})  # peft's head has no bias
    return names


def by_trainer(costs, method, texts, labels):
    """peft's LoRA, or all weights, by Trainer: (seconds, function that answers texts)."""
    with loading("SmolLM2-135M-Instruct"):
        model = AutoModelForSequenceClassification.from_pretrained(
            find_model("SmolLM2-135M-Instruct"), num_labels=2, dtype=torch.float32
        )
    tokenizer = costs.tokenizer
    model.config.pad_token_id = tokenizer.pad_token_id
    with torch.no_grad():  # starts as ours does, at the label words
        model.score.weight.copy_(model.get_input_embeddings().weight[costs.WORD_IDS])
    if method == "LoRA":
        about = LoraConfig("SEQ_CLS", r=8, lora_alpha=16, target_modules=list(costs.LINEAR))
        model = get_peft_model(model, about)
    reader = costs.reader(costs.CUE)
    rows = [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "label": int(label)}
        for ids, label in zip(reader.input_ids(texts), labels, strict=True)
    ]
    head = {p for n, p in model.named_parameters() if "score" in n and p.requires_grad}
    rest = [p for p in model.parameters() if p.requires_grad and p not in head]
    groups = [{"params": rest, "lr": INSIDE[method]}, {"params": [*head], "lr": costs.HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    share = partial(warm_cosine, steps=math.ceil(len(rows) / SOME), warm_up=5)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    with tempfile.TemporaryDirectory() as folder:
        plan = TrainingArguments(
            folder, num_train_epochs=1, per_device_train_batch_size=SOME, save_strategy="no",
            logging_strategy="no", report_to=[], disable_tqdm=True, use_cpu=True, seed=0,
        )  # fmt: skip
        collate = DataCollatorWithPadding(tokenizer)
        trainer = Trainer(model, plan, collate, rows, optimizers=(optimizer, schedule))
        trainer.remove_callback(PrinterCallback)
        begin = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - begin
    inputs = Inputs(reader, costs.texts["test"][:TEST])

    @torch.inference_mode()
    def answers():
        model.eval()
        batches = torch.arange(TEST).split(64)
        return torch.cat([model(**inputs[rows]).logits for rows in batches]).argmax(-1).numpy()

    return seconds, answers


def by_notebook(costs, method, texts, labels):
    """Ours: (seconds, function that answers texts)."""
    classifier = costs.build(method, front=False)
    begin = time.perf_counter()
    costs.train(classifier, texts, labels, INSIDE[method], epochs=1, batch=SOME)
    seconds = time.perf_counter() - begin
    inputs = Inputs(classifier, costs.texts["test"][:TEST])
    return seconds, lambda: logits_of(classifier, inputs).argmax(-1).numpy()


def weights():
    """LoRA and full fine-tuning of SmolLM2 for a few steps, in turn."""
    costs = notebook_13()
    texts, labels = costs.texts["train"][: STEPS * SOME], costs.y["train"][: STEPS * SOME]
    truth = costs.y["test"][:TEST]
    for method in INSIDE:
        found = {}
        ways = {f"{method}, notebook 13": by_notebook}
        ways[f"{method}, {'peft and ' if method == 'LoRA' else ''}Trainer"] = by_trainer
        for who, run in ways.items():
            run(costs, method, texts[:SOME], labels[:SOME])  # warms up
            seconds, answers = run(costs, method, texts, labels)
            found[who] = seconds, answers() == truth
            row = {"who": who, "size": f"{STEPS} steps of {SOME}", "seconds": seconds}
            note = ""
            if len(found) == 2:
                (ours, right), (theirs, other) = found.values()
                note = f"ours is {theirs / ours:.2f} times as fast, {beside(right, other)}"
            yield row | {"accuracy": 100 * found[who][1].mean(), "note": note}
