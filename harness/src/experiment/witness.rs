//! Who is told what becomes of a campaign while it is under way.

use crate::record::{Experiment, Record};

/// Is told of each experiment when it begins and when its record is sealed.
pub trait Witness {
    /// An experiment begins. What could not begin at all is only sealed.
    fn began(&self, _experiment: Experiment) {}

    /// An experiment is over, or could not begin.
    fn sealed(&self, record: &Record);

    /// Something of a bench could not be removed.
    fn left_behind(&self, namespace: &str, reason: &str) {
        tracing::warn!(namespace, "left behind: {reason}");
    }
}

impl<F: Fn(&Record)> Witness for F {
    fn sealed(&self, record: &Record) {
        self(record);
    }
}
