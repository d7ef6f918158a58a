"""Notebook 18: edits keep to their budget and to their checks, perturbations to their reach."""

import random
from collections import Counter

import numpy as np
import pytest
import torch

from tests.taught import taught

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", name="taught")
def names():
    return taught("18")


def different(taught, one, other):
    """Words of `one` that are not in place in `other`, and a sentence behind it."""
    known = [s for kind in ("SEEN", "NEW") for s in taught[kind]["sentences"]]
    added = [s for s in known if other.endswith(" " + s) and not one.endswith(s)]
    other = other.removesuffix(" " + added[0]) if added else other
    before, after = one.split(), other.split()
    if len(before) != len(after):  # a word was cut in two
        return len(added) + (Counter(before) - Counter(after)).total()
    return len(added) + sum(a != b for a, b in zip(before, after, strict=True))


def test_edits_keep_to_the_budget(taught):
    texts = taught["texts"]["train"][:40]
    for kind in ("SEEN", "NEW"):
        for budget in (1, 3):
            for one, other in zip(
                texts, taught["perturbed"](texts, taught[kind], budget), strict=True
            ):
                assert 0 < different(taught, one, other) <= budget


def test_a_misspelling_keeps_the_ends_and_is_no_word(taught):
    rng = random.Random(0)
    for word in ("wonderful", "dull", "story"):
        for _ in range(30):
            new = taught["misspelt"](word, taught["SEEN"]["typos"], rng)
            if new:
                assert (new[0], new[-1]) == (word[0], word[-1]) and new not in taught["COUNT"]
    assert taught["misspelt"]("bad", taught["SEEN"]["typos"], rng) is None


def test_synonyms_have_the_mood_of_the_word(taught):
    counts = taught["counts"]
    mood = np.log((counts["positive"] + 1) / (counts["negative"] + 1))
    pairs = [(word, other) for word, own in taught["SYNONYMS"].items() for other in own]
    assert len(pairs) > 500
    assert max(abs(mood[word] - mood[other]) for word, other in pairs) <= 0.3
    assert not {word for pair in pairs for word in pair} & set(taught["KEEP"])


def test_the_search_does_what_it_says(taught, monkeypatch):
    def margins(classifier, texts, labels, read=str):  # a model that counts one letter
        return np.array([read(text).count("e") - 1.5 for text in texts])

    monkeypatch.setitem(taught, "margins", margins)
    texts = ["the tale never ended here", "one gem", "a bit odd"]
    found, edits, asked = taught["attacked"](None, texts, [1, 1, 1], taught["SEEN"])
    assert edits[2] == 0 and found[2] == texts[2]
    for text, other, n in zip(texts, found, edits, strict=True):
        assert (other.count("e") < 1.5) == (n != taught["NEVER"])
        assert n == taught["NEVER"] or different(taught, text, other) == n
    assert asked > len(texts)


def test_perturbations_stay_within_reach_and_raise_the_loss(taught):
    classifier, texts = taught["build"]("head"), ["a bore .", "warm and very funny ."]
    batch, labels = taught["Inputs"](classifier, texts)[range(2)], torch.tensor([0, 1])
    embed = taught["lm"].get_input_embeddings()
    words, length = embed(batch["input_ids"]), embed.weight.norm(dim=1).mean()
    before = torch.nn.functional.cross_entropy(classifier(batch), labels).item()
    for steps in (1, 3):
        delta = taught["uphill"](classifier, batch, words, labels, 0.01, steps)
        reach = 0.01 * length * batch["attention_mask"].sum(1).sqrt()
        assert (delta.norm(dim=(1, 2)) <= reach * 1.001).all()
        assert not delta[batch["attention_mask"] == 0].any()
        with torch.no_grad():
            moved = classifier(batch | {"hidden": words + delta})
        assert torch.nn.functional.cross_entropy(moved, labels).item() > before


@pytest.mark.parametrize("way, learns", [("head", 1154), ("prefix", 415_874), ("LoRA", 2_443_394)])
def test_all_ways_start_as_the_same_classifier(taught, way, learns):
    classifier = taught["build"](way)
    trained = [part for part in classifier.parameters() if part.requires_grad]
    assert sum(part.numel() for part in trained) == learns
    texts, labels = taught["texts"]["validation"][:2], [0, 1]
    found, wanted = (
        taught["margins"](one, texts, labels) for one in (classifier, taught["build"]("head"))
    )
    assert found == pytest.approx(wanted, abs=1e-3)
