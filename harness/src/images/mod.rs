//! The images that a cluster needs: built from package registries, or taken from a container registry.
//!
//! What is built is kept in the user's cache folder by the content of its recipe. Images are kept as archives too, so
//! that they survive the loss of a Docker daemon's data. Nothing here knows what a cluster does with an image.

mod build;
mod pull;
mod recipe;
mod schedule;
mod set;
mod store;
mod workspace;

use camino::Utf8PathBuf;

pub use self::build::BuildError;
pub use self::pull::{Pinned, PullError, Puller, one_of_each_registry};
pub use self::recipe::{Recipe, RecipeError, Recipes};
use self::schedule::Schedule;
pub use self::set::{Image, ImageSet, Images, ImagesError, Mode};
pub use self::store::{Artefact, Record, Store, StoreError};
use crate::cache::Cache;
use crate::docker::Docker;
use crate::progress::Progress;

/// Recipes and finished artefacts together: where things are made.
#[derive(Debug, Clone)]
pub struct Workshop {
    recipes: Recipes,
    store: Store,
}

impl Workshop {
    /// The workshop of this build, with the artefacts of a cache folder.
    ///
    /// # Errors
    /// When a recipe of this build is malformed.
    pub fn open(cache: Cache) -> Result<Self, RecipeError> {
        Ok(Self { recipes: Recipes::of_this_build(workspace::locate())?, store: Store::new(cache) })
    }

    /// The recipes.
    pub fn recipes(&self) -> &Recipes {
        &self.recipes
    }

    /// The finished artefacts.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// An artefact by its name, whether it is finished or not.
    ///
    /// # Errors
    /// When there is no such recipe, or its sources are not there.
    pub fn artefact(&self, name: &str) -> Result<Artefact, RecipeError> {
        Ok(Artefact { name: name.into(), key: self.recipes.key(name)? })
    }

    /// Where an artefact is when it is finished.
    ///
    /// # Errors
    /// When there is no such recipe, or its sources are not there.
    pub fn path(&self, name: &str) -> Result<Utf8PathBuf, RecipeError> {
        Ok(self.store.path(&self.artefact(name)?))
    }

    /// Sees to it that artefacts are finished. Blocks for as long as that takes; from nothing, a quarter of an hour.
    ///
    /// # Errors
    /// With the first failure. What is finished is kept.
    pub fn make(&self, names: &[&str], docker: Option<&Docker>, progress: &dyn Progress) -> Result<(), BuildError> {
        Schedule { recipes: &self.recipes, store: &self.store, docker, progress }.make(names)
    }
}
