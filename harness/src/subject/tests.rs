//! What a subject file says, and what its author is told when it is wrong.

use camino::{Utf8Path, Utf8PathBuf};
use insta::assert_snapshot;
use tempfile::TempDir;

use super::{CompanionKind, Subject};
use crate::error::Chain;

const GOOD: &str = "\
apiVersion: holdfast.dev/v1
kind: Subject
metadata: {name: shop}
contract: \"1.0\"
claims: [ca.identical]
companions: [{name: database, manifest: database.yaml, provides: [secret/db-app]}]
releases: [{name: shop, chart: {path: chart}, values: [base.yaml]}]
overlays:
  staging: {values: [staging.yaml]}
  production: {values: [production.yaml], production: true}
budgets: {restart: 1m30s, drain: 1h, login-retry: 2m}
";

/// A folder with everything that the good file names.
fn folder() -> (TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap().to_owned();
    std::fs::create_dir(root.join("chart")).unwrap();
    std::fs::write(root.join("chart/Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 1.0.0\n").unwrap();
    for file in ["database.yaml", "base.yaml", "staging.yaml", "production.yaml"] {
        std::fs::write(root.join(file), "").unwrap();
    }
    (folder, root)
}

fn read(text: &str) -> Result<Subject, String> {
    let (_folder, root) = folder();
    let path = root.join("subject.yaml");
    std::fs::write(&path, text).unwrap();
    Subject::read(&path).map_err(|error| Chain(&error).to_string().replace(root.as_str(), "."))
}

fn refused(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    read(&GOOD.replace(from, to)).unwrap_err()
}

#[test]
fn paths_are_resolved_from_the_folder_of_the_file() {
    let (_folder, root) = folder();
    std::fs::write(root.join("subject.yaml"), GOOD).unwrap();
    let subject = Subject::read(&root.join("subject.yaml")).unwrap();
    assert_eq!(subject.releases()[0].chart.path(), Some(&*root.join("chart")));
    assert_eq!(subject.overlay("production").unwrap().values, [root.join("production.yaml")]);
    assert_eq!(subject.companions()[0].what, CompanionKind::Manifest(root.join("database.yaml")));
    assert!(subject.overlay("production").unwrap().production && !subject.overlay("staging").unwrap().production);
}

#[test]
fn a_subject_without_overlays_has_one() {
    let text = GOOD.lines().filter(|line| !line.contains("overlays") && !line.contains("yaml]")).collect::<Vec<_>>();
    let text = format!("{}\nreleases: [{{name: shop, chart: {{path: chart}}}}]\n", text.join("\n"));
    let subject = read(&text).unwrap();
    assert_eq!(subject.overlays().iter().map(|overlay| &*overlay.name).collect::<Vec<_>>(), ["default"]);
}

#[test]
fn a_bare_chart_is_a_subject_named_after_it() {
    let (_folder, root) = folder();
    let subject = Subject::of_chart(&root.join("chart"), &[root.join("base.yaml")]).unwrap();
    assert_eq!((subject.name(), subject.is_declared(), subject.overlays().len()), ("shop", false, 1));
    let error = Subject::of_chart(&root.join("nowhere"), &[]).unwrap_err().to_string().replace(root.as_str(), ".");
    assert_snapshot!(error, @"read the chart ./nowhere: there is none; give a folder with Chart.yaml, or a packaged chart (.tgz)");
}

#[test]
fn the_author_is_told_what_was_expected_and_where() {
    assert_snapshot!(refused("claims:", "clams:"), @"./subject.yaml:5:1: unknown field `clams`, expected one of `apiVersion`, `kind`, `metadata`, `contract`, `profile`, `claims`, `companions`, `releases`, `overlays`, `guards`, `toggles`, `stubs`, `images`, `database`, `apiKeys`, `tls`, `workloads`, `podTemplates`, `external`, `structured`, `restart`, `smoke`, `budgets`");
    assert_snapshot!(refused("ca.identical", "ca.identcal"), @"./subject.yaml:5:10: unknown name `ca.identcal`, expected one of `ca`, `ca.identical`, `ca.rotation`, `password.rotation`, `cnpg`, `postgres.bundled`, `api-keys`, `migrations`, `ca.sync`, `pooler`, `tls.served`, `rbac.namespaced`, `gitops`");
    assert_snapshot!(refused("kind: Subject", "kind: subject"), @"./subject.yaml:2:7: unknown name `subject`, expected `Subject`");
    assert_snapshot!(refused("name: shop}\ncontract", "name: Shop}\ncontract"), @"./subject.yaml: metadata.name: `Shop` is no name: expected 1 to 40 of a-z, 0-9 and -, not - at an end");
    assert_snapshot!(refused("{path: chart}", "{path: charts}"), @"./subject.yaml: releases[0].chart.path: there is no chart (a folder with Chart.yaml, or a .tgz) at ./charts; paths begin at the folder of the subject file");
    assert_snapshot!(refused("{path: chart}", "{path: chart, oci: oci://example.org/shop}"), @"./subject.yaml: releases[0].chart: expected exactly one of `path`, `oci`, and `repository` with `name`");
    assert_snapshot!(refused("{path: chart}", "{oci: example.org/shop}"), @"./subject.yaml: releases[0].chart.oci: expected a reference that begins with oci://");
    assert_snapshot!(refused("{path: chart}", "{repository: https://example.org}"), @"./subject.yaml: releases[0].chart: expected a `name` beside `repository`, the chart's name there");
    assert_snapshot!(refused("{path: chart}", "{repository: https://me:hunter2@example.org, name: shop}"), @"./subject.yaml: releases[0].chart.repository: leave the login out of the address, which stands in every report; Helm keeps logins itself");
    assert_snapshot!(refused("{path: chart}", "{oci: oci://me@example.org/shop}"), @"./subject.yaml: releases[0].chart.oci: leave the login out of the address, which stands in every report; Helm keeps logins itself");
    assert_snapshot!(refused("{path: chart}", "{oci: oci://example.org/charts/}"), @"./subject.yaml: releases[0].chart.oci: `oci://example.org/charts/` ends in no name of a chart");
    assert_snapshot!(refused("staging.yaml", "stagin.yaml"), @"./subject.yaml: overlays.staging.values[0]: there is no file of values at ./stagin.yaml; paths begin at the folder of the subject file");
    assert_snapshot!(refused("manifest: database.yaml, ", ""), @"./subject.yaml: companions[0]: expected exactly one of `manifest` and `chart`");
    assert_snapshot!(refused("1m30s", "90"), @"./subject.yaml:11:20: expected a time with units, such as 60s, 1m30s or 500ms");
    assert_snapshot!(refused("budgets:", "database: {cluster: db, external: {}}\nbudgets:"), @"./subject.yaml: database: expected at most one of `cluster`, `bundled` and `external`");
    assert_snapshot!(refused("budgets:", "database: {pools: [{workload: deployment/a, size: 1}, {workload: deployment/a}]}\nbudgets:"), @"./subject.yaml: database.pools[1]: the pool of deployment/a is told already; expected one entry for each");
    assert_snapshot!(refused("budgets:", "database: {pools: [{workload: deployment/a, size: 0}]}\nbudgets:"), @"./subject.yaml: database.pools[0].size: expected at least one session");
    assert_snapshot!(refused("budgets:", "images: [{reference: \"example.org/db:1\", use: postgres}]\nbudgets:"), @"./subject.yaml:11:47: unknown name `postgres`, expected one of `workload`, `postgres-library`");
    assert_snapshot!(refused("\"1.0\"", "latest"), @"./subject.yaml: contract: expected a version of the contract, such as 1.0");
    assert_snapshot!(refused("budgets:", "contract: \"1.1\"\nbudgets:"), @"./subject.yaml:11:1: the key `contract` occurs twice; take one of them away");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Subject::read(Utf8Path::new("/nonexistent/subject.yaml")).unwrap_err();
    assert_snapshot!(Chain(&error), @"read the subject file /nonexistent/subject.yaml: there is no such file; give the path of one");
}
