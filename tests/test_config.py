from pathlib import Path

import pytest

from mien.config import RENAMED, load_config, save_config
from mien.errors import ConfigError
from mien.export import read_about
from mien.runtime.metadata import MARKS
from mien.training.extractor import MMATrainConfig
from mien.training.mran.train import MRANTrainConfig
from mien.training.reactions.clip_cnn import ClipCNNTrainConfig
from mien.training.reactions.end_to_end import EndToEndConfig
from mien.training.reactions.train import ReactionTrainConfig

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"
STAGES = sorted((ROOT / "recipes" / "extractor").glob("*.toml"))
KINDS = {
    "mma": MMATrainConfig,
    "reactions": ReactionTrainConfig,
    "end": EndToEndConfig,
    "mran": MRANTrainConfig,
    "clip": ClipCNNTrainConfig,
}


def recipes():
    return sorted(p for p in CONFIGS.glob("*.toml") if not p.name.endswith(".about.toml"))


@pytest.mark.parametrize("path", recipes(), ids=lambda p: p.name)
def test_every_recipe_parses(path):
    config = load_config(KINDS[path.stem.split("-")[0]], path)
    assert config.name == path.stem
    if isinstance(config, MMATrainConfig):
        assert all(corpus.per_batch > 0 for corpus in config.corpus_configs().values())


def test_there_are_recipes():
    assert len(recipes()) >= 3 and len(STAGES) >= 1


@pytest.mark.parametrize("path", STAGES, ids=lambda p: p.name)
def test_every_stage_of_the_shipped_extractor_parses(path):
    config = load_config(MMATrainConfig, path)
    model = config.model_config()
    assert config.prior_free and config.class_weight_power == 0  # one correction, not two
    assert model.branch and model.feature > 0
    if config.loss.quality:
        assert config.augment.spoiled_rate > 0  # else nothing bad is ever seen
    # Stages go on from each other: the network is the first one's.
    assert model == load_config(MMATrainConfig, STAGES[0]).model_config()


def test_the_papers_recipe_has_nothing_of_ours_switched_on():
    config = load_config(MMATrainConfig, CONFIGS / "mma-facernet.toml")
    assert vars(config.loss) == {
        name: 1.0 if name in ("ccc", "cce", "bce", "dm") else 0.0 for name in vars(config.loss)
    }
    assert (config.relatedness, config.detach_dm, config.dm_reduction) == ("binary", False, "sum")
    assert not config.prior_free and config.class_weight_power == 0
    assert config.model_config().dropout == 0 and not config.model_config().branch
    optimizer = config.optimizer
    assert (optimizer.ema, optimizer.weight_decay, optimizer.muon_lr) == (0, 0, 0)
    assert {corpus.class_balance for corpus in config.corpus_configs().values()} == {0}
    augment = config.augment
    assert not augment.dark_rate + augment.jpeg_rate + augment.mask_rate + augment.spoiled_rate


def test_the_small_recipe_is_a_network_without_a_branch_on_photographs():
    config = load_config(MMATrainConfig, CONFIGS / "mma-compact.toml")
    assert config.preset == "compact" and not config.model and not config.loss.of_branch()
    assert {c.kind for c in config.corpus_configs().values()} == {"ferplus", "faces"}
    assert not any(c.mesh or c.distill_weight for c in config.corpus_configs().values())


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.about.toml")), ids=lambda p: p.name)
def test_every_description_is_complete(path):
    about = read_about(path)
    trust = about.pop("trust", {})
    assert all(isinstance(value, str) and value for value in about.values())
    assert all(one["mark"] in MARKS and one["figure"] for one in trust.values())


