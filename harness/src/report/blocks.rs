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
            && self.requirement.binding == requirement.binding
            && self.requirement.provisional == requirement.provisional;
        let same = first.key.id == lane.key.id && first.key.lane == lane.key.lane;
        // Where nothing was found the reason is all there is, and one reason may be that of a hundred requirements; so
        // may be a feature that a profile demands.
        let plain = first.findings.is_empty() && lane.findings.is_empty();
        let demanded = !lane.demanded.is_empty() && first.demanded == lane.demanded;
        alike && (plain || demanded || same && narrative::telling(first).eq(narrative::telling(lane)))
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
        format!("{}{}", narrative::degree(self.requirement), self.colour())
    }

    /// The verdict that gives it its colour.
    pub(super) fn colour(&self) -> Verdict {
        self.lanes.first().map_or(Verdict::Unchecked, |lane| lane.verdict)
    }

    /// How soon somebody has to look: what fails the run first, then what is accepted, then what does not bind.
    pub(super) fn urgency(&self) -> u8 {
        match (self.requirement.fails, self.colour()) {
            (true, Verdict::Violated) => 0,
            (true, _) => 1,
            (false, Verdict::Waived) => 2,
            (false, _) => 3,
        }
    }

    /// Why the verdict is what it is, in a line.
    pub(super) fn reason(&self) -> String {
        self.lanes.first().map_or_else(String::new, |lane| narrative::reason(lane))
    }

    /// How to mend it, where it is violated.
    pub(super) fn mend(&self) -> Option<String> {
        let first = self.lanes.first().filter(|_| self.colour() != Verdict::Unchecked)?;
        Some(narrative::remedy(self.requirement, first))
    }

    /// What was seen, and what to do.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(first) = self.lanes.first() else { return Vec::new() };
        let mut lines = narrative::lines(first, &narrative::remedy(self.requirement, first));
        let mut artefacts: Vec<&String> = self.lanes.iter().flat_map(|lane| &lane.evidence).collect();
        artefacts.sort();
        artefacts.dedup();
        lines.extend(artefacts.into_iter().map(|artefact| format!("see {artefact}")));
        lines
    }
}
