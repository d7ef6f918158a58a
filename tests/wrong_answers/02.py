"""Mistakes that a reader of notebook 02 may well make."""

import math

import torch

from helpers.attention import attention


def share(query, text_keys, prompt_keys, mask, scale=True, use_mask=True, fill=-torch.inf):
    keys = torch.cat([prompt_keys, text_keys])
    scores = query @ keys.T / (math.sqrt(query.shape[-1]) if scale else 1)
    if use_mask:
        seen = torch.cat([torch.ones(len(prompt_keys)), mask])
        scores = scores.masked_fill(seen == 0, fill)
    return scores.softmax(-1)[:, : len(prompt_keys)].sum(-1)


def by_exp(query, text_keys, prompt_keys, mask):
    of_prompt = (query @ prompt_keys.T / math.sqrt(query.shape[-1])).exp().sum(-1)
    of_text = ((query @ text_keys.T / math.sqrt(query.shape[-1])).exp() * mask).sum(-1)
    return of_prompt / (of_prompt + of_text)


def first_only(query, text_keys, prompt_keys, mask):
    keys = torch.cat([prompt_keys, text_keys])
    seen = torch.cat([torch.ones(len(prompt_keys)), mask])
    return attention(query, keys, keys, seen)[1][:, 0]


def all_weights(query, text_keys, prompt_keys, mask):
    keys = torch.cat([prompt_keys, text_keys])
    return attention(query, keys, keys)[1]


WRONG = {
    "02-1": [
        (0.6, "what the text keeps"),
        (4 / 6, "over all four tokens"),
        (2 / 4, "do not count alike"),
        (math.log(3) / (math.log(3) + math.log(8)), "not the scores"),
        (0.3, "Z_P / (Z_P + Z_X)"),
        ("4/10", "one number"),
    ],
    "02-2": [
        (lambda *given: share(*given, use_mask=False), "use the mask"),
        (lambda *given: share(*given, scale=False), "square root"),
        (lambda *given: share(*given, fill=0.0), "-inf, not 0"),
        (by_exp, "overflow"),
        (first_only, "weights of both"),
        (all_weights, "one share for each query"),
        (lambda *given: 1 - share(*given), "Add up the weights"),
    ],
    "02-3": [
        ([0.3] * 5, "six numbers"),
        ([31.7, 11.3, 14.3, 21.8, 21.8, 26.9], "not percent"),
        ([0.21, 0.08, 0.12, 0.17, 0.20, 0.23], "asked once"),
        ([0.42, 0.16, 0.24, 0.33, 0.40, 0.46], "Measure it"),
        ([0.35, 0.22, 0.28, 0.34, 0.40, 0.41], "not the weights"),
        ([0.32, 0.11, 0.14, 0.22, 0.22, 0.30], "same forty reviews"),
    ],
    "02-4": [
        (lambda query, length: torch.zeros_like(query), "negative score"),
        (lambda query, length: length * query / query.norm(), "as large as possible"),
        (lambda query, length: -length * query, "Too long"),
        (lambda query, length: -query, "whole length"),
        (lambda query, length: length * query.flip(0).abs() / query.norm(), "can be negative"),
        (lambda query, length: -length, "shape of the query"),
    ],
    "02-5": [
        (lambda g, a, u, s: (g, s * (1 - s) * (g @ (u - a))), "multiplied by the share"),
        (lambda g, a, u, s: ((1 - s) * g, s * (1 - s) * (g @ (u - a))), "text's part"),
        (lambda g, a, u, s: (s * g, s * (g @ (u - a))), "share (1 - share), not share"),
        (lambda g, a, u, s: (s * g, s * (1 - s) * (g @ u)), "u - a, not u"),
        (lambda g, a, u, s: (s * g, s * (1 - s) * (g @ (a - u))), "Wrong sign"),
        (lambda g, a, u, s: s * g, "two things"),
    ],
}
