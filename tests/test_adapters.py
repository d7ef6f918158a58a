"""helpers.adapters: peft reads what we write, and we what peft writes."""

import pytest
import torch
from peft import (
    LoraConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptTuningConfig,
    TaskType,
    get_peft_model,
)
from transformers import AutoModel, LlamaConfig

from helpers.adapters import from_peft, to_peft
from helpers.layers import prefix_shape
from helpers.models import load_encoder
from helpers.prompts import DeepPrompt, Lstm, NoPrompt, SoftPrompt, start_vectors
from helpers.templates import PromptError, pad

TEXTS = ["a gripping , beautifully shot thriller .", "dull", "not bad at all , if a bit long ."]
close = {"rtol": 0, "atol": 1e-5}


@pytest.fixture
def llama(model):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(model[0]), hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=64, pad_token_id=0,
    )  # fmt: skip
    return model[0], AutoModel.from_config(config).eval()


@pytest.fixture(params=["bert", "llama"])
def case(request, model):
    """(tokenizer, encoder), a padded batch, and its positions under ``extra`` tokens in peft."""
    tokenizer, encoder = model if request.param == "bert" else request.getfixturevalue("llama")
    batch = pad(tokenizer(TEXTS)["input_ids"], 0)

    def positions(extra):
        first = -extra if request.param == "bert" else 0
        return {"position_ids": torch.arange(batch["input_ids"].shape[1])[None] + first}

    return tokenizer, encoder, batch, positions


def on_text(hidden, batch):
    return hidden[batch["attention_mask"].bool()]


@torch.no_grad()
@pytest.mark.parametrize("through", [False, True])
def test_a_soft_prompt_goes_to_peft_and_back(case, tmp_path, through):
    tokenizer, encoder, batch, _ = case
    hidden = encoder.config.hidden_size
    vectors = start_vectors(tokenizer, encoder, 4, "vocabulary")
    prompt = SoftPrompt(vectors, through=Lstm(hidden, 8) if through else None)
    folder = to_peft(prompt, encoder, tmp_path / "soft")
    theirs = PeftModel.from_pretrained(encoder, folder)(**batch).last_hidden_state[:, 4:]
    ours = prompt.states(encoder, batch)
    torch.testing.assert_close(on_text(ours, batch), on_text(theirs, batch), **close)
    assert torch.equal(from_peft(folder, encoder).vectors, prompt.fold().vectors)


@torch.no_grad()
def test_a_deep_prompt_goes_to_peft_and_back(case, tmp_path):
    _, encoder, batch, positions = case
    torch.manual_seed(0)
    layers = encoder.config.num_hidden_layers
    prompt = DeepPrompt(torch.randn(prefix_shape(encoder, 4, layers)))
    folder = to_peft(prompt, encoder, tmp_path / "deep")
    wrapped = PeftModel.from_pretrained(encoder, folder)
    theirs = wrapped(**batch, **positions(4)).last_hidden_state
    ours = prompt.states(encoder, batch)
    torch.testing.assert_close(on_text(ours, batch), on_text(theirs, batch), **close)
    assert torch.equal(from_peft(folder, encoder).vectors, prompt.vectors)


@torch.no_grad()
@pytest.mark.parametrize("kind", [PromptTuningConfig, PrefixTuningConfig])
def test_an_adapter_of_peft_is_read(tmp_path, kind, model):
    _, encoder = load_encoder(dtype=torch.float32)
    about = kind(task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=5)
    wrapped = get_peft_model(encoder, about).eval()
    wrapped.save_pretrained(tmp_path)
    batch = pad(model[0](TEXTS)["input_ids"], 0)
    options = {}
    if kind is PrefixTuningConfig:
        options = {"position_ids": torch.arange(batch["input_ids"].shape[1])[None] - 5}
    theirs = wrapped(**batch, **options).last_hidden_state
    theirs = theirs[:, theirs.shape[1] - batch["input_ids"].shape[1] :]
    ours = from_peft(tmp_path, model[1]).states(model[1], batch)
    torch.testing.assert_close(on_text(ours, batch), on_text(theirs, batch), **close)


def test_what_peft_has_no_form_for_is_refused(model, tmp_path):
    vectors = start_vectors(*model, 4, "noise")
    for prompt in (SoftPrompt(vectors, 1), DeepPrompt(torch.zeros(2, 2, 12, 4, 32), 4), NoPrompt()):
        with pytest.raises(PromptError, match=f"not this {type(prompt).__name__}"):
            to_peft(prompt, model[1], tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_other_adapters_are_refused(model, llama, tmp_path):
    with pytest.raises(PromptError, match="holds no soft or deep prompt"):
        from_peft(tmp_path, model[1])
    _, encoder = load_encoder(dtype=torch.float32)
    get_peft_model(encoder, LoraConfig(target_modules=["query"])).save_pretrained(tmp_path / "lora")
    with pytest.raises(PromptError, match="holds no soft or deep prompt"):
        from_peft(tmp_path / "lora", model[1])
    folder = to_peft(SoftPrompt(start_vectors(*llama, 4, "noise")), llama[1], tmp_path / "llama")
    with pytest.raises(PromptError, match="load the model that"):
        from_peft(folder, model[1])