def write(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def test_overrides_use_toml_values_and_bare_words(tmp_path):
    path = write(tmp_path, 'name = "x"\n[corpora]\n')
    config = load_config(
        MMATrainConfig, path, ["optimizer.epochs=3", "preset=resnet18", "loss.dm=0"]
    )
    assert (config.optimizer.epochs, config.preset, config.loss.dm) == (3, "resnet18", 0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\nsede = 1\n[corpora]', "unknown option 'sede'; did you mean 'seed'"),
        ('name = "x"\n[corpora]\n[optimizer]\nepoch = 1', "optimizer: unknown option 'epoch'"),
        ('name = "x"\nseed = "one"\n[corpora]', "seed: expected int, got 'one'"),
        ('name = "x"\nseed = true\n[corpora]', "seed: expected int, got True"),
        ('name = "x"\noptimizer = 3\n[corpora]', "optimizer: expected a table, got 3"),
        ("name = ", "not valid TOML"),
        ("seed = 1", "missing"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(MMATrainConfig, write(tmp_path, text))


def test_a_missing_file_and_a_bad_override_are_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(MMATrainConfig, tmp_path / "nowhere.toml")
    path = write(tmp_path, 'name = "x"\n[corpora]\n')
    with pytest.raises(ConfigError, match="expected NAME=VALUE"):
        load_config(MMATrainConfig, path, ["seed"])
    with pytest.raises(ConfigError, match="'name' is not a table"):
        load_config(MMATrainConfig, path, ["name.first=1"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('preset = "resnet99"', "unknown preset 'resnet99'"),
        ('relatedness = "foo"', "'binary' or 'weighted', not 'foo'"),
        ("[model]\nfoo = 1", "model: unknown option 'foo'"),
        ("[optimizer]\nepochs = -1", "epochs must be 1 or more"),
        ('[corpora.a]\nkind = "ferplus"\npath = "x"\nper_batch = 0', "per_batch must be 1"),
        ('[corpora.a]\nkindd = "ferplus"', "corpora.a: unknown option 'kindd'"),
        ('dm_reduction = "none"', "dm_reduction is one of .*'sum'.*, not 'none'"),
        ("[loss]\npose = 1.0", "loss.pose is for networks with a landmark branch: set model.br"),
        ("[model]\nbranch = [64, 32]", "a landmark branch reads three stages"),
        ("[model]\nbranch = [64]", "branch is empty or two numbers"),
        ("[loss]\nquality = -1.0", "factors of the loss are 0 or more"),
        ("[augment]\ndark_rate = 1.5", "dark_rate lies in 0..1, not 1.5"),
        ("[optimizer]\ncheckpoint_steps = 0", "checkpoint_steps must be 1 or more"),
        ("[optimizer]\nmuon_lr = -1.0", "muon_lr must be 0 or more"),
        *[
            (f'[corpora.a]\nkind = "{kind}"\npath = "x"\n{key}', message)
            for kind, key, message in (
                ("voices", "", "kind is one of 'faces', 'ferplus', 'images', 'sfhq', 'synthetic'"),
                ("synthetic", 'mesh = "m.npz"', "mesh is for photographs"),
                ("images", 'mesh = "m.npz"', "mesh is for other kinds"),
                ("faces", 'second_labels = "l.npz"', "second_labels is for kind 'ferplus' alone"),
                ("sfhq", "weight_color = 0.5", "weight_color is 0 or more, and for kind 'faces'"),
            )
        ],
        *[
            (text, f"unknown option '{name}'")
            for name, text in (
                ("learn", 'learn = "apart"'),
                ("apart", "[model]\napart = 1"),
                ("fine", "[model]\nfine = [8, 8, 8, 8]"),
                ("places", "[loss]\nplaces = 1.0"),
                ("steadiness", "[loss]\nsteadiness = 1.0"),
                ("mixup_rate", "[augment]\nmixup_rate = 0.5"),
            )
        ],
    ],
)
def test_mistakes_surface_before_any_data_are_read(tmp_path, text, message):
    corpora = "" if "[corpora" in text else "\n[corpora]"
    with pytest.raises(ConfigError, match=message):
        load_config(MMATrainConfig, write(tmp_path, f'name = "x"\n{text}{corpora}'))


def test_values_outside_what_is_allowed_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="batch must be 2 or more"):
        load_config(ReactionTrainConfig, write(tmp_path, 'name = "x"\nbatch = 1'))
    with pytest.raises(ConfigError, match="unknown preset 'big'"):
        load_config(ReactionTrainConfig, write(tmp_path, 'name = "x"\npreset = "big"'))


def test_the_resolved_configuration_can_be_read_back(tmp_path):
    import json

    config = load_config(ReactionTrainConfig, CONFIGS / "reactions-simulated.toml")
    save_config(config, tmp_path / "config.json")
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["simulation"]["train"] == config.simulation.train
    assert stored["lr"] == config.lr


def test_a_description_without_a_caveat_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"looked for \['license', 'trained_on', 'caveat'\]"):
        read_about(write(tmp_path, 'name = "x"'))


def test_a_recipe_says_only_what_differs_from_its_base(tmp_path):
    folder = tmp_path / "below"
    folder.mkdir()
    (folder / "zeroth.toml").write_text("seed = 3\n[loss]\nccc = 0.75\nbce = 2.0\n")
    (folder / "first.toml").write_text(
        'base = "zeroth.toml"\nname = "first"\n[corpora.a]\nkind = "ferplus"\npath = "a"\n'
        "[loss]\nccc = 0.5\n"
    )
    (tmp_path / "second.toml").write_text('base = "below/first.toml"\n[loss]\nccc = 0.25\n')
    (tmp_path / "third.toml").write_text(
        'base = "second.toml"\nname = "third"\n[corpora.b]\nkind = "faces"\npath = "b"\n'
    )
    config = load_config(MMATrainConfig, tmp_path / "third.toml", ["loss.dm=0"])
    assert (config.name, config.seed, list(config.corpora)) == ("third", 3, ["a", "b"])
    assert (config.loss.ccc, config.loss.bce, config.loss.dm) == (0.25, 2.0, 0.0)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ('"other.toml"', r"is its own base \(recipe.toml on other.toml on recipe.toml\)"),
        ('"wrong.toml"', r"recipe.toml \(on wrong.toml\): unknown option 'sed'; did you mean"),
        ('"nowhere.toml"', "nowhere.toml: cannot be read"),
        ('"recipe.toml"', "is its own base"),
        ("3", "base is the name of a file, not 3"),
    ],
)
def test_a_base_that_cannot_be_is_refused(tmp_path, base, message):
    (tmp_path / "other.toml").write_text('base = "recipe.toml"')
    (tmp_path / "wrong.toml").write_text("sed = 3\n[corpora]\n")
    with pytest.raises(ConfigError, match=message):
        load_config(MMATrainConfig, write(tmp_path, f'name = "x"\nbase = {base}\n'))


