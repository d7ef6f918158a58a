"""How the cost grows: with the number of reviews, with their length, with the prompt's length."""

import time

import numpy as np
import torch

from helpers.classifier import PromptClassifier
from helpers.data import load_reviews
from helpers.encode import encode
from helpers.models import load_encoder
from helpers.prompts import SoftPrompt, start_vectors
from helpers.templates import Inputs, Template
from helpers.train import prompt_optimizer, train_epoch

LABELS = ["negative", "positive"]


def slope(sizes, seconds):
    """Exponent p of seconds = c * size^p, by least squares of the logarithms."""
    return np.polyfit(np.log(sizes), np.log(seconds), 1)[0]


def encode_seconds(model, texts, tokens):
    """Seconds to encode texts of which at most `tokens` tokens are read."""
    classifier = PromptClassifier(*model, LABELS, Template("{}"), "mean", tokens)
    begin = time.perf_counter()
    encode(classifier, texts)
    return time.perf_counter() - begin


def step_seconds(model, texts, labels, tokens):
    """Seconds of an epoch that trains a soft prompt of so many tokens."""
    torch.manual_seed(0)
    prompt = SoftPrompt(start_vectors(*model, tokens, "vocabulary"), 1)
    classifier = PromptClassifier(
        *model, LABELS, Template("{} it was [MASK] ."), "mask", 64, prompt
    )
    inputs, optimizer = Inputs(classifier, texts), prompt_optimizer(classifier, 0.1, 1e-3)
    begin = time.perf_counter()
    train_epoch(classifier, optimizer, inputs, labels, 32, torch.Generator().manual_seed(0))
    return time.perf_counter() - begin


def measured(what, sizes, measure):
    """A row for each size, and one with the exponent."""
    measure(sizes[0])  # warms up
    seconds = []
    for size in sizes:
        seconds.append(measure(size))
        yield {"who": what, "size": f"{size:,}", "seconds": seconds[-1]}
    note = f"grows as size^{slope(sizes, seconds):.2f}, {sizes[0]:,} to {sizes[-1]:,}"
    yield {"who": what, "note": note}


def curve():
    model = load_encoder()
    rows = load_reviews("imdb", sizes=(20000, 2000, 2500))
    texts = [text for part in rows.values() for text in part["text"]]

    def reviews(size):
        return encode_seconds(model, texts[:size], 32)

    yield from measured("reviews, 32 tokens each", [500, 2000, 8000, 24500], reviews)
    long = [text for text in texts if len(text.split()) > 300][:300]

    def lengths(tokens):
        return encode_seconds(model, long, tokens)

    yield from measured("tokens, 300 reviews", [16, 32, 64, 128, 256], lengths)
    model, short = (
        load_encoder("ReviewBERT", torch.float32),
        load_reviews("rotten_tomatoes", "course")["train"],
    )
    some, labels = list(short["text"])[:256], torch.tensor(short["label"])[:256]

    def prompt(tokens):
        return step_seconds(model, some, labels, tokens)

    yield from measured("soft prompt's tokens, 256 reviews", [1, 4, 16, 64, 100], prompt)
