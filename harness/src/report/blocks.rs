//! What does not hold, told once: the same in several overlays, and the same plain reason of several requirements.

use super::model::{LaneResult, Report, RequirementResult};
use super::narrative;
use crate::verdict::Verdict;

/// Lanes that say the same.
pub(super) struct Block<'a> {
    requirement: &'a RequirementResult,
    lanes: Vec<&'a LaneResult>,
    overlays: Vec<&'a str>,
    /// The requirements, more than one only where all there is to say is a reason that they share.
    pub(super) ids: Vec<&'a str>,
}

/// Everything that a reader has to see, in the order of the contract.
pub(super) fn blocks(report: &Report) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for requirement in &report.requirements {
        for lane in report.lanes(requirement).filter(|lane| is_told(requirement, lane)) {
            if let Some(block) = blocks.iter_mut().find(|block| block.says_the_same(requirement, lane)) {
                block.add(requirement, lane);
            } else {
                let mut block = Block { requirement, lanes: Vec::new(), overlays: Vec::new(), ids: Vec::new() };
                block.add(requirement, lane);
                blocks.push(block);
            }
        }
    }
    blocks
}

fn is_told(requirement: &RequirementResult, lane: &LaneResult) -> bool {
    match lane.verdict {
        Verdict::Violated | Verdict::Waived => true,
        Verdict::Unchecked => requirement.open,
        Verdict::Holds | Verdict::NotRun | Verdict::NotApplicable | Verdict::NotClaimed => false,
    }
}

impl<'a> Block<'a> {
    fn add(&mut self, requirement: &'a RequirementResult, lane: &'a LaneResult) {
        if !self.overlays.contains(&requirement.overlay.as_str()) {
            self.overlays.push(&requirement.overlay);
        }
        if !self.ids.contains(&requirement.id.as_str()) {
            self.ids.push(&requirement.id);
        }
        self.lanes.push(lane);
    }

    fn says_the_same(&self, requirement: &RequirementResult, lane: &LaneResult) -> bool {
        let Some(first) = self.lanes.first() else { return false };
        let alike = first.key.subject == lane.key.subject
            && first.verdict == lane.verdict
            && first.reason == lane.reason
            && self.requirement.binding == requirement.binding;
        let same = first.key.id == lane.key.id && first.key.lane == lane.key.lane;
        // Where nothing was found the reason is all there is, and one reason may be that of a hundred requirements.
        let plain = first.findings.is_empty() && lane.findings.is_empty();
        alike && (plain || same && narrative::telling(first).eq(narrative::telling(lane)))
    }

    /// What it is about, with its place.
    pub(super) fn heading(&self) -> String {
        let RequirementResult { subject, id, title, .. } = self.requirement;
        let overlays = self.overlays.join(", ");
        let mut kinds: Vec<String> = self.lanes.iter().map(|lane| lane.key.lane.to_string()).collect();
        kinds.sort_by(|one, other| other.cmp(one));
        kinds.dedup();
        let place = format!("[{subject}, {overlays}, {}]", kinds.join(" and "));
        if self.ids.len() > 1 {
            format!("{} requirements {place}", self.ids.len())
        } else {
            format!("{id} {title} {place}")
        }
    }

    /// The verdict, which says so if it does not bind.
    pub(super) fn verdict(&self) -> String {
        let verdict = self.colour();
        if self.requirement.binding { verdict.to_string() } else { format!("{} {verdict}", self.requirement.level) }
    }

    /// The verdict that gives it its colour.
    pub(super) fn colour(&self) -> Verdict {
        self.lanes.first().map_or(Verdict::Unchecked, |lane| lane.verdict)
    }

    /// What was seen, and what to do.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(first) = self.lanes.first() else { return Vec::new() };
        let mut lines = narrative::lines(first, &self.requirement.remedy);
        let mut artefacts: Vec<&String> = self.lanes.iter().flat_map(|lane| &lane.evidence).collect();
        artefacts.sort();
        artefacts.dedup();
        lines.extend(artefacts.into_iter().map(|artefact| format!("see {artefact}")));
        lines
    }
}
