"""What notebook 16 builds and ships, beside the libraries that it stands for."""

import json

import numpy as np
import pandas as pd
import pytest
import sacrebleu
import torch
from safetensors import safe_open

from helpers import formats
from helpers.assets import AssetError
from helpers.files import DATA
from helpers.models import load_encoder
from tests.taught import script_of, taught


@pytest.fixture(scope="module")
def names():
    names = taught("16")
    names["words"], names["decoder"] = names["load_decoder"]()
    return names


@pytest.fixture(scope="module")
def script():
    return script_of("translator")


def test_four_bits_are_read_as_gguf_reads_them():
    from gguf import GGMLQuantizationType, dequantize

    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (50, 18), dtype=np.uint8)
    raw[:, :2] = rng.normal(size=(50, 1)).astype(np.float16).view(np.uint8)
    theirs = dequantize(raw, GGMLQuantizationType.Q4_0)
    np.testing.assert_allclose(formats._from_q4(raw.flatten()), theirs, rtol=1e-3)


def test_e5_has_the_pieces_of_xlm_r_and_the_sizes_that_it_says():
    tokenizer, encoder = load_encoder("multilingual-e5-small")
    assert tokenizer("Hello world")["input_ids"] == [0, 35378, 8999, 2]  # as published
    assert tokenizer.decode(tokenizer("ｆｕｌｌ  width")["input_ids"][1:-1]) == "full width"
    assert sum(part.numel() for part in encoder.parameters()) == 117_653_760
    assert encoder.config.num_hidden_layers == 12 and not encoder.training


DAMAGED = [b"", b"E5S1", b"E5S2" + bytes(200), b"E5S1\1\0\0\0" + bytes(60)]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_model_file_says_what_to_do(tmp_path, content):
    (tmp_path / "e5.bin").write_bytes(content)
    with pytest.raises(AssetError, match="Fetch it again"):
        formats.unpacked_e5(tmp_path, tmp_path)


def test_no_test_sentence_is_near_one_that_was_trained_on(names):
    parts = names["parts"]
    trained = [parts[name]["train"] for name in ("tatoeba", "extensions")]
    for domain in names["SIZES"]:
        for part in ("test", "validation"):
            held = parts[domain][part]
            for table in (*trained, parts[domain]["train"]):
                assert not {*table["en_key"]} & {*held["en_key"]}
                assert not {*table["zh_key"]} & {*held["zh_key"]}
                assert not names["near"](table, held).any()
        assert not {*parts[domain]["test"]["en_key"]} & {*parts[domain]["validation"]["en_key"]}


def test_near_copies_are_those_that_share_four_fifths_of_their_pieces(names):
    table = pd.DataFrame({"en": ["Tom went to Boston in May.", "Something else.", "I was"]})
    held = pd.DataFrame({"en": ["Tom went to Boston in June", "Tom went to Boston in Mai."]})
    assert names["near"](table, held, 0.7).tolist() == [True, False, False]
    assert not names["near"](table, held, 0.99).any()


def test_chrf_is_sacrebleus(names):
    rng, letters = np.random.default_rng(0), list("abc 我你他。")
    texts = ["".join(rng.choice(letters, size)) for size in rng.integers(1, 12, 60)]
    said, wanted = texts[:30], [text or "a" for text in texts[30:]]
    counts = [*map(names["counts_of"], said, wanted)]
    theirs = sacrebleu.corpus_chrf(said, [wanted]).score
    assert names["chrf"](counts) == pytest.approx(theirs, abs=1e-6)


def toy(names, seed=0, **sizes):
    torch.manual_seed(seed)
    sizes = {"hidden": 16, "heads": 2, "inner": 32, "layers": 2} | sizes
    return names["Decoder"](9, **sizes).eval().requires_grad_(False)


def test_attention_is_torchs(names):
    ours, x, source = names["Attention"](8, 2), torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in (ours.q, ours.k, ours.v)]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in (ours.q, ours.k, ours.v)]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    mask = torch.tensor([[True] * 5, [True, True, False, True, False]])
    wanted, _ = theirs(x, source, source, key_padding_mask=~mask)
    found = ours(x, *ours.read(source), mask[:, None, None])
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tokens", [0, 3])
def test_word_by_word_is_all_at_once_behind_a_prompt_too(names, tokens):
    decoder, states = toy(names), [torch.randn(4, 16), torch.randn(2, 16)]
    prompt = names["start_noise"](decoder, tokens)
    ids = torch.tensor([[1, 4, 5, 6], [1, 7, 3, 8]])
    whole, _ = decoder(ids, names["open_page"](decoder, states, prompt))
    page, found = names["open_page"](decoder, states, prompt), []
    for at in range(4):
        x, page = decoder(ids[:, at : at + 1], page)
        found.append(x)
    torch.testing.assert_close(torch.cat(found, 1), whole, rtol=1e-4, atol=1e-5)
    alone, _ = decoder(ids[1:], names["open_page"](decoder, states[1:], prompt))
    torch.testing.assert_close(alone, whole[1:], rtol=1e-4, atol=1e-5)
    none, _ = decoder(ids, names["open_page"](decoder, states))
    assert torch.allclose(none, whole, atol=1e-5) == (tokens == 0)


