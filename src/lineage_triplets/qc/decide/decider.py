"""What a reviewer decides: each decision is recorded, takes effect, and is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lineage_triplets.engine.errors import ConfigError, Problem, nearest
from lineage_triplets.qc.decide.channels import Approval, approval_of, approval_value, remapped
from lineage_triplets.qc.decide.recorder import Recorder
from lineage_triplets.qc.decide.settled import left_to_settle, reviewed_findings
from lineage_triplets.qc.decide.targets import (
    cut_off_by,
    find_target,
    require_target,
    require_verdict_target,
)
from lineage_triplets.qc.record import Decision, NewDecision
from lineage_triplets.qc.record.targets import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.qc.decide.settled import ReviewedFinding

How = Literal["painted", "attested"]
Verdict = Literal["accept", "reject", "undecided"]


class Decider(Recorder):
    """The deciding half of a `Review`."""

    def findings(self) -> list[ReviewedFinding]:
        """Everything found so far with what became of it, worst first."""
        return reviewed_findings(self.checks, self.effect, self.data)

    def target(self, level: Literal["lineage", "track"], name: str) -> Target:
        """Find a lineage or track by its ``lineage_id`` or ``global_track_id``.

        Raises
        ------
        ConfigError
            There is none.
        """
        return find_target(self.data, level, name)

    def accept(self, target: Target, reason: str = "") -> Decision:
        """Say that something is good."""
        return self.decide("accept", [target], reason)[0]

    def reject(self, target: Target, reason: str) -> Decision:
        """Leave something out of training, with a reason."""
        return self.decide("reject", [target], reason)[0]

    def undecide(self, target: Target, reason: str = "") -> Decision:
        """Take an accept or reject back; the history keeps it."""
        return self.decide("undecided", [target], reason)[0]

    def decide(
        self, verdict: Verdict, targets: Sequence[Target], reason: str = ""
    ) -> tuple[Decision, ...]:
        """Accept, reject or undecide several things in one step, undone in one step.

        Parameters
        ----------
        verdict : {"accept", "reject", "undecided"}
        targets : sequence of Target
            Wells, FOVs, frames, lineages, tracks, observations.
        reason : str
            Needed to reject.

        Raises
        ------
        ConfigError, UnknownNameError
            One is not there, or no reason is given; nothing is recorded.
        TableChangedError
            A table changed since the review read it.
        """
        if verdict == "reject":
            reason = _given(reason, "reject")
        for target in targets:
            require_verdict_target(self.data, target)
        return self._record(*(self._new(verdict, one, reason) for one in targets))

    def cut(self, target: Target, reason: str) -> Decision:
        """Cut a wrong link; what a rejected lineage or track loses by it stays rejected.

        Raises
        ------
        ConfigError
            There is no such link, or no reason is given.
        """
        require_target(self.data, target)
        return self._record(*self._cut(target, _given(reason, "cut")))[0]

    def settle(self, targets: Sequence[Target], reason: str) -> tuple[Decision, ...]:
        """Cut the links and reject the rest of what settles a finding, undone in one step.

        Parameters
        ----------
        targets : sequence of Target
            One alternative of ``Finding.settled_by``; what was decided already is left out.
        reason : str

        Raises
        ------
        ConfigError, UnknownNameError
            One is not there, or no reason is given; nothing is recorded.
        """
        reason = _given(reason, "settle a finding")
        new: list[NewDecision] = []
        for one in left_to_settle(self.data, targets):
            new += self._cut(one, reason) if one.level == "link" else [
                self._new("reject", one, reason)
            ]  # fmt: skip
        return self._record(*new) if new else ()

    def _cut(self, link: Target, reason: str) -> list[NewDecision]:
        also = [
            self._new("reject", one, f"cut off from what was rejected: {before.reason}")
            for one, before in cut_off_by(self.data, link)
        ]
        return [self._new("cut", link, reason), *also]

    def waive(self, key: str, reason: str) -> Decision:
        """Say that a finding is no fault, with a reason.

        Raises
        ------
        ConfigError
            No such finding, or training could not load the data with it.
        """
        reason = _given(reason, "waive")
        found = {one.finding.key: one for one in self.findings()}
        if key not in found:
            raise ConfigError(
                Problem(
                    "unknown-finding",
                    f"the checks run so far found no {key!r}.",
                    nearest(key, list(found)) if found else "Run the checks first.",
                )
            )
        if not found[key].can_be_waived:
            raise ConfigError(
                Problem(
                    "not-waivable",
                    f"{found[key].finding.sentence} Training could not load this.",
                    f"Mend it, or leave it out. {found[key].finding.remedy}",
                )
            )
        finding = found[key].finding
        place = {"experiment": finding.experiment, "fov": finding.fov}
        table_hash = self._table_hash(finding.experiment, finding.fov) if finding.tracks else ""
        new = NewDecision("waive", Target("finding", key=key), place, reason, table_hash)
        return self._record(new)[0]

    def unwaive(self, key: str, reason: str = "") -> Decision:
        """Open a waived finding again."""
        return self._record(NewDecision("unwaive", Target("finding", key=key), {}, reason))[0]

    def remap(self, experiment: str, slots: Mapping[int | str, str], reason: str = "") -> Decision:
        """Choose other channels for some slots of an experiment, at once and everywhere.

        Parameters
        ----------
        experiment : str
        slots : dict
            Slot number or label to the name of a channel in the store.
        reason : str

        Raises
        ------
        UnknownNameError, ConfigError
            No such experiment, slot or channel; a channel in two slots.
        """
        require_target(self.data, Target("experiment", experiment))
        config = next(one for one in self.data.experiments if one.name == experiment)
        value = remapped(config, self.slot_labels, slots)
        return self._record(NewDecision("remap", Target("experiment", experiment), value, reason))[
            0
        ]

    @property
    def slot_labels(self) -> list[str]:
        """Names of the slots."""
        return self.data.slot_labels

    def approve(self, experiment: str, reason: str = "", *, images: str = "") -> Decision:
        """Approve the channels that an experiment's slots have now, for the images as they are.

        Parameters
        ----------
        experiment : str
        reason : str
        images : str
            What `mapping.images_hash` gave just now; read here by default.

        Raises
        ------
        ConfigError, UnknownNameError, StoreError
            No such experiment could be opened, or its images cannot be read.
        """
        value = approval_value(self.data, experiment, images)
        return self._record(
            NewDecision("approve", Target("experiment", experiment), value, reason)
        )[0]

    def disapprove(self, experiment: str, reason: str = "") -> Decision:
        """Take an approval back."""
        self.data.registry.get_experiment(experiment)
        return self._record(
            NewDecision("disapprove", Target("experiment", experiment), {}, reason)
        )[0]

    def approval(self, experiment: str) -> Approval:
        """Say whether an experiment's channels are approved, or why not."""
        return approval_of(self.data, experiment)

    def saw(
        self, experiment: str, n_pairs: int, *, how: How = "attested", reason: str = ""
    ) -> Decision:
        """Record that pairs across a division of an experiment were looked at.

        Parameters
        ----------
        experiment : str
        n_pairs : int
        how : {"painted", "attested"}
            On screen, which no undo takes back; or as somebody says.
        reason : str

        Raises
        ------
        ConfigError, UnknownNameError
            No pair was seen; no such experiment could be opened.
        """
        if n_pairs < 1:
            raise ConfigError(
                Problem("no-pairs", f"{n_pairs} pairs were seen.", "Look at some, and say so.")
            )
        opened = self.data.registry.get_opened(experiment)
        settings = self.data.settings
        value = {
            "n_pairs": n_pairs,
            "how": how,
            "tau_range_hours": list(settings.tau_range_hours),
            "positive_relation": settings.positive_relation,
            "source_channel": list(opened.config.source_channel),
            "seed": self._intent.seed,
        }
        return self._record(NewDecision("seen", Target("experiment", experiment), value, reason))[0]

    def _new(self, kind: Any, target: Target, reason: str) -> NewDecision:
        table_hash = self._table_hash(target.experiment, target.fov) if target.of_table else ""
        return NewDecision(kind, target, {}, reason, table_hash)


def _given(reason: str, verb: str) -> str:
    if not reason.strip():
        raise ConfigError(
            Problem("no-reason", f"no reason is given to {verb}.", "Say why, in a few words.")
        )
    return reason.strip()
