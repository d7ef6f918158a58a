"""Scaled dot-product attention with several heads (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

import math

import torch


def attention(query, key, value, mask=None) -> tuple[torch.Tensor, torch.Tensor]:
    """softmax(query key^T / sqrt(size)) value, and the softmax.

    Args:
        query: (..., queries, size).
        key: (..., keys, size).
        value: (..., keys, width).
        mask: broadcastable to (..., queries, keys); 0 where a key must not be read.

    Returns:
        The context (..., queries, width) and the weights (..., queries, keys); each row of
        weights sums to 1.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -torch.inf)
    weights = scores.softmax(-1)  # (..., queries, keys)
    return weights @ value, weights


def split_heads(states: torch.Tensor, heads: int) -> torch.Tensor:
    """(batch, tokens, hidden) -> (batch, heads, tokens, hidden / heads)."""
    batch, tokens, hidden = states.shape
    slices = states.view(batch, tokens, heads, hidden // heads)
    return slices.transpose(1, 2)


def merge_heads(context: torch.Tensor) -> torch.Tensor:
    """(batch, heads, tokens, size) -> (batch, tokens, heads x size): undoes ``split_heads``."""
    return context.transpose(1, 2).flatten(2)