def test_no_word_reads_a_later_one(names):
    decoder, states = toy(names), [torch.randn(4, 16)]
    ids, changed = torch.tensor([[1, 4, 5, 6]]), torch.tensor([[1, 4, 8, 3]])
    one, other = (decoder(own, names["open_page"](decoder, states))[0] for own in (ids, changed))
    torch.testing.assert_close(one[:, :2], other[:, :2])
    assert not torch.allclose(one[:, 2:], other[:, 2:])


def test_a_wide_beam_finds_the_likeliest_text_and_a_beam_of_one_is_greedy(names):
    for seed in range(10):
        decoder = toy(names, seed, layers=1)
        decoder.embed.weight.mul_(1.5)
        decoder.bias[[0, 1, 6, 7, 8]] = -50.0
        states = torch.randn(3, 16)
        best, score = names["every_text"](decoder, states, 4)
        found, likelihood = names["beam"](decoder, states, 64, longest=4)
        assert found == best and likelihood == pytest.approx(score, abs=1e-3)
        one = names["beam"](decoder, states, 1, longest=4)[0]
        assert one == names["greedy"](decoder, [states], longest=4)[0]


def test_a_start_at_real_pairs_is_what_the_decoder_had(names):
    decoder, states = toy(names), [torch.randn(4, 16), torch.randn(6, 16)]
    ids = [[1, 4, 5, 2], [1, 5, 2]]
    prompt = names["start_real"](decoder, states, ids, 4)
    assert prompt.shape == (2, 2, 2, 2, 4, 8)
    page = names["open_page"](decoder, states)
    _, page = decoder(torch.tensor([ids[0], ids[1] + [0]]), page)
    torch.testing.assert_close(prompt[1, 0, 1], page["past"][1][1][0])
    torch.testing.assert_close(prompt[0, 1, 0], page["source"][0][0][0, :, :4])


@pytest.mark.parametrize("way", ["prompt", "LoRA", "full", "bias", "words"])
def test_only_what_a_way_names_is_trained(names, way):
    words, decoder = names["words"], toy(names)
    data = [torch.randn(4, 16).bfloat16() for _ in range(45)], [[1, 4, 5, 2]] * 45
    before = {name: part.clone() for name, part in decoder.named_parameters()}
    loss = names["held_out"](decoder, data)
    made, prompt = names["adapt"](way, decoder, data, 1e-2, epochs=3, **(
        {"tokens": 4} if way == "prompt" else {}))  # fmt: skip
    assert all(torch.equal(part, before[name]) for name, part in decoder.named_parameters())
    assert names["held_out"](made, data, prompt) < loss
    now = dict(made.named_parameters())
    changed = {name for name in before if name in now and not torch.equal(now[name], before[name])}
    if way in ("bias", "words"):
        assert changed <= {"bias", "embed.weight"} and "bias" in changed
    if way == "prompt":
        assert not changed and prompt.shape == (2, 2, 2, 2, 4, 8)
    assert words is names["words"]


def test_placeholders_are_one_word_each_and_counted(names):
    assert names["words"].encode("已保存 %1 到 %2").tokens.count("%1") == 1
    assert names["whole"]("Saved %1 to %2", "%2：已保存 %1")
    assert not names["whole"]("Saved %1", "已保存") and not names["whole"]("%1", "%1 %1")


def test_the_shipped_file_is_small_and_its_vocabulary_is_the_scripts(names, script):
    path = DATA / "translator.safetensors"
    assert path.stat().st_size <= 16e6
    with safe_open(path, "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118
    made = script.vocabulary(names["tokenizer"], names["parts"])
    assert json.loads(made.to_str()) == json.loads(names["words"].to_str())


def test_the_script_trains_and_leaves_a_decoder_and_its_curve(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(script, "BATCH_WORDS", 300)
    history = script.train(0.02, tmp_path, pairs=30)
    assert history[-1]["step"] >= 1 and len(pd.read_csv(tmp_path / "translator.csv")) == 1
    assert (tmp_path / "translator.safetensors").exists()
    assert not list(tmp_path.glob("*checkpoint*"))


def test_the_decoder_reads_its_source(names):
    table = names["parts"]["tatoeba"]["validation"][:40]
    states, ids = names["packed"](table, names["PROMPTS"]["zh"])
    own = names["held_out"](names["decoder"], (states, ids))
    other = names["held_out"](names["decoder"], (states[-1:] + states[:-1], ids))
    assert own + 1 < other


def test_a_file_of_pairs_without_its_columns_is_refused(names, tmp_path):
    from helpers.data import DataError

    for table, said in (({"a": [1]}, "en and zh"), ({"en": ["Yes."], "zh": ["是。"]}, "50 are")):
        pd.DataFrame(table).to_csv(tmp_path / "own.csv", index=False)
        with pytest.raises(DataError, match=said):
            names["adapt_to"](tmp_path / "own.csv")


def test_a_model_with_encoder_and_decoder_is_run_as_it_is(names, tmp_path):
    from transformers import BartConfig, BartForConditionalGeneration

    sizes = {f"{part}_{name}": size for part in ("encoder", "decoder")
             for name, size in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 8))}  # fmt: skip
    config = BartConfig(vocab_size=250037, d_model=8, **sizes)
    BartForConditionalGeneration(config).save_pretrained(tmp_path)
    names["tokenizer"].save_pretrained(tmp_path)
    assert len(names["hub_translate"](["Yes.", "A longer one."], str(tmp_path), "")) == 2
