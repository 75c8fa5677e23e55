"""Sub-seeds are stable for good, and splits are by person."""

from mien.synthetic.faces.generation.seeds import SPLITS, derive, identity_seed, split_of


def test_seeds_never_change():
    assert identity_seed(0, 0) == derive("person", 0, 0)
    assert [identity_seed(0, 0), identity_seed(1, 0), derive("scene", 7)] == [
        4138207051707738,
        6535975399455373,
        4002385317721418,
    ]


def test_people_differ_within_and_between_sets():
    seeds = [identity_seed(seed, person) for seed in range(20) for person in range(500)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_about_80_10_10():
    splits = [split_of(identity_seed(3, person)) for person in range(5000)]
    shares = [splits.count(split) / 5000 for split in SPLITS]
    for share, wanted in zip(shares, (0.8, 0.1, 0.1), strict=True):
        assert abs(share - wanted) < 0.02
