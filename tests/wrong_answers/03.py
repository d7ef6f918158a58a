"""Mistakes that a reader of notebook 03 may well make."""

from helpers.data import fingerprint


def exactly_alike(train, test):
    return sum(text in train for text in test)


def different_copies(train, test):
    return len({fingerprint(t) for t in train} & {fingerprint(t) for t in test})


def share_of_copies(train, test):
    known = {fingerprint(text) for text in train}
    return sum(fingerprint(text) in known for text in test) / len(test)


def letters_only(train, test):
    def key(text):
        return "".join(filter(str.isalnum, text.lower()))

    return sum(key(text) in set(map(key, train)) for text in test)


def paid(lengths, batches, power=2, rows=True):
    return sum((len(b) if rows else 1) * max(lengths[r] for r in b) ** power for b in batches)


def real(lengths, power=2):
    return sum(length**power for length in lengths)


WRONG = {
    "03-1": [
        (["un", "##likely"], "Greedy"),
        (["unl", "ikely"], "mark ##"),
        (["unl", "##i", "##ke", "##ly"], "longest known continuation"),
        (["[UNK]"], "longest known beginning"),
        ("unl ##ikely", "a list of strings"),
    ],
    "03-2": [
        (exactly_alike, "Compare fingerprints"),
        (different_copies, "every test text"),
        (share_of_copies, "not their share"),
        (letters_only, "Smileys count"),
    ],
    "03-3": [
        (32, "47%"),
        (128, "A smaller batch"),
        (500, "one of the sizes"),
        (2, "Not yet half"),
    ],
    "03-4": [
        (lambda n, b: paid(n, b, 1) / real(n, 1), "Square the lengths"),
        (lambda n, b: real(n) / paid(n, b), "Upside down"),
        (lambda n, b: 1 - real(n) / paid(n, b), "not the share"),
        (lambda n, b: paid(n, b, rows=False) / real(n), "number of rows"),
    ],
}
