"""What prompt, head, LoRA and full fine-tuning make of the same few labels, and what each costs.

    python data/costs.py [processes]

trains SmolLM2 in seven ways that all start from the same classifier, its label words behind two
written examples, and writes a row for every trial and run to ``data/costs.csv``. A stopped
sweep goes on where it was. On a GPU several processes share it; on 2 cores it takes days.
"""

from __future__ import annotations

import copy
import hashlib
import multiprocessing
import platform
import sys
import time
from functools import cache, partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for helpers
import numpy as np
import pandas as pd
import torch
import transformers
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from helpers.classifier import PromptClassifier
from helpers.data import load_reviews
from helpers.encode import encode
from helpers.files import DATA, kept, sha256
from helpers.models import load_lm
from helpers.prompts import DeepPrompt, SoftPrompt, start_prefix
from helpers.score import linear_head
from helpers.templates import Inputs, Template
from helpers.train import logits_of, shares_of, train_epoch, warm_cosine

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
torch.set_float32_matmul_precision("high")  # of use to a GPU alone
LABELS = ["negative", "positive"]
EXAMPLES = """Review: dull, clumsy and far too long.
Sentiment: negative

Review: a gripping, funny and beautifully acted film.
Sentiment: positive
"""
CUE = "Review: {}\nSentiment:"
tokenizer, lm = load_lm("SmolLM2-135M-Instruct", torch.float32)
lm = lm.to(DEVICE)
reviews = load_reviews("rotten_tomatoes", sizes="course")
texts = {part: list(rows["text"]) for part, rows in reviews.items()}
y = {part: np.array(rows["label"]) for part, rows in reviews.items()}
LENGTH = len(tokenizer(EXAMPLES)["input_ids"])  # tokens of the examples
WORD_IDS = [tokenizer(f" {label}")["input_ids"][0] for label in LABELS]


class LoRA(nn.Module):
    """A frozen linear layer and a trained difference of low rank (Hu et al. 2022)."""

    def __init__(self, linear, rank=8, alpha=16, seed=0):
        super().__init__()
        self.linear, self.scale = linear, alpha / rank
        where = {"device": linear.weight.device}
        generator = torch.Generator().manual_seed(seed)
        down = torch.rand(rank, linear.in_features, generator=generator) * 2 - 1
        self.down = nn.Parameter(down.to(**where) / linear.in_features**0.5)  # (rank, in)
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank, **where))  # (out, rank)

    def forward(self, x):  # (..., in) -> (..., out)
        return self.linear(x) + self.scale * (x @ self.down.T) @ self.up.T


class Gain(nn.Module):
    """A frozen linear layer whose outputs, or inputs, are scaled: IA3 (Liu et al. 2022)."""

    def __init__(self, linear, inputs=False):
        super().__init__()
        width = linear.in_features if inputs else linear.out_features
        self.linear, self.inputs = linear, inputs
        self.gain = nn.Parameter(torch.ones(width, device=linear.weight.device))

    def forward(self, x):  # (..., in) -> (..., out)
        return self.linear(x * self.gain) if self.inputs else self.linear(x) * self.gain


LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def replace(encoder, targets, make):
    """Put `make(layer, number)` in the place of every linear layer of these names."""
    found = [name for name, _ in encoder.named_modules() if name.split(".")[-1] in targets]
    for number, name in enumerate(found):
        parent, _, own = name.rpartition(".")
        setattr(encoder.get_submodule(parent), own, make(encoder.get_submodule(name), number))


def free(encoder, method, seed=0):
    """Let move what `method` trains inside the model; the rest stays frozen."""
    if method == "LoRA":
        replace(encoder, LINEAR, lambda layer, n: LoRA(layer, seed=1000 * seed + n))
    elif method == "IA3":
        replace(encoder, ("k_proj", "v_proj"), lambda layer, _: Gain(layer))
        replace(encoder, ("down_proj",), lambda layer, _: Gain(layer, inputs=True))
    elif method == "norms":
        for name, part in encoder.named_parameters():
            part.requires_grad_("norm" in name)
    elif method == "full":
        encoder.requires_grad_(True)


def words_of(front):
    """The template with the examples in front, or without."""
    return EXAMPLES + "\n" + CUE if front else CUE


def reader(words, encoder=lm.base_model, prompt=None):
    """Reads a review inside `words`; whatever stands in front, there is room for 97 tokens."""
    room = 97 + LENGTH * words.startswith(EXAMPLES)
    return PromptClassifier(tokenizer, encoder, LABELS, Template(words), "last", room, prompt)


