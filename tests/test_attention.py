"""helpers.attention against torch's own attention and the pretrained BERT layer."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.attention import attention, merge_heads, split_heads


@pytest.fixture
def states():
    return torch.randn(2, 7, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def mask():
    """Two texts of 7 and 4 tokens: (batch, 1, 1, keys)."""
    return (torch.arange(7) < torch.tensor([[7], [4]]))[:, None, None]


def test_by_hand():
    query = torch.tensor([[2.0, 0, 0, 0]])
    key = torch.tensor([[0.0, 5, 0, 0], [math.log(3), 0, 7, 0]])  # scores 0 and ln 3
    context, weights = attention(query, key, torch.tensor([[4.0, 0], [0, 8]]))
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(context, torch.tensor([[1.0, 6.0]]))


@pytest.mark.parametrize("masked", [False, True])
def test_equals_scaled_dot_product_attention(states, mask, masked):
    query, key, value = (split_heads(part, 3) for part in (states, states.flip(1), states + 1))
    chosen = mask if masked else None
    context, weights = attention(query, key, value, chosen)
    theirs = F.scaled_dot_product_attention(query, key, value, attn_mask=chosen)
    torch.testing.assert_close(context, theirs, atol=1e-5, rtol=0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 7))
    if masked:
        assert (weights[1, :, :, 4:] == 0).all()


@pytest.mark.parametrize("masked", [False, True])
def test_equals_multihead_attention(states, mask, masked):
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True).eval()
    query, key, value = (
        split_heads(part, 3)
        for part in F.linear(states, theirs.in_proj_weight, theirs.in_proj_bias).chunk(3, -1)
    )
    context, weights = attention(query, key, value, mask if masked else None)
    ours = theirs.out_proj(merge_heads(context))
    expected, expected_weights = theirs(
        states,
        states,
        states,
        key_padding_mask=~mask[:, 0, 0] if masked else None,
        average_attn_weights=False,
    )
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(weights, expected_weights, atol=1e-5, rtol=0)


@pytest.mark.parametrize("number", range(6))
def test_equals_each_pretrained_layer(model, number):
    layer = model[1].encoder.layer[number].attention
    states = torch.randn(2, 7, 384, generator=torch.Generator().manual_seed(number))
    maps = (layer.self.query, layer.self.key, layer.self.value)
    with torch.no_grad():
        context, _ = attention(*(split_heads(linear(states), 12) for linear in maps))
        ours = layer.output(merge_heads(context), states)
        torch.testing.assert_close(ours, layer(states)[0], atol=1e-5, rtol=0)


def test_heads_are_consecutive_slices(states):
    heads = split_heads(states, 3)
    assert heads.shape == (2, 3, 7, 4)
    torch.testing.assert_close(heads[:, 1], states[..., 4:8])


@pytest.mark.parametrize("heads", [1, 3, 12])
def test_merge_undoes_split(states, heads):
    assert torch.equal(merge_heads(split_heads(states, heads)), states)


def test_queries_and_keys_may_differ_in_number(states):
    context, weights = attention(states[:, :2], states, states[..., :5])
    assert context.shape == (2, 2, 5) and weights.shape == (2, 2, 7)


def test_a_masked_key_has_no_influence(states):
    mask = torch.ones(7, 7).tril()
    changed = states.clone()
    changed[:, 5:] = 100
    before, after = (attention(x, x, x, mask)[0] for x in (states, changed))
    assert torch.equal(before[:, :5], after[:, :5])


def test_gradient_reaches_query_key_and_value():
    parts = [torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradcheck(lambda *qkv: attention(*qkv)[0], parts)
