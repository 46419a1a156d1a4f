//! The images that are built here and stand behind references of a subject.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// An image of ours that pods run under a reference of the subject's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StandIn {
    /// The stand-in application.
    Workload,
    /// PostgreSQL with the contract of docker-library/postgres.
    PostgresLibrary,
}

impl StandIn {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Workload, Self::PostgresLibrary];

    /// Its name in subject files, which is that of its recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::PostgresLibrary => "postgres-library",
        }
    }
}

/// Reads the name of one of them; another name is refused, with those that there are.
pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(StandIn::deserialize(deserializer)?.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::StandIn;

    #[test]
    fn each_is_written_by_its_name() {
        for stand_in in StandIn::ALL {
            assert_eq!(serde_json::to_value(stand_in).unwrap(), stand_in.name());
        }
    }
}
