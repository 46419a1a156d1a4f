//! Who may reach which database by the rules of `pg_hba.conf`.

/// What the rules do with a role that asks for a database over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// They refuse it, from everywhere.
    Rejected,
    /// They let it try, at least from somewhere.
    Admitted,
}

/// PostgreSQL takes the first rule that fits; the operator's default rule, which admits everybody, comes after these.
pub(super) fn fate(rules: &[&str], role: &str, database: &str) -> Fate {
    for rule in rules {
        let fields: Vec<&str> = rule.split_whitespace().collect();
        let [kind, databases, users, address, rest @ ..] = fields.as_slice() else { continue };
        // `local` is the pod's own socket, `hostnossl` is for plaintext.
        if !["host", "hostssl"].contains(kind) {
            continue;
        }
        let rejects = rest.contains(&"reject");
        let fits = |list: &str, name: &str, own: &str| {
            list.split(',').map(|word| word.trim_matches('"')).any(|word| {
                // What a group or a file stands for, only the server knows: it may admit, and is not trusted to reject.
                word == "all"
                    || word == name
                    || word == "sameuser" && own == name
                    || !rejects && (word.starts_with(['+', '@', '/']) || word == "samerole" || word == "samegroup")
            })
        };
        // Who is refused from one place only comes from another.
        let covers = !rejects || *address == "all";
        if fits(databases, database, role) && fits(users, role, role) && covers {
            return if rejects { Fate::Rejected } else { Fate::Admitted };
        }
    }
    Fate::Admitted
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Fate::{self, Admitted, Rejected};
    use super::fate;

    #[rstest]
    #[case::no_rule(&[], Admitted)]
    #[case::plaintext_only(&["hostnossl all all all reject"], Admitted)]
    #[case::everybody(&["host all all all reject"], Rejected)]
    #[case::its_own_only(&["hostssl mail mail all scram-sha-256", "host all all all reject"], Rejected)]
    #[case::admitted_before(&["host all mail all scram-sha-256", "host all all all reject"], Admitted)]
    #[case::same_user(&["host sameuser all all scram-sha-256", "host all all all reject"], Rejected)]
    #[case::a_group(&["host all +staff all scram-sha-256", "host all all all reject"], Admitted)]
    #[case::one_network(&["host all all 10.0.0.0/8 reject"], Admitted)]
    #[case::a_list(&["host shop,mail shop,\"mail\" all scram-sha-256", "host all all all reject"], Admitted)]
    fn a_role_that_asks_for_anothers_database_is(#[case] rules: &[&str], #[case] expected: Fate) {
        assert_eq!(fate(rules, "mail", "shop"), expected);
    }
}
