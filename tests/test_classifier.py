"""helpers.templates, classifier and encode: the frozen classifier, against plain transformers."""

import copy
import json
import random

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer

from helpers.classifier import PromptClassifier, load_classifier, save_classifier
from helpers.data import DataError
from helpers.encode import cached_encode, encode, predict, write_features
from helpers.files import FileError
from helpers.templates import PromptError, Template, batches_by_length, pad

LABELS = ["negative", "positive"]
BOTH_SIDES = "Is this positive? {} It was [MASK]."
TEXTS = [
    "a gripping , beautifully shot thriller .",
    "dull",
    "not bad at all , if a bit long .",
    "I would rather watch paint dry for two hours than see this film again .",
]
close = {"rtol": 0, "atol": 1e-5}


@pytest.mark.parametrize("text", ["", "no slot", "{} and {}", "{ }"])
def test_template_has_one_slot(text):
    with pytest.raises(PromptError, match="exactly one {}"):
        Template(text)


@pytest.mark.parametrize("template", ["{}", BOTH_SIDES, "Review: {}", "{} All in all: [MASK]!"])
def test_short_texts_are_tokenised_as_if_joined(model, template):
    joined = model[0]([template.replace("{}", text) for text in TEXTS])["input_ids"]
    assert Template(template).input_ids(model[0], TEXTS) == joined


@pytest.mark.parametrize("max_length", [11, 12, 40, 64, 512])
def test_truncation_cuts_the_review_only(model, max_length):
    tokenizer, _ = model
    before, after = (
        tokenizer.encode(part, add_special_tokens=False) for part in BOTH_SIDES.split("{}")
    )
    (ids,) = Template(BOTH_SIDES).input_ids(tokenizer, ["good film " * 900], max_length)
    assert len(ids) == max_length
    assert ids[: len(before) + 1] == [tokenizer.cls_token_id, *before]
    assert ids[-len(after) - 1 :] == [*after, tokenizer.sep_token_id]
    review = tokenizer.decode(ids[len(before) + 1 : -len(after) - 1]).split()
    assert review == (["good", "film"] * 900)[: len(review)] and review


@pytest.mark.parametrize(
    "template, max_length, message",
    [
        ("word " * 600 + "{}", 256, "The prompt has 600 tokens.*Shorten the prompt"),
        (BOTH_SIDES, 10, "one token of review"),
        ("{}", 513, "max_length=513 .*window of 512"),
    ],
)
def test_window(model, template, max_length, message):
    with pytest.raises(PromptError, match=message):
        Template(template).input_ids(model[0], TEXTS, max_length)


def test_special_tokens_in_a_review_stay_letters(make, model):
    classifier, special = make(BOTH_SIDES, "mask"), set(model[0].all_special_ids)
    for _ in range(2):  # nothing lingers in the tokenizer
        (ids,) = classifier.input_ids(["so [MASK] [SEP] bad [PAD] [CLS] [UNK]"])
        assert sum(token in special for token in ids) == 3  # [CLS], the template's [MASK], [SEP]
        assert "[ mask ] [ sep ] bad" in model[0].decode(ids)
    assert encode(classifier, ["so [MASK] bad"]).isfinite().all()


def base_states(model, texts, max_length=64):
    """Attention mask and last hidden states from the tokenizer and model, without the helpers."""
    batch = model[0](
        texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt"
    )
    with torch.no_grad():
        return batch, model[1](**batch).last_hidden_state


def test_no_prompt_is_the_base_model(make, model, reviews):
    """As sentence-transformers: mean over the attention mask, then length 1."""
    texts = reviews["test"]["text"][:48]
    batch, states = base_states(model, texts)
    mask = batch["attention_mask"].unsqueeze(-1).float()
    mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
    ours = encode(make(), texts)
    torch.testing.assert_close(ours, mean, **close)
    unit = torch.nn.functional.normalize
    torch.testing.assert_close(unit(ours), unit(mean), **close)


