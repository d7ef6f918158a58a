"""Compare helpers.encode with SentenceTransformer.encode: ``python -m tests.benchmarks.encoding``.

Both read the same weights, texts and 256-token window in one process, in turn, and
sentence-transformers runs at its defaults. The course does not require it:
pip install sentence-transformers.
"""

import importlib
import statistics
import time

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.assets import fetch
from helpers.classifier import PromptClassifier
from helpers.data import load_reviews
from helpers.encode import encode
from helpers.models import DEFAULT_ENCODER, load_encoder
from helpers.templates import Template

SIZES = {"rotten_tomatoes": (1000, 200, 800), "imdb": (200, 40, 160)}  # 2,000 and 400 texts
WINDOW = 256
REPEATS = 3


def sentence_transformer():
    """The same weights in sentence-transformers, which adds mean pooling by itself."""
    try:
        library = importlib.import_module("sentence_transformers")
    except ImportError:
        raise SystemExit(
            "This benchmark needs one more package, which the course does not: "
            "pip install sentence-transformers"
        ) from None
    model = library.SentenceTransformer(str(fetch(DEFAULT_ENCODER)), device="cpu")
    model.max_seq_length = WINDOW
    return model


def matmul_gflops(dtype, tokens=1024, repeats=8):
    """Best measured speed (GFLOP/s) of a BERT-sized product (tokens, 384) x (384, 1536)."""
    left, right = torch.ones(tokens, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return 2 * left.numel() * 1536 / min(seconds) / 1e9


def in_turn(texts, encoders):
    """{name: (median seconds, features)}; the encoders take turns, so noise hits them alike."""
    for run in encoders.values():
        run(texts[:64])  # warm up
    seconds, features = {name: [] for name in encoders}, {}
    for _ in range(REPEATS):
        for name, run in encoders.items():
            begin = time.perf_counter()
            features[name] = np.asarray(run(texts))
            seconds[name].append(time.perf_counter() - begin)
    return {name: (statistics.median(seconds[name]), features[name]) for name in encoders}


def accuracy(features, labels, train):
    """Test accuracy (%) of logistic regression on the first ``train`` rows."""
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    head.fit(features[:train], labels[:train])
    return 100 * head.score(features[train:], labels[train:])


def main():
    tokenizer, encoder = load_encoder()
    ours = PromptClassifier(
        tokenizer, encoder, ["negative", "positive"], Template("{}"), "mean", WINDOW
    )
    theirs = sentence_transformer()
    encoders = {
        "helpers.encode": lambda texts: encode(ours, texts).numpy(),
        "sentence-transformers": lambda texts: theirs.encode(texts),
    }
    single, half = (matmul_gflops(dtype) for dtype in (torch.float32, torch.bfloat16))
    assert theirs.max_seq_length == WINDOW
    print(
        f"{torch.get_num_threads()} threads; matmul float32 {single:.0f} GFLOP/s, bfloat16 "
        f"{half:.0f} GFLOP/s, ratio {half / single:.2f}"
    )
    print(
        f"dtype: helpers.encode {str(encoder.dtype)[6:]}, "
        f"sentence-transformers {str(next(theirs.parameters()).dtype)[6:]}\n"
    )
    print(f"{'texts':16} {'encoder':22} {'seconds':>8} {'tokens/s':>9} {'accuracy':>9}")
    for name, sizes in SIZES.items():
        reviews = load_reviews(name, sizes=sizes)
        parts = [reviews[part] for part in ("train", "validation", "test")]
        texts = [text for part in parts for text in part["text"]]
        labels = np.array([label for part in parts for label in part["label"]])
        tokens = sum(map(len, ours.input_ids(texts)))
        results = in_turn(texts, encoders)
        for which, (seconds, features) in results.items():
            # train and validation rows train: nothing is chosen here
            score = accuracy(features, labels, sum(sizes[:2]))
            print(f"{name:16} {which:22} {seconds:8.2f} {tokens / seconds:9,.0f} {score:8.1f}%")
        slow, fast = (results[which][0] for which in reversed(encoders))
        print(f"{name:16} {tokens:,} tokens, helpers.encode is {slow / fast:.2f} times as fast\n")


if __name__ == "__main__":
    main()
