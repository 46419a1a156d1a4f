//! Dotted paths of values, and how Helm lays one set of values over another.

use std::fmt;

use serde_json::{Map, Value};

/// A path within values as `helm --set` writes it: `database.caSecret.key`; a dot within a key is `\.`, an item `[0]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValuePath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Key(String),
    Item(usize),
}

impl ValuePath {
    /// Reads a path. A text without dots is one key; nothing is an error.
    pub fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut key = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' if characters.peek() == Some(&'.') => {
                    key.push('.');
                    characters.next();
                }
                '.' => {
                    if !key.is_empty() {
                        steps.push(Step::Key(std::mem::take(&mut key)));
                    }
                }
                '[' => {
                    if !key.is_empty() {
                        steps.push(Step::Key(std::mem::take(&mut key)));
                    }
                    let digits: String = characters.by_ref().take_while(|next| *next != ']').collect();
                    steps.push(digits.parse().map_or(Step::Key(digits), Step::Item));
                }
                other => key.push(other),
            }
        }
        if !key.is_empty() {
            steps.push(Step::Key(key));
        }
        Self { steps }
    }

    /// The value at this path.
    pub fn get<'v>(&self, values: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(values, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Item(index) => value.get(index),
        })
    }

    /// Sets the value at this path and makes the mappings on the way. Items are set only where they exist.
    pub fn set(&self, values: &mut Value, new: Value) {
        let mut place = values;
        for step in &self.steps {
            match step {
                Step::Key(key) => {
                    if !place.is_object() {
                        *place = Value::Object(Map::new());
                    }
                    let Some(map) = place.as_object_mut() else { return };
                    place = map.entry(key.clone()).or_insert(Value::Null);
                }
                Step::Item(index) => {
                    let Some(item) = place.get_mut(index) else { return };
                    place = item;
                }
            }
        }
        *place = new;
    }

    /// Takes the value at this path away; says whether it was there. Items of lists stay.
    pub fn remove(&self, values: &mut Value) -> bool {
        let Some((Step::Key(last), parents)) = self.steps.split_last() else { return false };
        let parent = parents.iter().try_fold(values, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Item(index) => value.get_mut(index),
        });
        parent.and_then(Value::as_object_mut).is_some_and(|map| map.remove(last).is_some())
    }

    /// The keys on the way; items of lists are left out.
    pub fn keys(&self) -> Vec<String> {
        let keys = self.steps.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.clone()),
            Step::Item(_) => None,
        });
        keys.collect()
    }

    /// The path of a key below this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut steps = self.steps.clone();
        steps.push(Step::Key(key.to_owned()));
        Self { steps }
    }

    /// The path of the first list on the way. `None`: there are only mappings.
    pub fn list(&self) -> Option<Self> {
        let item = self.steps.iter().position(|step| matches!(step, Step::Item(_)))?;
        Some(Self { steps: self.steps[..item].to_vec() })
    }

    /// The leaves of a set of values: what is no mapping, or an empty one.
    pub fn leaves(values: &Value) -> Vec<(Self, &Value)> {
        let mut found = Vec::new();
        collect(&Self { steps: Vec::new() }, values, &mut found);
        found
    }
}

fn collect<'v>(path: &ValuePath, value: &'v Value, found: &mut Vec<(ValuePath, &'v Value)>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                collect(&path.key(key), value, found);
            }
        }
        _ if path.steps.is_empty() => {}
        _ => found.push((path.clone(), value)),
    }
}

impl From<&str> for ValuePath {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl From<&String> for ValuePath {
    fn from(text: &String) -> Self {
        Self::parse(text)
    }
}

impl From<&Self> for ValuePath {
    fn from(path: &Self) -> Self {
        path.clone()
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    let dot = if index == 0 { "" } else { "." };
                    write!(formatter, "{dot}{}", key.replace('.', "\\."))?;
                }
                Step::Item(item) => write!(formatter, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// Lays values over others as Helm does: mappings are joined, everything else is replaced, null takes a key away.
pub fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(key) {
                    _ if value.is_null() => {
                        base.remove(key);
                    }
                    Some(place) => merge(place, value),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Lays one file of values over others as `helm --values` does: null stays, to take a default away later.
pub fn lay_over(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{ValuePath, lay_over, merge};

    #[rstest]
    #[case::nested("database.caSecret.key", json!("ca.crt"))]
    #[case::escaped_dot(r"annotations.example\.org/a", json!("b"))]
    #[case::item("list[1].name", json!("second"))]
    fn a_path_finds_its_value_and_reads_as_written(#[case] path: &str, #[case] expected: Value) {
        let values = json!({
            "database": {"caSecret": {"key": "ca.crt"}},
            "annotations": {"example.org/a": "b"},
            "list": [{}, {"name": "second"}],
        });
        let parsed = ValuePath::parse(path);
        assert_eq!(parsed.get(&values), Some(&expected));
        assert_eq!(parsed.to_string(), path);
    }

    #[test]
    fn setting_makes_the_mappings_on_the_way() {
        let mut values = json!({"a": 1});
        ValuePath::parse("a.b.c").set(&mut values, json!(2));
        assert_eq!(values, json!({"a": {"b": {"c": 2}}}));
    }

    #[test]
    fn null_takes_a_key_away_and_mappings_are_joined() {
        let mut values = json!({"a": {"b": 1, "c": [1]}, "d": 1});
        merge(&mut values, &json!({"a": {"b": null, "c": [2]}, "e": 1}));
        assert_eq!(values, json!({"a": {"c": [2]}, "d": 1, "e": 1}));
    }

    #[test]
    fn null_of_a_file_waits_for_the_defaults() {
        let mut stated = json!({"a": {"b": 1}});
        lay_over(&mut stated, &json!({"a": {"b": null}, "c": {"d": 1}}));
        assert_eq!(stated, json!({"a": {"b": null}, "c": {"d": 1}}));
        let mut effective = json!({"a": {"b": 2, "e": 3}});
        merge(&mut effective, &stated);
        assert_eq!(effective, json!({"a": {"e": 3}, "c": {"d": 1}}));
    }

    #[test]
    fn leaves_are_what_is_no_mapping_or_an_empty_one() {
        let values = json!({"a": {"b": 1, "c": {}}, "d": []});
        let leaves: Vec<String> = ValuePath::leaves(&values).iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(leaves, ["a.b", "a.c", "d"]);
    }
}
