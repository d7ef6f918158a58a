"""Which models take which prompt: computed rightly, or refused by name; never wrong in silence.

Each is a small model with random weights, of the layout that the hub's models have.
"""

import re
from pathlib import Path

import pytest
import torch
import transformers
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

from helpers.classifier import PromptClassifier, load_classifier, save_classifier, zero_shot
from helpers.encode import encode, predict
from helpers.layers import prefix_shape
from helpers.models import ModelError, looks_ahead
from helpers.prompts import DeepPrompt, Examples, NoPrompt, SoftPrompt, start_prefix, start_vectors
from helpers.templates import PromptError, Template, pad
from helpers.verbalizers import VerbalizerError

ROOT = Path(__file__).resolve().parent.parent
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
GQA = SIZES | {"num_attention_heads": 4, "num_key_value_heads": 2}
# config's name, its sizes, and whether soft, deep, zero-shot and examples work
TABLE = {
    "BERT": ("BertConfig", SIZES, "soft deep zero"),
    "RoBERTa": ("RobertaConfig", SIZES | {"max_position_embeddings": 66}, "soft deep zero"),
    "ELECTRA": ("ElectraConfig", SIZES | {"embedding_size": 32}, "soft deep zero"),
    "DistilBERT": ("DistilBertConfig", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64,
                                        "max_position_embeddings": 64}, "soft"),
    "ALBERT": ("AlbertConfig", SIZES | {"embedding_size": 16}, "soft zero"),
    "MPNet": ("MPNetConfig", SIZES | {"max_position_embeddings": 66}, "soft zero"),
    "DeBERTa": ("DebertaV2Config", SIZES, "soft zero"),
    "ModernBERT": ("ModernBertConfig", SIZES, "soft zero"),
    "RoBERTa-PreLayerNorm": ("RobertaPreLayerNormConfig",
                             SIZES | {"max_position_embeddings": 66}, "soft zero"),
    "Llama, SmolLM2": ("LlamaConfig", GQA, "soft deep zero examples"),
    "Mistral": ("MistralConfig", GQA, "soft deep zero examples"),
    "Qwen 2": ("Qwen2Config", GQA, "soft deep zero examples"),
    "Qwen 3": ("Qwen3Config", GQA | {"head_dim": 16}, "soft deep zero examples"),
    "OLMo 2": ("Olmo2Config", GQA, "soft deep zero examples"),
    "Phi 3": ("Phi3Config", GQA, "soft deep zero examples"),
    "Granite": ("GraniteConfig", GQA | {"embedding_multiplier": 4.0, "residual_multiplier": 0.5,
                                        "logits_scaling": 2.0}, "soft examples"),
    "GPT-2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
              "soft zero examples"),
    "GPT-NeoX": ("GPTNeoXConfig", SIZES, "soft zero examples"),
    "OPT": ("OPTConfig", {"hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2,
                          "num_attention_heads": 2, "max_position_embeddings": 64,
                          "word_embed_proj_dim": 32}, "soft zero examples"),
    "Gemma 2": ("Gemma2Config", GQA | {"head_dim": 16}, "soft deep zero examples"),
    "Gemma 3": ("Gemma3TextConfig", GQA | {"head_dim": 16}, "soft zero examples"),
}  # fmt: skip
WORDS = "a gripping , beautifully shot thriller ."


@pytest.fixture(scope="module")
def tokenizer(model):
    return model[0]


def build(name, tokenizer, auto=AutoModel):
    kind, sizes, _ = TABLE[name]
    torch.manual_seed(0)
    config = getattr(transformers, kind)(vocab_size=len(tokenizer), pad_token_id=0, **sizes)
    model = auto.from_config(config).eval().requires_grad_(False)
    for p in model.parameters():  # far from zero, so that what is left out shows
        if p.ndim > 1:
            p.copy_(0.2 * torch.randn(p.shape))
    return model


@pytest.fixture(params=TABLE)
def case(request, tokenizer):
    return build(request.param, tokenizer), TABLE[request.param][2].split()


@torch.no_grad()
def written(encoder, front, texts):
    """States of the texts' tokens, with the ids ``front`` written before them."""
    batch = pad([front + ids for ids in texts], 0)
    return encoder(**batch).last_hidden_state[:, len(front) :]


def same(found, expected, texts):
    for ours, theirs, ids in zip(found, expected, texts, strict=True):
        torch.testing.assert_close(ours[: len(ids)], theirs[: len(ids)], rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def texts(tokenizer):
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (WORDS, "so dull")]


@torch.no_grad()
def test_soft(case, tokenizer, texts):
    """A soft prompt of a text's vectors is the text."""
    encoder, works = case
    front = tokenizer("is this film good", add_special_tokens=False)["input_ids"]
    prompt = SoftPrompt(start_vectors(tokenizer, encoder, len(front), "is this film good"))
    assert "soft" in works
    same(prompt.states(encoder, pad(texts, 0)), written(encoder, front, texts), texts)


