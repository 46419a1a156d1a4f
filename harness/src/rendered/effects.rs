//! Whether many changes of values have an effect, asked of Helm all at once.
//!
//! Starting Helm costs ten times as much as rendering a chart. So a chart of our own takes the chart under test as a
//! dependency under many names, each with other values, and one call renders them all. The names are part of what is
//! rendered; two of them stand for no change at all, and prove that exchanging a name for the other is all that the
//! name does. Where it is not, every name is rendered without its change too, and compared with itself. Such a rendering
//! tells whether something changes; what is rendered exactly, only a rendering of the chart by itself can tell.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::load::LoadedRelease;
use super::{Attempt, Change, Rendered};
use crate::check::Check;
use crate::digest::sha256_of_parts;
use crate::error::Chain;
use crate::helm::{Refusal, RenderJob};

/// What a change of values does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Something is rendered differently.
    Changed,
    /// Every rendered byte is the same.
    Unchanged,
    /// Helm refuses.
    Refused(Refusal),
}

/// How many changes one call renders: more gain little, and one refusal makes the call be repeated.
const BATCH: usize = 100;

/// How often a call is repeated without those that were refused, before the rest is rendered one by one.
const REPEATS: usize = 8;

impl Rendered {
    /// Whether each of many changes has an effect, in their order. One that cannot be told is left out; the check knows.
    pub fn effects(&self, changes: Vec<Change>, check: &mut Check) -> Vec<(Change, Effect)> {
        let batches: Vec<&[Change]> = changes.chunks(BATCH).collect();
        let told = super::in_parallel(&batches, |batch| self.effects_at_once(batch));
        let told: Vec<Option<Effect>> = told
            .into_iter()
            .zip(&batches)
            .flat_map(|(told, batch)| told.unwrap_or_else(|| vec![None; batch.len()]))
            .collect();
        let mut effects = Vec::new();
        let mut rest = Vec::new();
        for (index, (change, effect)) in changes.into_iter().zip(told).enumerate() {
            match effect {
                Some(effect) => effects.push((index, change, effect)),
                None => rest.push((index, change)),
            }
        }
        let attempts = super::in_parallel(&rest, |(_, change)| self.attempt(None, change));
        for ((index, change), attempt) in rest.into_iter().zip(attempts) {
            let effect = match self.settle(&change, check, attempt) {
                Some(Attempt::Rendered(rendering)) if rendering.text() == self.base.text() => Effect::Unchanged,
                Some(Attempt::Rendered(_)) => Effect::Changed,
                Some(Attempt::Refused(refusal)) => Effect::Refused(refusal),
                None => continue,
            };
            effects.push((index, change, effect));
        }
        effects.sort_by_key(|(index, ..)| *index);
        effects.into_iter().map(|(_, change, effect)| (change, effect)).collect()
    }

    /// `None`: Helm cannot render the chart as a dependency; each effect that is `None` is still open.
    fn effects_at_once(&self, changes: &[Change]) -> Option<Vec<Option<Effect>>> {
        let release = self.releases.first()?;
        // The first two names stand for no change.
        let none = Change::none();
        let values: Vec<(String, Value)> = [&none, &none]
            .into_iter()
            .chain(changes)
            .enumerate()
            .map(|(index, change)| (name(index), release.effective_with(change)))
            .collect();
        let (texts, refusals) = self.render_all(release, values.clone())?;
        let first = texts.get(&name(0))?;
        let exact = *first == texts.get(&name(1))?.replace(&name(1), &name(0));
        let mut own = BTreeMap::new();
        if !exact {
            let unchanged = values.into_iter().map(|(name, _)| (name, release.effective.clone())).collect();
            own = self.render_all(release, unchanged)?.0;
        }
        let effect = |index: usize| {
            let name = name(index + 2);
            if let Some(refusal) = refusals.get(&name) {
                return Some(Effect::Refused(refusal.clone()));
            }
            let text = texts.get(&name)?;
            let same = if exact { text.replace(&name, &self::name(0)) == *first } else { own.get(&name)? == text };
            Some(if same { Effect::Unchanged } else { Effect::Changed })
        };
        Some((0..changes.len()).map(effect).collect())
    }

    /// Renders one chart under many names. What is refused is taken out, and the others are tried again.
    fn render_all(&self, release: &LoadedRelease, mut values: Vec<(String, Value)>) -> Option<Told> {
        let helms = self.helms.as_ref()?;
        let mut refusals = BTreeMap::new();
        for _ in 0..REPEATS {
            let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
            let folder = TempDir::with_prefix("holdfast-effects-").ok()?;
            let root = Utf8Path::from_path(folder.path())?;
            write_umbrella(release, &names, root).ok()?;
            let parts = names.iter().copied().chain([release.package.digest.as_str(), "effects"]);
            let overrides = values.iter().map(|(name, values)| (name.clone(), values.clone()));
            let job = RenderJob {
                chart: root.to_owned(),
                chart_digest: sha256_of_parts(parts.map(str::as_bytes)),
                release: release.name.clone(),
                namespace: self.subject.name().to_owned(),
                values: Vec::new(),
                overrides: Value::Object(overrides.collect::<Map<_, _>>()),
                arguments: Vec::new(),
            };
            let refusal = match helms.template(None, &job) {
                Ok(Ok(text)) => return Some((split(&text), refusals)),
                Ok(Err(refusal)) => refusal,
                Err(error) => {
                    tracing::debug!(error = %Chain(&*error), "rendering many values at once");
                    return None;
                }
            };
            let blamed = blamed(&refusal, &names, &release.package.name);
            if blamed.is_empty() {
                return None;
            }
            values.retain(|(name, _)| !blamed.contains_key(name));
            refusals.extend(blamed);
        }
        Some((BTreeMap::new(), refusals)).filter(|_| values.is_empty())
    }
}

