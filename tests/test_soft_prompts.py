"""helpers.prompts and layers: against hard prompts, against peft, and against itself."""

import json

import pytest
import torch
from peft import PrefixTuningConfig, PromptTuningConfig, TaskType, get_peft_model
from safetensors import safe_open

from helpers.classifier import PromptClassifier, load_classifier, save_classifier
from helpers.encode import KeptInputs, encode
from helpers.layers import prefix_shape
from helpers.models import load_encoder, weights_hash
from helpers.prompts import (
    Bottleneck,
    DeepPrompt,
    Lstm,
    SoftPrompt,
    build_prompt,
    start_prefix,
    start_vectors,
)
from helpers.templates import Inputs, PromptError, Template, pad
from helpers.train import TrainingError, fit, judge, prompt_optimizer, warm_cosine

TEXTS = ["a gripping , beautifully shot thriller .", "dull", "not bad at all , if a bit long ."]
close = {"rtol": 0, "atol": 2e-5}


@pytest.fixture
def batch(model):
    ids = model[0](TEXTS)["input_ids"]
    return pad(ids, model[0].pad_token_id)


@pytest.fixture
def deep(model):
    """``deep(tokens, first)``: a random deep prompt on the layers from ``first`` on."""

    def build(tokens=4, first=0):
        torch.manual_seed(0)
        return DeepPrompt(torch.randn(prefix_shape(model[1], tokens, 6 - first)), first)

    return build


@pytest.fixture
def soft(model):
    return SoftPrompt(start_vectors(*model, 4, "vocabulary"), 1)


@pytest.fixture(params=["soft", "deep", "top"])
def prompt(request, soft, deep):
    return {"soft": soft, "deep": deep(), "top": deep(first=3)}[request.param]


def on_text(hidden, batch):
    """States of real tokens only: what padding's own states are does not matter."""
    return hidden[batch["attention_mask"].bool()]


def test_a_soft_prompt_of_words_is_the_hard_prompt(model):
    tokenizer, encoder = model
    words = "is this movie good ?"
    vectors = start_vectors(*model, len(tokenizer.tokenize(words)), words)
    batch = pad(tokenizer(TEXTS)["input_ids"], tokenizer.pad_token_id)
    hard = pad(tokenizer([f"{words} {text}" for text in TEXTS])["input_ids"], 0)
    with torch.no_grad():
        states = SoftPrompt(vectors, 1).states(encoder, batch)
        wanted = encoder(**hard).last_hidden_state
    wanted = torch.cat([wanted[:, :1], wanted[:, 1 + len(vectors) :]], 1)
    torch.testing.assert_close(on_text(states, batch), on_text(wanted, batch), **close)


@pytest.mark.parametrize("first", [0, 4])
def test_without_tokens_it_is_the_base_model(model, batch, deep, first):
    with torch.no_grad():
        states = deep(tokens=0, first=first).states(model[1], batch)
        wanted = model[1](**batch).last_hidden_state
    torch.testing.assert_close(on_text(states, batch), on_text(wanted, batch), **close)


def test_padding_and_order_change_nothing(model, prompt):
    tokenizer, encoder = model
    ids = tokenizer(TEXTS)["input_ids"]
    with torch.no_grad():
        alone = [prompt.states(encoder, pad([row], 0))[0] for row in ids]
        together = prompt.states(encoder, pad(ids[::-1], 0)).flip(0)
    for row, states in zip(alone, together, strict=True):
        torch.testing.assert_close(states[: len(row)], row, **close)


def test_kept_lower_states_change_nothing(model, deep):
    classifier = PromptClassifier(*model, ["a", "b"], prompt=deep(first=4))
    plain, kept = Inputs(classifier, TEXTS), KeptInputs(classifier, TEXTS)
    rows = torch.tensor([2, 0, 1])
    with torch.no_grad():
        torch.testing.assert_close(classifier(kept[rows]), classifier(plain[rows]), **close)


@pytest.fixture
def below(model):
    """A deep prompt on the two top layers over a frozen one in the others."""
    torch.manual_seed(0)
    whole = torch.randn(prefix_shape(model[1], 4, 6))
    return DeepPrompt(whole[4:].clone(), 4, below=whole[:4].clone()), DeepPrompt(whole)


def test_a_frozen_part_below_is_read_like_a_trained_one(model, batch, below):
    part, whole = below
    with torch.no_grad():
        torch.testing.assert_close(
            part.states(model[1], batch), whole.states(model[1], batch), **close
        )
    assert [name for name, _ in part.named_parameters()] == ["vectors"]


def test_kept_lower_states_hold_what_the_frozen_part_did(model, below):
    classifier = PromptClassifier(*model, ["a", "b"], prompt=below[0])
    plain, kept = Inputs(classifier, TEXTS), KeptInputs(classifier, TEXTS)
    with torch.no_grad():
        torch.testing.assert_close(classifier(kept[[0, 2]]), classifier(plain[[0, 2]]), **close)


