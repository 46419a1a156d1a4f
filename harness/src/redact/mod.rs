//! Redaction by value: what is masked is known byte for byte, not guessed from the looks of it.
//!
//! Every credential is registered before it is used. [`Sink`] is the one writer of artefacts and masks all that passes;
//! [`scan`] reads the finished artefacts back and finds what got past it. The registered values live in memory and in a
//! file of the run's [`PrivateRoom`], outside the artefacts, so that every process of a run masks the same.
//!
//! Not masked are values shorter than [`SHORTEST`] bytes: a password `abc` would tear holes into every text and hide
//! nothing. They are counted, and the report names them.

mod error;
mod forms;
mod private;
mod scan;
mod search;
mod sink;
mod stream;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

pub use error::RedactError;
pub use forms::{Form, SHORTEST};
pub use private::PrivateRoom;
pub use scan::{Leak, scan};
pub use sink::Sink;
pub use stream::Masking;

use search::{Patterns, Spellings, mask_of};

/// What takes the place of a credential whose name would show it.
const UNNAMED: &str = "a credential";

/// Whether a registered credential will be masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Every spelling is masked from now on.
    Masked,
    /// Shorter than [`SHORTEST`] bytes: it is not masked, and the report says so.
    TooShort,
}

/// Knows every credential of a run and masks it in any spelling. Clones share what they know.
#[derive(Clone, Default)]
pub struct Redactor {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<String, Vec<SecretString>>,
    too_short: Vec<String>,
    patterns: Arc<Patterns>,
    file: Option<Shared>,
}

struct Shared {
    path: Utf8PathBuf,
    read: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    name: String,
    value: String,
}

impl Redactor {
    /// A redactor of one process only, for commands that leave no run directory.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The redactor of a run: what one process registers, all mask. The file is made (0600) if it is not there yet.
    ///
    /// # Errors
    /// If the file cannot be made or read.
    pub fn shared(file: &Utf8Path) -> Result<Self, RedactError> {
        let failed = |source| RedactError::Load { file: file.to_owned(), source };
        OpenOptions::new().append(true).create(true).mode(0o600).open(file).map_err(failed)?;
        let redactor = Self::default();
        let mut state = redactor.lock();
        state.file = Some(Shared { path: file.to_owned(), read: 0 });
        state.refresh()?;
        drop(state);
        Ok(redactor)
    }

    /// Makes a credential known, before it is used anywhere. `name` is what takes its place, so it must say enough to
    /// find it, `agents-db-app/password`, and never a part of the value.
    ///
    /// # Errors
    /// If it cannot be handed to the other processes of the run; then it must not be used.
    pub fn register(&self, name: &str, value: &str) -> Result<Registration, RedactError> {
        self.register_all([(name, value)])?;
        Ok(Registration::of(value))
    }

