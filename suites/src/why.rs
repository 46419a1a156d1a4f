//! What each requirement is for, in the words of its file.

const WHY: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/why.rs"));

/// What a requirement is for, paragraphs apart by an empty line; nothing for an id that the contract does not have.
pub fn why(id: &str) -> &'static str {
    WHY.iter().find(|(known, _)| *known == id).map_or("", |(_, why)| why)
}

#[cfg(test)]
mod tests {
    use super::why;
    use crate::CATALOG;

    #[test]
    fn every_requirement_says_what_it_is_for() {
        for requirement in CATALOG {
            let text = why(requirement.id);
            assert!(text.ends_with('.') && text.split_whitespace().count() > 15, "{}: {text}", requirement.id);
        }
        assert_eq!(why("CA-99"), "");
    }
}
