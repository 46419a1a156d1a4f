//! Masking of what arrives piece by piece, so that a credential that is cut in two by a buffer is still seen whole.

use std::io::{self, Write};

use super::Redactor;
use super::search::mask_of;

/// A writer that masks. Call [`Masking::finish`]: the last bytes are held back until it is known what they belong to.
#[derive(Debug)]
pub struct Masking<W: Write> {
    inner: W,
    redactor: Redactor,
    held: Vec<u8>,
}

impl<W: Write> Masking<W> {
    /// Masks everything that is written to `inner`.
    pub fn new(inner: W, redactor: Redactor) -> Self {
        Self { inner, redactor, held: Vec::new() }
    }

    /// Writes what is still held back and gives the writer below back.
    ///
    /// # Errors
    /// If the writer below fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.release(true)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    /// Passes on what no longer spelling can begin in; at the end, everything.
    fn release(&mut self, end: bool) -> io::Result<()> {
        let patterns = self.redactor.patterns();
        // A spelling that begins before this point lies within what is held, and so does every longer one.
        let safe = if end { self.held.len() } else { (self.held.len() + 1).saturating_sub(patterns.longest.max(1)) };
        let mut masked = Vec::with_capacity(safe);
        let mut passed = 0;
        for hit in patterns.hits(&self.held).take_while(|hit| hit.start < safe) {
            masked.extend_from_slice(&self.held[passed..hit.start]);
            masked.extend_from_slice(mask_of(hit.name).as_bytes());
            passed = hit.end;
        }
        if passed < safe {
            masked.extend_from_slice(&self.held[passed..safe]);
            passed = safe;
        }
        self.inner.write_all(&masked)?;
        self.held.drain(..passed);
        Ok(())
    }
}

impl<W: Write> Write for Masking<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        self.release(false)?;
        Ok(bytes.len())
    }

    /// Flushes what is certain. The rest stays held back: flushing it could tear a credential in two.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