@pytest.mark.parametrize("pooling", ["cls", "mean", "last", "mask"])
def test_pooling(make, model, pooling):
    batch, states = base_states(model, [BOTH_SIDES.replace("{}", text) for text in TEXTS])
    expected = []
    for ids, mask, state in zip(
        batch["input_ids"].tolist(), batch["attention_mask"], states, strict=True
    ):
        real = int(mask.sum())
        place = {
            "cls": [0],
            "mean": range(real),
            "last": [real - 1],
            "mask": [ids.index(model[0].mask_token_id)],
        }[pooling]
        expected.append(state[list(place)].mean(0))
    torch.testing.assert_close(
        encode(make(BOTH_SIDES, pooling), TEXTS), torch.stack(expected), **close
    )


@pytest.mark.parametrize(
    "template, pooling, message",
    [
        ("{}", "max", "not 'max'"),
        ("{}", "mask", "needs a template with one"),
        ("[MASK] {} [MASK]", "mask", "needs a template with one"),
    ],
)
def test_pooling_that_cannot_be(make, template, pooling, message):
    with pytest.raises(PromptError, match=message):
        encode(make(template, pooling), TEXTS)


def test_no_review_and_empty_review(make):
    with pytest.raises(DataError, match="no reviews"):
        encode(make(), [])
    with pytest.raises(DataError, match="Review 1 is empty"):
        predict(make(), ["fine", " "])


@pytest.mark.parametrize("pooling", ["mean", "mask", "last", "cls"])
def test_batching_changes_nothing(make, reviews, pooling):
    classifier, texts = make(BOTH_SIDES, pooling), list(reviews["test"]["text"][:40])
    order = np.random.default_rng(0).permutation(len(texts))
    plain = encode(classifier, texts, budget=64)
    torch.testing.assert_close(encode(classifier, texts, budget=4096), plain, **close)
    shuffled = encode(classifier, [texts[row] for row in order])
    torch.testing.assert_close(shuffled, plain[order], **close)


def test_batches_by_length_random():
    rng = random.Random(0)
    for _ in range(200):
        lengths = [rng.randint(1, 300) for _ in range(rng.randint(0, 80))]
        budget = rng.choice([1, 64, 256, 1024, 10**6])
        batches = list(batches_by_length(lengths, budget))
        assert sorted(sum(batches, [])) == list(range(len(lengths)))
        for rows in batches:
            assert rows and (len(rows) == 1 or len(rows) * max(lengths[r] for r in rows) <= budget)


def test_random_templates_and_texts(model):
    """Whatever is typed, ids are [CLS] before review after [SEP] within the window."""
    rng, (tokenizer, _) = random.Random(0), model
    letters = "ab z.,!'\"é你👍\n[]{}#%0" + "\u0301\u200b"
    ends = tokenizer.cls_token_id, tokenizer.sep_token_id

    def typed(size):
        return "".join(rng.choice(letters) for _ in range(rng.randint(0, size)))

    for _ in range(200):
        before, after = (typed(12).replace("{}", "") for _ in range(2))
        text, max_length = "x" + typed(200), rng.randint(40, 128)
        (ids,) = Template(f"{before} {{}} {after}").input_ids(tokenizer, [text], max_length)
        inner = [tokenizer.encode(part, add_special_tokens=False) for part in (before, text, after)]
        room = max_length - len(inner[0]) - len(inner[2]) - 2
        assert (ids[0], ids[-1]) == ends and len(ids) <= max_length
        assert ids[1:-1] == inner[0] + inner[1][:room] + inner[2]


def test_pad():
    batch = pad([[5, 6, 7], [8]], 0)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]


