//! What whoever installs gives: Secrets that companions bring, and passwords that stand in the values.
//!
//! Nobody generated these, and Holdfast's own hand, which applies companions and values here, stands for somebody else's.

use kube::ResourceExt;
use kube::api::DynamicObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::bench::Installation;
use crate::rendered::NAMESPACE_OF_A_BENCH;

impl Installation {
    /// Whether a companion brings a Secret with what it holds. One without content is there for somebody else to fill.
    pub(in crate::bench) fn brings(&self, secret: &str) -> bool {
        self.companions.iter().any(|companion| companion.name_any() == secret && is_filled_secret(companion))
    }

    /// Whether somebody wrote a password into the values, or brings it with the installation.
    pub(in crate::bench) fn gives(&self, password: &str) -> bool {
        let standing = self.standing.iter().flat_map(|(_, value)| texts_of(value));
        let brought = self.inputs.iter().map(|(_, value)| value.clone());
        let mut all = self.given.iter().cloned().chain(brought).chain(standing);
        let password = password.trim();
        !password.is_empty() && all.any(|given| given.expose_secret().trim() == password)
    }
}

fn is_filled_secret(object: &DynamicObject) -> bool {
    let is_secret = object.types.as_ref().is_some_and(|types| types.api_version == "v1" && types.kind == "Secret");
    let is_here = object.namespace().is_none_or(|namespace| namespace == NAMESPACE_OF_A_BENCH);
    let holds = |field: &str| object.data.get(field).and_then(Value::as_object).is_some_and(|held| !held.is_empty());
    is_secret && is_here && (holds("data") || holds("stringData"))
}

/// The texts in values. Any of them may be a password, whatever its path is called.
pub(super) fn texts_of(values: &Value) -> Vec<SecretString> {
    match values {
        Value::String(text) => vec![SecretString::from(text.clone())],
        Value::Array(items) => items.iter().flat_map(texts_of).collect(),
        Value::Object(map) => map.values().flat_map(texts_of).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use secrecy::SecretString;
    use serde_json::{Value, json};

    use super::{Installation, NAMESPACE_OF_A_BENCH, texts_of};

    fn secret(more: Value) -> Value {
        let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-auth"}});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object
    }

    #[rstest]
    #[case::with_texts(secret(json!({"stringData": {"password": "x"}})), true)]
    #[case::with_data(secret(json!({"data": {"password": "eA=="}})), true)]
    #[case::for_somebody_else_to_fill(secret(json!({"data": {}})), false)]
    #[case::of_the_bench(secret(json!({"metadata": {"name": "shop-auth", "namespace": NAMESPACE_OF_A_BENCH}, "data": {"a": "eA=="}})), true)]
    #[case::of_another_namespace(secret(json!({"metadata": {"name": "shop-auth", "namespace": "other"}, "data": {"a": "eA=="}})), false)]
    #[case::of_another_name(secret(json!({"metadata": {"name": "other"}, "data": {"a": "eA=="}})), false)]
    #[case::of_another_kind(secret(json!({"kind": "ConfigMap", "data": {"a": "b"}})), false)]
    fn a_companion_brings_a_secret(#[case] companion: Value, #[case] expected: bool) {
        let companions = vec![serde_json::from_value(companion).unwrap()];
        let installation = Installation { companions, ..Installation::default() };
        assert_eq!(installation.brings("shop-auth"), expected);
    }

    #[rstest]
    #[case::in_the_values("in-the-values", true)]
    #[case::in_a_list("in-a-list", true)]
    #[case::with_a_line_end("in-the-values\n", true)]
    #[case::with_the_installation("with-the-installation", true)]
    #[case::for_every_installation("for-every-installation", true)]
    #[case::by_nobody("generated", false)]
    #[case::empty(" ", false)]
    fn a_password_is_given(#[case] password: &str, #[case] expected: bool) {
        let values = json!({"auth": {"password": "in-the-values"}, "users": [{"password": "in-a-list"}], "empty": ""});
        let installation = Installation {
            given: texts_of(&values),
            inputs: vec![("auth.key".to_owned(), SecretString::from("with-the-installation"))],
            standing: vec![("auth.other".to_owned(), json!("for-every-installation"))],
            ..Installation::default()
        };
        assert_eq!(installation.gives(password), expected);
    }
}
