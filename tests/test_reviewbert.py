"""The model that this course trained: its file, its script and what it can do."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM

from helpers import assets
from helpers.assets import DATA, AssetError, fetch, sha256
from helpers.checkpoints import TrainingError
from helpers.data import fingerprint, load_reviews
from helpers.models import load_encoder, weights_hash
from tests.taught import script_of

pytestmark = pytest.mark.slow  # it trains, or reads all of IMDB
NAME = "ReviewBERT"
DELTA = DATA / "reviewbert.safetensors"


@pytest.fixture(scope="module")
def script():
    return script_of("reviewbert")


@pytest.fixture(scope="module")
def masked_lm():
    return AutoModelForMaskedLM.from_pretrained(fetch(NAME), dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def imdb():
    return load_reviews("imdb", (20000, 2000, 2500))


def test_the_file_is_small_and_half_precision():
    assert DELTA.stat().st_size <= 16e6
    assert {tensor.dtype for tensor in load_file(DELTA).values()} == {torch.float16}


def test_only_the_top_layers_and_the_head_differ_from_the_base(masked_lm):
    _, base = load_encoder(dtype=torch.float32)
    same = {
        name
        for name, p in base.named_parameters()
        if "pooler" not in name and torch.equal(p, masked_lm.get_parameter(f"bert.{name}"))
    }
    changed = {name for name, _ in base.named_parameters() if "pooler" not in name} - same
    assert {name.split(".")[0] for name in same} == {"embeddings", "encoder"}
    assert {name.split(".")[2] for name in changed} == {"2", "3", "4", "5"}
    head = masked_lm.cls.predictions
    assert head.decoder.weight is masked_lm.bert.embeddings.word_embeddings.weight


def test_the_encoder_is_the_one_inside_the_masked_lm(masked_lm):
    tokenizer, encoder = load_encoder(NAME, torch.float32)
    batch = tokenizer("it was [MASK] .", return_tensors="pt")
    with torch.no_grad():
        inside = masked_lm.bert(**batch).last_hidden_state
        assert torch.allclose(encoder(**batch).last_hidden_state, inside, atol=1e-6)
    again = load_encoder(NAME, torch.float32)[1]  # nothing in it is left to chance
    assert weights_hash(encoder) == weights_hash(again)


def test_the_curve_ends_where_the_file_is(script, masked_lm, imdb):
    curve = pd.read_csv(DATA / "reviewbert.csv")
    assert curve["tokens"].is_monotonic_increasing
    tokenizer, _ = load_encoder(NAME)
    unseen = script.chunks(tokenizer, imdb["test"]["text"][:400])
    found = script.held_out(masked_lm, tokenizer, unseen)
    assert found["held_out_loss"] == pytest.approx(curve["held_out_loss"].iloc[-1], abs=0.01)
    assert found["held_out_loss"] < curve["held_out_loss"].iloc[0] - 2


def test_it_read_no_review_that_a_notebook_tests_on(imdb):
    read = {fingerprint(text) for part in ("train", "validation") for text in imdb[part]["text"]}
    others = [
        load_reviews(source, sizes)
        for source, sizes in (("imdb", (400, 100, 500)), ("rotten_tomatoes", (7000, 500, 1000)))
    ]
    for reviews in (imdb, *others):
        assert not read & {fingerprint(text) for text in reviews["test"]["text"]}


@pytest.mark.parametrize("stage", ["words", "opinions", "verdicts"])
def test_an_interrupted_run_ends_like_a_whole_one(script, tmp_path, monkeypatch, stage):
    reviews = load_reviews("imdb", (200, 20, 4))
    monkeypatch.setattr(script, "BATCH_TOKENS", 512)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
        if stage != "words":  # goes on from what is there
            shutil.copy(DELTA, folder)
            shutil.copy(DATA / "reviewbert.csv", folder)
    curve = script.train(reviews, 1400, whole, stage, every=1)
    calls = iter(range(2))  # two batches, then the machine goes down
    batch_of = script.batch_of
    monkeypatch.setattr(script, "batch_of", lambda *args: (next(calls), batch_of(*args))[1])
    with pytest.raises(StopIteration):
        script.train(reviews, 1400, broken, stage, every=1)
    monkeypatch.setattr(script, "batch_of", batch_of)
    resumed = script.train(reviews, 1400, broken, stage, every=1)
    keys = [key for key in curve[0] if key != "seconds"]
    new = slice(-3, None)
    assert [[row[k] for k in keys] for row in resumed[new]] == [
        [row[k] for k in keys] for row in curve[new]
    ]
    assert len(resumed) == len(curve)
    assert sha256(broken / DELTA.name) == sha256(whole / DELTA.name) != sha256(DELTA)
    assert not (broken / "reviewbert-checkpoint-muon.safetensors").exists()


def test_opinion_words_are_hidden_more_often(script):
    tokenizer, _ = load_encoder(NAME)
    shares = script.shares_of(script.STAGES["opinions"], tokenizer)
    words = tokenizer.convert_tokens_to_ids(script.OPINION_WORDS)
    assert tokenizer.unk_token_id not in words and len({*words}) == len(words)
    assert shares[words].min() == shares.max() == pytest.approx(0.6)
    assert not shares[tokenizer.all_special_ids].any()


def test_a_verdict_comes_from_the_rest_of_the_review(script):
    tokenizer, _ = load_encoder(NAME)
    review = "The plot is boring all the way. I had fun, great fun. It was not a good idea at all."
    pieces, shares = script.questions(tokenizer, [review, "One sentence, however good."])
    words = [
        {script.OPINION_WORDS[i]: row[i].item() for i in row.nonzero().flatten()} for row in shares
    ]
    # "not a good" does not count, and one word elsewhere ("boring", for the second) is too little
    assert words == [
        {"fun": pytest.approx(2 / 3), "great": pytest.approx(1 / 3)},
        {"boring": 0.25, "fun": 0.5, "great": 0.25},
    ]
    assert tokenizer.decode(pieces[0]) == (
        "[CLS] the plot is boring all the way. it was [MASK]. [SEP]"
    )


def test_muon_in_float32_is_muon(script):
    from torch.optim._muon import _zeropower_via_newtonschulz as library

    torch.manual_seed(0)
    for shape in ((8, 24), (24, 8)):
        gradient, rest = torch.randn(shape), ((3.4445, -4.7750, 2.0315), 5, 1e-7)
        ours, theirs = script.orthogonal(gradient, *rest), library(gradient, *rest).float()
        assert (ours - theirs).abs().max() < 0.03  # theirs is rounded to bfloat16 at every step


def test_a_loss_that_is_not_finite_stops_the_run(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "ADAM_LR", float("inf"))
    with pytest.raises(TrainingError, match="nan in step 1: lower MUON_LR"):
        script.train(load_reviews("imdb", (200, 20, 10)), 1e6, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def base_folder():
    return fetch("all-MiniLM-L6-v2")


@pytest.fixture
def changed(base_folder, own_cache, monkeypatch):
    """``changed(path)`` puts another delta in place of the course's, in a cache with the base."""
    shutil.copytree(base_folder, own_cache / base_folder.name)

    def put(path, digest=None):
        delta = replace(assets.ASSETS[NAME], file=path.name, sha256=digest or sha256(path))
        monkeypatch.setattr(assets, "DATA", path.parent)
        monkeypatch.setitem(assets.ASSETS, NAME, delta)

    return put


def test_a_damaged_delta_is_refused(changed, tmp_path):
    damaged = shutil.copy(DELTA, tmp_path / DELTA.name)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    changed(damaged, sha256(DELTA))
    with pytest.raises(AssetError, match="does not have the sha256.*git checkout"):
        fetch(NAME)


def test_a_delta_of_another_base_is_refused(changed, tmp_path):
    other = tmp_path / "other.safetensors"
    save_file(load_file(DELTA), other, metadata={"base": "0" * 64})
    changed(other)
    with pytest.raises(AssetError, match="trained on other weights"):
        fetch(NAME)


def test_a_missing_delta_says_how_to_restore_it(changed, tmp_path):
    changed(shutil.copy(DELTA, tmp_path / "gone.safetensors"))
    (tmp_path / "gone.safetensors").unlink()
    with pytest.raises(AssetError, match="git checkout"):
        fetch(NAME)
