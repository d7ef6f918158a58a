"""Mistakes that a reader of notebook 16 may well make."""


def pieces(text, n):
    return [text[at : at + n] for at in range(len(text) - n + 1)]


def sets(said, wanted, n):
    ours, theirs = ({*pieces("".join(text.split()), n)} for text in (said, wanted))
    return len(ours & theirs) / len(ours), len(ours & theirs) / len(theirs)


def spaced(said, wanted, n):
    ours, theirs = pieces(said, n), pieces(wanted, n)
    both = sum(min(ours.count(own), theirs.count(own)) for own in {*ours})
    return both / len(ours), both / len(theirs)


def turned(said, wanted, n):
    return spaced(wanted, said, n)


def triangle(front, done, new):
    return [[column <= row for column in range(new)] for row in range(new)]


def strict(front, done, new):
    read = front + done
    return [[column < read + row for column in range(read + new)] for row in range(new)]


def full(front, done, new):
    return [[True] * (front + done + new) for _ in range(new)]


def no_prompt(front, done, new):
    read = front + done
    return [[front <= column <= read + row for column in range(read + new)] for row in range(new)]


WRONG = {
    "16-1": [
        (sets, "as often"),
        (spaced, "Spaces"),
        (turned, "Precision comes first"),
        (lambda said, wanted, n: 1.0, "a pair"),
    ],
    "16-2": [
        (triangle, "A row for each new word"),
        (strict, "itself"),
        (full, "later"),
        (no_prompt, "read the prompt"),
    ],
    "16-3": [
        (1.8, "a pair"),
        ((6.26, 1.79), "comes first"),
        ((1.5, 6.26), "all 300"),
        ((1.79, 5.0), "the one before it"),
    ],
    "16-4": [
        (9.7, "a pair"),
        ((388.0, 404.0), "not their sum"),
        ((10.1, 9.7), "comes first"),
        ((9.0, 10.1), "penalty=0"),
        ((9.7, 10.6), "penalty=1"),
    ],
}