def build(method, front=True, seed=0):
    """The classifier that all start from; what `method` trains is free to move."""
    encoder, prompt, words = copy.deepcopy(lm.base_model), None, words_of(front)
    if method == "soft":
        ids = torch.tensor(tokenizer(EXAMPLES)["input_ids"], device=DEVICE)
        prompt = SoftPrompt(encoder.get_input_embeddings()(ids).detach().clone())
    elif method == "prefix":
        prompt = DeepPrompt(start_prefix(tokenizer, encoder, EXAMPLES))
    if prompt:
        words = words.removeprefix(EXAMPLES)  # the vectors stand for them
    classifier = reader(words, encoder, prompt).to(DEVICE)
    with torch.no_grad():  # the head starts as the model's own: its word vectors
        classifier.head.weight.copy_(encoder.get_input_embeddings().weight[WORD_IDS])
        classifier.head.bias.copy_(torch.tensor([offset(front), 0.0]))
    free(encoder, method, seed)
    return classifier


@cache
def offset(front):
    """What makes half of 500 training reviews, read without their labels, come out negative."""
    states = encode(reader(words_of(front)), texts["train"][:500])  # (500, hidden)
    logits = states @ lm.get_input_embeddings().weight[WORD_IDS].cpu().T
    return (logits[:, 1] - logits[:, 0]).median().item()


