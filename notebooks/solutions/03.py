"""Checks, hints and reference solutions of notebook 03."""

from helpers.check import agree
from helpers.data import fingerprint

HINTS = {
    1: [
        "Begin with the longest piece without ## that 'unlikely' starts with.",
        "That is 'unl'. The rest, 'ikely', is in the vocabulary as a continuation.",
    ],
    2: [
        "Compare fingerprint(text), not the texts.",
        "Put the fingerprints of train into a set; count the test texts whose own is in it.",
    ],
    3: [
        "padded(lengths, batches) of section 9 gives the share for one plan of batches; only "
        "the plan changes.",
        "For a size s the plan is [rows[i : i + s] for i in rows[::s]]; try s = 1, 2, 4, …, 256.",
    ],
    4: [
        "It is the function padded of section 9 with squares.",
        "Above: len(rows) * max(lengths[r] for r in rows) ** 2 over batches; below: the sum of "
        "length ** 2.",
    ],
}


def check_1(answer):
    assert isinstance(answer, (list, tuple)), "Give a list of strings."
    answer = list(answer)
    assert answer != ["un", "##likely"], "Greedy: a longer beginning than 'un' is known."
    assert answer != ["unl", "ikely"], "Pieces that continue a word carry the mark ##."
    assert answer[:1] == ["unl"], "The first piece is the longest known beginning of the word."
    assert answer == ["unl", "##ikely"], "After 'unl', take the longest known continuation."


def solution_1():
    return ["unl", "##ikely"]


def check_2(answer):
    train = ["Good fun.", "Dull", "dull!", "Fine"]
    test = ["good fun", "GOOD FUN!", "Dull", "A new one", "..."]
    given = answer(train, test)
    assert given != 1, "Compare fingerprints: copies may differ in capitals and punctuation."
    assert given != 2, "Count every test text that leaks, also when two of them are copies."
    assert given != 0.6, "Return the number of leaking texts, not their share."
    assert given == 3, f"Three of the five test texts have a copy in train, not {given}."
    assert answer(["Film :)"], ["Film :("]) == 0, (
        "Smileys count (section 3): use fingerprint(text)."
    )
    assert answer(["!!!"], ["..."]) == 0, "Texts without letters are copies only if they are equal."
    some = ["Fine :)", "Part 2", "été", "नमस्ते"], ["fine :(", "Part 3!", "t", "FINE :)", "नमसत"]
    agree(
        answer, solution_2(), some, (["a b", "c"], ["A b!", "d", "c"]), (["d"], ["a b", "c", "d."])
    )


def solution_2():
    def leaks_between(train, test):
        known = {fingerprint(text) for text in train}
        return sum(fingerprint(text) in known for text in test)

    return leaks_between


def check_3(answer):
    assert answer in [2**k for k in range(9)], "Give one of the sizes 1, 2, 4, …, 256."
    assert answer > 32, "Not yet half: with 32 rows it is 47%. Rows as they come, not sorted."
    assert answer < 128, "A smaller batch has more than half padding already."
    assert answer == 64, "Try each size: padded() gives the share."


def solution_3():
    return 64  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    lengths, batches = [4, 2, 1, 1], [[0, 1], [2, 3]]
    ratio = answer(lengths, batches)
    assert ratio != 10 / 8, "Square the lengths: attention compares tokens with tokens."
    assert ratio != 22 / 34, "Upside down: what is paid stands above."
    assert ratio != 1 - 22 / 34, "Return the ratio, not the share that is wasted."
    assert ratio != 17 / 22, "Multiply by the number of rows in each batch."
    assert abs(ratio - 34 / 22) < 1e-6, "For lengths 4, 2 | 1, 1 it is (2*16 + 2*1) / 22."
    agree(answer, solution_4(), ([3, 3, 1, 5, 2], [[3], [4, 0, 1], [2]]), ([7, 2], [[1, 0]]))


def solution_4():
    def overpaid(lengths, batches):
        paid = sum(len(rows) * max(lengths[r] for r in rows) ** 2 for rows in batches)
        return paid / sum(length**2 for length in lengths)

    return overpaid
