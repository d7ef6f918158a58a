"""Verbalizers, calibration and examples in context against what the whole model says."""

import json

import pytest
import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
)

from helpers.classifier import zero_shot
from helpers.data import load_reviews
from helpers.encode import encode, predict
from helpers.models import load_lm
from helpers.prompts import Examples
from helpers.templates import PromptError, pad
from helpers.verbalizers import (
    Verbalizer,
    VerbalizerError,
    calibrate,
    mean_offset,
    median_offset,
)

MASKED = {"negative": ["bad", "awful"], "positive": ["good", "great", "fine"]}
CAUSAL = {"negative": [" negative", " bad"], "positive": [" positive"]}
CLOZE, NEXT = "{} it was [MASK] .", "Review: {}\nSentiment:"
SHOTS = "Review: a joy.\nSentiment: positive\nReview: so dull.\nSentiment: negative\n"


@pytest.fixture(scope="module")
def bert():
    return load_lm("ReviewBERT", torch.float32)


@pytest.fixture(scope="module")
def smol():
    return load_lm("SmolLM2-135M-Instruct", torch.float32)


@pytest.fixture(scope="module")
def texts():
    return load_reviews("rotten_tomatoes", sizes=(600, 200, 400))["train"]["text"][:12]


@pytest.fixture(params=["ReviewBERT", "SmolLM2"])
def case(request):
    """(tokenizer, lm), template, words"""
    if request.param == "ReviewBERT":
        return request.getfixturevalue("bert"), CLOZE, MASKED
    return request.getfixturevalue("smol"), NEXT, CAUSAL


def by_hand(tokenizer, lm, classifier, text, words):
    """Log of the summed exponentials of the full vocabulary's logits, for one review."""
    ids = torch.tensor(classifier.input_ids([text]))
    logits = lm(input_ids=ids).logits[0]  # (tokens, vocabulary)
    blank = ids[0] == tokenizer.mask_token_id if tokenizer.mask_token else -1
    logits = logits[blank].reshape(-1)
    found = [tokenizer(some, add_special_tokens=False)["input_ids"] for some in words.values()]
    return torch.stack([logits[torch.tensor(one).flatten()].logsumexp(0) for one in found])


def test_label_logits_are_the_full_logits_indexed(case, texts):
    (tokenizer, lm), template, words = case
    classifier = zero_shot(tokenizer, lm, template, words)
    ours = classifier.head(encode(classifier, texts[:4]))
    theirs = torch.stack([by_hand(tokenizer, lm, classifier, text, words) for text in texts[:4]])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    assert classifier.labels == ["negative", "positive"]
    torch.testing.assert_close(
        predict(classifier, texts[:4]), theirs.softmax(-1), rtol=0, atol=1e-4
    )


def test_padding_and_order_change_nothing(case, texts):
    (tokenizer, lm), template, words = case
    classifier = zero_shot(tokenizer, lm, template, words)
    together = classifier.head(encode(classifier, texts))
    alone = torch.cat([classifier.head(encode(classifier, [text])) for text in texts])
    backwards = classifier.head(encode(classifier, texts[::-1])).flip(0)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)
    torch.testing.assert_close(together, backwards, rtol=0, atol=1e-4)


def test_mean_is_the_geometric_mean_of_the_probabilities(bert):
    states = torch.randn(3, 384, generator=torch.Generator().manual_seed(0))
    words = Verbalizer(*bert, MASKED, how="mean")
    logits = words.head(states)
    assert torch.allclose(words(states)[:, 0], logits[:, :2].mean(-1))
    assert torch.allclose(words(states)[:, 1], logits[:, 2:].mean(-1))


def test_nothing_in_it_is_trained_and_the_model_stays_whole(bert):
    tokenizer, lm = bert
    size = lm.get_output_embeddings().weight.shape
    words = Verbalizer(tokenizer, lm, MASKED)
    assert not any(p.requires_grad for p in words.parameters())
    assert lm.get_output_embeddings().weight.shape == size == (30522, 384)
    assert sum(p.numel() for p in words.parameters()) < 200_000


@pytest.mark.parametrize(
    "words, template, says",
    [
        ({"n": ["bad"], "p": ["unwatchable"]}, CLOZE, "un ##watch ##able"),
        ({"n": ["bad"], "p": [""]}, CLOZE, "nothing"),
        ({"n": ["bad"], "p": ["☃"]}, CLOZE, "one token"),
        ({"n": ["bad"], "p": []}, CLOZE, "'p' needs a list"),
        ({"n": ["bad"], "p": "x"}, CLOZE, "'p' needs a list"),
        ({"n": ["bad"]}, CLOZE, "two or more"),
        ({"n": ["bad", "Good"], "p": ["good"]}, CLOZE, "'good' stands under 'n' and 'p'"),
        ({"n": ["bad", "bad"], "p": ["good"]}, CLOZE, "each word once"),
        (MASKED, "{} it was good .", "fills a blank"),
        (MASKED, "[MASK] {} [MASK] .", "fills a blank"),
    ],
)
def test_what_does_not_fit_a_masked_model_is_refused(bert, words, template, says):
    with pytest.raises(VerbalizerError, match=says):
        zero_shot(*bert, template, words)


