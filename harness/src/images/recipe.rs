//! Recipes: how each artefact is made, what it is made from, and the key that names its content.
//!
//! It reads the recipes that the library carries and never runs one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use crate::digest;
use crate::host::Program;
use crate::kind_config;
use crate::versions::{Versions, VersionsError};

/// How one artefact is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The artefact's name, which is the name of the recipe's folder.
    pub name: &'static str,
    /// What it makes, a noun phrase.
    pub summary: String,
    /// How many seconds it took from nothing on two cores; replaced by the last measured time.
    pub seconds: u64,
    /// The pins that it uses.
    pub pins: Vec<String>,
    /// The artefacts that it uses.
    pub inputs: Vec<String>,
    /// The programs that it calls.
    pub needs: Vec<Program>,
    /// The files and folders of this repository that it reads.
    pub sources: Vec<Utf8PathBuf>,
    /// Its files, by their paths below its folder.
    pub files: Vec<(&'static str, &'static [u8])>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    summary: String,
    seconds: u64,
    #[serde(default)]
    pins: Vec<String>,
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    sources: Vec<Utf8PathBuf>,
}

/// Why an artefact has no recipe or no key.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// The recipe's description is malformed. A defect of this build.
    #[error("read kind-config/images/{name}/recipe.toml")]
    Read {
        /// The recipe.
        name: String,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The description names something that does not exist. A defect of this build.
    #[error("find {what}, which kind-config/images/{name}/recipe.toml names")]
    Dangling {
        /// The recipe.
        name: String,
        /// What it names.
        what: String,
    },
    /// There is no recipe of that name.
    #[error("find a recipe for {name}; `holdfast images list` has them all")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// A pin is missing. A defect of this build.
    #[error(transparent)]
    Versions(#[from] VersionsError),
    /// The repository whose sources the recipe reads is not here.
    #[error(
        "find the sources of {name}: {workspace} has no {path}; run Holdfast in a checkout of its repository, or on a \
         cluster that is there with `run --context NAME`"
    )]
    Workspace {
        /// The recipe.
        name: String,
        /// Where the repository was expected.
        workspace: Utf8PathBuf,
        /// What is not there.
        path: Utf8PathBuf,
    },
    /// A source cannot be read.
    #[error("read {path}, a source of {name}")]
    Source {
        /// The recipe.
        name: String,
        /// The file or folder.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Every recipe of this build.
#[derive(Debug, Clone)]
pub struct Recipes {
    recipes: BTreeMap<&'static str, Recipe>,
    versions: Versions,
    workspace: Utf8PathBuf,
    keys: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Recipes {
    /// The recipes that this library carries. Their sources are looked for in the repository at `workspace`.
    ///
    /// # Errors
    /// When a recipe is malformed, which is a defect of this build.
    pub fn of_this_build(workspace: Utf8PathBuf) -> Result<Self, RecipeError> {
        let versions = Versions::pinned()?;
        let mut recipes: BTreeMap<&'static str, Vec<(&'static str, &'static [u8])>> = BTreeMap::new();
        for (path, bytes) in kind_config::files_below("images/") {
            if let Some((name, file)) = path.split_once('/') {
                recipes.entry(name).or_default().push((file, bytes));
            }
        }
        let known: BTreeSet<&str> = recipes.keys().copied().collect();
        let recipes = recipes
            .into_iter()
            .map(|(name, files)| Ok((name, read(name, files, &known, &versions)?)))
            .collect::<Result<_, RecipeError>>()?;
        Ok(Self { recipes, versions, workspace, keys: Arc::default() })
    }

    /// Recipes that a test makes up.
    #[cfg(test)]
    pub(super) fn of(recipes: Vec<Recipe>, workspace: Utf8PathBuf) -> Result<Self, RecipeError> {
        let recipes = recipes.into_iter().map(|recipe| (recipe.name, recipe)).collect();
        Ok(Self { recipes, versions: Versions::pinned()?, workspace, keys: Arc::default() })
    }

    /// Every recipe, by name.
    pub fn all(&self) -> impl Iterator<Item = &Recipe> {
        self.recipes.values()
    }

    /// A recipe by its name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&Recipe, RecipeError> {
        self.recipes.get(name).ok_or_else(|| RecipeError::Unknown { name: name.into() })
    }

    /// The pins of this build.
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    /// The repository in which sources are looked for.
    pub fn workspace(&self) -> &Utf8Path {
        &self.workspace
    }

    /// The pins of a recipe as it finds them in its environment.
    ///
    /// # Errors
    /// When a pin does not exist.
    pub fn variables(&self, recipe: &Recipe) -> Result<Vec<(String, String)>, RecipeError> {
        let variable = |pin: &String| {
            let name = pin.replace(['.', '-'], "_").to_uppercase();
            Ok((name, self.versions.pin(pin)?.to_owned()))
        };
        recipe.pins.iter().map(variable).collect()
    }

    /// The content key of an artefact: a digest over its recipe's files, its pins, its sources and the keys of its
    /// inputs, in hexadecimal. Sources are read when it is asked for the first time: one command uses one key.
    ///
    /// # Errors
    /// When there is no such recipe, or its sources are not there.
    pub fn key(&self, name: &str) -> Result<String, RecipeError> {
        if let Some(key) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(key.clone());
        }
        let key = self.key_now(name)?;
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), key.clone());
        Ok(key)
    }

    /// The content key as it is at this moment.
    pub(super) fn key_now(&self, name: &str) -> Result<String, RecipeError> {
        let recipe = self.get(name)?;
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for (file, bytes) in &recipe.files {
            parts.extend([file.as_bytes().to_vec(), bytes.to_vec()]);
        }
        for (variable, value) in self.variables(recipe)? {
            parts.extend([variable.into_bytes(), value.into_bytes()]);
        }
        for input in &recipe.inputs {
            parts.push(self.key(input)?.into_bytes());
        }
        for source in &recipe.sources {
            for file in self.source_files(recipe, source)? {
                let path = self.workspace.join(&file);
                let bytes =
                    fs::read(&path).map_err(|source| RecipeError::Source { name: recipe.name.into(), path, source })?;
                parts.extend([file.into_string().into_bytes(), bytes]);
            }
        }
        Ok(digest::sha256_of_parts(parts.iter().map(Vec::as_slice)))
    }

    /// The files of a source, by their paths below the repository, in a fixed order.
    fn source_files(&self, recipe: &Recipe, source: &Utf8Path) -> Result<Vec<Utf8PathBuf>, RecipeError> {
        let path = self.workspace.join(source);
        let unreadable = |source| RecipeError::Source { name: recipe.name.into(), path: path.clone(), source };
        if path.is_file() {
            return Ok(vec![source.into()]);
        }
        if !path.is_dir() {
            let workspace = self.workspace.clone();
            return Err(RecipeError::Workspace { name: recipe.name.into(), workspace, path: source.into() });
        }
        let mut files = Vec::new();
        for entry in path.read_dir_utf8().map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name().to_owned();
            // What compilers leave behind is no source.
            if name != "target" && !name.starts_with('.') {
                files.extend(self.source_files(recipe, &source.join(name))?);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn read(
    name: &'static str,
    files: Vec<(&'static str, &'static [u8])>,
    known: &BTreeSet<&str>,
    versions: &Versions,
) -> Result<Recipe, RecipeError> {
    let dangling = |what: &str| RecipeError::Dangling { name: name.into(), what: what.into() };
    let text = files.iter().find(|(file, _)| *file == "recipe.toml").ok_or_else(|| dangling("recipe.toml"))?.1;
    let description: Description = toml::from_str(&String::from_utf8_lossy(text))
        .map_err(|error| RecipeError::Read { name: name.into(), source: Box::new(error) })?;
    if let Some(input) = description.inputs.iter().find(|input| !known.contains(input.as_str())) {
        return Err(dangling(input));
    }
    if let Some(pin) = description.pins.iter().find(|pin| versions.find(pin).is_none()) {
        return Err(dangling(pin));
    }
    let needs = description
        .needs
        .iter()
        .map(|need| Program::named(need).ok_or_else(|| dangling(need)))
        .collect::<Result<_, _>>()?;
    Ok(Recipe {
        name,
        summary: description.summary,
        seconds: description.seconds,
        pins: description.pins,
        inputs: description.inputs,
        needs,
        sources: description.sources,
        files,
    })
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::{RecipeError, Recipes};

    fn recipes() -> Recipes {
        Recipes::of_this_build(Utf8PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).unwrap()
    }

    #[test]
    fn every_recipe_has_a_script() {
        for recipe in recipes().all() {
            assert!(recipe.files.iter().any(|(file, _)| *file == "build.sh"), "{}", recipe.name);
        }
    }

    #[test]
    fn inputs_lead_to_no_circle() {
        let recipes = recipes();
        let mut done: Vec<&str> = Vec::new();
        let mut left: Vec<_> = recipes.all().collect();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|recipe| {
                let ready = recipe.inputs.iter().all(|input| done.contains(&input.as_str()));
                if ready {
                    done.push(recipe.name);
                }
                !ready
            });
            assert!(left.len() < before, "a circle among {left:?}");
        }
    }

    #[test]
    fn pins_reach_a_recipe_by_name() {
        let recipes = recipes();
        let storage = recipes.get("local-path-provisioner").unwrap();
        let variables = recipes.variables(storage).unwrap();
        assert!(variables.iter().any(|(name, _)| name == "LOCAL_PATH_PROVISIONER_HELPER_IMAGE"), "{variables:?}");
    }

    #[test]
    fn the_key_of_an_input_is_part_of_the_key() {
        let recipes = recipes();
        let mut changed = self::recipes();
        let root = changed.recipes.get_mut("node-root").unwrap();
        root.files.push(("added", b"a byte"));
        assert_ne!(recipes.key("node-root").unwrap(), changed.key("node-root").unwrap());
        assert_ne!(recipes.key("node").unwrap(), changed.key("node").unwrap());
        assert_eq!(recipes.key("kubernetes").unwrap(), changed.key("kubernetes").unwrap());
    }

    #[test]
    fn sources_that_are_not_there_are_told_with_the_way_out() {
        let elsewhere = Recipes::of_this_build(Utf8PathBuf::from("/nowhere")).unwrap();
        let refused = elsewhere.key("workload").unwrap_err();
        assert!(matches!(refused, RecipeError::Workspace { .. }), "{refused}");
        assert!(elsewhere.key("node").is_ok());
    }

    #[test]
    fn an_unknown_artefact_is_refused() {
        assert!(matches!(recipes().key("nod"), Err(RecipeError::Unknown { name }) if name == "nod"));
    }
}