@torch.no_grad()
def test_deep(case, tokenizer, texts):
    """Without tokens it is the model; with a text's keys and values, in a Llama, the text."""
    encoder, works = case
    if "deep" not in works:
        prompt = DeepPrompt(torch.zeros(2, 2, 2, 0, 16))
        with pytest.raises(PromptError, match=f"{type(encoder).__name__}.*README"):
            prompt.states(encoder, pad(texts, 0))
        return
    none = DeepPrompt(torch.zeros(prefix_shape(encoder, 0, 2)))
    same(none.states(encoder, pad(texts, 0)), written(encoder, [], texts), texts)
    front = tokenizer("is this film good", add_special_tokens=False)["input_ids"]
    prompt = DeepPrompt(start_prefix(tokenizer, encoder, "is this film good"))
    found = prompt.states(encoder, pad(texts, 0))
    if not looks_ahead(encoder):
        same(found, written(encoder, front, texts), texts)


@torch.no_grad()
def test_examples(case, tokenizer, texts):
    encoder, works = case
    front = tokenizer("is this film good", add_special_tokens=False)["input_ids"]
    if "examples" in works:
        prompt = Examples(tokenizer, encoder, "is this film good")
        same(prompt.states(encoder, pad(texts, 0)), written(encoder, front, texts), texts)
    else:
        with pytest.raises(PromptError, match="into the template"):
            Examples(tokenizer, encoder, "is this film good")


@pytest.mark.parametrize("name", TABLE)
def test_zero_shot(name, tokenizer):
    """The verbalizer's head gives the whole model's logits, or is refused."""
    masked = looks_ahead(build(name, tokenizer))
    lm = build(name, tokenizer, AutoModelForMaskedLM if masked else AutoModelForCausalLM)
    words = {"n": ["bad"], "p": ["good"]}
    if "zero" not in TABLE[name][2]:
        with pytest.raises(VerbalizerError, match="way that is not known here"):
            zero_shot(tokenizer, lm, "{} it was [MASK]", words)
        return
    classifier = zero_shot(tokenizer, lm, "{} it was [MASK]", words, max_length=40)
    ids = classifier.input_ids([WORDS])
    with torch.no_grad():
        logits = lm(torch.tensor(ids)).logits[0, ids[0].index(tokenizer.mask_token_id)]
        ours = classifier.head(encode(classifier, [WORDS]))[0]
    expected = logits[tokenizer.convert_tokens_to_ids(["bad", "good"])]
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3)


def test_the_readme_has_this_table():
    readme = (ROOT / "README.md").read_text("utf8")
    columns = ("soft", "deep", "zero", "examples")
    for name, (*_, works) in TABLE.items():
        row = re.search(rf"(?m)^\| {re.escape(name)} \|(.*)\|$", readme)
        assert row, name
        marks = [cell.strip() == "yes" for cell in row[1].split("|")]
        assert marks == [column in works.split() for column in columns], name


class Scaling(transformers.BertModel):
    """Scales what comes as vectors, and not what comes as words."""

    def forward(self, input_ids=None, inputs_embeds=None, **options):
        if inputs_embeds is not None:
            inputs_embeds = 4 * inputs_embeds
        return super().forward(input_ids, inputs_embeds=inputs_embeds, **options)


def test_a_model_to_which_vectors_are_not_words_is_refused(tokenizer, texts):
    encoder = Scaling(transformers.BertConfig(vocab_size=len(tokenizer), **SIZES)).eval()
    prompt = SoftPrompt(start_vectors(tokenizer, encoder, 4, "noise"))
    with torch.no_grad(), pytest.raises(PromptError, match="Scaling .*README"):
        prompt.states(encoder, pad(texts, 0))


def test_two_stacks_are_refused(tokenizer):
    config = transformers.T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2
    )
    with pytest.raises(ModelError, match="T5Model is an encoder with a decoder"):
        PromptClassifier(tokenizer, AutoModel.from_config(config), ["n", "p"])


def test_a_decoder_made_of_bert_is_not_taken_for_a_bert(tokenizer, texts):
    config = transformers.BertConfig(vocab_size=len(tokenizer), is_decoder=True, **SIZES)
    torch.manual_seed(0)
    encoder = AutoModel.from_config(config).eval()
    with torch.no_grad(), pytest.raises(PromptError, match="compute wrongly"):
        DeepPrompt(torch.zeros(2, 2, 2, 0, 16)).states(encoder, pad(texts, 0))


def test_a_model_without_attention_has_no_keys_and_values(tokenizer):
    config = transformers.MambaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2
    )
    with pytest.raises(PromptError, match="MambaModel has no attention heads.*take a soft prompt"):
        prefix_shape(AutoModel.from_config(config), 4, 2)


def test_past_the_sliding_window(tokenizer):
    torch.manual_seed(0)
    config = transformers.MistralConfig(vocab_size=len(tokenizer), sliding_window=8, **GQA)
    encoder = AutoModel.from_config(config).eval()
    prompt = DeepPrompt(torch.zeros(prefix_shape(encoder, 4, 2)))
    with torch.no_grad():
        prompt.states(encoder, pad([[5, 6, 7]], 0))
        with pytest.raises(PromptError, match="no further back than 8 tokens"):
            prompt.states(encoder, pad([list(range(5, 12))], 0))


