"""``helpers.encode`` beside sentence-transformers and plain transformers: same weights and texts.

The rivals run at their defaults: sentence-transformers sorts by length and runs float32; plain
transformers is the loop of its documentation, batches of 32 in the order of the texts. A third
rival is that loop in the number format that ours uses.
"""

import importlib
from functools import partial

import numpy as np
import torch
from transformers import AutoModel

from helpers.assets import fetch
from helpers.classifier import PromptClassifier
from helpers.data import load_reviews
from helpers.encode import encode
from helpers.models import DEFAULT_ENCODER, load_encoder
from helpers.score import linear_head
from helpers.templates import Template
from tests.benchmarks.common import beside, in_turn, peak

SIZES = {"rotten_tomatoes": (1000, 200, 800), "imdb": (200, 40, 160)}  # 2,000 and 400 texts
WINDOW = 256


def sentence_transformer():
    """The same weights in sentence-transformers, which adds mean pooling; None if not installed."""
    try:
        library = importlib.import_module("sentence_transformers")
    except ImportError:
        return None
    model = library.SentenceTransformer(str(fetch(DEFAULT_ENCODER)), device="cpu")
    model.max_seq_length = WINDOW
    return lambda texts: model.encode(texts)


def plain(tokenizer, dtype):
    """Batches of 32 through transformers, padded to the longest, mean over real tokens."""
    model = AutoModel.from_pretrained(fetch(DEFAULT_ENCODER), dtype=dtype).eval()

    @torch.inference_mode()
    def run(texts):
        found = []
        for start in range(0, len(texts), 32):
            few = texts[start : start + 32]
            batch = tokenizer(
                few, padding=True, truncation=True, max_length=WINDOW, return_tensors="pt"
            )
            mask = batch["attention_mask"][..., None]  # (batch, tokens, 1)
            states = model(**batch).last_hidden_state.float()
            found.append((states * mask).sum(1) / mask.sum(1))
        return torch.cat(found).numpy()

    return run


def operations(encoder, lengths):
    """Operations of one pass over texts of these lengths: 2 a weight and token, and attention."""
    layers = sum(part.numel() for part in encoder.encoder.parameters())
    width, depth = encoder.config.hidden_size, encoder.config.num_hidden_layers
    return sum(2 * layers * n + depth * 4 * width * n * n for n in lengths)


def right(features, labels, train):
    """Which of the texts behind the first ``train`` a linear head gets right."""
    head = linear_head().fit(features[:train], labels[:train])
    return head.predict(features[train:]) == labels[train:]


def encoding():
    tokenizer, encoder = load_encoder()
    labels = ["negative", "positive"]
    ours = PromptClassifier(tokenizer, encoder, labels, Template("{}"), "mean", WINDOW)
    dtype = str(encoder.dtype)[6:]
    encoders = {
        f"helpers.encode ({dtype})": lambda texts: encode(ours, texts).numpy(),
        "sentence-transformers": sentence_transformer(),
        "transformers (float32)": plain(tokenizer, torch.float32),
        f"transformers ({dtype}) again": plain(tokenizer, encoder.dtype),
    }
    if encoders["sentence-transformers"] is None:
        yield {
            "who": "sentence-transformers",
            "note": "left out: pip install sentence-transformers",
        }
        del encoders["sentence-transformers"]
    for name, sizes in SIZES.items():
        reviews = load_reviews(name, sizes=sizes)
        parts = [reviews[part] for part in ("train", "validation", "test")]
        texts = [text for part in parts for text in part["text"]]
        y = np.array([label for part in parts for label in part["label"]])
        lengths = [len(row) for row in ours.input_ids(texts)]
        features = {who: run(texts) for who, run in encoders.items()}  # warms up as well
        seconds = in_turn({who: partial(run, texts) for who, run in encoders.items()})
        # training and validation rows train: nothing is chosen here
        answers = {who: right(found, y, sum(sizes[:2])) for who, found in features.items()}
        first, best = next(iter(encoders)), peak(encoder.dtype)
        share = operations(encoder, lengths) / seconds[first] / best / 1e9
        for who in encoders:
            note = f"{sum(lengths) / seconds[who]:,.0f} tokens/s"
            if who == first:
                note += f", {share:.0%} of the matrix products' {best:.0f} GFLOP/s"
            else:
                note += f", ours is {seconds[who] / seconds[first]:.2f} times as fast, "
                note += beside(answers[first], answers[who])
            row = {"who": who, "size": f"{len(texts):,} {name}", "seconds": seconds[who]}
            yield row | {"accuracy": 100 * answers[who].mean(), "note": note}
