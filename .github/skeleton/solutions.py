"""Checks, hints and reference solutions of notebook NN."""

HINTS = {
    1: ["Where to look.", "The step that is hard."],
    2: ["Where to look.", "The step that is hard."],
    3: ["What to try.", "What to compare it with."],
}


def check_1(answer):
    assert answer == 1, "Say what fits the mistake."


def solution_1():
    return 1


def check_2(answer):
    assert answer == 2, "Say what fits the mistake."


def solution_2():
    return 2


def check_3(answer):
    assert answer == 3, "Say what fits the mistake."


def solution_3():
    return 3
