"""What the tests share: the real encoder in float32, real reviews and their features."""

import os

import pytest
import torch

from helpers import assets
from helpers.classifier import PromptClassifier
from helpers.data import load_reviews
from helpers.encode import encode
from helpers.models import load_encoder
from helpers.templates import Template

LABELS = ["negative", "positive"]


def pytest_collection_modifyitems(items):
    """What loads SmolLM2 takes seconds."""
    for item in items:
        loads = {"smol", "costs"} & {*getattr(item, "fixturenames", ())}
        if loads or "[SmolLM2" in item.name:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def nothing_solved(tmp_path, monkeypatch):
    """The tests leave the learner's record alone."""
    monkeypatch.setattr("helpers.check.SOLVED", tmp_path / "solved.json")


@pytest.fixture(scope="session")
def model():
    """(tokenizer, encoder)"""
    return load_encoder(dtype=torch.float32)


@pytest.fixture(scope="session")
def reviews():
    return load_reviews("rotten_tomatoes", sizes=(600, 200, 400))


@pytest.fixture(scope="session")
def make(model):
    """Builds a classifier on the shared encoder."""

    def build(template="{}", pooling="mean", max_length=64, labels=LABELS):
        return PromptClassifier(*model, labels, Template(template), pooling, max_length)

    return build


@pytest.fixture(scope="session")
def features(make, reviews):
    """{part: (features, labels)} under the prompt of notebook 07, encoded anew in each session."""
    torch.manual_seed(0)
    classifier = make("Is this movie review positive or negative? {}")
    return {
        part: (encode(classifier, rows["text"]), torch.tensor(rows["label"]))
        for part, rows in reviews.items()
    }


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache folder, and no memory of what other tests fetched."""
    monkeypatch.setenv("PROMPT_COURSE_CACHE", str(tmp_path / "cache"))
    assets._fetch.cache_clear()
    yield tmp_path / "cache"
    assets._fetch.cache_clear()


@pytest.fixture
def no_network(monkeypatch):
    """pip and the hub find nobody: the index is a closed port, local folders are forgotten."""
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