def test_the_prior_is_taken_out_once():
    ferplus = {"a": {"kind": "ferplus", "path": "x"}}
    with pytest.raises(ValueError, match=r"a second time: set it to 0, not 0\.25"):
        MMATrainConfig("x", ferplus, prior_free=True, class_weight_power=0.25)
    assert MMATrainConfig("x", ferplus, prior_free=True, class_weight_power=0).prior_free


OLD = [
    (MMATrainConfig, "[optimizer]\nrate = 0.5", "rate", "lr", lambda c: c.optimizer.lr == 0.5),
    (
        MMATrainConfig, "[optimizer]\nmatrix_rate = 0.5", "matrix_rate", "muon_lr",
        lambda c: c.optimizer.muon_lr == 0.5,
    ),
    (ReactionTrainConfig, "clip = 0.5", "clip", "max_grad_norm", lambda c: c.max_grad_norm == 0.5),
    *[
        (
            MMATrainConfig, f'[corpora.a]\nkind = "faces"\npath = "x"\n{old} = {value}', old, new,
            lambda c, new=new, value=value: repr(getattr(c.corpus_configs()["a"], new)) == value,
        )
        for old, new, value in (
            ("teacher_share", "distill_weight", "0.5"),
            ("class_power", "class_balance", "0.5"),
            ("color_weight", "weight_color", "0.5"),
            ("blendshapes", "mesh", "'m.npz'"),
        )
    ],
    *[
        (
            ReactionTrainConfig, f'[engine]\nkind = "fabric"\nprecision = "{old}"',
            "engine.precision", "precision",
            lambda c, new=new: c.precision == new and c.engine.kind == "fabric",
        )
        for old, new in (("bf16-mixed", "bfloat16"), ("32-true", "float32"))
    ],
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "old", "new", "holds"), OLD)
def test_a_setting_of_before_works_and_says_its_new_name(tmp_path, kind, text, old, new, holds):
    corpora = "[corpora]\n" if kind is MMATrainConfig and "[corpora" not in text else ""
    path = write(tmp_path, f'name = "x"\n{corpora}{text}')
    with pytest.warns(FutureWarning, match=rf": {old} is called {new} now") as told:
        config = load_config(kind, path)
    assert holds(config) and len(told) == 1


def test_every_old_name_is_tried():
    assert {old for _, _, old, _, _ in OLD} == set(RENAMED)


def test_an_old_name_on_the_command_line_or_on_a_base_counts_as_its_new_one(tmp_path):
    (tmp_path / "base.toml").write_text("lr = 0.1\n")
    path = write(tmp_path, 'name = "x"\nbase = "base.toml"\n')
    assert load_config(ReactionTrainConfig, path).lr == 0.1
    with pytest.warns(FutureWarning, match="rate is called lr now"):
        assert load_config(ReactionTrainConfig, path, ["rate=0.2"]).lr == 0.2
    path.write_text('name = "x"\nbase = "base.toml"\nrate = 0.3\n')
    with pytest.warns(FutureWarning, match="rate is called lr now"):
        assert load_config(ReactionTrainConfig, path).lr == 0.3