@pytest.mark.parametrize(
    "words, template, says",
    [
        ({"n": ["negative"], "p": [" positive"]}, NEXT, "say ' negative'"),
        ({"n": [" underwhelming"], "p": [" positive"]}, NEXT, "not one token"),
        (CAUSAL, "Review: {}\nSentiment: ", "without a space"),
        (CAUSAL, "{} it was [MASK] .", r"without \[MASK\]"),
        (CAUSAL, "Review: {}", "lead to the answer"),
    ],
)
def test_what_does_not_fit_a_causal_model_is_refused(smol, words, template, says):
    with pytest.raises(VerbalizerError, match=says):
        zero_shot(*smol, template, words)


def test_behind_a_line_break_words_need_no_space(smol):
    words = {"n": ["negative"], "p": ["positive"]}
    assert zero_shot(*smol, "{}\nSentiment:\n", words).labels == ["n", "p"]


def test_unknown_way_to_pool_words_is_refused(bert):
    with pytest.raises(VerbalizerError, match="how='max'"):
        Verbalizer(*bert, MASKED, how="max")


def test_offsets_by_hand():
    p = torch.tensor([[0.2, 0.8], [0.4, 0.6], [0.9, 0.1]])
    assert torch.allclose(mean_offset(p.log()), torch.tensor([0.5, 0.5]).log())
    assert torch.allclose(median_offset(p.log() + 3), torch.tensor([0.4, 0.6]).log())


def test_median_splits_in_half_and_is_not_applied_twice(bert, texts):
    classifier = zero_shot(*bert, CLOZE, MASKED)
    states = encode(classifier, texts[:11])
    for _ in range(2):
        calibrate(classifier.head, states)
        logits = classifier.head(states)
        apart = logits[:, 1] - logits[:, 0]
        assert (apart > 1e-5).sum() == (apart < -1e-5).sum() == 5


def test_calibrating_on_one_empty_text_makes_it_even(smol):
    classifier = zero_shot(*smol, NEXT, CAUSAL)
    calibrate(classifier.head, encode(classifier, ["N/A"]), how="mean")
    assert torch.allclose(predict(classifier, ["N/A"]), torch.tensor([[0.5, 0.5]]), atol=1e-4)


def test_examples_read_once_are_examples_read_each_time(smol, texts):
    tokenizer, lm = smol
    once, whole = (zero_shot(tokenizer, lm, front + NEXT, CAUSAL) for front in ("", SHOTS))
    once.prompt = Examples(tokenizer, lm.base_model, SHOTS)
    for _ in range(2):  # a second call finds the kept keys and values as they were
        ours, theirs = (c.head(encode(c, texts)) for c in (once, whole))
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    assert once.prompt.tokens == len(tokenizer(SHOTS)["input_ids"])
    assert not list(once.prompt.parameters())


def test_examples_are_for_causal_models(bert, smol):
    with pytest.raises(PromptError, match="into the template"):
        Examples(bert[0], bert[1].base_model, "a good film .")
    with pytest.raises(PromptError, match="no text"):
        Examples(smol[0], smol[1].base_model, "")


SMALL = {
    "vocab_size": 30522,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


@pytest.mark.parametrize(
    "config, make, mask",
    [
        (BertConfig(**SMALL, pad_token_id=0), BertForMaskedLM, "[MASK]"),
        (RobertaConfig(**SMALL, pad_token_id=0), RobertaForMaskedLM, "<mask>"),
    ],
)
def test_other_masked_models_work(bert, texts, tmp_path, config, make, mask):
    """Random weights in the layout of the hub; RoBERTa's head is built in another way."""
    torch.manual_seed(0)
    model = make(config)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(bert[0].name_or_path).save_pretrained(tmp_path)
    if mask != "[MASK]":
        for file in tmp_path.glob("*token*.json"):
            file.write_text(file.read_text("utf8").replace("[MASK]", mask), "utf8")
        assert json.loads((tmp_path / "tokenizer_config.json").read_text("utf8"))
    tokenizer, lm = load_lm(tmp_path, torch.float32)
    assert tokenizer.mask_token == mask
    classifier = zero_shot(tokenizer, lm, CLOZE, MASKED, max_length=60)
    ids = classifier.input_ids(texts[:3])
    batch = pad(ids, tokenizer.pad_token_id)
    logits = lm(**batch).logits[batch["input_ids"] == tokenizer.mask_token_id]
    good = tokenizer.convert_tokens_to_ids(MASKED["positive"])
    ours = classifier.head(encode(classifier, texts[:3]))
    torch.testing.assert_close(ours[:, 1], logits[:, good].logsumexp(-1), rtol=0, atol=1e-4)


def test_a_head_of_another_build_is_refused(bert):
    torch.manual_seed(0)
    lm = DistilBertForMaskedLM(
        DistilBertConfig(vocab_size=30522, dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    ).eval()
    with pytest.raises(VerbalizerError, match="DistilBertForMaskedLM"):
        Verbalizer(bert[0], lm, MASKED)
