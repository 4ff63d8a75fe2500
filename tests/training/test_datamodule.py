"""The data module in Lightning's own loop: sides, resumption in mid-epoch, workers, ranks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

import reviews
from lineage_triplets import MultiExperimentTripletDataset
from lineage_triplets.engine import ConfigError
from programs import run

lightning = pytest.importorskip("lightning")

from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402

from lineage_triplets.training import (  # noqa: E402
    Augmentation,
    SplitChoice,
    TripletDataModule,
)

# Lightning warns of the number of workers, of loggers, and what its own dependencies do.
pytestmark = pytest.mark.filterwarnings("ignore")
BATCH_SIZE = 10


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return reviews.write_config(tmp_path_factory.mktemp("module"), seed=None)


def module_of(config, **options):
    # 148 anchors in all.
    given = {"batch_size": BATCH_SIZE, "split": SplitChoice(by="lineage", val=0.2), "seed": 5}
    return TripletDataModule(config, **{**given, **options})


class Model(lightning.LightningModule):
    """Notes which anchors it is given, and with which positives."""

    def __init__(self, folder: Path, stop_after: int | None = None):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.folder, self.stop_after = folder, stop_after
        self.seen: dict[str, list] = {"train": [], "val": [], "test": []}
        self.batches: list = []

    def note(self, side, batch):
        metas = (batch[f"{part}_meta"] for part in ("anchor", "positive"))
        pairs = [list(map(list, zip(meta["global_track_id"].tolist(), meta["t"].tolist(),
                                    strict=True))) for meta in metas]  # fmt: skip
        self.seen[side].append([self.current_epoch, *pairs])
        self.batches.append(batch)

    def training_step(self, batch, _):
        if self.stop_after is not None and self.global_step == self.stop_after:
            raise RuntimeError("the node is gone")
        self.note("train", batch)
        return self.layer(batch["anchor"].mean((2, 3, 4))).square().mean()

    def validation_step(self, batch, _):
        self.note("val", batch)

    def test_step(self, batch, _):
        self.note("test", batch)

    def predict_step(self, batch, _):
        return batch["index"], batch["anchor"].mean((1, 2, 3, 4))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def on_fit_end(self):
        (self.folder / f"seen-{self.global_rank}.json").write_text(json.dumps(self.seen))


def trainer_of(folder, **options):
    given = {
        "max_epochs": 1, "accelerator": "cpu", "default_root_dir": folder, "logger": False,
        "enable_checkpointing": False, "enable_progress_bar": False,
        "enable_model_summary": False, "num_sanity_val_steps": 0,
    }  # fmt: skip
    return lightning.Trainer(**{**given, **options})


def anchors(seen, epoch=None):
    return [tuple(cell) for at, cells, _ in seen if epoch in (None, at) for cell in cells]


def named(index, numbers):
    table = index.valid_anchors.iloc[numbers]
    return list(zip(table.global_track_id, table.t, strict=True))


def test_sides_epochs_and_what_reaches_the_model(config, tmp_path):
    data = module_of(
        config,
        split={"by": "lineage", "val": 0.2, "test": 0.2},
        augment={"shift_pixels": 2, "noise": 0.1},
        margin_pixels=2,
        channel_dropout=0.2,
        labels=["condition", "lineage_id"],
        sampler={"drop_last": False},
    )
    model = Model(tmp_path)
    trainer = trainer_of(tmp_path, max_epochs=2)
    trainer.fit(model, datamodule=data)
    trainer.test(model, datamodule=data)
    index, split = data.index, data.split
    for side in ("train", "val", "test"):
        expected = Counter(named(index, split.anchors(side)))
        assert Counter(anchors(model.seen[side])) == dict.fromkeys(
            expected, 1 if side == "test" else 2
        )
    first, second = (
        {
            str(pair)
            for at, *pairs in model.seen["train"]
            if at == epoch
            for pair in zip(*pairs, strict=True)
        }
        for epoch in range(2)
    )
    assert first != second
    # Validation compares the same pairs in every epoch, in the same batches.
    of_val = [entry[1:] for entry in model.seen["val"]]
    assert of_val[: len(of_val) // 2] == of_val[len(of_val) // 2 :]
    batch = model.batches[0]
    assert batch["anchor"].shape == (BATCH_SIZE, 2, 1, 16, 16)
    assert batch["anchor"].dtype == torch.float32
    words = [data.classes["lineage_id"][code] for code in batch["labels"]["lineage_id"].tolist()]
    assert words == batch["anchor_meta"]["lineage_id"].tolist()
    # Only training is augmented: there a patch has another mean than 0 by its noise and its slots.
    plain = model.batches[-1]["anchor"].flatten(2)
    torch.testing.assert_close(plain.mean(2), torch.zeros(plain.shape[:2]), atol=1e-5, rtol=0)
    torch.testing.assert_close(plain.std(2, correction=0), torch.ones(plain.shape[:2]))
    assert (batch["anchor"].flatten(2).std(2, correction=0) - 1).abs().max() > 1e-3


def interrupted(config, folder, steps, **options):
    """A run whose node goes away after some steps; it leaves a checkpoint of each."""
    model = Model(folder, steps)
    saved = ModelCheckpoint(folder, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    with pytest.raises(RuntimeError, match="the node is gone"):
        trainer_of(folder, max_epochs=2, enable_checkpointing=True, callbacks=[saved]).fit(
            model, datamodule=module_of(config, **options)
        )
    return model.seen["train"]


def gone_on(config, folder, steps):
    model = Model(folder)
    trainer_of(folder, max_epochs=2).fit(
        model, datamodule=module_of(config), ckpt_path=folder / f"step={steps}.ckpt"
    )
    return model.seen["train"]


def test_a_run_that_ended_goes_on_at_its_batch(config, tmp_path):
    whole = Model(tmp_path)
    trainer_of(tmp_path, max_epochs=2).fit(whole, datamodule=module_of(config))
    expected = [pairs for _, *pairs in whole.seen["train"]]
    per_epoch = len(expected) // 2
    before = interrupted(config, tmp_path, per_epoch + 5)
    for steps in (1, per_epoch - 1, per_epoch, per_epoch + 1, per_epoch + 5):
        done = before[:steps] + gone_on(config, tmp_path, steps)
        assert [pairs for _, *pairs in done] == expected


def test_a_run_with_workers_goes_on_without_them(config, tmp_path):
    per_epoch = len(module_of(config).train_dataloader())
    before = interrupted(config, tmp_path, per_epoch + 5, num_workers=2)
    done = before[: per_epoch + 5] + gone_on(config, tmp_path, per_epoch + 5)
    for epoch in (done[:per_epoch], done[per_epoch:]):
        assert len(epoch) == per_epoch
        assert len(set(anchors(epoch))) == per_epoch * BATCH_SIZE


def test_other_anchors_than_those_of_the_state(config, tmp_path):
    interrupted(config, tmp_path, 4)
    checkpoint = tmp_path / "step=3.ckpt"
    fewer = SplitChoice(by="fov", val=["early/B/2/0"])
    with pytest.raises(ConfigError, match="anchors have changed") as caught:
        trainer_of(tmp_path).fit(
            Model(tmp_path), datamodule=module_of(config, split=fewer), ckpt_path=checkpoint
        )
    assert "if_changed='new-epoch'" in "".join(caught.value.__notes__)
    data = module_of(config, split=fewer, if_changed="new-epoch")
    model = Model(tmp_path)
    trainer_of(tmp_path, max_epochs=2).fit(model, datamodule=data, ckpt_path=checkpoint)
    assert set(anchors(model.seen["train"])) <= set(named(data.index, data.split.train))
    assert len(anchors(model.seen["train"], epoch=1)) == len(data.train_dataloader()) * BATCH_SIZE


def test_predictions_are_of_every_observation_once(config, tmp_path):
    # A split that cannot be is none of prediction's business.
    data = module_of(config, split=SplitChoice(by="condition"), slots="one")
    found = trainer_of(tmp_path).predict(Model(tmp_path), datamodule=data)
    seen = Counter(
        (entry["experiment"], entry["fov_name"], entry["track_id"], entry["t"])
        for entries, _ in found
        for entry in entries
    )
    table = data.index.tracks
    columns = [table[name] for name in ("experiment", "fov_name", "track_id", "t")]
    assert seen == Counter(zip(*columns, strict=True))


def test_two_processes_share_an_epoch(config, tmp_path):
    """In a process of its own, from which ranks are forked before it has read."""
    code = """
        import pathlib, sys
        sys.path += sys.argv[1:3]
        import test_datamodule
        test_datamodule.fit_in_two_processes(*map(pathlib.Path, sys.argv[3:]))
    """
    here = Path(__file__).parent
    done = run(code, here, here.parent, config, tmp_path)
    assert done.returncode == 0, done.stderr
    data = module_of(config)
    ranks = [json.loads((tmp_path / f"seen-{rank}.json").read_text()) for rank in (0, 1)]
    for side in ("train", "val"):
        parts = [anchors(rank[side]) for rank in ranks]
        assert len(ranks[0][side]) == len(ranks[1][side])
        assert Counter(parts[0] + parts[1]) == Counter(named(data.index, data.split.anchors(side)))


def fit_in_two_processes(config, folder):
    data = module_of(config, sampler={"drop_last": False})
    trainer_of(folder, devices=2, strategy="ddp_fork").fit(Model(folder), datamodule=data)


def test_the_epoch_without_a_trainer(config):
    """A loop of one's own takes the same loaders."""
    data = module_of(config)
    loader = data.train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader)
    again = module_of(config).train_dataloader()
    iterator = iter(again)
    begun = [next(iterator) for _ in range(3)]
    state = again.state_dict()
    resumed = module_of(config, num_workers=0, prefetch=0).train_dataloader()
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    rest = list(resumed)
    for batch, expected in zip(begun + rest, batches, strict=True):
        assert torch.equal(batch["positive"], expected["positive"])
    assert resumed.state_dict()["batches"] == len(batches)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": {"by": "condition"}}, "val has no anchor"),
        ({"batch_size": 1000}, "batch"),
        ({"if_changed": "never"}, "error, new-epoch"),
        ({"slots": "two"}, "all, one"),
        ({"augment": Augmentation(shift_pixels=1)}, "margin"),
        ({"split": {"bye": "fov"}}, r"'split': unknown key 'bye'. Did you mean 'by'\?"),
        ({"split": {"by": "fvo"}}, r"'split.by': .*'well', 'condition' or 'experiment', found 'fv"),
        ({"split": SplitChoice(val=True)}, "number or a valid string or a valid list, found True"),
        ({"split": "fov"}, r"found 'fov'. There is: by, train, val, test, seed"),
        ({"augment": {"contrast": "much"}}, r"'augment.contrast': .*valid number, found 'much'"),
        ({"augment": {"flips": True}}, "Did you mean 'flip'"),
        ({"sampler": {"batch_size": 3}}, "Known: group_by, stratify_by, weights"),
        ({"sampler": {"concentrate": [24]}}, r"at least 2 items.*found \[24\]"),
        ({"sampler": {"group_by": "experimnt"}}, "Did you mean 'experiment'"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(config, options, words):
    with pytest.raises(ConfigError, match=words):
        module_of(config, **options).train_dataloader()


def test_no_side_of_test(config):
    with pytest.raises(ConfigError, match=r"no anchors for test: split by lineage"):
        module_of(config).test_dataloader()


def test_no_side_of_validation(config, tmp_path):
    data = module_of(config, split={"val": None})
    trainer_of(tmp_path, limit_train_batches=1).fit(Model(tmp_path), datamodule=data)
    assert len(data.split.train) == len(MultiExperimentTripletDataset.from_config(config))
