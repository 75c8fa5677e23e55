"""Who, where and when, from one seed: sub-seeds that depend on nothing but their names.

A sub-seed is a hash of what it is for, so it is the same whatever the number of workers, the order
of the work and the size of the set. People are numbered within a set's seed; what happens to a
person is seeded by the person. The size, framing and light asked for are no part of any seed: two
sets that differ in light alone show the same people doing the same things.
"""

from __future__ import annotations

import hashlib

SPLITS: tuple[str, ...] = ("train", "valid", "test")


def derive(*parts: int | str) -> int:
    """A sub-seed, 0 to 2**53 - 1 (exact even where a reader takes it for a float64).

    Examples
    --------
    >>> derive("scene", 7, 0) == derive("scene", 7, 0) != derive("scene", 7, 1)
    True
    """
    text = "/".join(("mien", *map(str, parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11


def identity_seed(set_seed: int, person: int) -> int:
    """Seed of person number `person` of a set; the same people in image and video sets."""
    return derive("person", set_seed, person)


def split_of(identity: int) -> str:
    """``"train"``, ``"valid"`` or ``"test"`` of a person, by a hash of the identity seed.

    The split belongs to the person, not to the set: all pictures of a person, in any set, are in
    one split. About 80, 10 and 10 of 100 people fall into the three; a small set can lack one.

    Examples
    --------
    >>> people = [split_of(identity_seed(0, k)) for k in range(1000)]
    >>> [people.count(split) for split in SPLITS]
    [812, 84, 104]
    """
    share = derive("split", identity) % 100
    return SPLITS[0] if share < 80 else SPLITS[1] if share < 90 else SPLITS[2]