def draw_rows(k, draw):
    """k training reviews, half of each label, in random order; all 2,000 as they are."""
    rng = np.random.default_rng(100 * k + draw)
    order = rng.permutation(2000)
    if k == 2000:
        return order
    halves = [order[y["train"][order] == label][: k // 2] for label in (0, 1)]
    return rng.permutation(np.concatenate(halves))


PLAN = {16: (20, 16), 256: (4, 16), 2000: (2, 32)}  # labels: (epochs, reviews a batch)
HEAD_RATE = 1e-3


def optimizer_for(classifier, rate):
    """AdamW: one rate for what moves inside the model, one for the head."""
    free = [(name, p) for name, p in classifier.named_parameters() if p.requires_grad]
    rest = [p for name, p in free if not name.startswith("head.")]
    groups = [{"params": classifier.head.parameters(), "lr": HEAD_RATE if rest else rate}]
    if rest:
        groups.append({"params": rest, "lr": rate})
    return torch.optim.AdamW(groups, weight_decay=0.0)


def train(classifier, k, draw, rate, epochs=None):
    """Losses of each epoch on k labelled reviews."""
    rows, (planned, batch) = draw_rows(k, draw), PLAN[k]
    inputs = Inputs(classifier, [texts["train"][row] for row in rows])
    labels, optimizer = torch.tensor(y["train"][rows]), optimizer_for(classifier, rate)
    schedule, losses = partial(warm_cosine, warm_up=5), []
    for epoch in range(epochs or planned):
        shares = shares_of(schedule, epoch, planned, k, batch)
        generator = torch.Generator().manual_seed(1000 * draw + epoch)
        losses.append(train_epoch(classifier, optimizer, inputs, labels, batch, generator, shares))
    return losses


def answers(classifier, part, size=None):
    """Cross-entropy and which answers are right, on the first reviews of a part."""
    labels = torch.tensor(y[part][:size])
    logits = logits_of(classifier, Inputs(classifier, texts[part][:size]))
    right = (logits.argmax(-1) == labels).numpy()
    loss = F.cross_entropy(logits, labels).item()
    return {"loss": loss} | shown(right)


def shown(right):
    """What the table keeps of right and wrong answers; `helpers.score.bits` reads them again."""
    return {"accuracy": right.mean(), "right": np.packbits(right).tobytes().hex()}


def measure(method, front, k, draw, rate, judged):
    """One training run: a row of the table."""
    classifier, begin = build(method, front, draw), time.perf_counter()
    losses = train(classifier, k, draw, rate)
    row = {"part": "run" if judged else "trial", "method": method, "front": front, "k": k}
    row |= {"draw": draw, "rate": rate, "seconds": time.perf_counter() - begin}
    row |= {"train_curve": " ".join(f"{loss:.5f}" for loss in losses)}
    return row | (answers(classifier, "test") if judged else answers(classifier, "validation", 300))


RATES = {
    "head": (1e-3, 3e-3, 1e-2, 3e-2),
    "soft": (1e-3, 3e-3, 1e-2, 3e-2),
    "prefix": (1e-3, 3e-3, 1e-2, 3e-2),
    "IA3": (1e-3, 3e-3, 1e-2, 3e-2),
    "norms": (3e-4, 1e-3, 3e-3, 1e-2),
    "LoRA": (1e-4, 3e-4, 1e-3, 3e-3),
    "full": (1e-5, 3e-5, 1e-4, 3e-4),
}
WAYS = [(method, True) for method in RATES] + [(name, False) for name in ("head", "LoRA", "full")]
TRIAL_DRAWS, DRAWS = {16: 2, 256: 1, 2000: 1}, 5


def cost(method, front):
    """Trained parameters, and of steps with 16 reviews: seconds and, on a GPU, the peak memory."""
    classifier = build(method, front)
    inputs = Inputs(classifier, texts["train"][:16])
    labels, optimizer = torch.tensor(y["train"][:16]), optimizer_for(classifier, 0.0)
    steps, seconds = (5, 20) if DEVICE == "cuda" else (1, 2), []
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    for _ in range(sum(steps)):  # the first ones warm up
        begin = time.perf_counter()
        train_epoch(classifier, optimizer, inputs, labels, 16, torch.Generator().manual_seed(0))
        seconds.append(time.perf_counter() - begin)  # its loss has been read: the step is done
    row = {"part": "cost", "method": method, "front": front}
    row["learnt"] = sum(p.numel() for p in classifier.parameters() if p.requires_grad)
    row["seconds"] = float(np.median(seconds[steps[0] :]))
    if DEVICE == "cuda":
        row["peak_mb"] = torch.cuda.max_memory_allocated() / 1e6
    return row


def heads(words, name):
    """A head of scikit-learn's on the states behind `words`, 20 draws for each k: rows."""
    states = {part: encode(reader(words), texts[part]).numpy() for part in ("train", "test")}
    return [fitted(linear_head(), states, name, k, draw) for k, draw in draws()]


def draws():
    """Every k with its draws; all 2,000 can be drawn once."""
    return [(k, draw) for k in PLAN for draw in range(1 if k == 2000 else 20)]


def fitted(model, features, name, k, draw):
    """Fit `model` on the features of k reviews: a row."""
    rows = draw_rows(k, draw)
    right = model.fit(features["train"][rows], y["train"][rows]).predict(features["test"])
    return {"part": "run", "method": name, "k": k, "draw": draw} | shown(right == y["test"])


def words_alone():
    """TF-IDF on the same draws, its vocabulary from the k reviews: rows."""
    found = []
    for k, draw in draws():
        seen = [texts["train"][row] for row in draw_rows(k, draw)]
        tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(seen)
        features = {part: tfidf.transform(texts[part]) for part in ("train", "test")}
        found.append(fitted(LogisticRegression(C=10), features, "TF-IDF", k, draw))
    return found


def start(front):
    """The classifier before any training: a row."""
    row = {"part": "start", "front": front, "offset": offset(front), "k": 0}
    return row | answers(build("head", front), "test")


def once(job):
    """The row of a job (function, arguments); kept, so that a stopped sweep goes on."""
    make, args = job
    if DEVICE == "cuda":
        torch.set_num_threads(1)
    about = repr((sha256(Path(__file__)), job))  # another plan, other results
    name = hashlib.sha256(about.encode()).hexdigest()[:24]
    return kept(f"sweep_13/{name}", partial(globals()[make], *args))


def best_rate(trials, method, front, k):
    """The rate of the lowest mean validation loss."""
    rows = [r for r in trials if (r["method"], r["front"], r["k"]) == (method, front, k)]
    mean = {rate: np.mean([r["loss"] for r in rows if r["rate"] == rate]) for rate in RATES[method]}
    return min(mean, key=mean.get)


def main() -> None:
    begin, count = time.perf_counter(), int(sys.argv[1]) if len(sys.argv) > 1 else 1
    rows = [once(("start", (front,))) for front in (True, False)]
    rows += [once(("cost", way)) for way in WAYS]
    for words, name in (("{}", "head, bare"), (CUE, "head, cue"),
                        (words_of(True), "head, examples")):  # fmt: skip
        rows += once(("heads", (words, name)))
    rows += once(("words_alone", ()))
    tried, judged = [], []
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        each = partial(pool.imap_unordered, chunksize=1)
        for k in PLAN:
            trials = [("measure", (*way, k, 100 + draw, rate, False))
                      for way in WAYS for rate in RATES[way[0]]
                      for draw in range(TRIAL_DRAWS[k])]  # fmt: skip
            tried += tqdm(each(once, trials), f"trials with {k}", len(trials))
            runs = [("measure", (*way, k, draw, best_rate(tried, *way, k), True))
                    for way in WAYS for draw in range(DRAWS)]  # fmt: skip
            judged += tqdm(each(once, runs), f"runs with {k}", len(runs))
    table = pd.DataFrame(rows + tried + judged)
    table = table.sort_values(["part", "method", "front", "k", "rate", "draw"], kind="stable")
    minutes = (time.perf_counter() - begin) / 60
    card = torch.cuda.get_device_name() if DEVICE == "cuda" else platform.machine()
    with open(DATA / "costs.csv", "w", encoding="utf8") as file:
        file.write(
            f"# python data/costs.py {count}: {minutes:.0f} minutes on {card}, Python "
            f"{platform.python_version()}, torch {torch.__version__}, transformers "
            f"{transformers.__version__}\n"
        )
        table.to_csv(file, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
