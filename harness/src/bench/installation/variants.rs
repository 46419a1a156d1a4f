//! The same installation over a database that differs from the declared one, so that something is seen that the declared
//! one would hide.

use serde_json::{Map, Value, json};

use super::{Installation, TrustSecret};
use crate::bench::database::{SERVER_CA_SECRET, SERVER_SECRET, TRUST_SECRET};

impl Installation {
    /// The same installation with a database whose certificate an authority of our own signs.
    ///
    /// The operator refuses a foreign `ca.crt` in its own Secret, so clients are told to trust a Secret of its own,
    /// which can hold several CAs. Without values that name the CA, nothing can be told.
    #[must_use]
    pub fn with_own_ca(mut self) -> Self {
        let certificates = json!({"serverCASecret": SERVER_CA_SECRET, "serverTLSSecret": SERVER_SECRET});
        if let Some(spec) = self.cluster_spec() {
            spec.insert("certificates".into(), certificates);
        }
        let trust = TrustSecret { secret: TRUST_SECRET.into(), key: "ca.crt".into() };
        if let Some(inputs) = &self.ca {
            self.standing.push((inputs.name.clone(), Value::from(trust.secret.as_str())));
            self.standing.push((inputs.key.clone(), Value::from(trust.key.as_str())));
        }
        self.trust = Some(trust);
        self.own_ca = true;
        self
    }

    /// The same installation with a second instance that has whatever was acknowledged, so that it can take over.
    #[must_use]
    pub fn with_standby(mut self) -> Self {
        self.instances = 2;
        let instances = self.instances;
        if let Some(spec) = self.cluster_spec() {
            spec.insert("instances".into(), instances.into());
            let postgresql = spec.entry("postgresql").or_insert_with(|| json!({}));
            postgresql["synchronous"] = json!({"method": "any", "number": 1});
        }
        self
    }

    /// What the manifest of the CloudNativePG cluster specifies, if a companion brings it.
    fn cluster_spec(&mut self) -> Option<&mut Map<String, Value>> {
        let cluster = self.companions.iter_mut().find(|object| {
            let kind = object.types.as_ref().map(|types| types.kind.as_str());
            kind == Some("Cluster") && object.metadata.name == self.database
        })?;
        cluster.data.pointer_mut("/spec")?.as_object_mut()
    }

    /// The same installation with a server that would also accept plaintext, so that a client that falls back to it
    /// is seen and not saved by the server.
    #[must_use]
    pub fn accepting_plaintext(mut self) -> Self {
        for companion in &mut self.companions {
            if let Some(Value::Array(rules)) = companion.data.pointer_mut("/spec/postgresql/pg_hba") {
                rules.retain(|rule| !rule.as_str().is_some_and(|rule| rule.trim_start().starts_with("hostnossl")));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{SERVER_SECRET, TRUST_SECRET};
    use crate::bench::installation::resolved::nested;
    use crate::bench::{CaInputs, Installation, TrustSecret};

    fn with_a_database() -> Installation {
        let cluster = serde_json::from_value(json!({
            "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "db"},
            "spec": {"postgresql": {"pg_hba": ["hostnossl all all all reject", "hostssl all all all scram-sha-256"]}}
        }));
        Installation {
            subject: "agents".into(),
            overlay: "production".into(),
            companions: vec![cluster.unwrap()],
            database: Some("db".into()),
            ca: Some(CaInputs { name: "ca.name".into(), key: "ca.key".into() }),
            trust: Some(TrustSecret { secret: "db-ca".into(), key: "ca.crt".into() }),
            ..Installation::default()
        }
    }

    #[test]
    fn accepting_plaintext_takes_away_only_the_rules_that_refuse_it() {
        let changed = with_a_database().accepting_plaintext();
        let rules = changed.companions[0].data.pointer("/spec/postgresql/pg_hba").unwrap();
        assert_eq!(rules, &json!(["hostssl all all all scram-sha-256"]));
    }

    #[test]
    fn a_ca_of_our_own_is_served_and_told() {
        let changed = with_a_database().with_own_ca();
        let certificates = changed.companions[0].data.pointer("/spec/certificates").unwrap();
        assert_eq!(certificates["serverTLSSecret"], SERVER_SECRET);
        assert_eq!(changed.trust.unwrap().secret, TRUST_SECRET);
        assert_eq!(nested(&changed.standing), json!({"ca": {"name": TRUST_SECRET, "key": "ca.crt"}}));
    }

    #[test]
    fn a_standby_has_what_was_acknowledged() {
        let changed = with_a_database().with_standby();
        let spec = &changed.companions[0].data["spec"];
        assert_eq!(spec["instances"], changed.instances);
        assert_eq!(spec["postgresql"]["synchronous"], json!({"method": "any", "number": 1}));
        assert!(spec["postgresql"]["pg_hba"].is_array(), "what was there stays");
    }
}