def test_cache(make, own_cache):
    fresh = encode(make(), TEXTS)
    assert torch.equal(cached_encode(make(), TEXTS), fresh)
    (path,) = (own_cache / "features").iterdir()
    write_features(path, fresh + 1)
    assert torch.equal(cached_encode(make(), TEXTS), fresh + 1)  # it is read, not computed
    for other in (make(BOTH_SIDES), make(pooling="cls"), make(max_length=8)):
        assert torch.equal(cached_encode(other, TEXTS), encode(other, TEXTS))
    assert torch.equal(cached_encode(make(), TEXTS[::-1]), fresh.flip(0))
    for damaged in (b"", b"nonsense", path.read_bytes()[:-9]):
        path.write_bytes(damaged)
        assert torch.equal(cached_encode(make(), TEXTS), fresh)
        assert path.stat().st_size > 4 * fresh.numel()  # and it is whole again


def test_training_mode_leaves_the_encoder_alone(make, own_cache):
    classifier = make()
    fresh = encode(classifier, TEXTS)
    classifier.train()
    assert classifier.head.training
    assert torch.equal(cached_encode(classifier, TEXTS), fresh)
    assert torch.equal(predict(classifier, TEXTS), predict(classifier.eval(), TEXTS))


def test_a_second_classifier_does_not_freeze_what_the_first_one_trains(model):
    encoder = copy.deepcopy(model[1]).requires_grad_(True)
    for _ in range(2):
        PromptClassifier(model[0], encoder, LABELS)
        assert all(p.requires_grad for p in encoder.parameters())


def halved(model):
    with torch.no_grad():
        model[1].encoder.layer[5].output.dense.bias.mul_(0.5)
    return model


def adapted(model):
    about = LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)
    return model[0], get_peft_model(model[1], about).eval()


def six_heads(model):
    path = model[1].config._name_or_path
    encoder = AutoModel.from_pretrained(path, num_attention_heads=6, dtype=torch.float32)
    return model[0], encoder.eval()


def cased(model):
    path = model[1].config._name_or_path
    tokenizer = AutoTokenizer.from_pretrained(path)
    backend = tokenizer.backend_tokenizer
    backend.normalizer = type(backend.normalizer)(lowercase=False)
    return tokenizer, model[1]


@pytest.mark.parametrize("change", [halved, adapted, six_heads, cased])
def test_the_cache_knows_what_the_features_depend_on(model, own_cache, change):
    texts = ["A GRIPPING film", "dull"]
    before = cached_encode(PromptClassifier(*model, LABELS), texts)
    other = PromptClassifier(*change((model[0], copy.deepcopy(model[1]))), LABELS)
    found = cached_encode(other, texts)
    assert not torch.allclose(found, before, atol=1e-3)
    assert torch.equal(found, encode(other, texts))


@pytest.mark.parametrize("change", [halved, adapted, six_heads, cased])
def test_a_saved_head_knows_its_model_and_tokenizer(make, model, tmp_path, change):
    path = save_classifier(make(), tmp_path / "my.safetensors")
    part = "tokenizer" if change is cased else "base"
    with pytest.raises(PromptError, match=f"was trained with {part} "):
        load_classifier(path, *change((model[0], copy.deepcopy(model[1]))))


def test_the_cache_knows_the_code(make, own_cache, monkeypatch):
    cached_encode(make(), TEXTS)
    monkeypatch.setattr("helpers.encode.code_version", lambda: ["another"])
    cached_encode(make(), TEXTS)
    assert len(list((own_cache / "features").iterdir())) == 2


def test_a_cache_that_cannot_be_written_loses_nothing(make, own_cache):
    own_cache.write_text("a file, not a folder")
    assert torch.equal(cached_encode(make(), TEXTS), encode(make(), TEXTS))


def test_features_with_a_flipped_bit_are_made_again(make, own_cache):
    fresh = cached_encode(make(), TEXTS)
    (path,) = (own_cache / "features").iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 64
    path.write_bytes(content)
    assert torch.equal(cached_encode(make(), TEXTS), fresh)


def test_a_failed_save_leaves_the_old_file(make, tmp_path):
    path = save_classifier(make(), tmp_path / "new folder" / "my.safetensors")
    before = path.read_bytes()
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(FileError, match="could not be written"):
        save_classifier(make(), blocked / "my.safetensors")
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1


