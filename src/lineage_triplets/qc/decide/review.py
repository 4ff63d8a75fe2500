"""One config open under review: what a person wants to see, and what they decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage_triplets.qc.audit.judged import PairsJudged, pairs_judged
from lineage_triplets.qc.audit.sample import DEFAULT_PAIRS
from lineage_triplets.qc.audit.state import AuditState, audit_pairs, audit_state
from lineage_triplets.qc.decide.audits import judged_values, plan_value
from lineage_triplets.qc.decide.channels import (
    Approval,
    approval_of,
    approval_value,
    images_hash,
    remapped,
)
from lineage_triplets.qc.decide.judgements import judgements
from lineage_triplets.qc.decide.links import cuts, joins, keeps, swaps, takes, unlinks
from lineage_triplets.qc.decide.place import placement
from lineage_triplets.qc.decide.seen import seen_value
from lineage_triplets.qc.decide.settled import (
    ReviewedFinding,
    SettledTogether,
    reviewed_findings,
    settlement,
    settlement_of_many,
    waivers,
)
from lineage_triplets.qc.decide.sitting import Sitting
from lineage_triplets.qc.decide.targets import Verdict, find_target, verdicts
from lineage_triplets.qc.find.against.compare import compare
from lineage_triplets.qc.find.doubt.links import link_queue
from lineage_triplets.qc.look.patch_fit import require_patches
from lineage_triplets.qc.look.strip import Strip, strip_of
from lineage_triplets.qc.look.tables import TauTable, lineage_table, tau_table
from lineage_triplets.qc.look.view import Intent, ReviewState, View, resolve
from lineage_triplets.qc.record import NewDecision
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Literal

    import pandas as pd

    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.qc.audit.answers import Judgement, Queue
    from lineage_triplets.qc.find.against.compare import Comparison
    from lineage_triplets.qc.find.doubt.links import DoubtedLink, Harm
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.record import Decision


class Review(Sitting):
    """A config, its data, and the decisions about it. `open` makes one.

    Attributes
    ----------
    config_path : Path
    record : Record
        What was decided.
    checks : Checks
    events : ReviewEvents
    """

    def choose(self, **changes: Any) -> ReviewState:
        """Change what is shown.

        Parameters
        ----------
        **changes
            Fields of `Intent`, and of `DatasetConfig`: these are exported. Choosing an experiment
            or FOV lets go of a lineage, and choosing an experiment of a FOV.

        Raises
        ------
        ConfigError, UnknownNameError
            There is no such choice, or patches of that size cannot be read of what is read now;
            nothing changed.
        """
        intent, data = self.intent.changed(changes), self.data
        if intent.dataset != self.intent.dataset:
            require_patches(data, intent.dataset)
            # Other FOVs may be read now, with tables that decisions were not compared with yet.
            data = self._in_effect(data.with_settings(intent.dataset))
        view = View(intent, data)
        state = view.state
        self._show(view)
        return state

    def pairs(self, lineage: str = "", n: int = 12, **narrowed: Any) -> PairList:
        """Give pairs as training draws them, whatever is on screen.

        Parameters
        ----------
        lineage : str
            Only its pairs; all by default.
        n : int
            At most so many of each experiment.
        **narrowed
            Other fields of `Intent`: ``experiment, fov, across_divisions, seed, epoch``.
        """
        intent = Intent(seed=self.intent.seed, dataset=self.intent.dataset)
        wanted = intent.changed({"lineage": lineage, "n_pairs": n, **narrowed})
        return resolve(wanted, self.data).pairs

    def strip(self, pairs: PairList, number: int, *, from_common: bool = False) -> Strip:
        """Follow one of some pairs through every frame, as `strip_of`."""
        return strip_of(self.data, pairs, number, from_common=from_common)

    def tau_distribution(self) -> TauTable:
        """Tell what will be drawn, what the anchors allow, and the share of every relation."""
        return tau_table(self.data.training, self.data.settings, self.intent.seed)

    def lineages(self) -> pd.DataFrame:
        """List all lineages, as `lineage_table.lineage_table`."""
        return lineage_table(self.data)

    def target(self, level: Literal["lineage", "track"], name: str) -> Target:
        """Find a lineage or track by its id, as `targets.find_target`."""
        return find_target(self.data, level, name)

    def check(
        self,
        *,
        channels: bool = True,
        placement: bool = True,
        pixels: bool = False,
        stop: Callable[[], bool] | None = None,
    ) -> list[ReviewedFinding]:
        """Run checks that were not run yet, and give everything found so far, worst first.

        Parameters
        ----------
        channels : bool
            Whether to look at what is in each slot: reads some patches of each experiment.
        placement : bool
            Whether to look if tables lie on their images: reads some frames of each FOV, once;
            ``checks.check_placement`` does it with progress.
        pixels : bool
            Whether to scan all images; ``checks.check_pixels`` does it with progress. What an
            earlier scan of them found counts either way.
        stop : callable, optional
            Asked in between; True ends it, with what was found so far.
        """
        self.checks.run(channels=channels, placement=placement, pixels=pixels, stop=stop)
        self.events.findings.emit()
        return self.findings()

    def findings(self) -> list[ReviewedFinding]:
        """Everything found so far with what became of it, worst first."""
        return reviewed_findings(self.checks, self.effect, self.data)

    def links(
        self, top: float | None = None, experiment: str | None = None, *, judged: bool = False
    ) -> tuple[DoubtedLink, ...]:
        """Give the links of the tables as cut and joined now, those worth a look first.

        The order is by how likely a link is wrong, times the root of the share of pairs that rest
        on it; both are in each `DoubtedLink`. Links on which no pair rests are the last.

        Parameters
        ----------
        top : int or float, optional
            How many, or from 0 to below 1 their share; all by default.
        experiment : str, optional
            Of this one alone; ranks and share are then of its links.
        judged : bool
            Whether those are among them that somebody kept, or made.

        Raises
        ------
        UnknownNameError, ConfigError
            There is no such experiment, or `top` is no number or share.
        """
        return link_queue(self.data).links(top, experiment, judged=judged)

    def harm_left(self, experiment: str | None = None) -> Harm:
        """Say how many pairs are expected to be wrong, by all links and by those nobody judged.

        It is the sum of doubt times pairs, told from the tables alone: a rough guide, no bound.
        """
        return link_queue(self.data).harm(experiment)

    def against(
        self,
        other: str | Path,
        *,
        within: float | None = None,
        experiment: str | None = None,
        fov: str | None = None,
        path_map: Mapping[str, str] | None = None,
    ) -> Comparison:
        """Hold the tables as linked now against another tracker's, or a truth.

        Cells are matched frame by frame by their places, then links between cells that both have
        are compared. `take` takes the other's links.

        Parameters
        ----------
        other : str or Path
            A folder laid out as ``tracks_path``, or with such a folder for each experiment by its
            name; one table; or another config of the same plates.
        within : float, optional
            Cells nearer than so many px may be one. By default half the usual distance to the
            nearest neighbour in the frame, and a quarter of the patch at most.
        experiment, fov : str, optional
            Compare these alone.
        path_map : dict, optional
            Leading folders to replace in another config.

        Raises
        ------
        ConfigError, UnknownNameError
            There is nothing to compare with, or it is not clear whose tables they are.
        TrackTableError
            None of the other's tables can be read.
        """
        return compare(
            self.data, other, within=within, experiment=experiment, fov=fov, path_map=path_map
        )

    def approval(self, experiment: str) -> Approval:
        """Say whether an experiment's channels are approved, or why not."""
        return approval_of(self.data, experiment)

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
        """Accept, reject or undecide several things in one step, as `targets.verdicts`."""
        return self.carry_out(*verdicts(self.data, verdict, targets, reason))

    def cut(self, target: Target, reason: str) -> Decision:
        """Cut a wrong link; what a rejected lineage or track loses by it stays rejected."""
        return self.carry_out(*cuts(self.data, target, reason))[0]

    def link(self, target: Target, reason: str) -> tuple[Decision, ...]:
        """Make a link that the table lacks, a target of level "join", as `links.relink`.

        A cell that nothing follows goes on as the other one, and both tracks are one by the name
        of the first; one that is followed already divides.
        """
        return self.carry_out(*joins(self.data, target, reason))

    def unlink(self, target: Target, reason: str = "") -> tuple[Decision, ...]:
        """Take a link back that somebody made, as `links.relink`."""
        return self.carry_out(*unlinks(self.data, target, reason))

    def swap(self, link: Target, other: Target, reason: str) -> tuple[Decision, ...]:
        """Let two links exchange the cells that they lead to, in one step, as `links.swaps`."""
        return self.carry_out(*swaps(self.data, link, other, reason))

    def keep(self, targets: Sequence[Target], reason: str = "") -> tuple[Decision, ...]:
        """Say that links were looked at and are right, as `links.keeps`; nothing else changes."""
        return self.carry_out(*keeps(self.data, targets, reason))

    def take(
        self, found: Comparison, reason: str, ranks: Sequence[int] | None = None
    ) -> tuple[Decision, ...]:
        """Take another table's links where `against` found that they differ, in one step.

        Of what hangs together all is taken: both links of an exchange, both daughters. Raises as
        `links.takes`.

        Parameters
        ----------
        found : Comparison
        reason : str
        ranks : sequence of int, optional
            Of its disagreements; all by default.
        """
        return self.carry_out(*takes(self.data, found, ranks, reason))

    def settle(
        self, targets: Sequence[Target], reason: str, *, right: Sequence[Target] = ()
    ) -> tuple[Decision, ...]:
        """Cut, link and reject what settles a finding, in one step, as `settled.settlement`.

        Links in `right` were looked at, and are kept in that step.
        """
        return self.carry_out(*self.settling(targets, reason, right=right))

    def settling(
        self, targets: Sequence[Target], reason: str, *, right: Sequence[Target] = ()
    ) -> tuple[NewDecision, ...]:
        """Give what `settle` would decide; a snapshot can, beside, of many findings."""
        new = settlement(self.data, targets, reason)
        return (*new, *keeps(self.data, right, reason))

    def settle_all(
        self, repairs: Sequence[Sequence[Target]], reason: str
    ) -> tuple[tuple[Decision, ...], dict[int, str]]:
        """Settle several findings in one step, as far as their repairs go together.

        `repairs` has an alternative of ``settled_by`` for each. Gives the decisions, and number
        and reason of those that are left open.
        """
        together = self.settling_all(repairs, reason)
        return self.carry_out(*together.new), together.left

    def settling_all(self, repairs: Sequence[Sequence[Target]], reason: str) -> SettledTogether:
        """Give what `settle_all` would decide, and leave open; a snapshot can, beside."""
        return settlement_of_many(self.data, repairs, reason)

    def waive(self, key: str, reason: str) -> Decision:
        """Say that a finding is no fault, with a reason, as `settled.waivers`."""
        return self.waive_all([key], reason)[0]

    def waive_all(self, keys: Sequence[str], reason: str) -> tuple[Decision, ...]:
        """Say that several findings are no faults, in one step, as `settled.waivers`."""
        return self.carry_out(*self.waiving(keys, reason))

    def waiving(self, keys: Sequence[str], reason: str) -> tuple[NewDecision, ...]:
        """Give what `waive_all` would decide; a snapshot can, beside, of many findings."""
        return tuple(waivers(self.data, self.findings(), keys, reason))

    def unwaive(self, key: str, reason: str = "") -> Decision:
        """Open a waived finding again."""
        return self.carry_out(NewDecision("unwaive", Target("finding", key=key), {}, reason))[0]

    def remap(self, experiment: str, slots: Mapping[int | str, str], reason: str = "") -> Decision:
        """Choose other channels for some slots, by number or label, as `channels.remapped`."""
        return self._add_of(experiment, "remap", remapped(self.data, experiment, slots), reason)

    def place(
        self,
        experiment: str,
        transform: TrackTransform | Mapping[str, Any] | None,
        reason: str = "",
    ) -> Decision:
        """Say where an experiment's tables are in its images, as `place.placement`.

        Decisions that name its frames are stale from then on if their frames are others now.
        """
        value = placement(self.data, experiment, transform)
        return self._add_of(experiment, "place", value, reason)

    def approve(self, experiment: str, reason: str = "", *, images: str = "") -> Decision:
        """Approve the channels in an experiment's slots, for the images as they are now.

        `images` is their ``images_hash``; raises as `channels.approval_value`, which reads it.
        """
        value = approval_value(self.data, experiment, images)
        return self._add_of(experiment, "approve", value, reason)

    def disapprove(self, experiment: str, reason: str = "") -> Decision:
        """Take an approval back."""
        self.data.registry.get_experiment(experiment)
        return self._add_of(experiment, "disapprove", {}, reason)

    def saw(self, experiment: str, n_pairs: int, *, reason: str = "") -> Decision:
        """Record that pairs across a division were looked at, as `seen.seen_value`."""
        value = seen_value(self.data, experiment, n_pairs, self.intent.seed)
        return self._add_of(experiment, "seen", value, reason)

    def judge_pairs(
        self, verdicts: Mapping[Target, Judgement], reason: str = ""
    ) -> tuple[Decision, ...]:
        """Say whether pairs, named by `PairList.target`, are right, in one step; as `judgements`.

        It is no part of an audit, which is blind. A pair that is wrong is an open finding as long
        as training draws it as it was.
        """
        return self.carry_out(*judgements(self.data, verdicts, reason))

    def pairs_judged(self, experiment: str) -> PairsJudged:
        """Count what was judged so of an experiment's pairs: verdicts, by whom, what is left."""
        self.data.registry.get_opened(experiment)
        return pairs_judged(self.data, experiment)

    def audit(self, experiment: str) -> AuditState:
        """Say how far the audit of an experiment is, and what it says; as `audit_state`."""
        return audit_state(self.data, self.history(), experiment, self.log.by)

    def audit_pairs(self, experiment: str, queue: Queue = "sample") -> PairList:
        """Give the pairs to judge, number k at place k - 1: the planned sample, or divisions."""
        planned = self.audit(experiment).planned
        return audit_pairs(self.data, experiment, planned, queue)

    def plan_audit(self, experiment: str, n: int = DEFAULT_PAIRS, *, images: str = "") -> Decision:
        """Fix how many pairs are judged, before the first is shown.

        `images` is their ``images_hash``, read by default; raises as `audits.plan_value`.
        """
        images = images or images_hash(self.data, experiment)
        value = plan_value(self.data, self.history(), experiment, n, images)
        return self._add_of(experiment, "audit_plan", value, "")

    def judge(
        self, experiment: str, number: int, verdict: Judgement, *, queue: Queue = "sample"
    ) -> Decision:
        """Say whether a pair is of the same cell or its offspring, as `audits.judged_values`."""
        return self.judge_all(experiment, {number: verdict}, queue=queue)[0]

    def judge_all(
        self, experiment: str, verdicts: Mapping[int, Judgement], *, queue: Queue = "sample"
    ) -> tuple[Decision, ...]:
        """Say it of several pairs in one step, by their numbers, as `audits.judged_values`."""
        values = judged_values(self.data, self.history(), experiment, verdicts, queue)
        target = Target("experiment", experiment)
        return self.carry_out(*(NewDecision("audit", target, value) for value in values))
