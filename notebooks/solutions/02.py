"""Checks, hints and reference solutions of notebook 02."""

import math
from numbers import Real

import torch

from helpers.check import agree

HINTS = {
    1: [
        "Undo the logarithms first: exp(ln 3) = 3. The share compares sums of those.",
        "Z_P = 1 + 3 and Z_X = 2 + 4. The share is Z_P over the sum of both.",
    ],
    2: [
        "The share is the sum of the attention weights that fall on the prompt's keys.",
        "Concatenate the keys and give attention a mask of m ones followed by `mask`.",
    ],
    3: [
        "prompt_ids * 2 is the question twice; prompt_shares(prompt_ids * 2, own)[0] has six, one "
        "for each layer.",
        "Stack them for the forty reviews and take the mean(0).",
    ],
    4: [
        "The share grows with the score, and the score with query @ key.",
        "Point the key away from the query: -query, brought to the wanted length.",
    ],
    5: [
        "The output is (1 - share) a + share u. What multiplies u there?",
        "The derivative of the share by the score is share (1 - share); it moves along u - a.",
    ],
}


def _near(given, wanted) -> bool:
    given = torch.as_tensor(given, dtype=torch.float64)
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    return given.shape == wanted.shape and torch.allclose(given, wanted, rtol=0, atol=1e-6)


def check_1(answer):
    assert isinstance(answer, Real), "Give one number, for example 1 / 7."
    assert not math.isclose(answer, 0.6), "That is what the text keeps. The share is the prompt's."
    assert not math.isclose(answer, 4 / 6), "Divide by the sum over all four tokens, not two."
    assert not math.isclose(answer, 0.5), "The tokens do not count alike: weigh each by exp(score)."
    logs = math.log(3) / (math.log(3) + math.log(8))
    assert not math.isclose(answer, logs, rel_tol=0.01), "Softmax adds exp(score), not the scores."
    assert math.isclose(answer, 0.4, abs_tol=1e-6), "Z_P / (Z_P + Z_X), each a sum of exp(score)."


def solution_1():
    return (1 + 3) / (1 + 3 + 2 + 4)


def check_2(answer):
    query = torch.tensor([[2.0, 0, 0, 0], [0, 0, 0, 2.0]])  # size 4: scores are key / 2 x 2
    text = torch.tensor([[1.0, 3.0, 9.0]]).log().T * torch.eye(4)[:1]
    prompt = torch.tensor([[4.0]]).log() * torch.eye(4)[:1]
    mask = torch.tensor([1, 1, 0])
    given = answer(query, text, prompt, mask)
    assert tuple(given.shape) == (2,), "Return one share for each query: shape (queries,)."
    assert not math.isclose(given[0].item(), 4 / 17, abs_tol=1e-4), (
        "The padding got weight: use the mask."
    )
    assert not math.isclose(given[0].item(), 16 / 26, abs_tol=1e-4), (
        "Divide the scores by the square root of the size."
    )
    assert not math.isclose(given[0].item(), 4 / 9, abs_tol=1e-4), (
        "A masked score becomes -inf, not 0: exp(0) is 1."
    )
    assert _near(given, [1 / 2, 1 / 3]), "Add up the weights of the prompt's keys, for each query."
    large = answer(1000 * query, text, prompt, mask)
    assert torch.isfinite(large).all(), "Large scores overflow exp: use softmax or logsumexp."
    pair = answer(query, text, prompt.repeat(2, 1), mask)
    assert _near(pair, [2 / 3, 1 / 2]), "With two prompt tokens, add up the weights of both."
    rng = torch.Generator().manual_seed(0)
    drawn = [torch.randn(size, 6, generator=rng) for size in (2, 5, 2)]
    agree(answer, solution_2(), (*drawn, torch.tensor([0, 1, 0, 1, 1])), (*drawn, torch.ones(5)))
    for queries, tokens, m in ((3, 5, 2), (1, 4, 3)):
        drawn = [torch.randn(n, 6, generator=rng) for n in (queries, tokens, m)]
        agree(answer, solution_2(), (*drawn, (torch.arange(tokens) < tokens - 1).long()))


def solution_2():
    import torch

    from helpers.attention import attention

    def prompt_share(query, text_keys, prompt_keys, mask):
        keys = torch.cat([prompt_keys, text_keys])
        seen = torch.cat([torch.ones(len(prompt_keys)), mask])
        _, weights = attention(query, keys, keys, seen)
        return weights[:, : len(prompt_keys)].sum(-1)

    return prompt_share


TWICE = [0.317, 0.113, 0.143, 0.218, 0.218, 0.269]


def check_3(answer):
    given = torch.as_tensor(answer, dtype=torch.float64).flatten()
    assert given.shape == (6,), "Give six numbers, the mean share of each layer."
    assert given.max() < 1, "Shares, not percent: 0.2 for 20%."
    wanted = torch.tensor(TWICE, dtype=torch.float64)
    once = torch.tensor([0.21, 0.08, 0.12, 0.17, 0.20, 0.23], dtype=torch.float64)
    assert (given - once).abs().max() > 0.012, "That is the share of the question asked once."
    assert (given - 2 * once).abs().max() > 0.05, "Twice the share of before? Measure it."
    added = "Those are not the weights: prompt_shares returns them first, what is added second."
    assert given[1] < 0.2, added
    assert (given - wanted).abs().max() < 0.01, "Take the mean over the same forty reviews."


def solution_3():
    return list(TWICE)  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    query = torch.tensor([3.0, -4.0], dtype=torch.float64)  # of length 5
    given = answer(query, 10.0)
    assert given.shape == query.shape, "The key has the shape of the query."
    assert not _near(given, [0, 0]), "A zero key has score 0; a negative score is smaller."
    assert not _near(given, [6, -8]), "This key makes the share as large as possible."
    assert not _near(abs(given @ query), 0), "Score 0 is not the smallest: it can be negative."
    assert not _near(given, -10 * query), "Too long: bring the query to length 1 first."
    assert not _near(given, -query), "Use the whole length that is allowed."
    assert _near(given, [-6, 8]), "Point the key exactly away from the query."
    agree(answer, solution_4(), (torch.tensor([1.0, 2.0, 2.0]), 3.0), (torch.tensor([-2.0]), 0.5))


def solution_4():
    def quietest_key(query, length):
        return -length * query / query.norm()

    return quietest_key


def check_5(answer):
    g, a, u = (torch.tensor(t, dtype=torch.float64) for t in ([1.0, -2], [2.0, 6], [4.0, -4]))
    given = answer(g, a, u, 0.25)
    assert isinstance(given, (tuple, list)) and len(given) == 2, (
        "Return two things: value, then score."
    )
    value, score = given
    assert not _near(value, 0.75 * g), "That is the text's part: u is multiplied by share."
    assert not _near(value, g), "u reaches the output multiplied by the share."
    assert _near(value, 0.25 * g), "The value's gradient is share times g."
    wanted = 0.25 * 0.75 * 22
    assert not _near(score, -wanted), "Wrong sign: more share moves the output from a towards u."
    assert not _near(score, 0.25 * 22), "The share itself changes by share (1 - share), not share."
    assert not _near(score, 0.25 * 0.75 * (g @ u).item()), "The output moves along u - a, not u."
    assert _near(score, wanted), "share (1 - share) times the dot product of g and u - a."
    drawn = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    agree(answer, solution_5(), (*drawn, 0.6), (*drawn.flip(0), 0.1))


def solution_5():
    def prompt_gradients(g, a, u, share):
        return share * g, share * (1 - share) * (g @ (u - a))

    return prompt_gradients