def test_the_frozen_part_is_saved_and_loaded(model, below, tmp_path):
    classifier = PromptClassifier(*model, ["a", "b"], prompt=below[0])
    path = save_classifier(classifier, tmp_path / "prompt.safetensors")
    loaded = load_classifier(path, *model)
    assert torch.equal(loaded.prompt.below, below[0].below)
    assert torch.equal(encode(loaded, TEXTS), encode(classifier, TEXTS))


@pytest.mark.parametrize("first", [0, 4])
def test_the_top_layer_for_one_token_alone(model, deep, first):
    """The same logits and the same gradient as from all of the layer's tokens."""
    classifier = PromptClassifier(
        *model, ["a", "b"], Template("{} it was [MASK] ."), "mask", prompt=deep(first=first)
    )
    found = []
    for only in (None, model[0].mask_token_id):
        classifier.prompt.only = only
        logits = classifier(Inputs(classifier, TEXTS)[[0, 1, 2]])
        (slope,) = torch.autograd.grad(logits[:, 0].sum(), classifier.prompt.vectors)
        found.append((logits, slope))
    torch.testing.assert_close(*found, rtol=1e-4, atol=2e-5)


def test_soft_prompt_equals_peft(model, batch):
    _, encoder = load_encoder(dtype=torch.float32)
    about = PromptTuningConfig(task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=4)
    wrapped = get_peft_model(encoder, about).eval()
    vectors = wrapped.get_prompt(1)[0].detach().clone()
    with torch.no_grad():
        theirs = wrapped(**batch).last_hidden_state[:, 4:]
        ours = SoftPrompt(vectors).states(model[1], batch)
    torch.testing.assert_close(on_text(ours, batch), on_text(theirs, batch), **close)


def test_deep_prompt_equals_peft(model, batch):
    _, encoder = load_encoder(dtype=torch.float32)
    about = PrefixTuningConfig(task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=4)
    wrapped = get_peft_model(encoder, about).eval()
    cache = wrapped.get_prompt(1)  # keys and values, layer by layer
    vectors = torch.stack([torch.stack([layer.keys[0], layer.values[0]]) for layer in cache.layers])
    # peft adds 4 to the positions of the text; ours are those without a prompt
    places = torch.arange(batch["input_ids"].shape[1])[None] - 4
    with torch.no_grad():
        theirs = wrapped(**batch, position_ids=places).last_hidden_state
        ours = DeepPrompt(vectors.detach()).states(model[1], batch)
    torch.testing.assert_close(on_text(ours, batch), on_text(theirs, batch), **close)


def test_gradient_of_a_deep_prompt(model, batch, deep):
    """A step along the gradient changes a loss as the gradient says."""
    prompt = deep(first=3)
    direction = torch.randn(prompt.vectors.shape, generator=torch.Generator().manual_seed(1))

    def loss(step):
        moved = DeepPrompt(prompt.vectors.detach() + step * direction, 3)
        return on_text(moved.states(model[1], batch), batch).double().square().mean()

    on_text(prompt.states(model[1], batch), batch).square().mean().backward()
    slope = (loss(1e-2) - loss(-1e-2)) / 2e-2
    assert (prompt.vectors.grad * direction).sum().item() == pytest.approx(slope.item(), rel=1e-2)


@pytest.mark.parametrize("start", ["noise", "vocabulary", "good film"])
def test_starts(model, start):
    vectors = start_vectors(*model, 5, start, seed=3)
    assert vectors.shape == (5, 384)
    assert torch.equal(vectors, start_vectors(*model, 5, start, seed=3))
    table = model[1].get_input_embeddings().weight
    known = (vectors[:, None] == table).all(-1).any(-1).all()  # each is a word's embedding
    assert known == (start != "noise")


def test_an_empty_start_is_refused(model):
    with pytest.raises(PromptError, match="holds no word"):
        start_vectors(*model, 4, "")
    with pytest.raises(PromptError, match="holds no word"):
        start_prefix(*model, " ")


def test_a_prefix_from_text_has_its_shape(model):
    found = start_prefix(*model, "a good film", first=2)
    assert found.shape == prefix_shape(model[1], 3, 4)


@pytest.mark.parametrize("kind", ["mlp", "lstm", "deep"])
def test_folding_changes_nothing(model, batch, kind):
    vectors = start_vectors(*model, 4, "noise")
    if kind == "deep":
        prompt = DeepPrompt(vectors, 2, Bottleneck(384, 16, prefix_shape(model[1], 4, 4)))
    else:
        through = Lstm(384, 16) if kind == "lstm" else Bottleneck(384, 16, (4, 384))
        prompt = SoftPrompt(vectors, 1, through)
    folded = prompt.fold()
    assert folded.through is None and [*folded.state_dict()] == ["vectors"]
    with torch.no_grad():
        now, before = folded.states(model[1], batch), prompt.states(model[1], batch)
    torch.testing.assert_close(now, before, **close)
    again = build_prompt(folded.about(), folded.state_dict(), *model)
    assert type(again) is type(prompt) and again.about() == prompt.about()
    assert torch.equal(again.vectors, folded.vectors)