/// What each name rendered, and which were refused.
type Told = (BTreeMap<String, String>, BTreeMap<String, Refusal>);

/// A name that occurs nowhere else, and that is as long as the others.
fn name(index: usize) -> String {
    format!("hfx{index:04}q")
}

fn write_umbrella(release: &LoadedRelease, names: &[&str], root: &Utf8Path) -> std::io::Result<()> {
    let package = &release.package;
    let dependencies: Vec<Value> =
        names.iter().map(|name| json!({"name": package.name, "version": package.version, "alias": name})).collect();
    let description = json!({"apiVersion": "v2", "name": UMBRELLA, "version": "0.0.0", "dependencies": dependencies});
    std::fs::write(root.join("Chart.yaml"), description.to_string())?;
    let copy = root.join("charts").join(&package.name);
    for file in &package.files {
        let path = copy.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // The values are given whole, so that taking one away needs no help of Helm's.
        let content: &[u8] = if file.path == "values.yaml" { b"{}\n" } else { &file.content };
        std::fs::write(path, content)?;
    }
    Ok(())
}

const UMBRELLA: &str = "hfxumbrella";

/// Takes what was rendered apart by the names in its comments.
fn split(text: &str) -> BTreeMap<String, String> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut current = String::new();
    for line in text.split_inclusive('\n') {
        let source =
            line.strip_prefix("# Source: ").and_then(|path| path.strip_prefix(UMBRELLA)?.strip_prefix("/charts/"));
        if let Some((name, _)) = source.and_then(|path| path.split_once('/')) {
            name.clone_into(&mut current);
        }
        if line.trim_end() != "---" {
            texts.entry(current.clone()).or_default().push_str(line);
        }
    }
    texts
}

/// The names that a refusal is about, each with its part of the message, as if the chart stood by itself.
fn blamed(refusal: &Refusal, names: &[&str], chart: &str) -> BTreeMap<String, Refusal> {
    let mut blamed = BTreeMap::new();
    let head = refusal.message.lines().next().unwrap_or_default();
    for name in names.iter().filter(|name| refusal.message.contains(**name)) {
        // A schema speaks of several charts: a line with the name of each, then what is wrong with it.
        let section: Vec<&str> = refusal
            .message
            .lines()
            .skip_while(|line| line.trim_end() != format!("{name}:"))
            .skip(1)
            .take_while(|line| !names.iter().any(|other| line.trim_end() == format!("{other}:")))
            .collect();
        let message = if section.is_empty() {
            refusal.message.clone()
        } else {
            format!("{head}\n{chart}:\n{}", section.join("\n").trim_end())
        };
        let message =
            message.replace(&format!("{UMBRELLA}/charts/{name}/"), &format!("{chart}/")).replace(*name, chart);
        blamed.insert((*name).to_owned(), Refusal { exit_code: refusal.exit_code, message });
    }
    blamed
}

#[cfg(test)]
mod tests {
    use super::{blamed, name, split};
    use crate::helm::Refusal;

    #[test]
    fn what_many_names_render_is_taken_apart() {
        let text = "---\n# Source: hfxumbrella/charts/hfx0000q/templates/a.yaml\na: 1\n---\n# Source: hfxumbrella/charts/hfx0001q/templates/a.yaml\na: 2\n---\n# Source: hfxumbrella/charts/hfx0000q/templates/b.yaml\nb: 1\n";
        let texts = split(text);
        assert_eq!(texts.len(), 2);
        assert!(texts[&name(0)].contains("a: 1") && texts[&name(0)].contains("b: 1"));
        assert!(texts[&name(1)].contains("a: 2"));
    }

    #[test]
    fn a_schema_blames_several_names_each_for_its_own() {
        let refusal = Refusal {
            exit_code: 1,
            message: "values don't meet the specifications of the schema(s) in the following chart(s):\nhfx0001q:\n- at '/a': one\nhfx0002q:\n- at '/b': two\n".into(),
        };
        let blamed = blamed(&refusal, &["hfx0000q", "hfx0001q", "hfx0002q"], "agents");
        let messages: Vec<&str> = blamed.values().map(|refusal| refusal.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "values don't meet the specifications of the schema(s) in the following chart(s):\nagents:\n- at '/a': one",
                "values don't meet the specifications of the schema(s) in the following chart(s):\nagents:\n- at '/b': two",
            ]
        );
    }

    #[test]
    fn a_guard_is_told_as_if_the_chart_stood_by_itself() {
        let refusal = Refusal {
            exit_code: 1,
            message: "execution error at (hfxumbrella/charts/hfx0001q/templates/g.yaml:1:2): key is required".into(),
        };
        let blamed = blamed(&refusal, &["hfx0000q", "hfx0001q"], "agents");
        assert_eq!(blamed["hfx0001q"].message, "execution error at (agents/templates/g.yaml:1:2): key is required");
    }
}
