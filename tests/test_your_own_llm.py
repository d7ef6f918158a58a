"""What notebook 21 defines and quotes: answers as text, four bits, and its table."""

import json
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from helpers.files import DATA
from helpers.models import find_model
from helpers.score import bits
from tests.taught import taught

TABLE = pd.read_csv(DATA / "21_sweep.csv", comment="#")
# Dettmers et al. (2023), appendix E, to four digits
NF4 = [-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0,
       0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1.0]  # fmt: skip


@pytest.fixture(scope="module")
def own():
    """What the cells tagged `sweep` of notebook 21 define."""
    return SimpleNamespace(**taught("21"))


N96 = 2  # draws of 96 reviews
PAIRS = [("a bore .", "negative"), ("one of the finest films that i have seen .", "positive")]


def test_the_loss_is_that_of_the_library_behind_the_written_examples(own):
    pair = own.with_answer(*PAIRS[1])
    total, count = own.answer_loss(own.first_prefix(), [pair])
    front = own.tokenizer(own.in_context(own.SHOTS), add_special_tokens=False)["input_ids"]
    ids, labels = torch.tensor([front + pair[0]]), torch.tensor([[-100] * len(front) + pair[1]])
    with torch.inference_mode():
        expected = own.lm(input_ids=ids, labels=labels).loss
    assert count == sum(label >= 0 for label in pair[1])
    assert total.item() / count == pytest.approx(expected.item(), abs=1e-4)


def test_a_batch_is_the_sum_of_its_rows(own):
    start, pairs = own.first_prefix(), [own.with_answer(*pair) for pair in PAIRS]
    total, count = own.answer_loss(start, pairs)
    alone = [own.answer_loss(start, [pair]) for pair in pairs]
    assert count == sum(number for _, number in alone)
    assert total.item() == pytest.approx(sum(loss.item() for loss, _ in alone), rel=1e-4)


def test_a_padded_batch_writes_what_each_row_writes(own):
    ids = [own.asked(text) for text, _ in PAIRS]
    start = own.first_prefix()
    assert own.write(start, ids) == [own.write(start, [row])[0] for row in ids]


def test_the_levels_are_those_of_the_paper(own):
    assert own.LEVELS["NF4"].tolist() == pytest.approx(NF4, abs=2e-4)


def test_four_bits_are_off_by_half_a_gap_at_most(own):
    torch.manual_seed(0)
    weight = torch.randn(32, 64)
    weight[0] = 0
    for levels in own.LEVELS.values():
        codes, scale = own.quantise(weight, levels)
        again = own.dequantise(codes, scale, levels, weight.shape)
        most = (levels[1:] - levels[:-1]).max() / 2
        assert int(codes.max()) <= 15
        assert ((again - weight).abs() <= most * weight.abs().amax(1, keepdim=True) + 1e-6).all()


def test_the_table_is_whole():
    parts = TABLE.groupby("part").size()
    assert parts.to_dict() == {"rival": 3, "run": 10 + N96, "trial": 5, "verdict": 5}
    trials, runs = (TABLE[TABLE["part"] == part] for part in ("trial", "run"))
    trials, runs = (part[part["count"] == 48] for part in (trials, runs))
    for name in ("trained", "weighted"):
        tried, ran = (
            part[(part["count"] == 48) & (part["name"] == name)] for part in (trials, runs)
        )
        best = tried.loc[tried["loss"].idxmin(), "rate"]
        assert (ran["rate"] == best).all() and sorted(ran["draw"]) == list(range(5))


def test_the_bits_are_those_of_the_answers(own):
    rows = own.TEST_ROWS
    expected = [own.wanted(own.texts["test"][row], own.labels["test"][row]).strip() for row in rows]
    for row in TABLE[TABLE["written"].notna()].itertuples():
        right = [
            own.read_line(line) == json.loads(other)
            for line, other in zip(json.loads(row.written), expected, strict=True)
        ]
        assert (bits(row.right)[:40] == np.array(right)).all()
        assert row.accuracy == pytest.approx(np.mean(right))


def test_the_stored_prefix_fits_the_model(own):
    vectors = load_file(DATA / "21_prefix.safetensors")["vectors"]
    assert vectors.shape == own.first_prefix().shape


def test_the_table_is_of_this_model(own):
    assert (TABLE["model"] == own.OURS).all()


def test_a_weight_counts_the_verdict_more_often(own):
    pair, start, place = own.with_answer(*PAIRS[0]), own.first_prefix(), own.verdict_place()
    plain, count = own.answer_loss(start, [pair])
    heavy, more = own.answer_loss(start, [pair], place, 3.0)
    labels = [label for label in pair[1] if label >= 0]
    assert "neg" in own.tokenizer.decode(labels[place - 1 : place])
    only = [label if sum(n >= 0 for n in pair[1][: at + 1]) == place else -100
            for at, label in enumerate(pair[1])]  # fmt: skip
    alone, one = own.answer_loss(start, [(pair[0], only)])
    assert (one, more) == (1, count + 2)
    assert heavy.item() == pytest.approx(plain.item() + 2 * alone.item(), rel=1e-4)


@pytest.fixture(scope="module")
def random_llama(own, tmp_path_factory):
    """The folder of a tiny random Llama of another shape, whose tokenizer has no chat template."""
    folder = tmp_path_factory.mktemp("llama")
    config = LlamaConfig(vocab_size=len(own.tokenizer), hidden_size=64, intermediate_size=128,
                         num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
                         head_dim=32, tie_word_embeddings=True)  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(find_model("SmolLM2-135M-Instruct"))
    tokenizer.chat_template = tokenizer.bos_token = None
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_changed_lines_take_another_model(random_llama, dtype):
    changed = {'MODEL = "SmolLM2-135M-Instruct"': f"MODEL = {str(random_llama)!r}",
               "DTYPE = torch.float32": f"DTYPE = torch.{dtype}"}  # fmt: skip
    (path,) = (DATA.parent / "notebooks").glob("21_*.ipynb")
    own = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if "sweep" in cell.metadata.get("tags", []):
            for old, new in changed.items():
                cell.source = cell.source.replace(old, new)
            exec(compile(cell.source, path.name, "exec"), own)
    assert own["lm"].dtype == getattr(torch, dtype) and own["lm"].config.hidden_size == 64
    assert (TABLE["model"] != own["OURS"]).all() and "chat" not in own["ASKED"]
    start, pairs = own["first_prefix"](), [own["with_answer"](*pair) for pair in PAIRS]
    loss, _ = own["answer_loss"](start.requires_grad_(), pairs)
    loss.backward()
    assert start.dtype == start.grad.dtype == torch.float32
    assert start.grad.isfinite().all() and start.grad.abs().max() > 0
    end, losses = own["train"](start.detach(), range(12), 0.03)
    assert np.isfinite(losses).all() and not torch.equal(end, start)
    assert len(own["write"](end, [own["asked"](text) for text, _ in PAIRS])) == 2
    assert np.isfinite(own["log_odds"](own["ASKED"]["cue"], ["dull"])).all()