def tune(classifier, train, validation, lr=1e-2, epochs=8, **options):
    optimizer = prompt_optimizer(classifier, lr)
    options |= {"epochs": epochs, "batch_size": 16, "schedule": warm_cosine}
    return fit(classifier, train, validation, optimizer, **options)


def numbers(rows):
    return torch.tensor(rows["label"])


@pytest.fixture
def data(model, reviews, prompt):
    """A classifier with ``prompt``, training and validation inputs."""
    torch.manual_seed(0)
    classifier = PromptClassifier(*model, ["negative", "positive"], max_length=64, prompt=prompt)
    parts = (reviews["train"][:96], reviews["validation"][:64])
    return classifier, *((Inputs(classifier, part["text"]), numbers(part)) for part in parts)


@pytest.mark.slow
def test_tuning_learns_and_leaves_the_base_alone(data):
    classifier, train, validation = data
    before = weights_hash(classifier.encoder)
    history = tune(classifier, train, validation, epochs=4)
    assert history[-1]["train_loss"] < history[0]["train_loss"] - 0.1, history
    assert weights_hash(classifier.encoder) == before
    assert all(p.grad is None for p in classifier.encoder.parameters())
    assert history[-1]["accuracy"] == judge(classifier, *validation)[1]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_prompt(data):
    classifier, train, validation = data
    start = {k: v.clone() for k, v in classifier.state_dict().items() if "encoder" not in k}
    runs = []
    for _ in range(2):
        classifier.load_state_dict(start, strict=False)
        runs.append(tune(classifier, train, validation, epochs=1))
    assert runs[0] == runs[1]


@pytest.mark.slow
def test_an_interrupted_run_ends_like_a_whole_one(data, tmp_path, monkeypatch):
    classifier, train, validation = data
    start = {k: v.clone() for k, v in classifier.state_dict().items() if "encoder" not in k}
    whole = tune(classifier, train, validation, epochs=2)
    ended = classifier.prompt.vectors.detach().clone()
    classifier.load_state_dict(start, strict=False)
    path, full = tmp_path / "prompt.safetensors", Inputs.batches
    calls = iter([full])  # one epoch, then the machine goes down
    monkeypatch.setattr(Inputs, "batches", lambda *args: next(calls)(*args))
    with pytest.raises(StopIteration):
        tune(classifier, train, validation, epochs=2, checkpoint=path)
    monkeypatch.setattr(Inputs, "batches", full)
    classifier.load_state_dict(start, strict=False)
    assert tune(classifier, train, validation, epochs=2, checkpoint=path) == whole
    assert torch.equal(classifier.prompt.vectors, ended)


def test_a_loss_that_is_not_finite_puts_the_best_back(data):
    classifier, train, validation = data
    before = classifier.prompt.vectors.detach().clone()
    with pytest.raises(TrainingError, match="In epoch 1 the loss became nan"):
        tune(classifier, train, validation, lr=float("inf"), epochs=1)
    assert torch.equal(classifier.prompt.vectors, before)


def test_unknown_labels_are_refused(data):
    classifier, (inputs, labels), validation = data
    with pytest.raises(TrainingError, match="Row 0 has the label number 7"):
        tune(classifier, (inputs, torch.full_like(labels, 7)), validation)


@pytest.mark.slow
def test_saved_then_loaded_is_as_before(data, model, tmp_path):
    classifier, train, validation = data
    tune(classifier, train, validation, epochs=1)
    path = save_classifier(classifier, tmp_path / "prompt.safetensors")
    with safe_open(path, "pt") as file:
        assert {*file.keys()} == {"head.weight", "head.bias", "prompt.vectors"}
        about = json.loads(file.metadata()["about"])
    assert about["prompt"] == classifier.prompt.about()
    loaded = load_classifier(path, *model)
    assert torch.equal(encode(loaded, TEXTS), encode(classifier, TEXTS))
    tune(loaded, train, validation, epochs=1)  # and training goes on from it


def test_a_saved_prompt_is_refused_on_another_base(data, tmp_path):
    classifier, *_ = data
    path = save_classifier(classifier, tmp_path / "prompt.safetensors")
    with pytest.raises(PromptError, match="was trained with base"):
        load_classifier(path, *load_encoder("ReviewBERT", torch.float32))


def test_a_reparameterised_prompt_is_saved_folded(model, tmp_path):
    prompt = SoftPrompt(start_vectors(*model, 3, "noise"), 1, Lstm(384, 8))
    classifier = PromptClassifier(*model, ["a", "b"], Template("{} ."), prompt=prompt)
    path = save_classifier(classifier, tmp_path / "prompt.safetensors")
    assert path.stat().st_size < 10_000
    loaded = load_classifier(path, *model)
    torch.testing.assert_close(encode(loaded, TEXTS), encode(classifier, TEXTS), **close)