@pytest.mark.parametrize("name", ["Llama, SmolLM2", "GPT-2"])
def test_the_first_token_of_a_left_to_right_model_says_nothing(name, tokenizer):
    with pytest.raises(PromptError, match="take pooling='last'"):
        PromptClassifier(tokenizer, build(name, tokenizer), ["n", "p"], pooling="cls")


def test_a_model_without_padding_token(tokenizer, monkeypatch):
    """Texts of unlike length; what fills up does not matter, for it is masked."""
    encoder = build("GPT-2", tokenizer)
    classifier = PromptClassifier(tokenizer, encoder, ["n", "p"], pooling="last", max_length=40)
    expected = encode(classifier, [WORDS, "dull"])
    monkeypatch.setattr(tokenizer, "_special_tokens_map", {**tokenizer._special_tokens_map})
    tokenizer.pad_token = None
    try:
        assert torch.allclose(encode(classifier, [WORDS, "dull"]), expected, atol=1e-5)
    finally:
        tokenizer.pad_token = "[PAD]"


@pytest.mark.parametrize("name, window", [("BERT", 64), ("RoBERTa", 65), ("GPT-2", 64)])
def test_the_window_is_the_models(name, window, tokenizer, monkeypatch):
    """Even if the tokenizer names none; RoBERTa's positions start behind its padding's."""
    monkeypatch.setattr(tokenizer, "model_max_length", int(1e30))
    encoder, long = build(name, tokenizer), "good " * 100
    make = [tokenizer, encoder, ["n", "p"], Template("{}"), "last"]
    assert encode(PromptClassifier(*make, window), [long]).isfinite().all()
    with pytest.raises(PromptError, match=f"window of {window}"):
        encode(PromptClassifier(*make, window + 1), [long])
    prompt = SoftPrompt(start_vectors(tokenizer, encoder, 8, "noise"))
    with pytest.raises(PromptError, match=f"take max_length={window - 8} or less"):
        encode(PromptClassifier(*make, window, prompt), [long])


@pytest.mark.parametrize("name", ["BERT", "Llama, SmolLM2"])
@pytest.mark.parametrize("kind", ["none", "soft", "deep", "examples"])
def test_what_is_made_on_the_way_is_made_where_the_encoder_is(name, kind, tokenizer, texts):
    """Masks, positions and prompts: elsewhere is another device here, which gives an error."""
    encoder, batch = build(name, tokenizer), pad(texts, 0)
    if (name, kind) == ("BERT", "examples"):
        return  # it has none
    prompt = {
        "none": lambda: NoPrompt(),
        "soft": lambda: SoftPrompt(start_vectors(tokenizer, encoder, 4, "noise")),
        "deep": lambda: DeepPrompt(start_prefix(tokenizer, encoder, WORDS)),
        "examples": lambda: Examples(tokenizer, encoder, WORDS),
    }[kind]()
    with torch.no_grad():
        expected = prompt.states(encoder, batch)
        with torch.device("meta"):
            found = prompt.states(encoder, batch)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", ["none", "soft", "deep"])
def test_half_precision(model, dtype, kind):
    tokenizer, encoder = model
    encoder = AutoModel.from_config(encoder.config).eval()
    prompt = {
        "none": lambda: None,
        "soft": lambda: SoftPrompt(start_vectors(tokenizer, encoder, 4, "noise")),
        "deep": lambda: DeepPrompt(torch.zeros(prefix_shape(encoder, 4, 6))),
    }[kind]()
    classifier = PromptClassifier(tokenizer, encoder, ["n", "p"], max_length=40, prompt=prompt)
    whole = predict(classifier, [WORDS])
    half = predict(classifier.to(dtype), [WORDS])
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, whole, rtol=0, atol=0.02)


def test_zero_shot_behind_examples_is_saved_and_loaded(tokenizer, tmp_path):
    lm = build("Llama, SmolLM2", tokenizer, AutoModelForCausalLM)
    words = {"n": ["bad"], "p": ["good", "great"]}
    classifier = zero_shot(tokenizer, lm, "{} it was [MASK]", words, "mean", 40)
    classifier.prompt = Examples(tokenizer, lm.base_model, "a joy . it was good . ")
    classifier.head.offset.copy_(torch.tensor([0.3, -0.3]))
    path = save_classifier(classifier, tmp_path / "zero.safetensors")
    loaded = load_classifier(path, tokenizer, lm)
    assert torch.equal(predict(loaded, [WORDS, "dull"]), predict(classifier, [WORDS, "dull"]))
    with pytest.raises(PromptError, match="load_lm"):
        load_classifier(path, tokenizer, lm.base_model)


def test_an_automodel_of_ones_own_is_saved_and_loaded(model, tmp_path):
    own = AutoModel.from_pretrained(model[1].config._name_or_path, dtype=torch.float32)
    path = save_classifier(PromptClassifier(model[0], own, ["n", "p"]), tmp_path / "own")
    assert load_classifier(path, *model).labels == ["n", "p"]