def test_predict_gives_names(make):
    classifier, best = make(), predict(make(), TEXTS)
    best = predict(classifier, TEXTS).argmax(-1)
    assert predict(classifier, TEXTS, names=True) == [LABELS[label] for label in best]


def test_unreadable_reviews_are_named(make):
    with pytest.warns(UserWarning, match="2 of 3 reviews .the first is number 1. are mostly"):
        encode(make(), ["fine", "👍", "👎"])


def test_a_mask_by_another_name(model, tmp_path):
    tokenizer = copy.deepcopy(model[0])
    written = Template("{} It was [MASK].").input_ids(tokenizer, TEXTS)
    assert all(ids.count(tokenizer.mask_token_id) == 1 for ids in written)
    tokenizer.mask_token = None
    with pytest.raises(PromptError, match=r"knows no \[MASK\]"):
        Template("{} It was [MASK].").input_ids(tokenizer, TEXTS)
    with pytest.raises(PromptError, match="take pooling='last'"):
        PromptClassifier(tokenizer, model[1], LABELS, pooling="mask")


def test_saved_then_loaded(make, model, tmp_path):
    classifier = make(BOTH_SIDES, "mask", 48, ["schlecht", "naïve"])
    path = save_classifier(classifier, tmp_path / "my.safetensors")
    assert path.stat().st_size < 10_000 and list(tmp_path.iterdir()) == [path]
    with safe_open(path, "pt") as file:
        assert set(file.keys()) == {"head.weight", "head.bias"}
    loaded = load_classifier(path, *model)
    assert torch.equal(predict(loaded, TEXTS), predict(classifier, TEXTS))
    for name in ("labels", "template", "pooling", "max_length"):
        assert getattr(loaded, name) == getattr(classifier, name)


HEAD = {"head.weight": torch.zeros(2, 384), "head.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    "tensors, changes, message",
    [
        (HEAD, {"base": "f" * 64}, "base ffffffffffff, but this one is"),
        (HEAD, {"prompt": {"kind": "deep", "first": 0}}, "lacks 'vectors'"),
        (HEAD, {"prompt": {"kind": "magic"}}, "lacks 'magic'"),
        (HEAD, {"schema": "prompt-classifier/1"}, "not a saved classifier"),
        (HEAD, {"schema": None}, "not a saved classifier"),
        (HEAD, {"head": None}, "its head is None"),
        (HEAD, {"max_length": "x"}, "its max_length is 'x'"),
        (HEAD, {"labels": 10**12}, "its labels is 1000000000000"),
        (HEAD, {"prompt": {"kind": "examples", "text": 7}}, "examples is no text"),
        ({"head.bias": HEAD["head.bias"]}, {}, "does not fit"),
        (HEAD | {"prompt.x": torch.zeros(1)}, {}, "holds .*'prompt.x'"),
        (HEAD, {"labels": ["a", "b", "c"]}, "does not fit"),
    ],
)
def test_files_that_do_not_fit(make, model, tmp_path, tensors, changes, message):
    path = save_classifier(make(), tmp_path / "my.safetensors")
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["about"])
    save_file(tensors, path, {"about": json.dumps(about | changes)})
    with pytest.raises(PromptError, match=message):
        load_classifier(path, *model)


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all", "plain"])
def test_not_a_classifier_file(model, tmp_path, content):
    path = tmp_path / "my.safetensors"
    if content == "plain":
        save_file(HEAD, path)  # safetensors, without our metadata
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(PromptError, match="cannot be read|not a saved classifier"):
        load_classifier(path, *model)


def test_only_the_head_learns(make, model):
    classifier = make()
    assert isinstance(classifier, PromptClassifier)
    learns = {name for name, p in classifier.named_parameters() if p.requires_grad}
    assert learns == {"head.weight", "head.bias"}
    probabilities = predict(classifier, TEXTS)
    assert probabilities.shape == (len(TEXTS), 2)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(TEXTS)), **close)
    logits = classifier.head(encode(classifier, TEXTS)).detach()
    torch.testing.assert_close(probabilities, logits.softmax(-1), **close)
