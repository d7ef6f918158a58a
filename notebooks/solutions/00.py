"""Checks, hints and reference solutions of notebook 00."""

import re

from helpers.check import agree
from helpers.templates import Template

HINTS = {
    1: [
        "Draw the matrix: 2 rows, 384 columns. Then the bias.",
        "2 x 384 weights and 2 biases.",
    ],
    2: [
        "Ask what you want to know of the review.",
        "'Did the writer enjoy this film? {}'",
    ],
    3: [
        "A share in percent is 100 times a part over the whole.",
        "100 * trainable / total",
    ],
}


def check_1(answer):
    assert answer != 768, "Those are the weights; each label has a bias too."
    assert answer != 386, "Each label has 384 weights of its own."
    assert answer == 770, "Count one weight for each input and label, and one bias for each label."


def solution_1():
    return 2 * 384 + 2


def check_2(answer):
    text = answer.text if isinstance(answer, Template) else answer
    assert isinstance(text, str), "Give the template as a string."
    Template(text)  # raises a clear error unless there is exactly one {}
    assert "?" in text, "Make it a question: it needs a question mark."
    words = re.findall(r"[^\W\d_]+", text)
    assert len(words) >= 3, "Ask in at least three words, besides {}."


def solution_2():
    return "Did the writer enjoy this film? {}"


def check_3(answer):
    given = answer(5, 200)
    assert given != 0.025, "That is a fraction; in percent it is 100 times as much."
    assert given != 4000, "Upside down: divide the part by the whole."
    assert abs(given - 2.5) < 1e-9, "5 of 200 are 2.5%."
    agree(answer, solution_3(), (1, 4), (30, 120), (770, 22_713_216))


def solution_3():
    def share(trainable, total):
        return 100 * trainable / total

    return share
