//! The JSON Schema of subject files, for editors.

use crate::subject::SubjectFile;

/// The JSON Schema of subject files; committed as `harness/schemas/subject.v1.json`.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(SubjectFile).to_value()
}

#[cfg(test)]
mod tests {
    use super::json_schema;

    #[test]
    fn the_committed_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/subject.v1.json");
        let current = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
        if std::env::var_os("INSTA_UPDATE").is_some_and(|wanted| wanted == "always") {
            std::fs::write(path, &current).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == current, "{path} is stale; run the tests with INSTA_UPDATE=always and commit it");
    }
}