    /// As [`register`](Self::register), for many at once: the search is prepared once, and not at all if every one of
    /// them is known already.
    ///
    /// # Errors
    /// If they cannot be handed to the other processes of the run; then none of them must be used.
    pub fn register_all<'a>(
        &self,
        credentials: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), RedactError> {
        let mut state = self.lock();
        state.refresh()?;
        let named = credentials.into_iter().map(|(name, value)| Line { name: harmless(name), value: value.to_owned() });
        let new: Vec<Line> = named.filter(|line| !state.knows(line)).collect();
        let Some(Shared { path, .. }) = &state.file else { return state.learn(new) };
        let failed = |source| RedactError::Register { file: path.clone(), source };
        let mut lines = Vec::new();
        for line in &new {
            serde_json::to_writer(&mut lines, line).map_err(|error| failed(error.into()))?;
            lines.push(b'\n');
        }
        // One write of whole lines: those of several processes do not mix in a file that is open for appending.
        OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(&lines)).map_err(failed)?;
        state.refresh()
    }

    /// The text with every known credential masked.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Patterns are whole characters, so what is left of a text is a text.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The bytes with every known credential masked.
    pub fn mask_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let patterns = self.patterns();
        let mut masked = Vec::new();
        let mut kept = 0;
        for hit in patterns.hits(bytes) {
            masked.extend_from_slice(&bytes[kept..hit.start]);
            masked.extend_from_slice(mask_of(hit.name).as_bytes());
            kept = hit.end;
        }
        if kept == 0 {
            return Cow::Borrowed(bytes);
        }
        masked.extend_from_slice(&bytes[kept..]);
        Cow::Owned(masked)
    }

    /// Masks every string within a JSON value, and leaves its structure alone.
    pub fn mask_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.mask_json(item)),
            serde_json::Value::Object(fields) => {
                let taken = std::mem::take(fields);
                for (key, mut field) in taken {
                    self.mask_json(&mut field);
                    fields.insert(self.mask(&key).into_owned(), field);
                }
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }

    /// Whether any known credential is within the bytes.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.patterns().hits(bytes).next().is_some()
    }

    /// The names of the credentials that are too short to be masked.
    pub fn too_short(&self) -> Vec<String> {
        self.lock().too_short.clone()
    }

    /// The search as it is now. What other processes registered in the meantime is in it.
    fn patterns(&self) -> Arc<Patterns> {
        let mut state = self.lock();
        // If the shared file is gone the run is over. A scan says so; a mask does with what it knows.
        let _ = state.refresh();
        Arc::clone(&state.patterns)
    }

    /// Reads what other processes registered, and says if that cannot be read.
    fn reload(&self) -> Result<(), RedactError> {
        self.lock().refresh()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Redactor").field("credentials", &self.lock().known.len()).finish()
    }
}

impl Registration {
    fn of(value: &str) -> Self {
        if forms::spellings(value).is_empty() { Self::TooShort } else { Self::Masked }
    }
}

impl State {
    /// Reads the lines that were added to the shared file since the last time.
    fn refresh(&mut self) -> Result<(), RedactError> {
        let Some(shared) = &mut self.file else { return Ok(()) };
        let failed = |source| RedactError::Load { file: shared.path.clone(), source };
        if std::fs::metadata(&shared.path).map_err(failed)?.len() <= shared.read {
            return Ok(());
        }
        let mut file = File::open(&shared.path).map_err(failed)?;
        file.seek(SeekFrom::Start(shared.read)).map_err(failed)?;
        let mut added = Vec::new();
        file.read_to_end(&mut added).map_err(failed)?;
        // A line without its end is still being written; it is read the next time.
        let whole = added.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Result<Vec<Line>, _> = added[..whole]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(serde_json::from_slice)
            .collect();
        let lines = lines.map_err(|error| failed(error.into()))?;
        shared.read += whole as u64;
        self.learn(lines)
    }

    fn knows(&self, line: &Line) -> bool {
        let values = self.known.get(&line.name);
        values.is_some_and(|values| values.iter().any(|known| known.expose_secret() == line.value))
    }

    fn learn(&mut self, lines: impl IntoIterator<Item = Line>) -> Result<(), RedactError> {
        let mut last = None;
        let mut new = Spellings::new();
        for line in lines {
            if self.knows(&line) {
                continue;
            }
            let Line { name, value } = line;
            let spellings = forms::spellings(&value);
            if spellings.is_empty() && !self.too_short.contains(&name) {
                self.too_short.push(name.clone());
            }
            // What takes the place of a credential must not show it, nor another one: a Secret may be called as a value is.
            let shows_it = spellings.keys().any(|text| name.contains(text.as_str()));
            let tells = shows_it || self.patterns.hits(name.as_bytes()).next().is_some();
            let owner: Arc<str> = if tells { UNNAMED } else { &name }.into();
            for (spelling, form) in spellings {
                new.entry(spelling).or_insert_with(|| (Arc::clone(&owner), form));
            }
            self.known.entry(name.clone()).or_default().push(SecretString::from(value));
            last = Some(name);
        }
        let Some(name) = last else { return Ok(()) };
        let patterns = self.patterns.with(new).map_err(|source| RedactError::Prepare { name, source })?;
        self.patterns = Arc::new(patterns);
        Ok(())
    }
}

/// A name that needs no escaping in any output format.
fn harmless(name: &str) -> String {
    let keep = |character: char| character.is_ascii_alphanumeric() || "-._/".contains(character);
    name.chars().map(|character| if keep(character) { character } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
